"""What a run needs again after it has left memory."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orchestration.core.plan import Node, Question, Repeat
from tests.support.office import ALEX, Office, opened
from tests.unit.engines.test_embedded import add
from tests.unit.engines.test_groups import value, whole


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_loop_that_reads_from_outside_goes_on_after_a_restart(office: Office) -> None:
    person = {"id": ALEX.id, "name": ALEX.name, "upn": ALEX.upn}
    loop = Repeat(
        tasks={
            "draft": add("${repeat.round}"),
            "review": Node(
                approval=Question(title="Round ${repeat.round}: ${tasks.draft.n}?", approver="${params.alex}"),
                needs=["draft"],
            ),
        },
        gives="${tasks.draft.n + tasks.least.n}",
        until="tasks.draft.n >= tasks.least.n",
        accepted_by=["review"],
    )
    made = whole("${tasks.loop.result}", least=add(0), loop=Node(repeat=loop))
    made = msgspec.structs.replace(made, params={"alex": person})
    async with opened(office):
        run_id = await office.run(made)
        await office.until(run_id, lambda r: bool(r.approvals))
    async with opened(office):
        approval = (await office.engine.view(run_id)).approvals[0].id
        await office.decide(run_id, approval, ALEX, "approve")
        run = await office.finish(run_id)
        assert (run.status, run.message) == ("succeeded", "")
        assert (await value(office, run_id, "loop"))["result"] == 3
