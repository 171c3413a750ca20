"""What a log says once the process is gone, and what must hold of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, LiteralString

import msgspec

from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.evolve import fold
from orchestration.core.run import ENDED, Run, effects
from tests.faults.world import World


class Log(msgspec.Struct, kw_only=True):
    """Everything that is kept about one run.

    Attributes:
        rows: (seq, event) in order of their numbers.
        entries: Context entries by id, decoded.
        open: What the projection says.
        copies: Runs that were made from it.
    """

    rows: list[tuple[int, e.Event]]
    entries: dict[str, Any]
    open: bool
    copies: list[Log] = []

    @property
    def run(self) -> Run:
        """The state that the events fold to."""
        return fold(event for _, event in self.rows)

    @property
    def events(self) -> list[e.Event]:
        """In order."""
        return [event for _, event in self.rows]


def logs(select: Callable[[LiteralString], Iterable[Any]]) -> list[Log]:
    """A whole log, run by run, through a way to ask for rows."""
    found = {
        run_id: Log(rows=[], entries={}, open=bool(open_)) for run_id, open_ in select("SELECT run_id, open FROM runs")
    }
    for run_id, seq, body in select("SELECT run_id, seq, body FROM events ORDER BY run_id, seq"):
        found[run_id].rows.append((seq, decode(body)))
    for run_id, entry, body in select("SELECT run_id, entry, body FROM entries"):
        found[run_id].entries[entry] = msgspec.json.decode(body)
    return list(found.values())


def single(found: list[Log]) -> Log | None:
    """The log of the one run that is kept somewhere, with its copies; None if there is none yet."""
    copies = [log for log in found if any(isinstance(event, e.RunForked) for event in log.events)]
    runs = [log for log in found if log not in copies]
    assert len(runs) <= 1, "a run was proposed twice"
    assert len(copies) <= 1, "a run was copied twice"
    for run in runs:
        run.copies = copies
    return runs[0] if runs else None


def outcome(log: Log, either: frozenset[str] = frozenset()) -> dict[str, Any]:
    """How the run ended, without what may differ between lives: times, attempts, doubts that were settled."""

    def told(entry: str) -> Any:
        value = log.entries[entry] if entry else None
        return {key: what for key, what in value.items() if key != "at"} if isinstance(value, dict) else value

    run = log.run
    decided = [each for each in run.approvals.values() if each.decided_by is not None and each.kind != "in_doubt"]
    return {
        "status": run.status,
        "code": run.code,
        "answer": told(run.answer),
        "tasks": {
            name: (task.status, task.code, told(task.entry)) for name, task in run.tasks.items() if name not in either
        },
        "decided": sorted((each.task, each.kind, each.choice, len(each.votes)) for each in decided),
        "copies": [outcome(copy, either) for copy in log.copies],
    }


def nothing_ahead(log: Log | None, world: World) -> None:
    """Nothing that the world has seen is missing in the log: effects follow what is durable."""
    logs = [log, *log.copies] if log is not None else []
    journaled, notes, possible = set[str](), set[str](), set[tuple[str, str]]()
    for each in logs:
        run_id = each.run.run_id
        for event in each.events:
            match event:
                case e.TaskStarted():
                    journaled.add(event.key)
                case e.StepJournaled():
                    notes.add(event.note)
                case e.ApprovalRequested():
                    possible |= {(run_id, f"approval:{event.approval}"), (run_id, f"reminder:{event.approval}")}
                case e.ApprovalQuestioned():
                    possible.add((run_id, f"back:{event.approval}"))
                case e.ApprovalExplained():
                    possible.add((run_id, f"reply:{event.approval}"))
                case e.SignInRequested():
                    possible.add((run_id, "sign_in"))
                case e.RunSucceeded() | e.RunFailed() | e.RunCancelled():
                    possible.add((run_id, "outcome"))
    assert set(world.accepted) <= journaled, "something was written whose intent is not in the log"
    assert {draft.split()[0] for draft in world.drafts} <= journaled, "something was drafted that is not in the log"
    assert set(world.posted) <= notes, "a draft was sent whose id is not in the log"
    assert {(run_id, notice) for run_id, notice, _ in world.cards} <= possible, "a card tells more than the log"
    assert not world.told or logs, "somebody was told of a run that is not in the log"


def whole(log: Log, world: World) -> None:
    """What must hold of any log at the end, whatever happened on the way."""
    assert [seq for seq, _ in log.rows] == list(range(1, len(log.rows) + 1)), "the log has gaps"
    assert all(one.at <= next_.at for one, next_ in pairwise(log.events)), "time went back"
    run = log.run
    assert run.status in ENDED
    assert not effects(run), "something is still to be done"
    assert not log.open, "the projection says that it is still open"
    for what, times in Counter(event.approval for event in log.events if isinstance(event, e.ApprovalDecided)).items():
        assert times == 1, f"{what} was decided {times} times"
    for key, times in Counter(world.accepted).items():
        assert times == 1, f"{key} was written {times} times"
    for name, task in run.tasks.items():
        if task.dedupe:
            there = task.key in world.accepted
            assert there == (task.status == "succeeded"), f"{name} is {task.status}; written: {there}"
    for copy in log.copies:
        whole(copy, world)
