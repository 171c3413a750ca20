from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.ports import Batch, EntryRow, EventRow
from orchestration.stores import sqlite
from orchestration.stores.sqlite import QUICK_IN_A_ROW, SMALL_BYTES, SMALL_ROWS, SqliteStore

AT = datetime(2026, 11, 22, tzinfo=UTC)


def events(first: int, number: int = 1) -> Batch:
    return Batch(events=[EventRow("r1", seq, AT, "RunStarted", b"{}") for seq in range(first, first + number)])


class Watched(SqliteStore):
    """Knows in which threads its commits ran."""

    def __init__(self, path: Path) -> None:
        self.threads: list[int] = []
        super().__init__(path, in_transaction=lambda: self.threads.append(threading.get_ident()))

    async def at_once(self, batch: Batch) -> bool:
        """Whether the loop's own thread wrote the batch."""
        await self.append(batch)
        return self.threads[-1] == threading.get_ident()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path / "tandem.db")
    await watched.open()
    yield watched
    await watched.close()


async def warm(store: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many statements on a disk that is quick, however slow this machine is just now, as it takes."""
    monkeypatch.setattr(sqlite, "QUICK_SECONDS", 60.0)
    for _ in range(QUICK_IN_A_ROW):
        await store.command("none")


async def test_the_loop_does_not_wait_for_a_disk_that_has_not_been_quick_yet(store: Watched) -> None:
    assert not await store.at_once(events(1))


async def test_small_batches_are_written_at_once_while_the_disk_is_quick(
    store: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await warm(store, monkeypatch)
    assert await store.at_once(events(1))
    assert not await store.at_once(events(2, SMALL_ROWS))
    assert not await store.at_once(Batch(entries=[EntryRow("r1", "e", b"1" * SMALL_BYTES)]))
    assert [row.seq for row in await store.events("r1")] == list(range(1, SMALL_ROWS + 2))


async def test_one_slow_statement_sends_the_next_ones_to_the_thread(
    store: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await warm(store, monkeypatch)
    monkeypatch.setattr(sqlite, "QUICK_SECONDS", 0.0)
    assert await store.at_once(events(1))  # nobody could know
    monkeypatch.setattr(sqlite, "QUICK_SECONDS", 60.0)
    for seq in range(QUICK_IN_A_ROW):
        assert not await store.at_once(events(2 + seq))
    assert await store.at_once(events(2 + QUICK_IN_A_ROW))


async def test_a_statement_waits_for_those_that_the_thread_was_asked_before(
    store: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:

    await warm(store, monkeypatch)
    large = asyncio.create_task(store.append(events(1, SMALL_ROWS)))
    await asyncio.sleep(0)  # it is with the thread now
    assert not await store.at_once(events(SMALL_ROWS + 1))
    assert len(await store.events("r1")) == SMALL_ROWS + 1
    await large
