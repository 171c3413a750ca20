"""`tandem runs`: reads the bot's event log while the bot owns it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.cli.log import Log

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = """
    SELECT run_id, title, status, initiator, proposed_at, open,
        EXISTS (SELECT 1 FROM events WHERE events.run_id = runs.run_id AND type = 'RunForked')
    FROM runs WHERE open OR NOT ? ORDER BY proposed_at DESC LIMIT ?
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
    dry: bool = False


def read(log: Log, *, open_only: bool, limit: int) -> list[RunLine]:
    """The newest runs.

    Raises:
        Trouble: There is no log, or it is not one.
    """
    rows = log.rows(_NEWEST, open_only, limit)
    return [
        RunLine(run_id, title, status, who, _EPOCH + timedelta(microseconds=at), bool(is_open), bool(dry))
        for run_id, title, status, who, at, is_open, dry in rows
    ]
