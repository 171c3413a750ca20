"""How each event changes the state. Frozen: committed histories must fold to the same state for ever."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any

from orchestration.core import events as e
from orchestration.core.run import (
    SETTLED,
    ApprovalState,
    Ask,
    AskSignIn,
    Conclude,
    Dispatch,
    Effect,
    Prepare,
    PrepareQuestion,
    Reconcile,
    Report,
    Run,
    TaskState,
)


def fold(history: Iterable[e.Event]) -> Run:
    """The state after a whole history, which begins with `RunProposed`."""
    iterator = iter(history)
    run = evolve(None, next(iterator))
    for event in iterator:
        evolve(run, event)
    run.fresh.clear()
    return run


def evolve(run: Run | None, event: e.Event) -> Run:
    """The state after one more event; `run` is changed in place and returned. Costs O(1 + dependents)."""
    if run is None:
        assert isinstance(event, e.RunProposed)
        run = _proposed(event)
    else:
        _APPLY[type(event)](run, event)
    run.seq += 1
    run.last_at = event.at
    return run


def _owe(run: Run, effect: Effect) -> None:
    if effect not in run.due:
        run.due[effect] = None
        run.fresh.append(effect)


def _settled(run: Run, name: str) -> None:
    """Tell dependents that a task has its final state; the last one calls for the answer."""
    run.unsettled -= 1
    if run.closing:
        return
    for dependent in run.dependents[name]:
        task = run.tasks[dependent]
        task.unsettled -= 1
        if not task.unsettled and task.status == "pending":
            task.status = "ready"
            _owe(run, Prepare(dependent))
    if not run.unsettled:
        _owe(run, Conclude())


def _proposed(event: e.RunProposed) -> Run:
    run = Run(
        run_id=event.run_id,
        status="proposed",
        plan=event.plan,
        goal=event.goal,
        initiator=event.initiator,
        origin=event.origin,
        proposed_at=event.at,
        unsettled=len(event.plan.tasks),
        tasks={name: TaskState(unsettled=len(node.needs)) for name, node in event.plan.tasks.items()},
        dependents={name: [] for name in event.plan.tasks},
    )
    for name, node in event.plan.tasks.items():
        for need in node.needs:
            run.dependents[need].append(name)
    return run


def _started(run: Run, event: e.RunStarted) -> None:
    run.status, run.started_at = "running", event.at
    for name, task in run.tasks.items():
        if not task.unsettled:
            task.status = "ready"
            _owe(run, Prepare(name))


def _task_started(run: Run, event: e.TaskStarted) -> None:
    name, task = event.task, run.tasks[event.task]
    run.due.pop(Prepare(name), None)
    task.doubt = False
    task.status, task.attempt, task.worker, task.version = "running", event.attempt, event.worker, event.version
    task.spent += 1
    task.attempts = event.attempts
    task.inputs, task.dedupe, task.key = event.inputs, event.dedupe, event.key
    task.deadline, task.not_after = event.deadline, event.not_after
    task.retry_at = task.look_at = None
    task.started_at = task.started_at or event.at
    heapq.heappush(run.timers, (event.deadline, name, event.attempt))
    _owe(run, Dispatch(name, event.attempt))


def _task_succeeded(run: Run, event: e.TaskSucceeded) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    task.status, task.entry, task.summary, task.finished_at = "succeeded", event.entry, event.summary, event.at
    task.code = task.message = ""
    _settled(run, event.task)


def _forget_attempt(run: Run, name: str, task: TaskState) -> None:
    run.due.pop(Dispatch(name, task.attempt), None)
    run.due.pop(Reconcile(name, task.attempt), None)
    task.doubt = False


def _attempt_failed(run: Run, event: e.AttemptFailed) -> None:
    name, task = event.task, run.tasks[event.task]
    _forget_attempt(run, name, task)
    run.due.pop(Prepare(name), None)
    task.code, task.message = event.code, event.message
    if event.retry_at is not None:
        task.status, task.retry_at = "backing_off", event.retry_at
        heapq.heappush(run.timers, (event.retry_at, name, task.attempt))
    elif not run.closing and run.plan.tasks[name].on_failure == "ask":
        task.status, task.approval = "asking", ""
        _owe(run, PrepareQuestion(name))


def _attempt_interrupted(run: Run, event: e.AttemptInterrupted) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    task.status = "ready"
    task.spent -= 1
    _owe(run, Prepare(event.task))


def _task_failed(run: Run, event: e.TaskFailed) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    run.due.pop(Prepare(event.task), None)
    task.status, task.code, task.message, task.finished_at = "failed", event.code, event.message, event.at
    _settled(run, event.task)


def _task_skipped(run: Run, event: e.TaskSkipped) -> None:
    task = run.tasks[event.task]
    run.due.pop(Prepare(event.task), None)
    approval = run.approvals.get(task.approval)
    if approval is not None and approval.open:
        approval.open = False
        run.due.pop(Ask(approval.id), None)
    task.status, task.code, task.message, task.finished_at = (
        "skipped",
        event.reason,
        event.message or task.message,
        event.at,
    )
    _settled(run, event.task)


def _task_cancelled(run: Run, event: e.TaskCancelled) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    task.status, task.finished_at = "cancelled", event.at
    _settled(run, event.task)


def _task_released(run: Run, event: e.TaskReleased) -> None:
    task = run.tasks[event.task]
    task.status, task.spent, task.approval = "ready", 0, ""
    _owe(run, Prepare(event.task))


def _timer_fired(run: Run, event: e.TimerFired) -> None:
    task = run.tasks[event.task]
    if task.status == "backing_off":
        task.status, task.retry_at = "ready", None
        _owe(run, Prepare(event.task))
    else:
        task.look_at = None
        _owe(run, Reconcile(event.task, task.attempt))


def _sign_in_requested(run: Run, event: e.SignInRequested) -> None:
    task = run.tasks[event.task]
    if not run.awaiting:
        run.sign_in_round += 1
        _owe(run, AskSignIn(run.sign_in_round))
    run.awaiting += 1
    doubt = task.doubt
    _forget_attempt(run, event.task, task)
    task.status, task.doubt, task.look_at = "awaiting_sign_in", doubt, None
    if not doubt:
        task.spent -= 1


def _signed_in(run: Run, _: e.SignedIn) -> None:
    run.due.pop(AskSignIn(run.sign_in_round), None)
    run.awaiting = 0
    for name, task in run.tasks.items():
        if task.status != "awaiting_sign_in":
            continue
        if task.doubt:
            task.status = "in_doubt"
            _owe(run, Reconcile(name, task.attempt))
        else:
            task.status = "ready"
            _owe(run, Prepare(name))


def _task_in_doubt(run: Run, event: e.TaskInDoubt) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    task.status, task.doubt, task.look_at = "in_doubt", True, event.look_at
    task.code, task.message = "in_doubt", event.message
    heapq.heappush(run.timers, (event.look_at, event.task, task.attempt))


def _doubt_resolved(run: Run, event: e.DoubtResolved) -> None:
    task = run.tasks[event.task]
    _forget_attempt(run, event.task, task)
    if not event.happened and not run.closing:
        task.status = "ready"
        _owe(run, Prepare(event.task))


def _approval_requested(run: Run, event: e.ApprovalRequested) -> None:
    task = run.tasks[event.task]
    run.due.pop(Prepare(event.task), None)
    run.due.pop(PrepareQuestion(event.task), None)
    run.due.pop(Reconcile(event.task, task.attempt), None)
    task.status, task.approval, task.look_at = "asking", event.approval, None
    if event.kind in ("decision", "write"):
        task.started_at = task.started_at or event.at
    run.approvals[event.approval] = ApprovalState(
        id=event.approval,
        task=event.task,
        kind=event.kind,
        title=event.title,
        approvers=event.approvers,
        choices=event.choices,
        entry=event.entry,
        inputs=event.inputs,
        requested_at=event.at,
    )
    _owe(run, Ask(event.approval))


def _approval_decided(run: Run, event: e.ApprovalDecided) -> None:
    approval = run.approvals[event.approval]
    run.due.pop(Ask(event.approval), None)
    approval.open, approval.choice, approval.comment = False, event.choice, event.comment
    approval.decided_by, approval.decided_at, approval.answer = event.by, event.at, event.entry
    if approval.kind == "write" and event.choice == "approve":
        task = run.tasks[approval.task]
        task.status, task.allowed = "ready", approval.inputs
        _owe(run, Prepare(approval.task))


def under_way(task: TaskState) -> bool:
    """Whether a task holds a write whose outcome must be settled before its run may end."""
    return task.doubt or (task.status == "running" and bool(task.dedupe))


def _closing_began(run: Run, event: e.ClosingBegan) -> None:
    run.status, run.closing, run.code, run.message = "closing", event.outcome, event.code, event.message
    kept = {name for name, task in run.tasks.items() if under_way(task)}
    for name, task in run.tasks.items():
        if task.status not in SETTLED and name not in kept:
            task.status, task.finished_at = "cancelled", event.at
            run.unsettled -= 1
    for approval in run.approvals.values():
        if approval.open and approval.task not in kept:
            approval.open = False
    for effect in list(run.due):
        about = getattr(effect, "task", None) or (
            run.approvals[effect.approval].task if isinstance(effect, Ask) else ""
        )
        if about not in kept and not (isinstance(effect, AskSignIn) and kept):
            del run.due[effect]


def _succeeded(run: Run, event: e.RunSucceeded) -> None:
    run.due.pop(Conclude(), None)
    run.status, run.answer, run.ended_at = "succeeded", event.answer, event.at
    _owe(run, Report())


def _failed(run: Run, event: e.RunFailed) -> None:
    run.due.pop(Conclude(), None)
    run.status, run.code, run.message, run.ended_at = "failed", event.code, event.message, event.at
    _owe(run, Report())


def _cancelled(run: Run, event: e.RunCancelled) -> None:
    run.status, run.ended_at = "cancelled", event.at
    _owe(run, Report())


def _notice_delivered(run: Run, event: e.NoticeDelivered) -> None:
    run.receipts[event.notice, event.to] = event.receipt
    kind, _, which = event.notice.partition(":")
    if kind == "approval":
        if all((event.notice, person.id) in run.receipts for person in run.approvals[which].approvers):
            run.due.pop(Ask(which), None)
    elif kind == "sign_in":
        run.due.pop(AskSignIn(int(which)), None)
    elif kind == "outcome":
        run.due.pop(Report(), None)


_APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.RunStarted: _started,
    e.TaskStarted: _task_started,
    e.TaskSucceeded: _task_succeeded,
    e.AttemptFailed: _attempt_failed,
    e.AttemptInterrupted: _attempt_interrupted,
    e.TaskFailed: _task_failed,
    e.TaskSkipped: _task_skipped,
    e.TaskCancelled: _task_cancelled,
    e.TaskReleased: _task_released,
    e.TimerFired: _timer_fired,
    e.SignInRequested: _sign_in_requested,
    e.SignedIn: _signed_in,
    e.TaskInDoubt: _task_in_doubt,
    e.DoubtResolved: _doubt_resolved,
    e.ApprovalRequested: _approval_requested,
    e.ApprovalDecided: _approval_decided,
    e.ClosingBegan: _closing_began,
    e.RunSucceeded: _succeeded,
    e.RunFailed: _failed,
    e.RunCancelled: _cancelled,
    e.NoticeDelivered: _notice_delivered,
}
