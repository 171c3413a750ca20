"""The log in one SQLite file: WAL, synchronous=FULL, one owner."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from orchestration.errors import CommitUncertain, Invalid, LogLost, OwnerLocked
from orchestration.ports import (
    Anchor,
    ApprovalRow,
    Archive,
    Batch,
    CommandRow,
    EntryRow,
    EventRow,
    Rewrite,
    RunRow,
    Saved,
)
from orchestration.stores.migrations import migrations, pending
from orchestration.stores.rewriting import UNCHANGED, rewriting
from orchestration.stores.rows import (
    EVENTS,
    HEADS,
    RUNS,
    event_rows,
    heads,
    run_row,
    run_values,
    saved,
    saved_query,
    stamp,
)

POLL = timedelta(seconds=0.2)
QUICK_SECONDS, QUICK_IN_A_ROW = 0.003, 10
SMALL_ROWS, SMALL_BYTES = 300, 64 * 1024
SCHEMA_VERSION = len(migrations("sqlite"))
_SAVED = saved_query("?")
_OF_A_RUN = ("events", "entries", "salts", "commands", "approvals", "snapshots", "runs")

T = TypeVar("T")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


class SqliteStore:
    """Implements `orchestration.ports.Store`.

    Statements run in the order in which they are asked for, in a thread of their own, so that the event loop does not
    wait for the disk. The way there and back takes half as long as a commit on a quick disk, though: once
    `QUICK_IN_A_ROW` of them have each taken less than `QUICK_SECONDS`, small ones run at once, until one takes longer.
    `in_transaction` and `committed` are called around each commit; tests make them raise or kill the process.

    Args:
        path: The database file; its folder must exist. `{path}.lock` is held by the owning process.
        lock_timeout: How long `open` waits for another owner to let go, the first time. Whoever was the owner and
            opens again is told at once, so that nobody waits for what it cannot do.
        connect: Makes the connection, in autocommit mode; tests give another one.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: timedelta = timedelta(seconds=0),
        in_transaction: Callable[[], None] = lambda: None,
        committed: Callable[[], None] = lambda: None,
        connect: Callable[[Path], sqlite3.Connection] = _connect,
    ) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._lock_timeout = lock_timeout
        self._in_transaction, self._committed, self._connect = in_transaction, committed, connect
        self._thread: ThreadPoolExecutor | None = None
        self._asked = 0  # of the thread, and not answered yet
        self._using = threading.Lock()  # the connection: the thread may be at work for somebody who has gone
        self._quick_in_a_row = 0
        self._db: sqlite3.Connection

    async def _run(self, call: Callable[..., T], *args: Any, small: bool = False) -> T:
        if self._thread is None:
            raise Invalid(f"the store {self._path.name} is not open")
        try:
            quick = small and not self._asked and self._quick_in_a_row >= QUICK_IN_A_ROW
            if quick and self._using.acquire(blocking=False):
                try:
                    return self._timed(call, *args)
                finally:
                    self._using.release()
            return await self._in_thread(self._thread, call, *args)
        except sqlite3.OperationalError as error:  # no room, locked by another process, no disk
            raise LogLost(f"{self._path.name} cannot be used just now ({error}); please try again.") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            raise Invalid(f"{self._path} is damaged ({error}): stop Tandem and restore it from a backup") from error

    async def _in_thread(self, thread: ThreadPoolExecutor, call: Callable[..., T], *args: Any) -> T:
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._alone, call, *args)
        finally:
            self._asked -= 1

    def _alone(self, call: Callable[..., T], *args: Any) -> T:
        with self._using:
            return self._timed(call, *args)

    def _timed(self, call: Callable[..., T], *args: Any) -> T:
        begun = time.perf_counter()
        try:
            return call(*args)
        finally:
            quick = time.perf_counter() - begun < QUICK_SECONDS
            self._quick_in_a_row = self._quick_in_a_row + 1 if quick else 0

    async def open(self) -> None:
        """See `Store.open`."""
        if not self._lock.is_locked:
            await self._take()
        self._lock_timeout = timedelta(0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        try:
            await self._run(self._begin)
        except BaseException:
            await self.close()
            raise

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._lock_timeout.total_seconds()
        while True:
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                if loop.time() >= ends:
                    raise OwnerLocked(
                        f"{self._path} belongs to a running Tandem{self._holder()}: "
                        "stop that one first, or set TANDEM_DATA_DIR to another folder"
                    ) from None
                await asyncio.sleep(POLL.total_seconds())
            else:
                return

    def _holder(self) -> str:
        try:
            return f" (process {Path(f'{self._path}.owner').read_text(encoding='utf-8')})"
        except OSError:
            return ""

    def _begin(self) -> None:
        Path(f"{self._path}.owner").write_text(str(os.getpid()), encoding="utf-8")
        self._db = self._connect(self._path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=8000")  # pages: what changes again and again is moved once
        self._db.execute("PRAGMA cache_size=-32000")  # KiB
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        for step in pending("sqlite", version, where=str(self._path)):
            self._db.executescript(f"BEGIN; {step.sql} PRAGMA user_version={step.number}; COMMIT;")

    async def close(self) -> None:
        """See `Store.close`."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown()
        if self._lock.is_locked:
            self._lock.release()

    def _disconnect(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        rows = len(batch.events) + len(batch.entries) + len(batch.runs) + len(batch.snapshots)
        bodies = [row.body for row in batch.entries] + [row.body for row in batch.snapshots]
        size = sum(map(len, bodies)) if rows < SMALL_ROWS else 0
        await self._run(self._append, batch, small=rows < SMALL_ROWS and size < SMALL_BYTES)

    def _append(self, batch: Batch) -> None:
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            if batch.salts:
                db.executemany("INSERT INTO salts VALUES (?, ?)", batch.salts)
            db.executemany(
                "INSERT INTO events (run_id, seq, at, type, body, link) VALUES (?, ?, ?, ?, ?, ?)",
                [(row.run_id, row.seq, stamp(row.at), row.type, row.body, row.link) for row in batch.events],
            )
            if batch.entries:
                db.executemany(
                    "INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    [(row.run_id, row.entry, row.body) for row in batch.entries],
                )
            if batch.commands:
                db.executemany(
                    "INSERT INTO commands VALUES (?, ?)", [(row.command_id, row.run_id) for row in batch.commands]
                )
            self._save_runs(batch.runs)
            if batch.approvals:
                db.executemany(
                    "INSERT INTO approvals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open",
                    [(row.run_id, row.approval, row.person, row.open) for row in batch.approvals],
                )
            if batch.snapshots:
                db.executemany(
                    "INSERT INTO snapshots VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                    "seq = excluded.seq, version = excluded.version, body = excluded.body",
                    [(row.run_id, row.seq, row.version, row.body) for row in batch.snapshots],
                )
            self._in_transaction()
        except BaseException:
            db.rollback()
            raise
        try:
            db.execute("COMMIT")
            self._committed()
        except Exception as error:
            raise CommitUncertain(f"whether {self._path.name} was written is unknown ({error})") from error

    def _save_runs(self, rows: Sequence[RunRow]) -> None:
        """Most stay open as they were: for these the index of open runs is left alone, a page less to write."""
        db, values = self._db, [run_values(row) for row in rows]
        if all(row.open and row.seq > 1 for row in rows):
            before = db.total_changes
            stays = "UPDATE runs SET status = ?2, due = ?6, wake_at = ?7, seq = ?9 WHERE run_id = ?1 AND open"
            db.executemany(stays, values)
            if db.total_changes - before == len(rows):  # none is new, or open again
                return
        db.executemany(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "status = excluded.status, open = excluded.open, due = excluded.due, "
            "wake_at = excluded.wake_at, seq = excluded.seq",
            values,
        )

    async def load(self, run_id: str, version: str) -> Saved | None:
        """See `Store.load`."""
        rows = await self._rows(_SAVED, version, run_id, run_id, run_id, version, small=True)
        return saved(run_id, version, rows)

    async def events(self, run_id: str, *, after: int = 0) -> list[EventRow]:
        """See `Store.events`."""
        sql = f"{EVENTS} WHERE run_id = ? AND seq > ? ORDER BY seq"
        return event_rows(run_id, await self._rows(sql, run_id, after))

    async def salt(self, run_id: str) -> bytes | None:
        """See `Store.salt`."""
        rows = await self._rows("SELECT salt FROM salts WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    async def entries(self, run_id: str, entries: Iterable[str]) -> dict[str, bytes]:
        """See `Store.entries`."""
        sql = "SELECT entry, body FROM entries WHERE run_id = ? AND entry IN (SELECT value FROM json_each(?))"
        return dict(await self._rows(sql, run_id, json.dumps(list(entries)), small=True))

    async def open_runs(self) -> list[RunRow]:
        """See `Store.open_runs`."""
        return [run_row(row) for row in await self._rows(f"{RUNS} WHERE open ORDER BY proposed_at")]

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunRow]:
        """See `Store.runs`."""
        wanted = ("initiator = ?1" if person else "?1 = ''") + (" AND open" if open_only else "")  # as the indexes are
        rows = await self._rows(f"{RUNS} WHERE {wanted} ORDER BY proposed_at DESC, run_id DESC LIMIT ?2", person, limit)
        return [run_row(row) for row in rows]

    async def open_approvals(self, person: str) -> list[ApprovalRow]:
        """See `Store.open_approvals`."""
        rows = await self._rows(
            "SELECT a.run_id, a.approval, a.person, a.open FROM approvals a JOIN runs r USING (run_id) "
            "WHERE a.person = ? AND a.open ORDER BY r.proposed_at, a.approval",
            person,
        )
        return [ApprovalRow(run_id, approval, person, bool(open_)) for run_id, approval, person, open_ in rows]

    async def command(self, command_id: str) -> str | None:
        """See `Store.command`."""
        rows = await self._rows("SELECT run_id FROM commands WHERE command_id = ?", command_id, small=True)
        return rows[0][0] if rows else None

    async def commands(self, command_ids: Sequence[str]) -> dict[str, str]:
        """See `Store.commands`."""
        return await self._run(self._applied, command_ids, small=len(command_ids) < SMALL_ROWS)

    def _applied(self, command_ids: Sequence[str]) -> dict[str, str]:
        sql = "SELECT run_id FROM commands WHERE command_id = ?"
        found = ((each, self._db.execute(sql, (each,)).fetchone()) for each in command_ids)
        return {command_id: row[0] for command_id, row in found if row}

    async def get(self, kind: str, key: str) -> bytes | None:
        """See `Store.get`."""
        rows = await self._rows("SELECT body FROM documents WHERE kind = ? AND key = ?", kind, key)
        return rows[0][0] if rows else None

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """See `Store.put`."""
        await self._rows(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", kind, key, body
        )

    async def drop(self, kind: str, key: str) -> None:
        """See `Store.drop`."""
        await self._rows("DELETE FROM documents WHERE kind = ? AND key = ?", kind, key)

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See `Store.documents`."""
        return dict(await self._rows("SELECT key, body FROM documents WHERE kind = ? ORDER BY key", kind))

    async def ended(self, before: datetime) -> list[RunRow]:
        """See `Store.ended`."""
        last = "(SELECT at FROM events e WHERE e.run_id = runs.run_id AND e.seq = runs.seq)"
        rows = await self._rows(f"{RUNS} WHERE NOT open AND {last} < ? ORDER BY proposed_at, run_id", stamp(before))
        return [run_row(row) for row in rows]

    async def archive(self, run: RunRow) -> Archive:
        """See `Store.archive`."""
        entries = await self._rows("SELECT entry, body FROM entries WHERE run_id = ? ORDER BY entry", run.run_id)
        sql = "SELECT command_id FROM commands WHERE run_id = ? ORDER BY command_id"
        return Archive(
            run,
            await self.events(run.run_id),
            [EntryRow(run.run_id, entry, body) for entry, body in entries],
            [CommandRow(command_id, run.run_id) for (command_id,) in await self._rows(sql, run.run_id)],
        )

    async def remove(self, runs: Sequence[RunRow]) -> list[str]:
        """See `Store.remove`."""
        return await self._run(self._remove, runs)

    def _remove(self, runs: Sequence[RunRow]) -> list[str]:
        db = self._db
        with db:  # commits, or rolls back
            db.execute("BEGIN IMMEDIATE")
            gone = [row.run_id for row in runs if db.execute(UNCHANGED, (row.run_id, row.seq)).fetchone()]
            for table in _OF_A_RUN:
                db.executemany(f"DELETE FROM {table} WHERE run_id = ?", [(run_id,) for run_id in gone])  # noqa: S608
        return gone

    async def heads(self, after: datetime) -> list[Anchor]:
        """See `Store.heads`."""
        return heads(await self._rows(f"{HEADS} AND e.at >= ?", stamp(after)))

    async def kinds(self) -> list[str]:
        """See `Store.kinds`."""
        return [kind for (kind,) in await self._rows("SELECT DISTINCT kind FROM documents ORDER BY kind")]

    async def rewrite(self, change: Rewrite) -> bool:
        """See `Store.rewrite`."""
        return await self._run(self._rewrite, change)

    def _rewrite(self, change: Rewrite) -> bool:
        db, run_id = self._db, change.run.run_id
        with db:  # commits, or rolls back
            db.execute("BEGIN IMMEDIATE")
            if not db.execute(UNCHANGED, (run_id, change.run.seq)).fetchone():
                return False
            for sql, rows in rewriting(change, "?"):
                db.executemany(sql, rows)
            self._in_transaction()
        self._committed()
        return True

    async def compact(self) -> bool:
        """See `Store.compact`."""
        return await self._run(self._compact)

    def _compact(self) -> bool:
        self._db.execute("VACUUM")
        busy, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    async def _rows(self, sql: str, *values: Any, small: bool = False) -> list[Any]:
        return await self._run(lambda: self._db.execute(sql, values).fetchall(), small=small)
