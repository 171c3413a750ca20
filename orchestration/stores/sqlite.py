"""The log in one SQLite file: WAL, synchronous=FULL, one owner."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from orchestration.errors import CommitUncertain, Invalid, OwnerLocked
from orchestration.ports import ApprovalRow, Batch, EventRow, RunRow

SCHEMA_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RUNS = "SELECT run_id, status, title, initiator, open, due, wake_at, proposed_at, seq FROM runs"

T = TypeVar("T")


def _stamp(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(stamp: int) -> datetime:
    return _EPOCH + stamp * _MICROSECOND


class SqliteStore:
    """Implements `orchestration.ports.Store`.

    All statements run in one thread of its own, in the order in which they are asked for, so that the event loop
    never waits for the disk. `in_transaction` and `committed` are called around each commit; tests make them raise or
    kill the process.

    Args:
        path: The database file; its folder must exist. `{path}.lock` is held by the owning process.
        lock_timeout: How long `open` waits for another owner to let go.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: timedelta = timedelta(seconds=0),
        in_transaction: Callable[[], None] = lambda: None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", timeout=lock_timeout.total_seconds(), thread_local=False)
        self._in_transaction, self._committed = in_transaction, committed
        self._thread: ThreadPoolExecutor | None = None
        self._db: sqlite3.Connection

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        if self._thread is None:
            raise Invalid(f"the store {self._path.name} is not open")
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def open(self) -> None:
        """See `Store.open`."""
        if not self._lock.is_locked:
            try:
                self._lock.acquire()
            except Timeout:
                holder = self._holder()
                raise OwnerLocked(
                    f"{self._path} belongs to a running Tandem{holder}: "
                    "stop that one first, or set TANDEM_DATA_DIR to another folder"
                ) from None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        try:
            await self._run(self._connect)
        except BaseException:
            await self.close()
            raise

    def _holder(self) -> str:
        try:
            return f" (process {Path(f'{self._path}.owner').read_text(encoding='utf-8')})"
        except OSError:
            return ""

    def _connect(self) -> None:
        Path(f"{self._path}.owner").write_text(str(os.getpid()), encoding="utf-8")
        self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise Invalid(
                f"{self._path} was written by a newer Tandem "
                f"(schema {version}, this one knows {SCHEMA_VERSION}): update Tandem"
            )
        if version == 0:
            schema = files("orchestration.stores").joinpath("sqlite.sql").read_text("utf-8")
            self._db.executescript(f"BEGIN; {schema} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")

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
        await self._run(self._append, batch)

    def _append(self, batch: Batch) -> None:
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            if batch.salts:
                db.executemany("INSERT INTO salts VALUES (?, ?)", batch.salts)
            db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                [(row.run_id, row.seq, _stamp(row.at), row.type, row.body) for row in batch.events],
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
            db.executemany(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "status = excluded.status, open = excluded.open, due = excluded.due, "
                "wake_at = excluded.wake_at, seq = excluded.seq",
                [_run_values(row) for row in batch.runs],
            )
            if batch.approvals:
                db.executemany(
                    "INSERT INTO approvals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open",
                    [(row.run_id, row.approval, row.person, row.open) for row in batch.approvals],
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

    async def events(self, run_id: str) -> list[EventRow]:
        """See `Store.events`."""
        rows = await self._rows("SELECT seq, at, type, body FROM events WHERE run_id = ? ORDER BY seq", run_id)
        return [EventRow(run_id, seq, _instant(at), type_, body) for seq, at, type_, body in rows]

    async def salt(self, run_id: str) -> bytes | None:
        """See `Store.salt`."""
        rows = await self._rows("SELECT salt FROM salts WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    async def entries(self, run_id: str, entries: Iterable[str]) -> dict[str, bytes]:
        """See `Store.entries`."""
        sql = "SELECT entry, body FROM entries WHERE run_id = ? AND entry IN (SELECT value FROM json_each(?))"
        return dict(await self._rows(sql, run_id, json.dumps(list(entries))))

    async def open_runs(self) -> list[RunRow]:
        """See `Store.open_runs`."""
        return [_run_row(row) for row in await self._rows(f"{_RUNS} WHERE open ORDER BY proposed_at")]

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunRow]:
        """See `Store.runs`."""
        wanted = ("initiator = ?1" if person else "?1 = ''") + (" AND open" if open_only else "")  # as the indexes are
        rows = await self._rows(
            f"{_RUNS} WHERE {wanted} ORDER BY proposed_at DESC, run_id DESC LIMIT ?2", person, limit
        )
        return [_run_row(row) for row in rows]

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
        rows = await self._rows("SELECT run_id FROM commands WHERE command_id = ?", command_id)
        return rows[0][0] if rows else None

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

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return await self._run(lambda: self._db.execute(sql, values).fetchall())


def _run_values(row: RunRow) -> tuple[Any, ...]:
    wake_at = None if row.wake_at is None else _stamp(row.wake_at)
    return (
        row.run_id,
        row.status,
        row.title,
        row.initiator,
        row.open,
        row.due,
        wake_at,
        _stamp(row.proposed_at),
        row.seq,
    )


def _run_row(row: Any) -> RunRow:
    run_id, status, title, initiator, open_, due, wake_at, proposed_at, seq = row
    return RunRow(
        run_id=run_id,
        status=status,
        title=title,
        initiator=initiator,
        open=bool(open_),
        due=bool(due),
        wake_at=None if wake_at is None else _instant(wake_at),
        proposed_at=_instant(proposed_at),
        seq=seq,
    )
