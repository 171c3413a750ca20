"""The event log that this deployment has: a file in the state folder, or a database."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.cli.trouble import Trouble

if TYPE_CHECKING:
    from orchestration.ports import Store

EVENT_LOG = "tandem.db"
START = "Start Tandem with 'tandem up', or name its state folder: --state DIR"


class Log(Protocol):
    """Can be read while the bot owns it."""

    @property
    def name(self) -> str:
        """What messages call it; holds no secret."""

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query finds; `?` stands for each value. Takes no lock that the bot could feel.

        Raises:
            Trouble: There is no log, or it cannot be read.
        """

    def store(self) -> Store:
        """A store over it that is not open yet."""


class FileLog:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """See `Log.name`."""
        return str(self.path)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Log.rows`."""
        self._require()
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
                return db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise Trouble(f"{self.path} cannot be read as an event log: {error}") from error

    def store(self) -> Store:
        """See `Log.store`."""
        from orchestration.stores.sqlite import SqliteStore

        self._require()
        return SqliteStore(self.path)

    def _require(self) -> None:
        if not self.path.is_file():
            raise Trouble(f"There is no event log {self.path} yet. {START}")


class DatabaseLog:
    """A PostgreSQL database.

    Args:
        url: Where.
        password: Instead of one in the URL.
    """

    def __init__(self, url: str, *, password: Callable[[], Awaitable[str]] | str = "") -> None:
        from orchestration.stores.postgres import name_of

        self._url, self._password = url, password
        self._name = name_of(url)

    @property
    def name(self) -> str:
        """See `Log.name`."""
        return self._name

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Log.rows`."""
        return asyncio.run(self._rows(query.replace("?", "%s"), *values))

    def owner(self) -> str:
        """The process that owns it, as "tandem HOST PROCESS"; empty if there is none.

        Raises:
            Trouble: As for `rows`.
        """
        from orchestration.stores.postgres import LOCK
        from orchestration.stores.postgres_sql import OWNER

        found = self.rows(OWNER, LOCK)
        return str(found[0][0]) if found else ""

    async def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        import psycopg

        from orchestration.stores.postgres import connect

        async with await connect(self._url, password=self._password, target_session_attrs="any") as db:
            try:
                await db.set_read_only(True)
                async with db.transaction():
                    return await (await db.execute(query.encode(), values, binary=True)).fetchall()
            except psycopg.errors.UndefinedTable:
                raise Trouble(f"There is no event log in {self._name} yet: it is made when the bot starts.") from None
            except psycopg.Error as error:
                raise Trouble(f"{self._name} cannot be read as an event log: {error}") from error

    def store(self) -> Store:
        """See `Log.store`."""
        from orchestration.stores.postgres import PostgresStore

        return PostgresStore(self._url, password=self._password)


def log_of(state: Path) -> Log:
    """The log that the environment names, or the one in the state folder.

    Raises:
        InvalidSettings: `TANDEM_DATABASE_LOGIN` is entra, and the bot's identity is not in the environment.
    """
    if not (url := os.environ.get("TANDEM_DATABASE_URL", "").strip()):
        return FileLog(state / EVENT_LOG)
    if os.environ.get("TANDEM_DATABASE_LOGIN", "").strip() != "entra":
        return DatabaseLog(url)
    from bot.settings import read
    from connectors.identity.database import of_bot

    settings = read()

    async def password() -> str:
        entra = of_bot(**settings.own_identity)
        try:
            return await entra()
        finally:
            await entra.close()

    return DatabaseLog(url, password=password)
