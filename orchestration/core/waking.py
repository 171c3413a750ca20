"""Decisions that time alone brings about."""

from __future__ import annotations

from datetime import datetime

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.attempts import doubt, failed
from orchestration.core.overdue import overdue
from orchestration.core.run import Run, due_by
from orchestration.core.settling import close


def wake(run: Run, command: c.Wake, now: datetime) -> list[e.Event]:
    """Everything that time alone brings about; in the order in which it became due."""
    happened: list[e.Event] = []
    for name in due_by(run, now):
        if not name:
            said = "The run did not end within the time that its plan allows."
            return [
                *happened,
                *close(run, now, e.ClosingBegan(at=now, outcome="failed", code="deadline", message=said)),
            ]
        task = run.tasks[name]
        if task.status == "asking":
            following = overdue(run, run.approvals[task.approval], now)
            happened += following
            if len(following) > 1:
                break
        elif task.status != "running":
            happened.append(e.TimerFired(at=now, task=name))
        elif task.dedupe:
            late = "The other system did not answer in time, so nobody knows whether this was written."
            happened += doubt(run, c.DoubtTask(task=name, attempt=task.attempt, message=late), now)
        else:
            late = "The other system did not answer in time."
            failure = c.FailAttempt(
                task=name, attempt=task.attempt, code="timeout", message=late, retryable=True, jitter=command.jitter
            )
            following = failed(run, task, name, failure, now)
            happened += following
            if len(following) > 1:  # other tasks may have been moved: what else is due belongs to the next wake
                break
    return happened
