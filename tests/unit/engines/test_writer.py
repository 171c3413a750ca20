"""Rounds of commands: whole, recoverable, and never ahead of the log."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from orchestration.capabilities import TaskContext
from orchestration.core.codec import decode
from orchestration.core.commands import CancelRun, ConfirmSignIn, RecordDelivery, StartRun
from orchestration.core.events import AttemptInterrupted, TaskInDoubt
from orchestration.core.evolve import fold
from orchestration.core.plan import Node
from orchestration.core.view import RunView, view
from orchestration.errors import CommitUncertain, NotFound, Unavailable
from orchestration.ports import Batch
from orchestration.stores.sqlite import SqliteStore
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add, decision


class Breaking(SqliteStore):
    """Its next `failures` commits break, without having been written unless `written`."""

    failures = 0
    written = False
    openings = 0
    opens_badly = 0
    finds_badly = 0

    async def open(self) -> None:
        self.openings += 1
        if self.openings > 1 and self.opens_badly:
            self.opens_badly -= 1
            raise OSError("no disk")
        await super().open()

    async def append(self, batch: Batch) -> None:
        if self.failures:
            self.failures -= 1
            if self.written:
                await super().append(batch)
            raise CommitUncertain("the connection broke")
        await super().append(batch)

    async def command(self, command_id: str) -> str | None:
        if self.openings > 1 and self.finds_badly:
            self.finds_badly -= 1
            raise OSError("no disk")
        return await super().command(command_id)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def store(office: Office, monkeypatch: pytest.MonkeyPatch) -> Breaking:
    store = Breaking(office.path / "tandem.db")
    monkeypatch.setattr(office, "store", lambda: store)
    monkeypatch.setattr("orchestration.engines.writer.PAUSE", timedelta(seconds=0.001))
    return store


async def as_logged(store: SqliteStore, run_id: str) -> RunView:
    """The run as its log alone tells."""
    return view(fold(decode(row.body) for row in await store.events(run_id)), titles={}, effects={})


async def test_text_that_is_no_unicode_cannot_part_memory_from_the_log(office: Office) -> None:
    async def broken(_: Number, __: TaskContext) -> Number:
        raise NotFound("no file \ud800.xlsx")

    office.register("find", broken)
    async with opened(office):
        run = await office.finish(await office.run(plan(a=Node(capability="find"))))
        assert (run.status, run.code) == ("failed", "not_found")
        with pytest.raises(UnicodeEncodeError):
            await office.engine.propose(plan(a=add()), goal="\ud800", initiator=MEGAN, origin="", command_id="")
        with pytest.raises(UnicodeEncodeError):
            await office.send(run.run_id, RecordDelivery(notice="n", to="t", receipt="\ud800"))
        after = await office.engine.view(run.run_id)
        assert after.receipts == (await as_logged(office.engine._store, run.run_id)).receipts  # type: ignore[arg-type]
        assert len(await office.engine.runs()) == 1


async def test_a_listener_that_fails_disturbs_nobody(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: RunView) -> None:
        raise ZeroDivisionError("in the listener")

    async with opened(office):
        office.engine.subscribe(broken)
        run = await office.finish(await office.run(plan(a=add())))
        assert run.status == "succeeded"
        assert office.calls == [("a", 1)]
    assert "in the listener" in caplog.text


async def test_a_command_that_changed_nothing_changes_nothing_later_either(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        confirm = partial(office.engine.send, run_id, ConfirmSignIn(by=MEGAN), command_id="press")
        assert not (await confirm()).duplicate
        assert (await confirm()).duplicate


async def test_work_in_flight_survives_a_commit_that_failed(office: Office, store: Breaking) -> None:
    go = asyncio.Event()

    async def slow(number: Number, _: TaskContext) -> Number:
        await go.wait()
        return number

    office.register("upload", slow, write=True, dedupe="target")
    office.register("read", slow)
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload"), read=Node(capability="read")))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await office.until(run_id, lambda r: len(office.calls) == 2)
        store.failures = 1
        with pytest.raises(Unavailable):
            await office.engine.propose(plan(a=add()), goal="", initiator=ALEX, origin="", command_id="p")
        go.set()
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert sorted(office.calls) == [("read", 1), ("upload", 1)]
        events = [decode(row.body) for row in await store.events(run_id)]
        assert not [each for each in events if isinstance(each, AttemptInterrupted | TaskInDoubt)]


@pytest.mark.parametrize("written", [True, False])
async def test_a_result_whose_commit_failed_is_not_lost(office: Office, store: Breaking, written: bool) -> None:
    async def once(number: Number, _: TaskContext) -> Number:
        store.failures, store.written = 1, written
        return number

    office.register("upload", once, write=True, dedupe="none")
    async with opened(office):
        run_id = await office.run(plan("${tasks.upload.n}", upload=Node(capability="upload", with_={"n": 5})))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        run = await office.finish(run_id)
        assert (run.status, len(office.calls), len(run.approvals)) == ("succeeded", 1, 1)
        assert store.openings == 2


async def test_the_writer_survives_a_log_that_fails_while_it_recovers(office: Office, store: Breaking) -> None:
    async with opened(office):
        store.failures, store.opens_badly, store.finds_badly = 1, 2, 1
        with pytest.raises(Unavailable):
            await office.engine.propose(plan(a=add()), goal="", initiator=MEGAN, origin="", command_id="p")
        assert office.engine.running
        assert (await office.finish(await office.run(plan(a=add())))).status == "succeeded"


async def test_a_caller_without_an_id_is_not_told_that_nothing_was_changed_when_nobody_knows(
    office: Office, store: Breaking
) -> None:
    async with opened(office):
        run_id = (await office.engine.propose(plan(a=add()), goal="", initiator=MEGAN, origin="", command_id="p")).run
        store.failures, store.written = 1, True
        with pytest.raises(Unavailable) as caught:
            await office.send(run_id.run_id, StartRun(by=MEGAN))
        assert "nothing was changed" not in caught.value.message
        assert (await office.engine.view(run_id.run_id)).status != "proposed"


async def test_stop_ends_even_while_the_log_cannot_be_opened(office: Office, store: Breaking) -> None:
    await office.start()
    store.failures, store.opens_badly = 1, 1_000_000
    waiting = asyncio.ensure_future(
        office.engine.propose(plan(a=add()), goal="", initiator=MEGAN, origin="", command_id="p")
    )
    await asyncio.sleep(0.05)
    await asyncio.wait_for(office.engine.stop(), 5)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, 5)


async def test_stop_ends_even_if_a_worker_does_not_want_to(office: Office) -> None:
    free = asyncio.Event()

    async def stubborn(number: Number, _: TaskContext) -> Number:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        return number

    office.register("stubborn", stubborn)
    await office.start()
    office.engine._work.grace_seconds = 0.05
    run_id = await office.run(plan(a=Node(capability="stubborn")))
    await office.until(run_id, lambda r: bool(office.calls))
    await asyncio.wait_for(office.engine.stop(), 5)
    free.set()


async def test_a_cancelled_caller_leaves_its_command_whole(office: Office) -> None:
    async with opened(office):
        run_id = (
            await office.engine.propose(plan(a=add()), goal="", initiator=MEGAN, origin="", command_id="")
        ).run.run_id
        sending = asyncio.ensure_future(office.engine.send(run_id, StartRun(by=MEGAN)))
        await asyncio.sleep(0)
        sending.cancel()
        assert (await office.finish(run_id)).status == "succeeded"


async def test_only_changed_questions_are_written_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    store = office.store()
    append = store.append

    async def counting(batch: Batch) -> None:
        rows.append(len(batch.approvals))
        await append(batch)

    monkeypatch.setattr(store, "append", counting)
    monkeypatch.setattr(office, "store", lambda: store)
    asks = {f"t{n}": decision() for n in range(20)}
    async with opened(office):
        run_id = await office.run(plan(**asks))
        await office.until(run_id, lambda r: len(r.receipts) == 20)
        await office.decide(run_id, "t1.1", ALEX, "answer", rules={"amount": "sap"})
        assert sum(rows) == 21
        assert len(await store.open_approvals(ALEX.id)) == 19
        await office.send(run_id, CancelRun(by=MEGAN))
        assert await store.open_approvals(ALEX.id) == []


async def test_who_looks_while_something_is_written_sees_the_run_as_it_will_be_on_disk(
    office: Office, store: Breaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, begun, free = store.append, asyncio.Event(), asyncio.Event()

    async def held(batch: Batch) -> None:
        begun.set()
        await free.wait()
        await append(batch)

    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        monkeypatch.setattr(store, "append", held)
        cancelling = asyncio.ensure_future(office.send(run_id, CancelRun(by=MEGAN)))
        await asyncio.wait_for(begun.wait(), 5)
        looking = asyncio.ensure_future(office.engine._writer.read(run_id))
        for _ in range(10):
            await asyncio.sleep(0)
        too_early = looking.done()
        free.set()
        seen = await asyncio.wait_for(looking, 5)
        await cancelling
        assert not too_early
        assert seen.run.status == "cancelled"
        assert await as_logged(store, run_id) == view(seen.run, titles={}, effects={})


async def test_looking_at_a_run_in_memory_takes_no_round_of_its_own(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        looking = asyncio.ensure_future(office.engine._writer.read(run_id))
        await asyncio.sleep(0)
        assert looking.done()
        assert looking.result().run.run_id == run_id
