"""`tandem retract`: finds a result by how its id begins, and says what taking it back leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.cli.history import events
from bot.cli.log import Log
from bot.cli.phrases import SHORT_ENTRY
from bot.cli.trouble import Trouble
from orchestration.core.commands import RetractEntry
from orchestration.core.evolve import fold
from orchestration.core.retraction import Retraction, foresee
from orchestration.core.run import OPERATOR, Person, Run
from orchestration.errors import TandemError

SHORTEST = 6
_MOST = 50


@dataclass(frozen=True)
class Found:
    """A result, and the run that has it."""

    run: Run
    entry: str


def find(log: Log, begins: str, run_id: str = "") -> Found:
    """The one result whose id begins so.

    A dry run shares its results with the run that it was copied from; the latter is meant unless `run_id` says so.

    Raises:
        Trouble: There is none, or several; or the log cannot be read.
    """
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},64}}", begins):
        raise Trouble(
            f"{begins!r} is not how an entry's id begins: give {SHORTEST} or more of its characters (0-9, a-f), "
            "as 'tandem history' shows them behind a result."
        )
    query = "SELECT run_id, entry FROM entries WHERE substr(entry, 1, ?) = ?"
    rows = log.rows(f"{query} LIMIT {_MOST}", len(begins), begins)
    runs = {each: fold(events(log, each)[1]) for each in {row[0] for row in rows} if not run_id or each == run_id}
    found = [Found(runs[each], entry) for each, entry in rows if each in runs and _results(runs[each], entry)]
    if not run_id and (real := [each for each in found if not each.run.dry]):
        found = real
    if not found:
        where = f"run {run_id}" if run_id else log.name
        raise Trouble(f"No result in {where} has an id that begins with {begins}: 'tandem history RUN' shows them.")
    if len(found) > 1:
        listed = "\n".join(
            f"  {each.entry[:SHORT_ENTRY]}  {', '.join(_titles(each.run, _results(each.run, each.entry)))}"
            f" in run {each.run.run_id}  {each.run.plan.title}"
            for each in found
        )
        raise Trouble(f"Several results begin with {begins}; give more of the id, or its run with --run:\n{listed}")
    return found[0]


def consequences(found: Found, task: str = "") -> Retraction:
    """What taking it back leads to.

    Raises:
        Trouble: It cannot be taken back; with why.
    """
    command = RetractEntry(entry=found.entry, task=task, by=Person(OPERATOR, ""))
    try:
        return foresee(found.run, command, datetime.now(UTC))
    except TandemError as error:
        raise Trouble(error.message) from None


def told(found: Found, foreseen: Retraction) -> Iterator[str]:
    """The consequences in lines."""
    run = found.run
    yield f"Taken back: {_listed(run, foreseen.source)} (entry {found.entry[:SHORT_ENTRY]})"
    yield f"       Run: {run.plan.title}, for {run.initiator.name} ({run.run_id})"
    if foreseen.again:
        yield f"Done again: {_listed(run, foreseen.again)}"
    if foreseen.asked:
        yield f"Asked anew: {_listed(run, foreseen.asked)}"
    if foreseen.writes:
        yield f"Was already written: {_listed(run, foreseen.writes)}"
        yield f"  {run.initiator.name} is asked about each that would come out differently; until then it stays."
    if foreseen.left_behind:
        yield f"Was already written, and is left behind: {_listed(run, foreseen.left_behind)}"
        yield "  These belong to a loop that begins anew: please look after them yourself."
    if not foreseen.writes + foreseen.left_behind:
        yield "Nothing was written from it."


def _results(run: Run, entry: str) -> list[str]:
    return [name for name, task in run.tasks.items() if task.entry == entry]


def _titles(run: Run, names: Iterable[str]) -> list[str]:
    return [run.nodes[name].title or name for name in names]


def _listed(run: Run, names: Iterable[str]) -> str:
    return ", ".join(_titles(run, names))
