"""Decisions about questions to humans, and what their answers lead to."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core import question, working_time
from orchestration.core.attempts import settle_doubt
from orchestration.core.run import ApprovalState, Person, Run
from orchestration.core.settling import close, left_out, live, settling, skip
from orchestration.errors import AlreadyDecided, Invalid, NotPermitted, Outdated


def request_approval(run: Run, command: c.RequestApproval, now: datetime) -> list[e.Event]:
    """Ask a human, unless the task moved on meanwhile."""
    statuses = {"failure": ("asking",), "in_doubt": ("in_doubt",)}.get(command.kind, ("ready",))
    task = live(run, command.task, *statuses)
    if (
        task is None
        or (run.status != "running" and command.kind != "in_doubt")
        or (command.kind == "failure" and task.approval)
    ):
        return []
    if task.status == "ready" and (skipped := left_out(run, command.task, now)):
        return skipped
    if not command.approvers or not all(person.id for person in command.approvers):
        raise Invalid(f"task {command.task!r}: nobody is named to decide {command.title!r}")
    if command.escalate_to is not None and not command.escalate_to.id:
        raise Invalid(f"task {command.task!r}: nobody is named to decide {command.title!r} once it is overdue")
    asked = [*command.approvers, *([command.escalate_to] if command.escalate_to is not None else [])]
    if command.not_initiator and any(person.id == run.initiator.id for person in asked):
        raise Invalid(
            f"{run.initiator.name} may not decide {command.title!r} in their own run: "
            "name another person in the playbook"
        )
    if command.quorum > (people := len({person.id for person in command.approvers})):
        raise Invalid(
            f"{command.title!r} needs the same answer of {command.quorum} people, but {people} are asked: "
            "lower the quorum or name more approvers"
        )
    number = next(number for number in count(1) if f"{command.task}.{number}" not in run.approvals)
    approval = f"{command.task}.{number}"
    due_at = working_time.due_at(now, command.due_hours, command.approvers, command.working)
    requested: list[e.Event] = [
        e.ApprovalRequested(
            at=now,
            approval=approval,
            task=command.task,
            kind=command.kind,
            title=command.title,
            approvers=command.approvers,
            choices=command.choices,
            entry=command.entry,
            inputs=command.inputs,
            when=command.when,
            quorum=command.quorum,
            due_at=due_at,
            remind_at=working_time.due_at(now, command.remind_hours, command.approvers, command.working),
            escalate_to=command.escalate_to,
            on_expiry=command.on_expiry,
            delegates=command.delegates,
            revises=command.revises,
            label=command.label,
            tainted=command.tainted,
            scope=command.scope,
            editable=command.editable,
        )
    ]
    if due_at is not None and command.escalate_to is not None:
        by_the_clock = now + timedelta(hours=command.due_hours)
        if working_time.all_away(now, by_the_clock, command.approvers, command.working):
            requested.append(e.ApprovalEscalated(at=now, approval=approval, to=command.escalate_to, due_at=due_at))
    return requested


def admit(run: Run, which: str, by: Person, shown: str) -> ApprovalState:
    """The open question that somebody may answer, as they saw it.

    Raises:
        Invalid: The run asks no such question.
        NotPermitted: It is for others.
        AlreadyDecided: It is not open any more.
        Outdated: They saw something else than what is asked now.
    """
    approval = run.approvals.get(which)
    if approval is None:
        raise Invalid(f"run {run.run_id} asks no question {which!r}")
    if all(person.id != by.id for person in approval.approvers):
        if handed := next((to for before, to in reversed(approval.delegated) if before.id == by.id), None):
            raise NotPermitted(f"You have handed this question to {handed.name}, who answers it now.")
        names = ", ".join(person.name for person in approval.approvers)
        raise NotPermitted(f"This question is for {names}; nothing was changed.")
    if not approval.open:
        raise AlreadyDecided(_closed(run, approval))
    if shown != approval.entry:
        raise Outdated("What is to be decided has changed since this card was made; please use the newest card.")
    if any(vote.by.id == by.id for vote in approval.votes):
        raise AlreadyDecided("You have answered this already; it waits for the others. Nothing was changed.")
    return approval


def _closed(run: Run, approval: ApprovalState) -> str:
    if approval.expired:
        return "This question was due and has been closed without an answer; nothing was changed."
    if approval.replaced:
        return (
            "What is to be decided has been changed, and a newer card asks about it; nothing was changed by this one."
        )
    if approval.decided_by is None:
        why = "What it was about has changed" if run.status == "running" else "The run has ended or was cancelled"
        return f"{why}, so this question was withdrawn; nothing was changed."
    return f"{approval.decided_by.name} has already decided this; nothing was changed."


def decide_approval(run: Run, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    """Take an answer: from whom it was asked, to what is shown now, once."""
    approval = admit(run, command.approval, command.by, command.shown)
    if command.choice not in approval.choices:
        raise Invalid(
            f"{command.choice!r} is not an answer to {approval.title!r}; possible are {', '.join(approval.choices)}"
        )
    if command.grant and (not approval.scope or approval.tainted or command.choice != question.APPROVE):
        raise Invalid(
            f"{approval.title!r} has to be asked each time, so nothing was decided; please answer without it."
        )
    if approval.quorum > 1:
        return _vote(run, approval, command, now)
    return _decided(run, approval, command, now)


def _decided(run: Run, approval: ApprovalState, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    """The answer that counts, and what it leads to."""
    decided = e.ApprovalDecided(
        at=now,
        approval=command.approval,
        by=command.by,
        choice=command.choice,
        shown=command.shown,
        comment=command.comment,
        entry=command.entry,
        via=command.via,
    )
    granted: list[e.Event] = []
    if command.grant:
        capability = run.nodes[approval.task].capability
        granted = [
            e.GrantGiven(at=now, approval=command.approval, by=command.by, scope=approval.scope, capability=capability)
        ]
    return [decided, *granted, *_after_decision(run, approval.task, approval.kind, command, now)]


def _vote(run: Run, approval: ApprovalState, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    """One answer of several; the one that reaches the quorum, or puts it out of reach, decides."""
    voted = e.ApprovalVoted(
        at=now,
        approval=command.approval,
        by=command.by,
        choice=command.choice,
        shown=command.shown,
        comment=command.comment,
        via=command.via,
    )
    approved = [*(vote.choice for vote in approval.votes), command.choice].count(question.APPROVE)
    left = len({person.id for person in approval.approvers}) - len(approval.votes) - 1
    if approved < approval.quorum <= approved + left:
        return [voted]
    return [voted, *_decided(run, approval, command, now)]


def skip_approval(run: Run, command: c.SkipApproval, now: datetime) -> list[e.Event]:
    """Go on without an answer: only the initiator may, and only where the plan says so."""
    if command.by.id != run.initiator.id:
        raise NotPermitted(f"Only {run.initiator.name} can go on without an answer: it is their run.")
    approval = run.approvals.get(command.approval)
    if approval is None:
        raise Invalid(f"run {run.run_id} asks no question {command.approval!r}")
    if not approval.open:
        raise AlreadyDecided("This question is not open any more; nothing was changed.")
    asked = run.nodes[approval.task].approval
    if approval.kind != "decision" or asked is None or not asked.may_skip:
        raise NotPermitted("The plan does not go on without this answer; nothing was changed.")
    names = ", ".join(person.name for person in approval.approvers)
    said = f"{command.by.name} went on without the answer of {names}"
    return skip(run, now, e.TaskSkipped(at=now, task=approval.task, reason="person", message=said))


def _after_decision(run: Run, name: str, kind: str, command: c.DecideApproval, now: datetime) -> list[e.Event]:
    match kind, command.choice:
        case "decision", _:
            label = run.approvals[command.approval].label
            return settling(run, now, e.TaskSucceeded(at=now, task=name, entry=command.entry, label=label))
        case "write", question.REJECT:
            said = f"{command.by.name} did not allow it"
            return skip(run, now, e.TaskSkipped(at=now, task=name, reason="rejected", message=said))
        case "stale", question.LEAVE:
            task = run.tasks[name]
            left = e.TaskSucceeded(
                at=now,
                task=name,
                entry=task.entry,
                summary=task.summary,
                label=task.label,
                tainted=task.tainted,
                sources=task.sources,
            )
            return [left]
        case "failure", question.RETRY:
            return [e.TaskReleased(at=now, task=name)]
        case "failure", question.SKIP:
            return skip(run, now, e.TaskSkipped(at=now, task=name, reason="person"))
        case "failure", question.CANCEL:
            return close(run, now, e.ClosingBegan(at=now, outcome="cancelled", by=command.by))
        case "in_doubt", question.NOT_DONE if not run.closing:
            return [e.DoubtResolved(at=now, task=name, happened=False), e.TaskReleased(at=now, task=name)]
        case "in_doubt", _:
            outcome: Literal["done", "not_done"] = "done" if command.choice == question.DONE else "not_done"
            return settle_doubt(run, c.ResolveDoubt(task=name, attempt=run.tasks[name].attempt, outcome=outcome), now)
        case _:
            return []
