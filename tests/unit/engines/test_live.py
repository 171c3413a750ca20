"""A run comes back from its log: the short way if there is one, and always the same."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestration.core import snapshot
from orchestration.core.codec import decode
from orchestration.core.evolve import fold
from orchestration.core.run import wake_at
from orchestration.engines.live import LiveRun
from orchestration.errors import UnknownRun
from orchestration.ports import Batch, SnapshotRow
from orchestration.stores.sqlite import SqliteStore
from tests.benchmarks.bench_load import measure, write
from tests.support.office import Office, opened, plan
from tests.unit.engines.test_embedded import add, decision


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "log.db")
    await store.open()
    yield store
    await store.close()


async def test_a_run_of_100_000_events_is_in_memory_in_time(tmp_path: Path) -> None:
    """Below one second on a machine that has nothing else to do (`tests/benchmarks/bench_load.py`)."""
    assert await measure(SqliteStore(tmp_path / "log.db"), 100_000, snapshots=True) < 3


async def test_the_snapshot_is_what_is_read(store: SqliteStore) -> None:
    whole = await write(store, 50, snapshots=False)
    other = fold([decode(row.body) for row in (await store.events("long"))[:40]])
    other.goal = "from the snapshot"
    body = snapshot.freeze(other)
    await store.append(Batch(snapshots=[SnapshotRow("long", 40, snapshot.VERSION, body)]))
    live = await LiveRun.load(store, "long")
    assert (live.run.goal, live.run.seq) == ("from the snapshot", 50)
    assert live.run.tasks == whole.tasks
    assert live.run.due == whole.due


@pytest.mark.parametrize(("version", "body"), [("another", None), (snapshot.VERSION, b"\xc1"), (snapshot.VERSION, b"")])
async def test_a_snapshot_that_cannot_be_used_is_left_aside(
    store: SqliteStore, version: str, body: bytes | None
) -> None:
    whole = await write(store, 50, snapshots=False)
    held = snapshot.freeze(whole) if body is None else body
    await store.append(Batch(snapshots=[SnapshotRow("long", 50, version, held)]))
    assert (await LiveRun.load(store, "long")).run == whole


async def test_a_run_that_is_not_there_is_unknown(store: SqliteStore) -> None:
    with pytest.raises(UnknownRun, match="may have been removed"):
        await LiveRun.load(store, "nobody")


async def test_loading_leaves_the_garbage_collector_as_it_was(store: SqliteStore) -> None:
    await write(store, 50, snapshots=False)
    await LiveRun.load(store, "long")
    assert gc.isenabled()
    gc.disable()
    try:
        await LiveRun.load(store, "long")
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_the_engine_takes_snapshots_and_goes_on_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_EVENTS", 5)
    office = Office(tmp_path)
    async with opened(office):
        run_id = await office.run(plan(**{f"t{n}": add(n) for n in range(6)}, ask=decision(), end=add(1, "ask")))
        before = await office.until(run_id, lambda run: bool(run.receipts))
    again = Office(tmp_path)
    async with opened(again):
        store = again.engine._store
        saved = await store.load(run_id, snapshot.VERSION)
        assert saved is not None
        assert saved.snapshot is not None
        assert saved.snapshot.seq >= 5
        assert await again.engine.view(run_id) == before
        whole = fold([decode(row.body) for row in await store.events(run_id)])
        wake_at(whole)  # lets go of stale timers, as the engine has done
        assert (await LiveRun.load(store, run_id)).run == whole
        await again.decide(run_id, "ask.1", before.approvals[0].approvers[0], "answer", rules={"amount": "sap"})
        assert (await again.finish(run_id)).status == "succeeded"


async def test_a_run_that_has_no_snapshot_goes_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_EVENTS", 1)

    def beyond(_: object) -> bytes:
        raise OverflowError("2**70")

    monkeypatch.setattr(snapshot, "freeze", beyond)
    office = Office(tmp_path)
    async with opened(office):
        run_id = await office.run(plan(a=add(1)))
        assert (await office.finish(run_id)).status == "succeeded"
        assert (await office.engine._store.load(run_id, snapshot.VERSION)).snapshot is None  # type: ignore[union-attr]
