"""What a log is kept in, as its store uses it and as a death leaves it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, Protocol

import psycopg

from orchestration.ports import Batch, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore
from tests.faults.log import Log, logs, single
from tests.support.postgres import fresh

Point = Callable[[str], None]
Files = dict[str, bytes]
STORES = ("sqlite", "postgres")


def nowhere(_: str) -> None:
    """Dies at no point."""


class Medium(Protocol):
    """Where the log is."""

    def store(self, point: Point) -> Store:
        """A store over it, with a point at both sides of every append."""

    def image(self) -> Files:
        """What a process that dies at this instant leaves; what it holds in memory is gone. Any thread may ask."""

    def restore(self, files: Files) -> None:
        """Make it what an image was; nobody uses it now."""

    def read(self) -> Log | None:
        """What is there, while no process lives; None if there is no run yet."""


class _PointedFile(SqliteStore):
    """A point also inside an append, at both sides of its commit."""

    def __init__(self, path: Path, point: Point, **more: Any) -> None:
        before, after = partial(point, "commit:before"), partial(point, "commit:after")
        super().__init__(path, in_transaction=before, committed=after, **more)
        self._point = point

    async def append(self, batch: Batch) -> None:
        self._point("append:before")
        await super().append(batch)
        self._point("append:after")


class File:
    """One SQLite file in a folder; `options` are the store's."""

    def __init__(self, folder: Path, **options: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.path, self.where, self._options = folder / "tandem.db", str(folder), options

    def store(self, point: Point) -> Store:
        """See `Medium.store`."""
        return _PointedFile(self.path, point, **self._options)

    def image(self) -> Files:
        """See `Medium.image`."""
        paths = (self.path, self.path.with_name("tandem.db-wal"))
        return {path.name: path.read_bytes() for path in paths if path.exists()}

    def restore(self, files: Files) -> None:
        """See `Medium.restore`."""
        for path in self.path.parent.iterdir():
            path.unlink()
        for name, body in files.items():
            self.path.with_name(name).write_bytes(body)

    def read(self) -> Log | None:
        """See `Medium.read`."""
        return single(self.logs())

    def logs(self) -> list[Log]:
        """The log, run by run."""
        with closing(sqlite3.connect(self.path)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
                return []
            return logs(lambda sql: db.execute(sql).fetchall())


class _PointedDatabase(PostgresStore):
    def __init__(self, url: str, point: Point) -> None:
        super().__init__(url, lock_timeout=timedelta(seconds=5))
        self._point = point

    async def append(self, batch: Batch) -> None:
        self._point("append:before")
        await super().append(batch)
        self._point("append:after")


# What a server keeps for a client that died is what was committed; its own files are its own business.
_TABLES: tuple[LiteralString, ...] = (
    "approvals", "commands", "documents", "entries", "events", "runs", "salts", "snapshots",
)  # fmt: skip


class Database:
    """A PostgreSQL schema that is this one's own."""

    def __init__(self, url: str) -> None:
        self._url = self.where = url
        asyncio.run(self._migrate())
        self._db = psycopg.connect(url, autocommit=True)
        self._db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    async def _migrate(self) -> None:
        store = PostgresStore(self._url)
        await store.open()
        await store.close()

    def store(self, point: Point) -> Store:
        """See `Medium.store`."""
        return _PointedDatabase(self._url, point)

    def image(self) -> Files:
        """See `Medium.image`."""
        with self._db.transaction():
            return {table: self._copied(table) for table in _TABLES}

    def _copied(self, table: LiteralString) -> bytes:
        with self._db.cursor().copy(f"COPY (SELECT * FROM {table} ORDER BY 1, 2) TO STDOUT") as rows:
            return b"".join(bytes(part) for part in rows)

    def restore(self, files: Files) -> None:
        """See `Medium.restore`."""
        with self._db.transaction():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")
                with self._db.cursor().copy(f"COPY {table} FROM STDIN") as rows:
                    rows.write(files[table])

    def read(self) -> Log | None:
        """See `Medium.read`."""
        return single(self.logs())

    def logs(self) -> list[Log]:
        """The log, run by run."""
        return logs(lambda sql: self._db.execute(sql).fetchall())

    def close(self) -> None:
        """Let go of it."""
        self._db.close()


@contextmanager
def medium(store: str, folder: Path) -> Iterator[File | Database]:
    """Something empty to keep a log in; `store` is one of `STORES`."""
    if store == "sqlite":
        yield File(folder)
        return
    with fresh() as url:
        database = Database(url)
        try:
            yield database
        finally:
            database.close()
