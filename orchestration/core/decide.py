"""What a command leads to: events, nothing, or a refusal. Pure; what it decides is recorded, so it may change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from orchestration.core import amending, answers, attempts, control, grouping, handling, waking
from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.run import Run
from orchestration.core.settling import close
from orchestration.core.structure import structural_problems
from orchestration.errors import Invalid, InvalidPlan, NotRunning, Outdated


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


def _start(run: Run, command: c.StartRun, now: datetime) -> list[e.Event]:
    control.only_initiator(run, command.by, "start it")
    control.not_ended(run)
    if run.status != "proposed":
        return []
    if command.revision is not None and command.revision != run.revision:
        raise Outdated("The plan was changed since you saw it; nothing was started. This is the plan now.")
    return [e.RunStarted(at=now, by=command.by, deadline=control.deadline(run, now))]


def _cancel(run: Run, command: c.CancelRun, now: datetime) -> list[e.Event]:
    control.only_initiator(run, command.by, "cancel it")
    control.not_ended(run)
    if run.status == "closing":
        return []
    return close(run, now, e.ClosingBegan(at=now, outcome="cancelled", by=command.by))


def _confirm_sign_in(run: Run, command: c.ConfirmSignIn, now: datetime) -> list[e.Event]:
    control.only_initiator(run, command.by, "sign in for it")
    if not run.awaiting:
        return []
    return [e.SignedIn(at=now)]


def _conclude(run: Run, command: c.ConcludeRun, now: datetime) -> list[e.Event]:
    if run.status != "running" or run.unsettled or run.amending is not None:
        return []
    return [e.RunSucceeded(at=now, answer=command.answer)]


def _fail_run(run: Run, command: c.FailRun, now: datetime) -> list[e.Event]:
    if run.status != "running" or run.unsettled or run.amending is not None:
        return []
    return [e.RunFailed(at=now, code=command.code, message=command.message)]


def _record_delivery(run: Run, command: c.RecordDelivery, now: datetime) -> list[e.Event]:
    if run.receipts.get((command.notice, command.to)) == command.receipt:
        return []
    kind, _, which = command.notice.partition(":")
    if (kind in ("approval", "reminder", "back", "reply") and which.partition(":")[0] not in run.approvals) or (
        (kind == "sign_in" or (kind == "outcome" and which)) and not which.isdecimal()
    ):
        raise Invalid(f"run {run.run_id} sends no notice {command.notice!r}")
    return [e.NoticeDelivered(at=now, notice=command.notice, to=command.to, receipt=command.receipt)]


_DECIDE: dict[type, Callable[[Run, Any, datetime], list[e.Event]]] = {
    c.StartRun: _start,
    c.CancelRun: _cancel,
    c.DecideApproval: answers.decide_approval,
    c.DelegateApproval: handling.delegate,
    c.AskBack: handling.ask_back,
    c.Explain: handling.explain,
    c.GiveFeedback: handling.give_feedback,
    c.EditArguments: handling.edit_arguments,
    c.RecordRefusal: handling.record_refusal,
    c.LeaveFeedback: handling.leave_feedback,
    c.SkipApproval: answers.skip_approval,
    c.ConfirmSignIn: _confirm_sign_in,
    c.StartTask: attempts.start_task,
    c.SkipTask: attempts.skip_task,
    c.RequestApproval: answers.request_approval,
    c.CompleteTask: attempts.complete,
    c.AssertWork: attempts.assert_work,
    c.RecordUsage: attempts.record_usage,
    c.AmendPlan: amending.amend,
    c.ApplyAmendment: amending.apply_amendment,
    c.DropAmendment: amending.drop_amendment,
    c.JournalStep: attempts.journal,
    c.FailAttempt: attempts.fail,
    c.AwaitSignIn: attempts.await_sign_in,
    c.DoubtTask: attempts.doubt,
    c.InterruptTask: attempts.interrupt,
    c.ResolveDoubt: attempts.resolve_doubt,
    c.ConcludeRun: _conclude,
    c.FailRun: _fail_run,
    c.RecordDelivery: _record_delivery,
    c.Wake: waking.wake,
    c.KeepWrite: attempts.keep_write,
    c.OpenGroup: grouping.open_group,
    c.CloseGroup: grouping.close_group,
    c.EndRound: grouping.end_round,
    c.PauseRun: control.pause,
    c.ResumeRun: control.resume,
    c.RetryTask: control.retry_task,
    c.LeaveOut: control.leave_out,
    c.RetractEntry: control.retract,
    c.ForkRun: control.fork,
}
