"""What is suspended costs rows; what is on disk need not be in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.commands import CancelRun
from orchestration.core.plan import Node
from orchestration.engines.embedded import RunIds
from orchestration.ports import Batch, EntryRow, RunRow, Saved
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
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


async def test_the_last_small_runs_are_at_hand_again_without_the_log(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.engines.writer.RECENT", 2)
    async with opened(office):
        runs = [await office.run(plan(ask=decision())) for _ in range(3)]
        for run_id in runs:
            await office.until(run_id, lambda r: bool(r.receipts))
        writer = office.engine._writer
        loaded: list[str] = []
        load = office.engine._store.load

        async def watched(run_id: str, version: str) -> Saved | None:
            loaded.append(run_id)
            return await load(run_id, version)

        monkeypatch.setattr(office.engine._store, "load", watched)
        for run_id in reversed(runs):  # the first one had to leave
            await office.engine.view(run_id)
        assert loaded == [runs[0]]
        assert len(writer._recent) == 2
        await office.send(runs[0], CancelRun(by=MEGAN))
        await office.until(runs[0], lambda r: r.status == "cancelled")
        assert runs[0] not in writer._recent


async def test_large_runs_do_not_stay(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.engines.live.SMALL_BYTES", 10)
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        live = await office.engine._writer.read(run_id)
        await live.fetch(office.engine._store, {live.run.approvals["ask.1"].entry})
        await office.engine.view(run_id)
        assert run_id not in office.engine._writer._recent


def test_ids_of_later_runs_sort_later_and_none_comes_twice() -> None:
    made = RunIds()
    ids = [made() for _ in range(100_000)]
    assert len({*ids}) == 100_000
    assert ids == sorted(ids)
