"""What happens to a run, its tasks, its questions and its writes, as moves from one state to another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from orchestration.core import events as e
from orchestration.core.dues import under_way
from orchestration.core.evolve import evolve
from orchestration.core.run import SETTLED, ApprovalState, Run, TaskState

_ARROW = re.compile(r"(\S+) --> (\S+): (.+)")
_PAGE = Path(__file__).parents[2] / "docs" / "states.md"
Moves = set[tuple[str, str, str, str]]  # machine, from, to, event
NOTHING = "[*]"  # as mermaid has it: not there yet, or not any more
_LEFT = ("", "left_behind")
Position = dict[tuple[str, str], str]  # (machine, name) => state


def positions(run: Run) -> Position:
    """Where everything stands."""
    found = {("run", ""): "paused" if run.paused and run.status == "running" else run.status}
    for name, task in run.tasks.items():
        found["task", name] = task.status
        if (state := _write(task)) != NOTHING:
            found["write", name] = state
    found[_LEFT] = str(len(run.left_behind))
    for which, approval in run.approvals.items():
        found["question", which] = _approval(approval)
    return found


def _approval(approval: ApprovalState) -> str:
    if approval.open:
        return "overdue" if approval.expired else "open"
    if approval.decided_by is not None:
        return "decided"
    return "expired" if approval.expired and approval.on_expiry != "wait" else "withdrawn"


def _write(task: TaskState) -> str:
    if task.doubt:
        return "in_doubt"
    if under_way(task):
        return "under_way"
    if task.written:
        return "stale" if task.stale else "written"
    return "allowed" if task.allowed and task.status not in SETTLED else NOTHING


class Transitions:
    """(machine, from, to) => the kinds of event that led there."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str, str], set[str]] = {}

    def add(self, before: Position | None, event: e.Event, run: Run) -> None:
        """One event has been folded in; `before` says where everything stood, None for nowhere."""
        after, before = positions(run), dict(before or {})
        left = after.pop(_LEFT) != before.pop(_LEFT, "0")
        others = ""  # tasks that have the names of others before them
        if isinstance(event, e.GroupOpened) and run.nodes[event.task].for_each is not None:
            others = f"{event.task}."
        for machine, name in before.keys() | after.keys():
            was, state = before.get((machine, name), NOTHING), after.get((machine, name), NOTHING)
            if machine == "write" and left and was in ("written", "stale") and state not in ("written", "stale"):
                state = "left_behind"
            if machine == "task" and others and name.startswith(others) and was != NOTHING:
                self._note(machine, was, NOTHING, event)
                was = NOTHING
            if was != state:
                self._note(machine, was, state, event)

    def _note(self, machine: str, was: str, state: str, event: e.Event) -> None:
        self.seen.setdefault((machine, was, state), set()).add(type(event).__name__)

    @property
    def moves(self) -> Moves:
        """(machine, from, to, event) of everything that was seen."""
        return {(*move, name) for move, names in self.seen.items() for name in names}

    def merge(self, other: Transitions) -> None:
        """Take up what somebody else saw."""
        for move, names in other.seen.items():
            self.seen.setdefault(move, set()).update(names)


def moved(history: Iterable[e.Event]) -> Transitions:
    """The transitions of a whole history."""
    found = Transitions()
    run: Run | None = None
    for event in history:
        before = positions(run) if run is not None else None
        run = evolve(run, event)
        found.add(before, event, run)
    return found


@cache
def drawn() -> Moves:
    """Every arrow of `docs/states.md`."""
    found: Moves = set()
    machine = ""
    for line in _PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            machine = line[3:].lower()
        elif match := _ARROW.fullmatch(line.strip()):
            was, state, names = match.groups()
            found |= {(machine, was, state, name.strip()) for name in names.split(",")}
    return found


def undrawn(history: Iterable[e.Event]) -> list[tuple[str, str, str, str]]:
    """What happened in a history and is not in the drawing."""
    return sorted(moved(history).moves - drawn())
