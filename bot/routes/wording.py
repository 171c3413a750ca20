"""What a mail and the initiator are told about routes. No protected content: a mail may be read by others."""

from __future__ import annotations

from datetime import datetime

from bot.language import moment, say
from bot.routes.links import Links
from bot.texts import clean
from orchestration.core.label import UNLABELLED, within
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

LONGEST_TITLE = 120


def open_title(run: RunView, approval: ApprovalView) -> str:
    """What a question may be called outside of Tandem's own chat: its title, unless that may hold what is protected."""
    if _is_open(approval):
        return clean(approval.title, LONGEST_TITLE)
    return say("a decision in “{run}”", run=clean(run.title, 80))


def _is_open(approval: ApprovalView) -> bool:
    return not approval.tainted and within(approval.label or UNLABELLED, UNLABELLED)


def subject(run: RunView, approval: ApprovalView, *, reminder: bool) -> str:
    """Of the mail."""
    title = clean(approval.title if _is_open(approval) else run.title, LONGEST_TITLE)
    if reminder:
        return say("Reminder: please answer “{question}”", question=title)
    return say("Your decision is needed: {question}", question=title)


def body(run: RunView, approval: ApprovalView, links: Links, *, reminder: bool) -> str:
    """Of the mail, plain text."""
    asks = clean(run.initiator.name, 80)
    lines = [
        say("This still waits for your answer.")
        if reminder
        else say("{person} needs a decision from you.", person=asks),
        "",
        say("What: {question}", question=open_title(run, approval)),
        say("Who asks: {person}", person=asks),
        say("Due: {moment}", moment=due(approval.due_at)),
        "",
        say("You find it, with everything that belongs to it, in your chat with Tandem in Teams:"),
        links.chat,
    ]
    if links.install:
        lines += ["", say("If Teams does not know Tandem yet, add it here first:"), links.install]
    lines += ["", say("Write “status” there if you do not see it at once. You cannot answer by replying to this mail.")]
    return "\n".join(lines)


def due(at: datetime | None) -> str:
    """When an answer is due, for people anywhere."""
    return moment(at, say("yyyy-MM-dd HH:mm 'UTC'")) if at else say("no date is set")


def mailed(person: Person, approval: ApprovalView) -> str:
    """What the initiator is told when a question went out by mail."""
    name, title = clean(person.name, 80), clean(approval.title, LONGEST_TITLE)
    return say(
        "{person} does not have Tandem in Teams, so I have sent {person} a mail in your name that asks to answer "
        "“{question}” there. What the question shows is seen in Teams only, not in the mail.",
        person=name,
        question=title,
    )


def not_taken(system: str, approval: ApprovalView, why: str) -> str:
    """What the initiator is told when the approval system that policy names does not take a question."""
    return say(
        "“{question}” was to be decided in {system}, which does not take it: {why} I try again. "
        "Please tell whoever runs Tandem.",
        question=clean(approval.title, LONGEST_TITLE),
        system=clean(system, 80),
        why=clean(why, 300),
    )
