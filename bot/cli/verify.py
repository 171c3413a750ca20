"""`tandem verify`: whether the log is what was written; reads beside the running bot and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.cli.finding import Finding
from bot.cli.log import Log
from bot.cli.trouble import Trouble
from orchestration.audit.anchors import Garbled
from orchestration.audit.anchors import read as read_anchors
from orchestration.audit.erasure import BEGUN
from orchestration.audit.verify import Trail, Verdict, gone, verify
from orchestration.ports import Anchor, EntryRow, EventRow
from orchestration.stores.rows import EVENTS, HEADS, event_rows, instant

MISFIT = 3  # exit code: something does not fit; 1 is that it could not be tested
LATE = timedelta(minutes=1)  # what a running bot has long anchored


@dataclass(frozen=True)
class Anchored:
    """What is anchored.

    Attributes:
        garbled: What is wrong with the anchors themselves; those before that are good.
    """

    folder: Path
    by_run: dict[str, list[Anchor]]
    garbled: str = ""

    @property
    def latest(self) -> datetime | None:
        """When something was last anchored."""
        return max((each[-1].at for each in self.by_run.values()), default=None)


def folder_of(state: Path) -> Path:
    """Where this deployment's anchors are."""
    return Path(os.environ.get("TANDEM_ANCHORS_DIR", "").strip() or state / "anchors")


def anchored(folder: Path) -> Anchored:
    """All anchors of a folder, as far as they are good."""
    by_run: dict[str, list[Anchor]] = {}
    try:
        for anchor in read_anchors(folder):
            by_run.setdefault(anchor.run_id, []).append(anchor)
    except Garbled as error:
        return Anchored(folder, by_run, error.message)
    return Anchored(folder, by_run)


def examine(log: Log, anchors: Anchored, run_id: str) -> Verdict:
    """One run, tested.

    Raises:
        Trouble: The log cannot be read, or was never opened by a Tandem that writes chains.
    """
    known = anchors.by_run.get(run_id, [])
    verdict = _examine(log, known, run_id)
    return verdict if verdict.fits else _examine(log, known, run_id)  # an erasure may have come between two readings


def everything(log: Log, anchors: Anchored) -> Iterator[Verdict]:
    """Every run that the log has or the anchors know, the oldest first."""
    there = [run_id for (run_id,) in log.rows("SELECT run_id FROM runs ORDER BY proposed_at, run_id")]
    orphans = {run_id for (run_id,) in log.rows("SELECT DISTINCT run_id FROM events")} - set(there)
    missing = [run_id for run_id in anchors.by_run if run_id not in there]
    for run_id in dict.fromkeys([*there, *sorted(orphans), *missing]):
        yield examine(log, anchors, run_id)


def known(log: Log, anchors: Anchored, run: str) -> str | None:
    """The run of that id if the log has not got it any more but the anchors know it."""
    found = [run_id for run_id in anchors.by_run if run_id.startswith(run)]
    if run == "last" or len(found) != 1 or log.rows("SELECT 1 FROM runs WHERE run_id = ?", found[0]):
        return None
    return found[0]


def told(verdict: Verdict, now: datetime | None = None) -> str:
    """What was found of a run, in a line."""
    if not verdict.fits:
        return f"{verdict.run_id}  DOES NOT FIT: {verdict.why}"
    if not verdict.events:
        return f"{verdict.run_id}  was pruned"
    said = [f"{verdict.run_id}  fits, {verdict.events:,} events"]
    if not verdict.chained_from:
        said.append("all from before there was a chain, so nothing vouches for them")
    elif verdict.chained_from > 1:
        said.append(f"before the chain up to event {verdict.chained_from - 1}, in the chain from there on")
    if verdict.since is not None:
        late = (now or datetime.now(UTC)) - verdict.since
        first = verdict.anchored + 1
        loose = f"event {first} is" if first == verdict.events else f"events {first} to {verdict.events} are"
        said.append(f"{loose} not anchored yet{_since(late)}")
    if verdict.erased:
        said.append("somebody was erased from it")
    return "; ".join(said)


def _since(late: timedelta) -> str:
    return f" for {late // timedelta(minutes=1):,} minutes: is the bot running?" if late > LATE else ""


def look(log: Log, folder: Path, now: datetime | None = None) -> Iterator[Finding]:
    """What `tandem doctor` says of the anchors: whether they are good, and how far they are behind.

    Raises:
        Trouble: The log cannot be read.
    """
    anchors = anchored(folder)
    heads = _rows(log, f"{HEADS} ORDER BY e.at")
    if anchors.garbled:
        yield Finding("Audit", "bad", anchors.garbled, "Find out who wrote there; then: tandem verify --all")
        return
    known = {(each.run_id, each.seq) for several in anchors.by_run.values() for each in several}
    loose = [instant(at) for run_id, seq, _, at in heads if (run_id, seq) not in known]
    late = (now or datetime.now(UTC)) - loose[0] if loose else timedelta(0)
    if late > LATE:
        said = f"{len(loose):,} runs have events that are not anchored, the oldest for {late // LATE:,} minutes."
        yield Finding("Audit", "bad", said, f"Does the bot run, and can it write to {folder}?")
    elif heads:
        said = f"The heads of {len(heads):,} runs are anchored in {folder}"
        yield Finding("Audit", "good", f"{said}, but for {len(loose)} of the last minute." if loose else f"{said}.")
    if _rows(log, "SELECT 1 FROM documents WHERE kind = ?", BEGUN):
        yield Finding(
            "Audit", "bad", "Somebody's erasure was begun and not finished.", "Ask again: tandem erase PERSON"
        )


def _examine(log: Log, anchors: Sequence[Anchor], run_id: str) -> Verdict:
    row = _rows(log, "SELECT seq FROM runs WHERE run_id = ?", run_id)
    found = _rows(log, f"{EVENTS} WHERE run_id = ? ORDER BY seq", run_id)
    try:
        events: list[EventRow] = event_rows(run_id, found)
    except (OverflowError, TypeError):
        return Verdict(run_id, "an event is filed under a time that there is none: it was changed", 1, len(found))
    if not row and not events and anchors:
        return gone(run_id, anchors)
    salts = _rows(log, "SELECT salt FROM salts WHERE run_id = ?", run_id)
    entries = _rows(log, "SELECT entry, body FROM entries WHERE run_id = ? ORDER BY entry", run_id)
    # What was written between the readings is left for the next time.
    seq = row[0][0] if row else 0
    later = [] if not row else _rows(log, "SELECT seq FROM runs WHERE run_id = ?", run_id)
    if later and seq < len(events) <= later[0][0]:
        events = events[:seq]
    trail = Trail(run_id, seq, salts[0][0] if salts else None, events, [EntryRow(run_id, *each) for each in entries])
    return verify(trail, anchors)


def _rows(log: Log, query: str, *values: object) -> list[tuple[Any, ...]]:
    try:
        return log.rows(query, *values)
    except Trouble as trouble:
        if "no such column" in trouble.message or "does not exist" in trouble.message:
            raise Trouble(f"{log.name} has no chain yet: it begins when this Tandem's bot starts there.") from trouble
        raise
