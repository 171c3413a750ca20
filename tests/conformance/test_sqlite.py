"""What only the SQLite store has."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from orchestration.errors import CommitUncertain, Invalid
from orchestration.ports import Batch, SnapshotRow
from orchestration.stores.migrations import migrations
from orchestration.stores.sqlite import SCHEMA_VERSION, SqliteStore
from tests.conformance.test_store import event


async def test_every_commit_is_synced(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log.db")
    await store.open()
    assert await store._rows("PRAGMA synchronous") == [(2,)]
    assert await store._rows("PRAGMA journal_mode") == [("wal",)]
    await store.close()


async def test_a_commit_whose_outcome_is_unknown_is_called_that(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("disk gone")

    store = SqliteStore(tmp_path / "log.db", committed=fail)
    await store.open()
    with pytest.raises(CommitUncertain, match="disk gone"):
        await store.append(Batch(events=[event(1)]))
    await store.close()


async def test_a_log_of_a_newer_tandem_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as db:
        db.execute("PRAGMA user_version = 999")
    store = SqliteStore(tmp_path / "log.db")
    with pytest.raises(Invalid, match="newer Tandem"):
        await store.open()


async def test_a_log_of_the_first_schema_goes_on(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as db:
        db.executescript(f"{migrations('sqlite')[0].sql} PRAGMA user_version=1;")
        db.execute("INSERT INTO events VALUES ('r1', 1, 0, 'TaskStarted', x'7b7d')")
        db.execute("INSERT INTO salts VALUES ('r1', x'00')")
    store = SqliteStore(tmp_path / "log.db")
    await store.open()
    await store.append(Batch(events=[event(2)], snapshots=[SnapshotRow("r1", 2, "v", b"s")]))
    loaded = await store.load("r1", "v")
    assert [row.seq for row in await store.events("r1")] == [1, 2]
    assert loaded is not None
    assert loaded.snapshot is not None
    assert await store._rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    await store.close()


async def test_a_caller_who_goes_away_does_not_let_the_next_transaction_into_its_own(tmp_path: Path) -> None:
    # `tandem prune` and whoever reads may be interrupted while the thread still works for them.
    begun, go_on, waiting = threading.Event(), threading.Event(), False

    def in_transaction() -> None:
        if waiting:
            begun.set()
            go_on.wait(5)

    store = SqliteStore(tmp_path / "log.db", in_transaction=in_transaction)
    await store.open()
    await store.append(Batch(events=[event(1)]))
    waiting = True
    store._quick_in_a_row = 0
    first = asyncio.create_task(store.append(Batch(events=[event(2)])))
    await asyncio.to_thread(begun.wait, 5)
    waiting = False
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    store._quick_in_a_row = 1000
    second = asyncio.create_task(store.append(Batch(events=[event(3)])))
    await asyncio.sleep(0)
    go_on.set()
    await second
    assert [row.seq for row in await store.events("r1")] == [1, 2, 3]
    await store.close()
