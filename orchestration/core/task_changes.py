"""How events about tasks change the state. Frozen, see `evolve`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from orchestration.core import events as e
from orchestration.core import groups
from orchestration.core.dues import forget_attempt, leave_behind, make_ready, owe, withdraw
from orchestration.core.run import Conclude, Dispatch, Gather, Part, Prepare, PrepareQuestion, Reconcile, Run


def settle(run: Run, name: str) -> None:
    """Tell dependents that a task has its final state; the last one calls for the answer."""
    run.unsettled -= 1
    if run.closing:
        return
    if "." in name:
        groups.settled(run, name)
    for dependent in run.dependents[name]:
        task = run.tasks[dependent]
        task.unsettled -= 1
        if not task.unsettled and task.status == "pending":
            task.status = "ready"
            owe(run, Prepare(dependent))
    if not run.unsettled:
        owe(run, Conclude())


def _task_started(run: Run, event: e.TaskStarted) -> None:
    name, task = event.task, run.tasks[event.task]
    run.due.pop(Prepare(name), None)
    task.doubt = False
    task.status, task.attempt, task.worker, task.version = "running", event.attempt, event.worker, event.version
    task.spent += 1
    task.attempts = event.attempts
    task.inputs, task.dedupe, task.key = event.inputs, event.dedupe, event.key
    task.deadline, task.not_after = event.deadline, event.not_after
    if event.verdict in ("allowed", "granted"):  # what a person allowed was something else, and is not written any more
        task.allowed = ""
    task.retry_at = task.look_at = None
    task.started_at = task.started_at or event.at
    heapq.heappush(run.timers, (event.deadline, name, event.attempt))
    owe(run, Dispatch(name, event.attempt))


def _task_succeeded(run: Run, event: e.TaskSucceeded) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    if event.task in run.groups:
        groups.gathered(run, event.task)
    task.written = bool(task.key)
    task.label, task.tainted, task.sources = event.label, event.tainted, event.sources
    if task.stale and task.key and not run.closing:  # what it was made from was taken back meanwhile
        task.entry, task.summary = event.entry, event.summary
        make_ready(run, event.task, task)
        return
    task.status, task.entry, task.summary, task.finished_at = "succeeded", event.entry, event.summary, event.at
    task.code = task.message = ""
    settle(run, event.task)


def _work_asserted(run: Run, event: e.WorkAsserted) -> None:
    task = run.tasks[event.task]
    task.parts = {**task.parts, event.part: Part(event.done, event.of)}


def _model_used(run: Run, event: e.ModelUsed) -> None:
    run.usage.setdefault(event.task, []).append(event.usage)


def _step_journaled(run: Run, event: e.StepJournaled) -> None:
    run.tasks[event.task].journal = event.note


def _attempt_failed(run: Run, event: e.AttemptFailed) -> None:
    name, task = event.task, run.tasks[event.task]
    forget_attempt(run, name, task)
    run.due.pop(Prepare(name), None)
    if name in run.groups:
        groups.gathered(run, name)
    task.code, task.message = event.code, event.message
    task.stale = task.stale and task.written  # what was not written cannot be out of date
    if event.retry_at is not None:
        task.status, task.retry_at = "backing_off", event.retry_at
        heapq.heappush(run.timers, (event.retry_at, name, task.attempt))
    elif not run.closing and run.nodes[name].on_failure == "ask":
        task.status, task.approval = "asking", ""
        owe(run, PrepareQuestion(name))


def _attempt_interrupted(run: Run, event: e.AttemptInterrupted) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    task.status = "ready"
    task.spent -= 1
    task.interrupted += 1
    owe(run, Prepare(event.task))


def _task_failed(run: Run, event: e.TaskFailed) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    run.due.pop(Prepare(event.task), None)
    if event.task in run.groups:
        groups.gathered(run, event.task)
    task.status, task.code, task.message, task.finished_at = "failed", event.code, event.message, event.at
    settle(run, event.task)


def _task_skipped(run: Run, event: e.TaskSkipped) -> None:
    task = run.tasks[event.task]
    run.due.pop(Prepare(event.task), None)
    withdraw(run, task)
    if task.written:
        leave_behind(run, event.task)
    task.stale = False
    task.status, task.code, task.message, task.finished_at = (
        "skipped",
        event.reason,
        event.message or task.message,
        event.at,
    )
    settle(run, event.task)


def _task_cancelled(run: Run, event: e.TaskCancelled) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    task.status, task.finished_at = "cancelled", event.at
    settle(run, event.task)


def _task_released(run: Run, event: e.TaskReleased) -> None:
    task = run.tasks[event.task]
    task.spent, task.approval, task.retry_at = 0, "", None
    make_ready(run, event.task, task)


def _task_fell_back(run: Run, event: e.TaskFellBack) -> None:
    task = run.tasks[event.task]
    task.spent, task.fell_back, task.allowed, task.journal = 0, True, "", ""
    if task.written:  # by the task's own capability; the fallback's write is another one
        leave_behind(run, event.task)
    run.due.pop(PrepareQuestion(event.task), None)
    make_ready(run, event.task, task)


def _write_kept(run: Run, event: e.WriteKept) -> None:
    task = run.tasks[event.task]
    run.due.pop(Prepare(event.task), None)
    task.status, task.stale, task.finished_at = "succeeded", False, event.at
    if event.label is not None:
        task.label, task.tainted = event.label, event.tainted
    settle(run, event.task)


def _group_opened(run: Run, event: e.GroupOpened) -> None:
    task = run.tasks[event.task]
    run.due.pop(Prepare(event.task), None)
    task.status, task.code, task.message = "open", "", ""
    task.started_at = task.started_at or event.at
    groups.opened(run, event)


def _round_ended(run: Run, event: e.RoundEnded) -> None:
    run.due.pop(Gather(event.task, event.number), None)
    groups.ended(run, event)


def _timer_fired(run: Run, event: e.TimerFired) -> None:
    task = run.tasks[event.task]
    if task.status == "backing_off":
        task.retry_at = None
        make_ready(run, event.task, task)
    else:
        task.look_at = None
        owe(run, Reconcile(event.task, task.attempt))


def _task_in_doubt(run: Run, event: e.TaskInDoubt) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    task.status, task.doubt, task.look_at = "in_doubt", True, event.look_at
    task.code, task.message = "in_doubt", event.message
    heapq.heappush(run.timers, (event.look_at, event.task, task.attempt))


def _doubt_resolved(run: Run, event: e.DoubtResolved) -> None:
    task = run.tasks[event.task]
    forget_attempt(run, event.task, task)
    if event.happened:
        task.written = True
    else:
        task.stale = task.stale and task.written
        if not run.closing:
            make_ready(run, event.task, task)


APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.TaskStarted: _task_started,
    e.TaskSucceeded: _task_succeeded,
    e.StepJournaled: _step_journaled,
    e.WorkAsserted: _work_asserted,
    e.ModelUsed: _model_used,
    e.AttemptFailed: _attempt_failed,
    e.AttemptInterrupted: _attempt_interrupted,
    e.TaskFailed: _task_failed,
    e.TaskSkipped: _task_skipped,
    e.TaskCancelled: _task_cancelled,
    e.TaskReleased: _task_released,
    e.TaskFellBack: _task_fell_back,
    e.GroupOpened: _group_opened,
    e.RoundEnded: _round_ended,
    e.WriteKept: _write_kept,
    e.TimerFired: _timer_fired,
    e.TaskInDoubt: _task_in_doubt,
    e.DoubtResolved: _doubt_resolved,
}
