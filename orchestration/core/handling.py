"""What an approver may do with a question other than answer it: hand it on, ask back, have it done differently."""

from __future__ import annotations

from datetime import datetime

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.answers import admit
from orchestration.core.control import only_initiator, retraction
from orchestration.core.run import OPERATOR, Run
from orchestration.errors import AlreadyDecided, Conflict, Invalid, NotPermitted

MOST_REMARKS = 20
MOST_FEEDBACK = 10


def delegate(run: Run, command: c.DelegateApproval, now: datetime) -> list[e.Event]:
    """Ask an eligible colleague instead.

    Raises:
        NotPermitted: The colleague may not answer it.
    """
    approval = admit(run, command.approval, command.by, command.shown)
    to = next((person for person in approval.delegates if person.id == command.to), None)
    if to is None or run.dry:
        names = ", ".join(person.name for person in approval.delegates)
        can = f"possible are {names}" if names and not run.dry else "nobody else may answer it"
        raise NotPermitted(f"This question cannot be handed to them: {can}. Nothing was changed.")
    asked = run.nodes[approval.task].approval
    if asked is not None and asked.not_initiator and to.id == run.initiator.id:
        raise NotPermitted(f"{to.name} started this run, so somebody else has to answer. Nothing was changed.")
    if any(person.id == to.id for person in approval.approvers):
        raise Invalid(f"{to.name} is asked already; nothing was changed.")
    if any(before.id == to.id for before, _ in approval.delegated):
        raise Invalid(f"{to.name} has handed this question on before; nothing was changed.")
    return [e.ApprovalDelegated(at=now, approval=approval.id, by=command.by, to=to, comment=command.comment)]


def ask_back(run: Run, command: c.AskBack, now: datetime) -> list[e.Event]:
    """Ask the initiator something before answering."""
    approval = admit(run, command.approval, command.by, command.shown)
    if command.by.id == run.initiator.id:
        raise Invalid("This run is your own, so there is nobody to ask back; nothing was changed.")
    if not command.text.strip():
        raise Invalid("Please write what you would like to know; nothing was sent.")
    if len(approval.remarks) >= MOST_REMARKS:
        raise Invalid(
            f"There are {MOST_REMARKS} remarks already; please talk to {run.initiator.name}. Nothing was sent."
        )
    return [e.ApprovalQuestioned(at=now, approval=approval.id, by=command.by, text=command.text)]


def explain(run: Run, command: c.Explain, now: datetime) -> list[e.Event]:
    """Reply, as the initiator, to what was asked back last."""
    approval = run.approvals.get(command.approval)
    if approval is None:
        raise Invalid(f"run {run.run_id} asks no question {command.approval!r}")
    only_initiator(run, command.by, "reply")
    if not approval.open:
        raise AlreadyDecided("This question is not open any more, so your reply was not sent.")
    if not command.text.strip():
        raise Invalid("Please write a reply; nothing was sent.")
    if not approval.remarks or approval.remarks[-1].by.id in (run.initiator.id, OPERATOR):
        raise AlreadyDecided("Nobody waits for a reply any more; nothing was sent.")
    return [e.ApprovalExplained(at=now, approval=approval.id, by=command.by, text=command.text)]


def give_feedback(run: Run, command: c.GiveFeedback, now: datetime) -> list[e.Event]:
    """Have a task done again with what an approver wants done differently.

    Raises:
        NotPermitted: The worker takes no feedback.
        Conflict: A write that would begin anew is under way at this moment.
    """
    approval = admit(run, command.approval, command.by, command.shown)
    name = approval.revises
    if not name or run.status != "running":
        raise NotPermitted("What is shown here cannot be done differently from this card; nothing was changed.")
    task = run.tasks.get(name)
    if task is None or task.status != "succeeded":
        raise Conflict("It is being done again already; please wait for the new card.")
    if not command.text.strip():
        raise Invalid("Please write what shall be different; nothing was changed.")
    if len(task.feedback) >= MOST_FEEDBACK:
        raise Invalid(f"It has been done again {MOST_FEEDBACK} times; please decide, or talk to {run.initiator.name}.")
    given = e.FeedbackGiven(at=now, approval=approval.id, task=name, by=command.by, text=command.text)
    retracted = retraction(run, [name], entry=task.entry, by=command.by, reason=command.text, now=now)
    if approval.task not in retracted.tasks:
        raise Invalid(f"{approval.title!r} does not follow from {name!r}, so feedback would change nothing about it")
    return [given, retracted]


def edit_arguments(run: Run, command: c.EditArguments, now: datetime) -> list[e.Event]:
    """Change what a write shall be done with; it is asked about anew, as it would be written now.

    Raises:
        NotPermitted: Nothing of it may be changed.
    """
    approval = admit(run, command.approval, command.by, command.shown)
    if approval.kind != "write" or not approval.editable or run.status != "running":
        raise NotPermitted("Nothing of this can be changed from this card; nothing was changed.")
    if not command.entry:
        raise Invalid("Nothing was changed: please try again from the newest card.")
    return [e.ArgumentsEdited(at=now, approval=approval.id, by=command.by, entry=command.entry)]


def record_refusal(run: Run, command: c.RecordRefusal, now: datetime) -> list[e.Event]:
    """Keep that somebody's answer was not taken."""
    if command.approval not in run.approvals:
        raise Invalid(f"run {run.run_id} asks no question {command.approval!r}")
    return [e.AnswerRefused(at=now, approval=command.approval, by=command.by, code=command.code)]


def leave_feedback(run: Run, command: c.LeaveFeedback, now: datetime) -> list[e.Event]:
    """Keep what the initiator thinks of the run's answer."""
    only_initiator(run, command.by, "say what they think of it")
    return [e.FeedbackLeft(at=now, by=command.by, reaction=command.reaction, text=command.text)]
