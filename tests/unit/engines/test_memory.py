"""What is suspended costs rows; what is on disk need not be in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.plan import Node
from orchestration.ports import Batch, EntryRow, RunRow
from tests.support.office import ALEX, Number, Office, opened, plan
from tests.unit.engines.test_embedded import decision, task


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


class Text(msgspec.Struct):
    """A large value."""

    text: str


async def test_large_values_leave_memory_once_they_are_on_disk(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.engines.live.KEPT_BYTES", 1000)

    async def large(number: Number, _: TaskContext) -> Text:
        return Text("x" * 900 + str(number.n))

    async def forever(number: Number, _: TaskContext) -> Number:
        await asyncio.Event().wait()
        return number

    office.registry.add(worker("large", title="Large")(large))
    office.register("forever", forever)
    tasks = {f"t{n}": Node(capability="large", with_={"n": n}) for n in range(20)}
    use = Node(
        capability="add", with_={"n": "${" + " + ".join(f"size(tasks.{n}.text)" for n in tasks) + "}"}, needs=[*tasks]
    )
    async with opened(office):
        run_id = await office.run(plan(**tasks, use=use, hang=Node(capability="forever")))
        run = await office.until(run_id, lambda r: task(r, "use")[0] == "succeeded")
        assert next(each.summary for each in run.tasks if each.name == "use") == f"got {10 * 901 + 10 * 902 + 1}"
        live = office.engine._writer._live[run_id]
        assert sum(len(body) for body in live._bodies.values()) <= 1000


async def test_ten_thousand_suspended_runs_start_in_time_and_leave_memory(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        store = office.engine._store
        events, salt = await store.events(run_id), await store.salt(run_id)
        row = (await store.open_runs())[0]
        copies: list[RunRow] = []
        rows = []
        for number in range(10_000):
            name = f"copy{number}"
            copies.append(msgspec.structs.replace(row, run_id=name, due=number % 10 == 0, wake_at=office.clock.now()))
            rows += [
                msgspec.structs.replace(each, run_id=name)
                for each in events
                if number % 10 or b"NoticeDelivered" not in each.body
            ]
        shown = (await store.entries(run_id, [(await office.engine.view(run_id)).approvals[0].entry])).items()
        entries = [EntryRow(f"copy{n}", entry, body) for n in range(0, 10_000, 10) for entry, body in shown]
        salts = [(each.run_id, salt or b"") for each in copies]
        await store.append(Batch(events=rows, runs=copies, salts=salts, entries=entries))
    again = Office(office.path)
    again.surface.away.add(ALEX.id)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with opened(again):
        again.clock.advance(timedelta(0))
        await again.engine.view(run_id)
        assert loop.time() - begun < 20
        for _ in range(500):
            if not again.engine._writer._live:
                break
            await asyncio.sleep(0.01)
        assert not again.engine._writer._live
