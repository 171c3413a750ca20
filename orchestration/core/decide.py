"""What a command leads to: events, nothing, or a refusal. Pure; what it decides is recorded, so it may change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core import question
from orchestration.core.evolve import under_way
from orchestration.core.plan import structural_problems
from orchestration.core.run import ENDED, SETTLED, Person, Run, TaskState, due_by
from orchestration.errors import AlreadyDecided, Invalid, InvalidPlan, NotPermitted, NotRunning, Outdated

BACKOFF_BASE = timedelta(seconds=2)
BACKOFF_LIMIT = timedelta(seconds=60)
RETRY_AFTER_LIMIT = timedelta(days=1)
LOOK_LIMIT = timedelta(hours=1)


def decide(run: Run | None, command: c.Command, now: datetime) -> list[e.Event]:
    """The events that a command leads to; an empty list when it came too late to matter.

    Args:
        run: The state, untouched; None for `ProposeRun`.
        command: What is asked.
        now: The present instant; moved forward to the last event's if the clock went back.

    Raises:
        Refused: The state or the person does not allow it.
        Invalid: The command itself is wrong.
    """
    if run is None:
        if not isinstance(command, c.ProposeRun):
            raise NotRunning("the run has not been proposed")
        return _propose(command, now)
    if isinstance(command, c.ProposeRun):
        raise NotRunning(f"run {run.run_id} exists already")
    return _DECIDE[type(command)](run, command, max(now, run.last_at or now))


def backoff(attempt: int, jitter: float, retry_after: timedelta | None) -> timedelta:
    """How long to wait after the `attempt`-th failure.

    Exponential from `BACKOFF_BASE` up to `BACKOFF_LIMIT`, of which `jitter` (0 to 1) takes away up to half; never
    less than the other side asked for, which is believed up to `RETRY_AFTER_LIMIT`.
    """
    delay: timedelta = min(BACKOFF_LIMIT, BACKOFF_BASE * 2 ** min(attempt - 1, 10)) * (1 - jitter / 2)
    return max(delay, min(retry_after or timedelta(0), RETRY_AFTER_LIMIT))


def _propose(command: c.ProposeRun, now: datetime) -> list[e.Event]:
    if problems := structural_problems(command.plan):
        raise InvalidPlan(problems)
    return [
        e.RunProposed(
            at=now,
            run_id=command.run_id,
            plan=command.plan,
            goal=command.goal,
            initiator=command.initiator,
            origin=command.origin,
        )
    ]


def _only_initiator(run: Run, by: Person, what: str) -> None:
    if by.id != run.initiator.id:
        raise NotPermitted(f"Only {run.initiator.name} can {what}: it is their run.")


def _not_ended(run: Run) -> None:
    if run.status in ENDED:
        raise NotRunning(f"This run has ended ({run.status}); nothing was changed.")


def _start(run: Run, command: c.StartRun, now: datetime) -> list[e.Event]:
    _only_initiator(run, command.by, "start it")
    _not_ended(run)
    return [e.RunStarted(at=now, by=command.by)] if run.status == "proposed" else []


def _cancel(run: Run, command: c.CancelRun, now: datetime) -> list[e.Event]:
    _only_initiator(run, command.by, "cancel it")
    _not_ended(run)
    if run.status == "closing":
        return []
    return _close(run, now, e.ClosingBegan(at=now, outcome="cancelled", by=command.by))


def _close(run: Run, now: datetime, closing: e.ClosingBegan) -> list[e.Event]:
    if any(under_way(task) for task in run.tasks.values()):
        return [closing]
    return [closing, _end(run, now, closing.outcome, closing.code, closing.message)]


def _end(run: Run, now: datetime, outcome: str, code: str, message: str) -> e.Event:
    return e.RunCancelled(at=now) if outcome == "cancelled" else e.RunFailed(at=now, code=code, message=message)


def _settling(run: Run, now: datetime, event: e.Event) -> list[e.Event]:
    """`event` settles a task; in a closing run the last one ends it."""
    if run.closing and run.unsettled == 1:
        return [event, _end(run, now, run.closing, run.code, run.message)]
    return [event]


def _skip(run: Run, now: datetime, event: e.TaskSkipped) -> list[e.Event]:
    """Skip a task and whatever needs it and did not say that it can do without."""
    skipped: list[e.Event] = [event]
    gone, queue = {event.task}, [event.task]
    while queue:
        name = queue.pop()
        for dependent in run.dependents[name]:
            settled = run.tasks[dependent].status in SETTLED  # by an earlier skip of something else that it needs
            if not settled and dependent not in gone and name not in run.plan.tasks[dependent].optional:
                gone.add(dependent)
                queue.append(dependent)
                skipped.append(e.TaskSkipped(at=now, task=dependent, reason="need"))
    return skipped


def _live(run: Run, name: str, *statuses: str) -> TaskState | None:
    task = run.tasks.get(name)
    if task is None:
        raise Invalid(f"run {run.run_id} has no task {name!r}")
    return task if task.status in statuses else None


def _attempt(run: Run, name: str, attempt: int, *statuses: str) -> TaskState | None:
    task = _live(run, name, *statuses)
    return task if task is not None and task.attempt == attempt else None


def _start_task(run: Run, command: c.StartTask, now: datetime) -> list[e.Event]:
    task = _live(run, command.task, "ready")
    if task is None or run.status != "running":
        return []
    if command.dedupe and task.allowed != command.inputs:
        raise NotPermitted(f"task {command.task!r} would write something else than what was allowed")
    return [
        e.TaskStarted(
            at=now,
            task=command.task,
            attempt=task.attempt + 1,
            worker=command.worker,
            version=command.version,
            inputs=command.inputs,
            deadline=now + command.timeout,
            when=command.when,
            attempts=command.attempts,
            dedupe=command.dedupe,
            key=command.key,
            not_after=now + command.timeout / 2 if command.dedupe else None,
        )
    ]


def _skip_task(run: Run, command: c.SkipTask, now: datetime) -> list[e.Event]:
    if _live(run, command.task, "ready") is None or run.status != "running":
        return []
    return _skip(run, now, e.TaskSkipped(at=now, task=command.task, reason="condition"))


def _complete(run: Run, command: c.CompleteTask, now: datetime) -> list[e.Event]:
    if _attempt(run, command.task, command.attempt, "running", "in_doubt") is None:
        return []
    done = e.TaskSucceeded(
        at=now, task=command.task, entry=command.entry, size_bytes=command.size_bytes, summary=command.summary
    )
    return _settling(run, now, done)


def _fail(run: Run, command: c.FailAttempt, now: datetime) -> list[e.Event]:
    name = command.task
    task = _attempt(run, name, command.attempt, "running") if command.attempt else _live(run, name, "ready")
    if task is None:
        return []
    return _failed(run, task, name, command, now)


def _failed(run: Run, task: TaskState, name: str, failure: c.FailAttempt, now: datetime) -> list[e.Event]:
    if run.closing:
        return _settling(run, now, e.TaskCancelled(at=now, task=name))
    retry_at = None
    if failure.retryable and task.spent < task.attempts:
        retry_at = now + backoff(max(task.spent, 1), failure.jitter, failure.retry_after)
    failed = e.AttemptFailed(
        at=now, task=name, attempt=failure.attempt, code=failure.code, message=failure.message, retry_at=retry_at
    )
    if retry_at is not None or run.plan.tasks[name].on_failure == "ask":
        return [failed]
    closing = e.ClosingBegan(at=now, outcome="failed", code=failure.code, message=failure.message)
    # The failed task itself is not under way any more when the run closes.
    others = any(under_way(each) for other, each in run.tasks.items() if other != name)
    ending = [] if others else [_end(run, now, "failed", closing.code, closing.message)]
    return [failed, e.TaskFailed(at=now, task=name, code=failure.code, message=failure.message), closing, *ending]


def _await_sign_in(run: Run, command: c.AwaitSignIn, now: datetime) -> list[e.Event]:
    task = _attempt(run, command.task, command.attempt, "running", "in_doubt")
    if task is None:
        return []
    if run.closing and not task.doubt:
        return _settling(run, now, e.TaskCancelled(at=now, task=command.task))
    return [e.SignInRequested(at=now, task=command.task, attempt=command.attempt)]


def _confirm_sign_in(run: Run, command: c.ConfirmSignIn, now: datetime) -> list[e.Event]:
    _only_initiator(run, command.by, "sign in for it")
    if not run.awaiting:
        return []
    return [e.SignedIn(at=now)]


def _doubt(run: Run, command: c.DoubtTask, now: datetime) -> list[e.Event]:
    task = _attempt(run, command.task, command.attempt, "running", "in_doubt")
    if task is None:
        return []
    return [
        e.TaskInDoubt(
            at=now,
            task=command.task,
            attempt=command.attempt,
            message=command.message,
            look_at=_look_at(task, command, now),
        )
    ]


def _look_at(task: TaskState, command: c.DoubtTask, now: datetime) -> datetime:
    """When a look proves something: at once if the target refuses a second effect, else when the first cannot come.

    A look that could not be made is made again after `look_after`, and less often the longer the doubt lasts.
    """
    if command.look_after is not None:
        lasting = (now - task.deadline) / 4 if task.deadline else timedelta(0)
        return now + max(command.look_after, min(lasting, LOOK_LIMIT))
    if task.dedupe == "target" or task.deadline is None or task.not_after is None:
        return now
    return max(now, task.deadline + (task.deadline - task.not_after))


def _interrupt(run: Run, command: c.InterruptTask, now: datetime) -> list[e.Event]:
    task = _attempt(run, command.task, command.attempt, "running")
    if task is None:
        return []
    if task.dedupe:
        lost = "Tandem was restarted while this was being written, so it looks whether it was."
        return _doubt(run, c.DoubtTask(task=command.task, attempt=command.attempt, message=lost), now)
    return [e.AttemptInterrupted(at=now, task=command.task, attempt=command.attempt)]


def _resolve_doubt(run: Run, command: c.ResolveDoubt, now: datetime) -> list[e.Event]:
    name = command.task
    if _attempt(run, name, command.attempt, "in_doubt", "asking") is None or not run.tasks[name].doubt:
        return []
    if command.outcome == "done":
        resolved = e.DoubtResolved(at=now, task=name, happened=True)
        done = e.TaskSucceeded(
            at=now, task=name, entry=command.entry, size_bytes=command.size_bytes, summary=command.summary
        )
        return [resolved, *_settling(run, now, done)]
    # The attempt that was lost counts, and the next one waits as after any other failure.
    task = run.tasks[name]
    lost = c.FailAttempt(
        task=name,
        attempt=command.attempt,
        code="outcome_unknown",
        message=task.message,
        retryable=True,
        jitter=command.jitter,
    )
    return [e.DoubtResolved(at=now, task=name, happened=False), *_failed(run, task, name, lost, now)]


def _request_approval(run: Run, command: c.RequestApproval, now: datetime) -> list[e.Event]:
    statuses = {"failure": ("asking",), "in_doubt": ("in_doubt",)}.get(command.kind, ("ready",))
    task = _live(run, command.task, *statuses)
    if (
        task is None
        or (run.status != "running" and command.kind != "in_doubt")
        or (command.kind == "failure" and task.approval)
    ):
        return []
    if not command.approvers or not all(person.id for person in command.approvers):
        raise Invalid(f"task {command.task!r}: nobody is named to decide {command.title!r}")
    if command.not_initiator and any(person.id == run.initiator.id for person in command.approvers):
        raise Invalid(
            f"{run.initiator.name} may not decide {command.title!r} in their own run: "
            "name another person in the playbook"
        )
    number = next(number for number in count(1) if f"{command.task}.{number}" not in run.approvals)
    return [
        e.ApprovalRequested(
            at=now,
            approval=f"{command.task}.{number}",
            task=command.task,
            kind=command.kind,
            title=command.title,
            approvers=command.approvers,
            choices=command.choices,
            entry=command.entry,
            inputs=command.inputs,
            when=command.when,
        )
    ]


def _decide_approval(run: Run, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    approval = run.approvals.get(command.approval)
    if approval is None:
        raise Invalid(f"run {run.run_id} asks no question {command.approval!r}")
    if all(person.id != command.by.id for person in approval.approvers):
        names = ", ".join(person.name for person in approval.approvers)
        raise NotPermitted(f"This question is for {names}; nothing was changed.")
    if not approval.open:
        if approval.decided_by is None:
            raise AlreadyDecided(
                "The run has ended or was cancelled, so this question was withdrawn; nothing was changed."
            )
        raise AlreadyDecided(f"{approval.decided_by.name} has already decided this; nothing was changed.")
    if command.shown != approval.entry:
        raise Outdated("What is to be decided has changed since this card was made; please use the newest card.")
    if command.choice not in approval.choices:
        raise Invalid(
            f"{command.choice!r} is not an answer to {approval.title!r}; possible are {', '.join(approval.choices)}"
        )
    decided = e.ApprovalDecided(
        at=now,
        approval=command.approval,
        by=command.by,
        choice=command.choice,
        shown=command.shown,
        comment=command.comment,
        entry=command.entry,
    )
    return [decided, *_after_decision(run, approval.task, approval.kind, command, now)]


def _after_decision(run: Run, name: str, kind: str, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    match kind, command.choice:
        case "decision", _:
            return _settling(run, now, e.TaskSucceeded(at=now, task=name, entry=command.entry))
        case "write", question.REJECT:
            said = f"{command.by.name} did not allow it"
            return _skip(run, now, e.TaskSkipped(at=now, task=name, reason="rejected", message=said))
        case "failure", question.RETRY:
            return [e.TaskReleased(at=now, task=name)]
        case "failure", question.SKIP:
            return _skip(run, now, e.TaskSkipped(at=now, task=name, reason="person"))
        case "failure", question.CANCEL:
            return _close(run, now, e.ClosingBegan(at=now, outcome="cancelled", by=command.by))
        case "in_doubt", question.NOT_DONE if not run.closing:
            return [e.DoubtResolved(at=now, task=name, happened=False), e.TaskReleased(at=now, task=name)]
        case "in_doubt", _:
            outcome: Literal["done", "not_done"] = "done" if command.choice == question.DONE else "not_done"
            return _resolve_doubt(run, c.ResolveDoubt(task=name, attempt=run.tasks[name].attempt, outcome=outcome), now)
        case _:
            return []


def _conclude(run: Run, command: c.ConcludeRun, now: datetime) -> list[e.Event]:
    if run.status != "running" or run.unsettled:
        return []
    return [e.RunSucceeded(at=now, answer=command.answer)]


def _fail_run(run: Run, command: c.FailRun, now: datetime) -> list[e.Event]:
    if run.status != "running" or run.unsettled:
        return []
    return [e.RunFailed(at=now, code=command.code, message=command.message)]


def _record_delivery(run: Run, command: c.RecordDelivery, now: datetime) -> list[e.Event]:
    if run.receipts.get((command.notice, command.to)) == command.receipt:
        return []
    kind, _, which = command.notice.partition(":")
    if (kind == "approval" and which not in run.approvals) or (kind == "sign_in" and not which.isdecimal()):
        raise Invalid(f"run {run.run_id} sends no notice {command.notice!r}")
    return [e.NoticeDelivered(at=now, notice=command.notice, to=command.to, receipt=command.receipt)]


def _wake(run: Run, command: c.Wake, now: datetime) -> list[e.Event]:
    """Everything that time alone brings about; in the order in which it became due."""
    happened: list[e.Event] = []
    for name in due_by(run, now):
        task = run.tasks[name]
        if task.status != "running":
            happened.append(e.TimerFired(at=now, task=name))
        elif task.dedupe:
            late = "The other system did not answer in time, so nobody knows whether this was written."
            happened += _doubt(run, c.DoubtTask(task=name, attempt=task.attempt, message=late), now)
        else:
            late = "The other system did not answer in time."
            failure = c.FailAttempt(
                task=name, attempt=task.attempt, code="timeout", message=late, retryable=True, jitter=command.jitter
            )
            failed = _failed(run, task, name, failure, now)
            happened += failed
            if len(failed) > 1:  # the run closes: what else is due belongs to the next wake
                break
    return happened


_DECIDE: dict[type, Callable[[Run, Any, datetime], list[e.Event]]] = {
    c.StartRun: _start,
    c.CancelRun: _cancel,
    c.DecideApproval: _decide_approval,
    c.ConfirmSignIn: _confirm_sign_in,
    c.StartTask: _start_task,
    c.SkipTask: _skip_task,
    c.RequestApproval: _request_approval,
    c.CompleteTask: _complete,
    c.FailAttempt: _fail,
    c.AwaitSignIn: _await_sign_in,
    c.DoubtTask: _doubt,
    c.InterruptTask: _interrupt,
    c.ResolveDoubt: _resolve_doubt,
    c.ConcludeRun: _conclude,
    c.FailRun: _fail_run,
    c.RecordDelivery: _record_delivery,
    c.Wake: _wake,
}
