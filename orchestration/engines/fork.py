"""Copies the beginning of a run, so that the copy can go another way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.evolve import evolve
from orchestration.core.run import Run
from orchestration.errors import Invalid, UnknownRun
from orchestration.ports import EntryRow, Store


class Copy(msgspec.Struct, frozen=True):
    """The beginning of a run under another id.

    Attributes:
        run: Its state.
        events: What it is made of.
        entries: The context entries that these name.
        salt: The original's, so that their digests hold.
    """

    run: Run
    events: list[e.Event]
    entries: list[EntryRow]
    salt: bytes


async def copy_run(store: Store, run_id: str, upto: int, new_id: str) -> Copy:
    """The first `upto` events of a run as the beginning of another; what was delivered to people stays with the first.

    One decision may have led to several events, all of the same instant: a copy never ends in the middle of one.

    Raises:
        UnknownRun: There is no such run.
        Invalid: It has no event `upto`.
    """
    rows, salt = await store.events(run_id), await store.salt(run_id)
    if not rows or salt is None:
        raise UnknownRun(f"there is no run {run_id!r}: it may have been removed")
    if any(row.seal for row in rows):
        raise Invalid(f"people were erased from run {run_id}, so it cannot be copied: what it rested on is gone")
    if not 2 <= upto <= len(rows):
        raise Invalid(f"run {run_id} has the events 2 to {len(rows)} to go on from, and no event {upto}")
    while upto < len(rows) and rows[upto].at == rows[upto - 1].at:
        upto += 1
    events: list[e.Event] = []
    for row in rows[:upto]:
        event = decode(row.body)
        if isinstance(event, e.RunProposed):
            event = msgspec.structs.replace(event, run_id=new_id, origin="")
        if not isinstance(event, e.NoticeDelivered):
            events.append(event)
    run = evolve(None, events[0])
    for event in events[1:]:
        evolve(run, event)
    named = {entry for event in events for entry in _entries(event)}
    bodies = await store.entries(run_id, named)
    return Copy(run, events, [EntryRow(new_id, entry, body) for entry, body in bodies.items()], salt)


def _entries(event: e.Event) -> Iterator[str]:
    for name in ("entry", "answer", "shown"):
        value: Any = getattr(event, name, "")
        if value:
            yield value
