"""The one line that a notification shows of a card, in the language that is spoken."""

from __future__ import annotations

from bot.language import say, say_count
from bot.texts import clean, summary
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.view import ApprovalView, RunView


def of_start(run: RunView) -> str:
    """What a run does just now, in one line."""
    now = [clean(task.title, 60) for task in run.tasks if task.status == "running"][:3]
    return f"{', '.join(now)} …" if now else f"{clean(run.title, 120)} …"


def of_standstill(run: RunView) -> str:
    """A run that has just begun goes on without news for the moment."""
    title = clean(run.title, 120)
    names = sorted({clean(each.name, 80) for approval in run.approvals if approval.open for each in approval.approvers})
    if run.paused:
        return say("{run} is under way. It is paused; its card above shows where it stands.", run=title)
    if names[1:]:
        return say(
            "{run} is under way. It waits for {people} or {last}; its card above shows where it stands.",
            run=title,
            people=", ".join(names[: len(names[:3]) - 1]),
            last=names[:3][-1],
        )
    if names:
        return say(
            "{run} is under way. It waits for {person}; its card above shows where it stands.",
            run=title,
            person=names[0],
        )
    return say(
        "{run} is under way. {done} of {all} steps are done; its card above shows where it stands.",
        run=title,
        done=sum(task.status in ("succeeded", "skipped") for task in run.tasks),
        all=len(run.tasks),
    )


def of_plan(run: RunView) -> str:
    """The plan waits for a start."""
    return summary(say("Plan ready: {run}. Start it?", run=run.title))


def of_change(run: RunView) -> str:
    """Another plan waits for consent."""
    return summary(say("Change the plan of {run}?", run=run.title))


def of_progress(run: RunView) -> str:
    """Where the run stands."""
    title = run.title
    if run.awaiting_sign_in:
        return summary(say("{run}: waits for your sign-in", run=title))
    if run.paused and run.status == "running":
        return _told(run, say("{run}: paused", run=title))
    states = {
        "running": say("{run}: running", run=title),
        "closing": say("{run}: stopping", run=title),
        "succeeded": say("{run}: succeeded", run=title),
        "failed": say("{run}: failed", run=title),
        "cancelled": say("{run}: cancelled", run=title),
    }
    return _told(run, states.get(run.status, title))


def of_question(run: RunView, approval: ApprovalView, shown: Shown) -> str:
    """A question to decide."""
    who, title = run.initiator.name, approval.title
    if shown.items:
        return _told(
            run,
            say_count(
                "{person} needs your decision: {question} ({count} to decide)",
                "{person} needs your decision: {question} ({count} to decide)",
                len(shown.items),
                person=who,
                question=title,
            ),
        )
    return _told(run, say("{person} needs your decision: {question}", person=who, question=title))


def of_own_question(run: RunView, approval: ApprovalView) -> str:
    """A question to the initiator themselves."""
    return _told(run, f"{run.title}: {approval.title}")


def of_several(run: RunView, number: int) -> str:
    """Several questions of a run at once."""
    many = say_count(
        "{run}: {count} question waits for your decision",
        "{run}: {count} questions wait for your decision",
        number,
        run=run.title,
    )
    return _told(run, many)


def of_asked_back(run: RunView, approval: ApprovalView) -> str:
    """An approver wants to know something."""
    last = next((each for each in reversed(approval.remarks) if each.by.id != run.initiator.id), None)
    who = last.by.name if last else say("Somebody")
    return summary(say("{person} asks you before answering “{question}”", person=who, question=approval.title))


def of_reply(run: RunView, approval: ApprovalView) -> str:
    """The initiator replied to an approver."""
    return summary(say("{person} has replied about “{question}”", person=run.initiator.name, question=approval.title))


def of_reminder(run: RunView, approval: ApprovalView) -> str:
    """A question waits for an answer."""
    return summary(say("Reminder: please answer “{question}” ({run})", question=approval.title, run=run.title))


def of_superseded(run: RunView) -> str:
    """A run goes on after it had ended."""
    return summary(say("{run}: taken up again", run=run.title))


def of_open(approval: ApprovalView) -> str:
    """A question of which something became known."""
    return summary(say("Still open: {question}", question=approval.title))


def of_closed_question(approval: ApprovalView) -> str:
    """What an approver asked back needs no reply any more."""
    return summary(say("No reply is needed any more: {question}", question=approval.title))


def of_closed(approval: ApprovalView) -> str:
    """A question that needs nobody any more."""
    title = approval.title
    if approval.decided_by is not None:
        return summary(say("Decided by {person}: {question}", person=approval.decided_by.name, question=title))
    if approval.expired and approval.on_expiry != "wait":
        return summary(say("Not answered in time: {question}", question=title))
    return summary(say("No longer needed: {question}", question=title))


def of_sign_in(run: RunView) -> str:
    """A sign-in is asked for."""
    return summary(say("Please sign in so that “{run}” can go on", run=run.title))


def of_outcome(run: RunView, answer: Answer | None) -> str:
    """How the run ended."""
    if answer is not None:
        return _told(run, f"{run.title}: {answer.text}")
    if run.status == "cancelled":
        return _told(run, say("{run}: cancelled", run=run.title))
    return _told(run, say("{run}: failed. {why}", run=run.title, why=run.message))


def _told(run: RunView, text: str) -> str:
    return summary(say("Dry run: {what}", what=text) if run.dry else text)
