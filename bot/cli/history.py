"""`tandem history`: what happened in a run, from its events, while the bot owns the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bot.cli.log import Log
from bot.cli.phrases import who
from bot.cli.telling import Moment, Teller
from bot.cli.trouble import Trouble
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.question import Answered, Shown

_Entry = TypeVar("_Entry", Shown, Answered)


@dataclass(frozen=True)
class History:
    """A run's past."""

    run_id: str
    title: str
    goal: str
    initiator: str
    playbook: str
    moments: Sequence[Moment]
    dry: bool = False
    failed: bool = False


def find(log: Log, run: str) -> str:
    """The whole id of a run: of `last`, or of the one run that begins so.

    Raises:
        Trouble: There is none, or there are several; or the log cannot be read.
    """
    if run == "last":
        found = log.rows("SELECT run_id, title FROM runs ORDER BY proposed_at DESC LIMIT 1")
    else:
        found = log.rows("SELECT run_id, title FROM runs WHERE substr(run_id, 1, ?) = ? LIMIT 6", len(run), run)
    if not found:
        raise Trouble(f"There is no run {run!r} in {log.name}. 'tandem runs' lists the runs; 'last' is the newest.")
    exact = [run_id for run_id, _ in found if run_id == run]
    if len(found) > 1 and not exact:
        listed = "\n".join(f"  {run_id}  {title}" for run_id, title in found[:5])
        raise Trouble(f"Several runs begin with {run!r}; give more of the id:\n{listed}")
    return str(exact[0] if exact else found[0][0])


def read(log: Log, run_id: str, *, everything: bool = False) -> History:
    """The history of a run.

    Args:
        log: The event log.
        run_id: The whole id.
        everything: Also deliveries of cards and expired timers.

    Raises:
        Trouble: The log cannot be read, or holds an event that this version does not know.
    """
    first, decoded = events(log, run_id)
    entries = dict(log.rows("SELECT entry, body FROM entries WHERE run_id = ?", run_id))

    def answers(event: e.ApprovalDecided) -> tuple[Shown | None, Answered | None]:
        return _entry(entries, event.shown, Shown), _entry(entries, event.entry, Answered)

    teller = Teller(first, answers)
    moments = [moment for event in decoded for moment in teller.tell(event)]
    return History(
        run_id=run_id,
        title=first.plan.title,
        goal=first.goal,
        initiator=who(first.initiator),
        playbook=first.plan.playbook,
        moments=[moment for moment in moments if everything or moment.tone != "quiet"],
        dry=any(isinstance(event, e.RunForked) for event in decoded),
        failed=next((isinstance(event, e.RunFailed) for event in reversed(decoded) if not _delivery(event)), False),
    )


def _delivery(event: e.Event) -> bool:
    return isinstance(event, e.NoticeDelivered)


def events(log: Log, run_id: str) -> tuple[e.RunProposed, list[e.Event]]:
    """The first event of a run, and all of them.

    Raises:
        Trouble: As for `read`.
    """
    decoded: list[e.Event] = []
    for seq, body in log.rows("SELECT seq, body FROM events WHERE run_id = ? ORDER BY seq", run_id):
        try:
            decoded.append(decode(body))
        except msgspec.DecodeError as error:
            raise Trouble(
                f"Event {seq} of run {run_id} is not one that this Tandem knows; did a newer one write it? {error}"
            ) from error
    first = decoded[0] if decoded else None
    if not isinstance(first, e.RunProposed):
        raise Trouble(f"Run {run_id} has no beginning in {log.name}.")
    return first, decoded


def _entry(entries: dict[str, bytes], entry: str, type_: type[_Entry]) -> _Entry | None:
    """A context entry; None if it was erased or is of another shape."""
    try:
        return msgspec.json.decode(entries[entry], type=type_) if entry in entries else None
    except msgspec.DecodeError:
        return None
