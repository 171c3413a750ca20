"""The log in a PostgreSQL database: one connection that owns it, one statement and one round trip for each commit."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from orchestration.errors import CommitUncertain, Invalid, LogLost, OwnerLocked, Unavailable
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
from orchestration.stores.arrays import Texts, register, text
from orchestration.stores.migrations import pending
from orchestration.stores.postgres_sql import OWNER, REMOVE, VERSIONS, appending
from orchestration.stores.rewriting import UNCHANGED, rewriting
from orchestration.stores.rows import EVENTS, HEADS, RUNS, event_rows, heads, run_row, saved, saved_query, stamp

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
CLOSE_SECONDS = 2
POLL = timedelta(seconds=0.5)
LOCK = 0x7A4DE3
FOREVER = timedelta.max
_SAVED = saved_query("%s")
# The server learns within half a minute that this machine is gone, and lets go of the lock; nothing else ends a session
# that is only idle; plans are made once, and what is committed is on disk whatever the database's own setting says.
_SESSION = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",
    "statement_timeout": "0",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "client_min_messages": "warning",
}
_CLIENT = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "target_session_attrs": "read-write",
}

Password = str | Callable[[], Awaitable[str]]


def parsed(url: str) -> dict[str, Any]:
    """What a connection URL says; `password` may be among it.

    Raises:
        Invalid: It is none. The message does not repeat it, because a secret may be in it.
    """
    try:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError
        found = dict(conninfo_to_dict(url))
    except (ValueError, psycopg.ProgrammingError):
        raise Invalid(
            "the database's URL is not one such as postgresql://user@host:5432/database?sslmode=require"
        ) from None
    return found


def name_of(url: str) -> str:
    """How a log is called in messages: database and host, and no secret.

    Raises:
        Invalid: As for `parsed`.
    """
    found = parsed(url)
    return f"the database {found.get('dbname') or found.get('user') or ''} on {found.get('host') or 'this machine'}"


async def connect(url: str, *, password: Password = "", **options: Any) -> psycopg.AsyncConnection[Any]:
    """A connection in autocommit mode.

    Args:
        url: Where; what it says wins over what is usual here.
        password: Instead of one in the URL: fixed, or asked for now.
        options: More of libpq's, and psycopg's own.

    Raises:
        Unavailable: There is no connection now; the message holds no secret.
        Invalid: The URL is none.
    """
    asked: dict[str, Any] = {**_CLIENT, **parsed(url), **options}
    secret = password if isinstance(password, str) else await password()
    if secret:
        asked["password"] = secret
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    asked["options"] = f"{session} {asked.get('options') or ''}".strip()
    asked.setdefault("application_name", f"tandem {socket.gethostname()} {os.getpid()}")
    try:
        return await psycopg.AsyncConnection.connect(autocommit=True, prepare_threshold=0, **asked)
    except psycopg.Error as error:
        said = str(error).strip() or type(error).__name__
        if asked.get("password"):
            said = said.replace(str(asked["password"]), "***")
        raise Unavailable(f"{name_of(url)} does not let us in: {said}") from None


class PostgresStore:
    """Implements `orchestration.ports.Store`.

    The connection that writes is the one that holds the advisory lock: when it ends, so does the ownership, and nobody
    can write to the log without it. A second process waits in `open` as a hot standby, as long as `lock_timeout` lets
    it. The lock belongs to the session: a pooler that shares sessions (PgBouncer in transaction mode) cannot be used.

    Args:
        url: `postgresql://user@host:5432/database?sslmode=require`; tables are in the first schema of its search path.
        password: Instead of one in the URL: fixed, or asked for each new connection, as a token that expires is.
        lock_timeout: How long `open` waits for another owner to let go, the first time. Whoever was the owner and
            opens again is told at once, so that nobody waits for what it cannot do.
    """

    def __init__(self, url: str, *, password: Password = "", lock_timeout: timedelta = timedelta(0)) -> None:
        self._url, self._password, self._lock_timeout = url, password, lock_timeout
        self._name = name_of(url)
        self._db: psycopg.AsyncConnection[Any] | None = None

    async def open(self) -> None:
        """See `Store.open`."""
        await self.close()
        db = await connect(self._url, password=self._password)
        try:
            register(db)
            await self._take(db)
            await self._migrate(db)
        except BaseException as error:
            await _end(db)
            if isinstance(error, psycopg.OperationalError):
                raise Unavailable(f"{self._name} broke off: {error}") from error
            raise
        self._db = db
        self._lock_timeout = timedelta(0)

    async def _take(self, db: psycopg.AsyncConnection[Any]) -> None:
        # Asked again and again: a statement that waits for the lock would keep its snapshot of the whole database
        # for as long as this process is the standby, and nothing could be vacuumed.
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            cursor = await db.execute(
                "SELECT current_schema(), pg_try_advisory_lock(%s, hashtext(current_schema()))", (LOCK,)
            )
            schema, taken = (await cursor.fetchone()) or ("", False)
            if schema is None:
                raise Invalid(f"{self._name} has no schema on its search path for tables to be in")
            if taken:
                return
            holder = await self._holder(db)
            if loop.time() - begun >= self._lock_timeout.total_seconds():
                raise OwnerLocked(
                    f"{self._name} belongs to a running Tandem{holder}: "
                    "stop that one first, or set TANDEM_DATABASE_URL to another database"
                )
            if loop.time() - begun < POLL.total_seconds():
                log.info("%s belongs to a running Tandem%s: waiting as its standby", self._name, holder)
            await asyncio.sleep(POLL.total_seconds())

    @staticmethod
    async def _holder(db: psycopg.AsyncConnection[Any]) -> str:
        found = await (await db.execute(OWNER, (LOCK,))).fetchone()
        return f" ({found[0]})" if found else ""

    async def _migrate(self, db: psycopg.AsyncConnection[Any]) -> None:
        await db.execute("SELECT set_config('synchronous_commit', 'on', false) "
                         "WHERE current_setting('synchronous_commit') = 'off'")  # fmt: skip
        await db.execute(VERSIONS)
        found = await (await db.execute("SELECT coalesce(max(number), 0) FROM schema_versions")).fetchone()
        assert found is not None
        for step in pending("postgres", found[0], where=self._name):
            async with db.transaction():
                await db.execute(step.sql.encode(), prepare=False)
                await db.execute("INSERT INTO schema_versions (number, name) VALUES (%s, %s)", (step.number, step.name))
            log.info("%s: schema %s", self._name, step.name)

    async def close(self) -> None:
        """See `Store.close`."""
        if self._db is not None:
            db, self._db = self._db, None
            await _end(db)

    def _connection(self) -> psycopg.AsyncConnection[Any]:
        if self._db is None:
            raise Invalid(f"the store in {self._name} is not open")
        return self._db

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        sql, values = appending(batch)
        if not values:
            return
        db = self._connection()
        try:
            await db.execute(sql, values)  # one statement is one transaction
        except psycopg.Error as error:
            if db.closed:
                raise CommitUncertain(f"whether {self._name} was written is unknown ({error})") from error
            if _passing(error):
                raise self._unusable(error) from error
            raise

    async def load(self, run_id: str, version: str) -> Saved | None:
        """See `Store.load`."""
        return saved(run_id, version, await self._rows(_SAVED, version, run_id, run_id, run_id, version))

    async def events(self, run_id: str, *, after: int = 0) -> list[EventRow]:
        """See `Store.events`."""
        sql = f"{EVENTS} WHERE run_id = %s AND seq > %s ORDER BY seq"
        return event_rows(run_id, await self._rows(sql, run_id, after))

    async def salt(self, run_id: str) -> bytes | None:
        """See `Store.salt`."""
        return await self._bytes("SELECT salt FROM salts WHERE run_id = %s", run_id)

    async def entries(self, run_id: str, entries: Iterable[str]) -> dict[str, bytes]:
        """See `Store.entries`."""
        sql = "SELECT entry, body FROM entries WHERE run_id = %s AND entry = ANY(%s)"
        return dict(await self._rows(sql, run_id, Texts(entries)))

    async def open_runs(self) -> list[RunRow]:
        """See `Store.open_runs`."""
        return [run_row(row) for row in await self._rows(f"{RUNS} WHERE open ORDER BY proposed_at")]

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunRow]:
        """See `Store.runs`."""
        wanted = ("initiator = %s" if person else "%s = ''") + (" AND open" if open_only else "")
        rows = await self._rows(f"{RUNS} WHERE {wanted} ORDER BY proposed_at DESC, run_id DESC LIMIT %s", person, limit)
        return [run_row(row) for row in rows]

    async def open_approvals(self, person: str) -> list[ApprovalRow]:
        """See `Store.open_approvals`."""
        rows = await self._rows(
            "SELECT a.run_id, a.approval, a.person, a.open FROM approvals a JOIN runs r USING (run_id) "
            "WHERE a.person = %s AND a.open ORDER BY r.proposed_at, a.approval",
            person,
        )
        return [ApprovalRow(*row) for row in rows]

    async def command(self, command_id: str) -> str | None:
        """See `Store.command`."""
        rows = await self._rows("SELECT run_id FROM commands WHERE command_id = %s", command_id)
        return rows[0][0] if rows else None

    async def commands(self, command_ids: Sequence[str]) -> dict[str, str]:
        """See `Store.commands`."""
        rows = await self._rows(
            "SELECT asked.number, c.run_id FROM unnest(%s) WITH ORDINALITY AS asked (id, number) "
            "JOIN commands c ON c.command_id = asked.id",
            Texts(command_ids),
        )
        return {command_ids[number - 1]: run_id for number, run_id in rows}

    async def get(self, kind: str, key: str) -> bytes | None:
        """See `Store.get`."""
        return await self._bytes("SELECT body FROM documents WHERE kind = %s AND key = %s", kind, key)

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """See `Store.put`."""
        await self._done(
            "INSERT INTO documents VALUES (%s, %s, %s) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            kind,
            key,
            body,
        )

    async def drop(self, kind: str, key: str) -> None:
        """See `Store.drop`."""
        await self._done("DELETE FROM documents WHERE kind = %s AND key = %s", kind, key)

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See `Store.documents`."""
        return dict(await self._rows("SELECT key, body FROM documents WHERE kind = %s ORDER BY key", kind))

    async def ended(self, before: datetime) -> list[RunRow]:
        """See `Store.ended`."""
        last = "(SELECT at FROM events e WHERE e.run_id = runs.run_id AND e.seq = runs.seq)"
        rows = await self._rows(f"{RUNS} WHERE NOT open AND {last} < %s ORDER BY proposed_at, run_id", stamp(before))
        return [run_row(row) for row in rows]

    async def archive(self, run: RunRow) -> Archive:
        """See `Store.archive`."""
        sql = "SELECT command_id FROM commands WHERE run_id = %s ORDER BY command_id"
        entries = "SELECT entry, body FROM entries WHERE run_id = %s ORDER BY entry"
        return Archive(
            run,
            await self.events(run.run_id),
            [EntryRow(run.run_id, *row) for row in await self._rows(entries, run.run_id)],
            [CommandRow(command_id, run.run_id) for (command_id,) in await self._rows(sql, run.run_id)],
        )

    async def remove(self, runs: Sequence[RunRow]) -> list[str]:
        """See `Store.remove`."""
        wanted = Texts(row.run_id for row in runs)
        return [run_id for (run_id,) in await self._rows(REMOVE, wanted, [row.seq for row in runs])]

    async def heads(self, after: datetime) -> list[Anchor]:
        """See `Store.heads`."""
        return heads(await self._rows(f"{HEADS} AND e.at >= %s", stamp(after)))

    async def kinds(self) -> list[str]:
        """See `Store.kinds`."""
        return [kind for (kind,) in await self._rows("SELECT DISTINCT kind FROM documents ORDER BY kind")]

    async def rewrite(self, change: Rewrite) -> bool:
        """See `Store.rewrite`."""
        db = self._connection()
        try:
            async with db.transaction():
                unchanged = f"{UNCHANGED.replace('?', '%s')} FOR UPDATE"
                if not await self._rows(unchanged, change.run.run_id, change.run.seq):
                    return False
                async with db.cursor() as cursor:
                    for sql, rows in rewriting(change, "%s"):
                        await cursor.executemany(sql.encode(), rows)
        except psycopg.Error as error:
            if db.closed or _passing(error):
                raise self._unusable(error) from error
            raise
        return True

    async def compact(self) -> bool:
        """See `Store.compact`."""
        for table in ("events", "entries", "salts", "commands", "approvals", "snapshots", "runs", "documents"):
            await self._done(f"VACUUM FULL {table}")
        with suppress(psycopg.errors.InsufficientPrivilege):  # without it the files follow a few minutes later
            await self._done("CHECKPOINT")
        return True

    async def _bytes(self, sql: str, *values: Any) -> bytes | None:
        rows = await self._rows(sql, *values)
        return rows[0][0] if rows else None

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return await (await self._execute(sql, *values)).fetchall()

    async def _done(self, sql: str, *values: Any) -> None:
        await self._execute(sql, *values)

    async def _execute(self, sql: str, *values: Any) -> psycopg.AsyncCursor[Any]:
        db = self._connection()
        held = [text(value) if isinstance(value, str) else value for value in values]
        try:
            return await db.execute(sql.encode(), held, binary=True)
        except psycopg.Error as error:
            if db.closed:
                raise LogLost(f"{self._name} cannot be reached just now ({error}); please try again.") from error
            if _passing(error):
                raise self._unusable(error) from error
            raise

    def _unusable(self, error: psycopg.Error) -> LogLost:
        return LogLost(f"{self._name} cannot be used just now ({error}); please try again.")


def _passing(error: psycopg.Error) -> bool:
    """Whether the server refused because of its own state, not of what it was asked: no room, read-only, shut down."""
    code = error.sqlstate or ""
    return code[:2] in ("53", "57", "58") or code in ("25006", "55P03", "40001", "40P01")


async def _end(db: psycopg.AsyncConnection[Any]) -> None:
    """Close a connection; the server would let go of the lock a moment after that, so it is told to first."""
    with suppress(psycopg.Error, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await db.execute("SELECT pg_advisory_unlock_all()")
    with suppress(psycopg.Error, OSError):
        await db.close()
