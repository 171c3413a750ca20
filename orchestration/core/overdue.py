"""Decisions about answers that do not come: reminder, escalation, expiry."""

from __future__ import annotations

from datetime import datetime

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.attempts import failed
from orchestration.core.run import ApprovalState, Run
from orchestration.core.settling import skip


def overdue(run: Run, approval: ApprovalState, now: datetime) -> list[e.Event]:
    """What becomes of an open question whose time has come: first a reminder, then somebody else, then its policy."""
    if approval.due_at is None or now < approval.due_at:
        return [e.ApprovalReminded(at=now, approval=approval.id)]
    if approval.escalate_to is not None:
        again = now + (approval.due_at - approval.requested_at)
        return [e.ApprovalEscalated(at=now, approval=approval.id, to=approval.escalate_to, due_at=again)]
    expired = e.ApprovalExpired(at=now, approval=approval.id)
    names = " and ".join(person.name for person in approval.approvers)
    said = f"{names} did not answer in time"
    match approval.on_expiry:
        case "skip":
            return [expired, *skip(run, now, e.TaskSkipped(at=now, task=approval.task, reason="expired", message=said))]
        case "fail":
            failure = c.FailAttempt(task=approval.task, attempt=0, code="expired", message=f"{said}.")
            return [expired, *failed(run, run.tasks[approval.task], approval.task, failure, now)]
        case _:
            return [expired]
