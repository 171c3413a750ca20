"""Rows as both databases keep them: instants are microseconds since 1970, so that none is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.ports import Anchor, EventRow, RunRow, Saved, SnapshotRow

EVENTS = "SELECT seq, at, type, body, link, seal FROM events"
RUNS = "SELECT run_id, status, title, initiator, open, due, wake_at, proposed_at, seq FROM runs"

HEADS = (
    "SELECT r.run_id, r.seq, e.link, e.at FROM runs r JOIN events e ON e.run_id = r.run_id AND e.seq = r.seq "
    "WHERE length(e.link) > 0"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stamp(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stamped: int) -> datetime:
    """The instant of a stamp, aware UTC."""
    return _EPOCH + stamped * _MICROSECOND


def run_values(row: RunRow) -> tuple[Any, ...]:
    """The columns of `runs`, in order."""
    wake_at = None if row.wake_at is None else stamp(row.wake_at)
    return (
        row.run_id,
        row.status,
        row.title,
        row.initiator,
        row.open,
        row.due,
        wake_at,
        stamp(row.proposed_at),
        row.seq,
    )


def run_row(row: Sequence[Any]) -> RunRow:
    """What `RUNS` selects."""
    run_id, status, title, initiator, open_, due, wake_at, proposed_at, seq = row
    return RunRow(
        run_id=run_id,
        status=status,
        title=title,
        initiator=initiator,
        open=bool(open_),
        due=bool(due),
        wake_at=None if wake_at is None else instant(wake_at),
        proposed_at=instant(proposed_at),
        seq=seq,
    )


def event_rows(run_id: str, rows: Sequence[Sequence[Any]]) -> list[EventRow]:
    """Rows of `EVENTS`."""
    return [
        EventRow(run_id, seq, instant(at), type_, body, link or b"", seal or b"")
        for seq, at, type_, body, link, seal in rows
    ]


def heads(rows: Sequence[Sequence[Any]]) -> list[Anchor]:
    """Rows of `HEADS`."""
    return [Anchor(run_id, seq, link.hex(), instant(at)) for run_id, seq, link, at in rows]


def saved(run_id: str, version: str, rows: Sequence[Sequence[Any]]) -> Saved | None:
    """What `saved_query` selects: first salt, snapshot and last link, then events; None if there is no salt."""
    if not rows or rows[0][0] != 0:
        return None
    _, at, _, salt, body, link = rows[0]
    snapshot = None if body is None else SnapshotRow(run_id, at, version, body)
    events = [EventRow(run_id, seq, instant(at), type_, body) for seq, at, type_, body, _, _ in rows[1:]]
    return Saved(salt, snapshot, events, link or b"") if events or snapshot else None


def saved_query(mark: str) -> str:
    """All of a run in one round trip: its salt and snapshot, then the events after that.

    Args:
        mark: How the dialect spells a parameter; in order: version, run, run, run, version.
    """
    return (
        "SELECT 0 AS seq, coalesce(p.seq, 0) AS at, '' AS type, s.salt AS body, p.body AS state, "  # noqa: S608
        "(SELECT e.link FROM events e WHERE e.run_id = s.run_id ORDER BY e.seq DESC LIMIT 1) AS link "
        f"FROM salts s LEFT JOIN snapshots p ON p.run_id = s.run_id AND p.version = {mark} WHERE s.run_id = {mark} "
        f"UNION ALL SELECT seq, at, type, body, NULL, NULL FROM events WHERE run_id = {mark} AND seq > "
        f"coalesce((SELECT seq FROM snapshots WHERE run_id = {mark} AND version = {mark}), 0) ORDER BY 1"
    )
