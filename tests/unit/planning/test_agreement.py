"""What a colleague has to agree to is not changed into what the initiator alone decides."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.core.plan import Plan
from orchestration.planning.compiler import fill
from orchestration.planning.draft import OpenRun, Stand
from tests.unit.planning.modelled import PLANNER, ask, draw, keep, step

Json = dict[str, Any]
SHARING = fill(PLANNER.playbooks()["share-a-file"], {"file": "Budget", "people": "Adele Vance", "role": "read"})


def change(**otherwise: Json | None) -> Json:
    """All tasks kept, but for those given: another one in its place, or None to leave it out; new ones come last."""
    tasks = [otherwise.get(name, keep(name)[0]) for name in SHARING.tasks]
    tasks += [each for name, each in otherwise.items() if name not in SHARING.tasks]
    return {"outcome": "change", "run": "A", "tasks": [each for each in tasks if each is not None]}


async def changed(words: str, answer: Json, plan: Plan = SHARING) -> tuple[str, str]:
    run = OpenRun(
        handle="A", run_id="r", status="running", revision=0, plan=plan, tasks=[Stand(n, "pending") for n in plan.tasks]
    )
    drawn = await draw(words, *[answer] * 4, runs=[run])
    return drawn.drafted.outcome, " ".join(map(str, drawn.model.problems()))


def share(**more: Any) -> Json:
    """The playbook's write again, as a task of the model's own."""
    arguments = {"drive": "${tasks.file.drive}", "item": "${tasks.file.id}", "name": "${tasks.file.name}"}
    arguments |= {"people": "${tasks.people.people.map(p, p.upn)}"}
    return step("share", "files.share", arguments) | more


def own_yes() -> Json:
    agree = ask("agree", "initiator")
    agree["when"] = SHARING.tasks["agree"].when
    return agree


@pytest.mark.parametrize(
    "answer",
    [
        change(agree=own_yes()),
        change(agree=own_yes() | {"when": "false"}),
        change(agree=None, share=share()),
        change(share=share(name="share")),
        change(share=None, other=share(name="other")),
        change(share=share(needs=["agree"], when="true")),
    ],
    ids=["own yes", "never asked", "no question", "not waited for", "by another name", "whatever is said"],
)
async def test_a_write_still_waits_for_whoever_was_to_agree(answer: Json) -> None:
    outcome, problems = await changed("use a shorter way", answer)
    assert outcome == "unclear"
    assert "waits for its answer as it did" in problems


async def test_the_write_may_be_left_out_with_its_question() -> None:
    end = {"text": "Nothing was shared.", "facts": [], "link": ""}
    gone = [name for name, node in SHARING.tasks.items() if {"agree", "share"} & {name, *node.needs}]
    outcome, problems = await changed("do not share it", change(**dict.fromkeys(gone)) | {"answer": end})
    assert outcome == "change", problems
