"""Tells whether a run's log is what was written, or names the first event that is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from orchestration.audit.chain import entry_digest, link, remains
from orchestration.ports import Anchor, EntryRow, EventRow

_NAMING = ("entry", "answer", "shown")  # fields that name context entries which were stored with the event
_decode = msgspec.json.Decoder().decode


class Trail(msgspec.Struct, frozen=True):
    """All of one run that can be tested, read at one moment.

    Attributes:
        seq: How many events the projection of runs knows; 0 if it does not know the run.
        salt: None if it is gone.
    """

    run_id: str
    seq: int
    salt: bytes | None
    events: Sequence[EventRow]
    entries: Sequence[EntryRow]


class _Misfit(Exception):
    def __init__(self, seq: int, why: str) -> None:
        super().__init__(why)
        self.seq, self.why = seq, why


class Verdict(msgspec.Struct, frozen=True):
    """What was found of a run.

    Attributes:
        why: What does not fit; empty if all of it does.
        seq: The first event that does not fit; 0 if it is no event, or all fits.
        events: How many there are.
        chained_from: The first event of the chain; 0 if there is none.
        anchored: The last event whose link is anchored.
        erased: People were erased from it.
        since: When the first event that is not anchored happened; None if all are.
    """

    run_id: str
    why: str = ""
    seq: int = 0
    events: int = 0
    chained_from: int = 0
    anchored: int = 0
    erased: bool = False
    since: datetime | None = None

    @property
    def fits(self) -> bool:
        """Nothing was found wrong."""
        return not self.why


def verify(trail: Trail, anchors: Sequence[Anchor]) -> Verdict:
    """Test a run against itself and against its anchors.

    Args:
        trail: The run.
        anchors: Its own, the oldest first, read before the run was, so that they cannot be ahead of it.
    """
    heads = {anchor.seq: anchor.digest for anchor in reversed(anchors) if anchor.kind == "head"}
    anchored = max((seq for seq in heads if seq <= len(trail.events)), default=0)
    chained = next((row.seq for row in trail.events if row.link), 0)
    try:
        _present(trail, anchors)
        assert trail.salt is not None
        _chain(trail, trail.salt)
        _tail(trail, heads)
        _heads(trail, heads)
        erased = _entries(trail, trail.salt, anchors)
    except _Misfit as misfit:
        return Verdict(trail.run_id, misfit.why, misfit.seq, len(trail.events), chained, anchored)
    loose = [row for row in trail.events[anchored:] if row.link]
    since = loose[0].at if loose else None
    return Verdict(trail.run_id, "", 0, len(trail.events), chained, anchored, erased, since)


def gone(run_id: str, anchors: Sequence[Anchor]) -> Verdict:
    """What is to be said of a run that the log does not have."""
    known = max(anchor.seq for anchor in anchors)
    if any(anchor.kind == "pruned" and anchor.seq >= known for anchor in anchors):
        return Verdict(run_id)
    return Verdict(run_id, f"the whole run is gone: the anchors know {known} events of it, and nobody pruned it", 1)


def _present(trail: Trail, anchors: Sequence[Anchor]) -> None:
    if not trail.events:
        raise _Misfit(1, "it has no events: all were deleted")
    if not _bytes(trail.salt):
        raise _Misfit(0, "its salt is gone, so that nothing of it can be tested")
    for place, row in enumerate(trail.events, 1):
        if row.seq != place:
            raise _Misfit(place, f"event {place} is missing: it was deleted")


def _chain(trail: Trail, salt: bytes) -> None:
    before = b""
    for row in trail.events:
        if not _bytes(row.body, row.link, row.seal):
            raise _Misfit(row.seq, f"event {row.seq} is not kept as bytes any more: it was changed")
        if not row.link:
            if before:
                raise _Misfit(row.seq, f"event {row.seq} ({row.type}) has no link: it was inserted or changed")
            continue
        try:
            _columns(row, _decode(row.body))
            expected = link(before, trail.run_id, row.seq, row.type, row.body, salt, row.seal)
        except msgspec.DecodeError:
            raise _Misfit(row.seq, f"event {row.seq} is not JSON any more: it was changed") from None
        if expected != row.link:
            raise _Misfit(
                row.seq,
                f"event {row.seq} ({row.type}) does not fit its link: it, its link or the one before was changed, "
                "inserted, moved, or taken from another run",
            )
        before = row.link


def _bytes(*values: object) -> bool:
    """Whether they are what was written: SQLite keeps in any column whatever it is given."""
    return all(isinstance(value, bytes) for value in values)


def _columns(row: EventRow, body: Any) -> None:
    """What the columns say of an event is what the event says."""
    if not isinstance(body, dict) or body.get("type") != row.type:
        raise _Misfit(row.seq, f"event {row.seq} is filed as {row.type} and is something else: it was changed")
    try:
        same = msgspec.convert(body.get("at"), datetime) == row.at
    except msgspec.ValidationError:
        same = False
    if not same:
        raise _Misfit(row.seq, f"event {row.seq} ({row.type}) is filed under another time than its own: it was changed")


def _tail(trail: Trail, heads: dict[int, str]) -> None:
    there = len(trail.events)
    known, who = max((max(heads, default=0), "the anchors know"), (trail.seq, "the table of runs counts"))
    if known > there:
        raise _Misfit(there + 1, f"event {there + 1} and what follows is missing: {who} {known} events")
    if trail.seq < there:
        raise _Misfit(trail.seq + 1, f"the table of runs counts {trail.seq} events: more were inserted, or it changed")


def _heads(trail: Trail, heads: dict[int, str]) -> None:
    good = 0
    for seq in sorted(heads):
        row = trail.events[seq - 1]
        if row.link.hex() != heads[seq]:
            what = f"event {good + 1}" if seq == good + 1 else f"one of the events {good + 1} to {seq}"
            raise _Misfit(
                good + 1, f"{what} was rewritten, with all links after it: event {seq} was anchored otherwise"
            )
        good = seq


def _entries(trail: Trail, salt: bytes, anchors: Sequence[Anchor]) -> bool:
    """Context entries are what the events name; what an erasure left is what it left. Whether there was one."""
    if odd := next((each.entry for each in trail.entries if not _bytes(each.body)), ""):
        raise _Misfit(_named_by(trail, odd), f"the context entry {odd} is not kept as bytes any more: it was changed")
    erasures = {anchor.digest for anchor in anchors if anchor.kind == "erased"}
    left = remains(salt, trail.events, trail.entries)
    sealed = any(row.seal for row in trail.events)
    if left and left not in erasures:
        if sealed:
            raise _Misfit(0, "what an erasure left of it was changed afterwards, or nobody erased it: no anchor knows")
        wrong = next(each.entry for each in trail.entries if entry_digest(salt, each.body) != each.entry)
        raise _Misfit(_named_by(trail, wrong), f"the context entry {wrong} was changed: its id is not its digest")
    if not sealed:
        there = {each.entry for each in trail.entries}
        for row in trail.events:
            missing = [entry for entry in _names(row) if entry not in there]
            if missing:
                raise _Misfit(row.seq, f"event {row.seq} ({row.type}) names the context entry {missing[0]}: it is gone")
    return sealed


def _names(row: EventRow) -> list[str]:
    body = _decode(row.body)
    return [body[name] for name in _NAMING if isinstance(body.get(name), str) and body[name]]


def _named_by(trail: Trail, entry: str) -> int:
    mark = entry.encode()
    return next((row.seq for row in trail.events if mark in row.body), 0)
