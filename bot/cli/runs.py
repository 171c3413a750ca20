"""`tandem runs`: reads the bot's event log while the bot owns it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.trouble import Trouble

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = """
    SELECT run_id, title, status, initiator, proposed_at, open FROM runs
    WHERE open OR NOT ? ORDER BY proposed_at DESC LIMIT ?
"""


@dataclass(frozen=True)
class RunLine:
    """One run as the log's projection has it."""

    run_id: str
    title: str
    status: str
    initiator: str
    proposed_at: datetime
    open: bool


def read(log: Path, *, open_only: bool, limit: int) -> list[RunLine]:
    """The newest runs; takes no lock that the bot could feel.

    Raises:
        Trouble: There is no log, or it is not one.
    """
    if not log.is_file():
        raise Trouble(
            f"There is no event log {log} yet. Start Tandem with 'tandem up', or name its state folder: --state DIR"
        )
    try:
        with closing(sqlite3.connect(f"{log.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            rows = db.execute(_NEWEST, (open_only, limit)).fetchall()
    except sqlite3.DatabaseError as error:
        raise Trouble(f"{log} cannot be read as an event log: {error}") from error
    return [RunLine(i, t, s, who, _EPOCH + timedelta(microseconds=at), bool(o)) for i, t, s, who, at, o in rows]
