"""How events about questions to humans change the state. Frozen, see `evolve`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from orchestration.core import events as e
from orchestration.core.dues import asked_enough, delivered, make_ready, owe, withdraw
from orchestration.core.label import UNLABELLED, highest
from orchestration.core.run import (
    ApprovalState,
    Ask,
    AskInitiator,
    Prepare,
    PrepareQuestion,
    Reconcile,
    Remark,
    Remind,
    Run,
    TellReply,
    Vote,
    timer_of,
)


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
        quorum=event.quorum,
        due_at=event.due_at,
        remind_at=event.remind_at,
        escalate_to=event.escalate_to,
        on_expiry=event.on_expiry,
        delegates=event.delegates,
        revises=event.revises,
        label=event.label,
        tainted=event.tainted,
        scope=event.scope,
        editable=event.editable,
    )
    if event.kind == "stale":  # what was changed once was changed in what has been taken back since
        task.edits = ""
    _set_approval_timer(run, event.task)
    owe(run, Ask(event.approval))


def _set_approval_timer(run: Run, name: str) -> None:
    if (timer := timer_of(run, name)) is not None:
        heapq.heappush(run.timers, (timer[0], name, timer[1]))


def _approval_voted(run: Run, event: e.ApprovalVoted) -> None:
    approval = run.approvals[event.approval]
    approval.votes.append(Vote(event.by, event.choice, event.comment))
    delivered(run, approval)


def _approval_reminded(run: Run, event: e.ApprovalReminded) -> None:
    approval = run.approvals[event.approval]
    approval.remind_at = None
    _set_approval_timer(run, approval.task)
    owe(run, Remind(event.approval))


def _approval_escalated(run: Run, event: e.ApprovalEscalated) -> None:
    approval = run.approvals[event.approval]
    approval.escalate_to, approval.due_at, approval.remind_at = None, event.due_at, None
    approval.escalated_to = event.to
    if all(person.id != event.to.id for person in approval.approvers):
        approval.approvers = [*approval.approvers, event.to]
    _set_approval_timer(run, approval.task)
    owe(run, Ask(event.approval))
    delivered(run, approval)


def _approval_expired(run: Run, event: e.ApprovalExpired) -> None:
    approval = run.approvals[event.approval]
    approval.due_at = approval.remind_at = None
    approval.expired = True
    if approval.on_expiry != "wait":
        withdraw(run, run.tasks[approval.task])


def _approval_decided(run: Run, event: e.ApprovalDecided) -> None:
    approval = run.approvals[event.approval]
    asked_enough(run, approval)
    approval.open, approval.choice, approval.comment = False, event.choice, event.comment
    approval.decided_by, approval.decided_at, approval.answer = event.by, event.at, event.entry
    approval.via = event.via
    task = run.tasks[approval.task]
    if approval.kind == "write" and event.choice == "approve":
        task.status, task.allowed = "ready", approval.inputs
        if task.key and task.inputs != approval.inputs:  # not what was tried before: its first step is of no use
            task.generation += 1
            task.journal = ""
        owe(run, Prepare(approval.task))
    elif approval.kind == "stale":
        task.stale = False
        if event.choice == "approve":  # as another write than the first
            task.generation += 1
            task.written = False
            task.allowed, task.entry, task.spent, task.journal = approval.inputs, "", 0, ""
            make_ready(run, approval.task, task)


def _approval_delegated(run: Run, event: e.ApprovalDelegated) -> None:
    approval = run.approvals[event.approval]
    approval.approvers = [event.to if person.id == event.by.id else person for person in approval.approvers]
    approval.delegated = [*approval.delegated, (event.by, event.to)]
    owe(run, Ask(event.approval))
    delivered(run, approval)


def _approval_questioned(run: Run, event: e.ApprovalQuestioned) -> None:
    approval = run.approvals[event.approval]
    approval.remarks = [*approval.remarks, Remark(event.by, event.text, event.at)]
    owe(run, AskInitiator(event.approval, len(approval.remarks)))


def _approval_explained(run: Run, event: e.ApprovalExplained) -> None:
    approval = run.approvals[event.approval]
    for number in range(1, len(approval.remarks) + 1):
        run.due.pop(AskInitiator(event.approval, number), None)
    approval.remarks = [*approval.remarks, Remark(event.by, event.text, event.at)]
    owe(run, TellReply(event.approval, len(approval.remarks)))


def _feedback_given(run: Run, event: e.FeedbackGiven) -> None:
    approval, task = run.approvals[event.approval], run.tasks[event.task]
    approval.replaced = True
    task.feedback = [*task.feedback, event.text]
    task.feedback_label = highest((task.feedback_label or UNLABELLED, approval.label or UNLABELLED))


def _arguments_edited(run: Run, event: e.ArgumentsEdited) -> None:
    approval = run.approvals[event.approval]
    approval.replaced, task = True, run.tasks[approval.task]
    withdraw(run, task)
    task.edits, task.allowed = event.entry, ""
    make_ready(run, approval.task, task)


def _grant_given(run: Run, event: e.GrantGiven) -> None:
    run.grants[event.scope] = event.by


def _answer_refused(run: Run, event: e.AnswerRefused) -> None:
    """Changes nothing: that is what it says."""


APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.ApprovalRequested: _approval_requested,
    e.ApprovalVoted: _approval_voted,
    e.ApprovalReminded: _approval_reminded,
    e.ApprovalEscalated: _approval_escalated,
    e.ApprovalExpired: _approval_expired,
    e.ApprovalDecided: _approval_decided,
    e.ApprovalDelegated: _approval_delegated,
    e.ApprovalQuestioned: _approval_questioned,
    e.ApprovalExplained: _approval_explained,
    e.FeedbackGiven: _feedback_given,
    e.ArgumentsEdited: _arguments_edited,
    e.GrantGiven: _grant_given,
    e.AnswerRefused: _answer_refused,
}
