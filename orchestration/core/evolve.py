"""How each event changes the state. Frozen: committed histories must fold to the same state for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from orchestration.core import amendment_changes, approval_changes, control_changes, task_changes
from orchestration.core import events as e
from orchestration.core.dues import delivered, forget_attempt, make_ready, owe, set_deadline, under_way
from orchestration.core.run import (
    SETTLED,
    Ask,
    AskInitiator,
    AskSignIn,
    Conclude,
    Prepare,
    Reconcile,
    Remind,
    Report,
    Run,
    TaskState,
    TellReply,
    askers,
)

_SIGN_IN_NEEDED = "sign_in_needed"  # the code of `SignInNeeded`, as histories have it


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
        if run.amending is not None:
            amendment_changes.writes_settled(run)
    run.seq += 1
    run.last_at = event.at
    return run


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
        nodes=dict(event.plan.tasks),
    )
    for name, node in event.plan.tasks.items():
        for need in node.needs:
            run.dependents[need].append(name)
    return run


def _started(run: Run, event: e.RunStarted) -> None:
    run.status, run.started_at = "running", event.at
    set_deadline(run, event.deadline)
    for name, task in run.tasks.items():
        if not task.unsettled:
            task.status = "ready"
            owe(run, Prepare(name))


def _closing_began(run: Run, event: e.ClosingBegan) -> None:
    run.status, run.closing, run.code, run.message = "closing", event.outcome, event.code, event.message
    run.amending = None
    kept = {name for name, task in run.tasks.items() if under_way(task)}
    run.awaiting = sum(run.tasks[name].status == "awaiting_sign_in" for name in kept)
    for name, task in run.tasks.items():
        if task.status not in SETTLED and name not in kept:
            task.status, task.finished_at = "cancelled", event.at
            run.unsettled -= 1
    for approval in run.approvals.values():
        if approval.open and approval.task not in kept:
            approval.open = False
    for effect in list(run.due):
        about = getattr(effect, "task", None) or (
            run.approvals[effect.approval].task if isinstance(effect, Ask | Remind | AskInitiator | TellReply) else ""
        )
        if about not in kept and not (isinstance(effect, AskSignIn) and run.awaiting):
            del run.due[effect]


def _succeeded(run: Run, event: e.RunSucceeded) -> None:
    run.due.pop(Conclude(), None)
    run.status, run.answer, run.ended_at = "succeeded", event.answer, event.at
    owe(run, Report())


def _failed(run: Run, event: e.RunFailed) -> None:
    run.due.pop(Conclude(), None)
    run.status, run.code, run.message, run.ended_at = "failed", event.code, event.message, event.at
    owe(run, Report())


def _cancelled(run: Run, event: e.RunCancelled) -> None:
    run.status, run.ended_at = "cancelled", event.at
    owe(run, Report())


def _notice_delivered(run: Run, event: e.NoticeDelivered) -> None:
    run.receipts[event.notice, event.to] = event.receipt
    kind, _, which = event.notice.partition(":")
    if kind in ("approval", "reminder"):
        delivered(run, run.approvals[which])
    elif kind in ("back", "reply"):
        approval, _, count = which.partition(":")
        asked = askers(run.approvals[approval].remarks, run.initiator, int(count)) if kind == "reply" else []
        if all((event.notice, person.id) in run.receipts for person in asked):
            run.due.pop((AskInitiator if kind == "back" else TellReply)(approval, int(count)), None)
    elif kind == "sign_in":
        run.due.pop(AskSignIn(int(which)), None)
    elif kind == "outcome" and int(which or 0) == run.reopened:  # not of an end before that
        run.due.pop(Report(), None)


def _feedback_left(run: Run, event: e.FeedbackLeft) -> None:
    """Changes nothing: it is kept for those who look after the deployment."""


def _sign_in_requested(run: Run, event: e.SignInRequested) -> None:
    task = run.tasks[event.task]
    if not run.awaiting:
        run.sign_in_round += 1
        owe(run, AskSignIn(run.sign_in_round))
    run.awaiting += 1
    doubt = task.doubt
    forget_attempt(run, event.task, task)
    task.status, task.doubt, task.look_at = "awaiting_sign_in", doubt, None
    if event.code:
        task.code, task.message = event.code, event.message
    if not doubt:
        task.spent -= 1
        task.stale = task.stale and task.written  # what was not written cannot be out of date


def _signed_in(run: Run, _: e.SignedIn) -> None:
    run.due.pop(AskSignIn(run.sign_in_round), None)
    run.awaiting = 0
    for name, task in run.tasks.items():
        if task.status != "awaiting_sign_in":
            continue
        if task.code == _SIGN_IN_NEEDED:
            task.code = task.message = ""
        if task.doubt:
            task.status = "in_doubt"
            owe(run, Reconcile(name, task.attempt))
        else:
            make_ready(run, name, task)


_APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.RunStarted: _started,
    e.SignInRequested: _sign_in_requested,
    e.SignedIn: _signed_in,
    e.ClosingBegan: _closing_began,
    e.RunSucceeded: _succeeded,
    e.RunFailed: _failed,
    e.RunCancelled: _cancelled,
    e.NoticeDelivered: _notice_delivered,
    e.FeedbackLeft: _feedback_left,
    **task_changes.APPLY,
    **approval_changes.APPLY,
    **control_changes.APPLY,
    **amendment_changes.APPLY,
}
