"""How tasks settle and runs end: shared by the decisions about attempts and answers."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime

from orchestration.core import events as e
from orchestration.core.dues import under_way
from orchestration.core.run import SETTLED, Run, TaskState
from orchestration.errors import Invalid


def close(run: Run, now: datetime, closing: e.ClosingBegan) -> list[e.Event]:
    """Begin to end a run early; it ends at once unless a write is under way."""
    if any(under_way(task) for task in run.tasks.values()):
        return [closing]
    return [closing, end(run, now, closing.outcome, closing.code, closing.message)]


def end(run: Run, now: datetime, outcome: str, code: str, message: str) -> e.Event:
    """The last event of a run that ends early."""
    return e.RunCancelled(at=now) if outcome == "cancelled" else e.RunFailed(at=now, code=code, message=message)


def settling(run: Run, now: datetime, event: e.Event) -> list[e.Event]:
    """`event` settles a task; in a closing run the last one ends it."""
    if run.closing and run.unsettled == 1:
        return [event, end(run, now, run.closing, run.code, run.message)]
    return [event]


def skip(
    run: Run, now: datetime, event: e.TaskSkipped | e.TaskFailed, settled: frozenset[str] = SETTLED
) -> list[e.Event]:
    """Do without a task, and skip whatever needs it and did not say that it can do without.

    `settled` are the states of tasks that stay as they are.
    """
    skipped: list[e.Event] = [event]
    gone, queue = {event.task}, [event.task]
    while queue:
        name = queue.pop()
        for dependent in run.dependents[name]:
            task = run.tasks[dependent]
            # It is settled by an earlier skip of something else that it needs; or it is a write under way whose source
            # was taken back, and `left_out` once it is known what became of it.
            stays = task.status in settled or under_way(task)
            if not stays and dependent not in gone and name.rpartition(".")[2] not in run.nodes[dependent].optional:
                gone.add(dependent)
                queue.append(dependent)
                skipped.append(e.TaskSkipped(at=now, task=dependent, reason="need"))
    return skipped


def in_want(run: Run, name: str, again: AbstractSet[str] = frozenset()) -> bool:
    """Whether a task cannot do without something that was skipped or failed, and is not among what is done again."""
    node, prefix = run.nodes[name], name[: name.rfind(".") + 1]
    for need in node.needs:  # a plain loop: it is gone through for every task that begins
        lost = run.tasks[prefix + need].status in ("skipped", "failed")
        if lost and need not in node.optional and prefix + need not in again:
            return True
    return False


def left_out(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Skips a task that would begin, if it is in want of something that was skipped while its write was under way."""
    return skip(run, now, e.TaskSkipped(at=now, task=name, reason="need")) if in_want(run, name) else []


def live(run: Run, name: str, *statuses: str) -> TaskState | None:
    """A task, if it is in one of these states; None if the command came too late.

    Raises:
        Invalid: The run has no such task.
    """
    task = run.tasks.get(name)
    if task is None:
        raise Invalid(f"run {run.run_id} has no task {name!r}")
    return task if task.status in statuses else None


def latest(run: Run, name: str, attempt: int, *statuses: str) -> TaskState | None:
    """A task, if this attempt is its latest and it is in one of these states."""
    task = live(run, name, *statuses)
    return task if task is not None and task.attempt == attempt else None
