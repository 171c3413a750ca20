"""On what terms a question is asked: of whom, until when, and what happens if nobody answers."""

from __future__ import annotations

from datetime import datetime

from microsoft_teams.cards.core import CardElement, TextRun

from bot.cards.layout import GAP, line, moment, note, words
from bot.cards.moments import local
from bot.cards.standing import unanswered, votes
from bot.cards.wording import listed, plain
from bot.language import say
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView


def waits() -> str:
    """What happens without an answer."""
    return say("If you do nothing, it waits, and nothing is done.")


def unwritten() -> str:
    """What happens without an answer to the question whether something may be written."""
    return say("Nothing is written unless you allow it. If you do nothing, it waits.")


def terms(approval: ApprovalView, viewer: Person) -> list[CardElement]:
    """Why this person is asked as well, how many answers are needed, until when, and what happens then."""
    lines: list[CardElement] = []
    others = [person for person in unanswered(approval) if person.id != viewer.id]
    if giver := next((before for before, to in reversed(approval.delegated) if to.id == viewer.id), None):
        given = say("{person} has handed this question to you.", person=plain(giver.name, 60))
        lines.append(line(words(given, bold=True)))
    if approval.escalated_to and approval.escalated_to.id == viewer.id:
        names = listed([plain(person.name, 60) for person in others[:3]])
        why = say("You are asked because nobody answered in time.")
        if names:
            why = say("You are asked because {people} did not answer in time, or is away.", people=names)
        lines.append(line(words(why, bold=True)))
    elif approval.escalated_to:
        lines.append(note(say("{person} was asked as well.", person=plain(approval.escalated_to.name, 60))))
    if approval.quorum > 1:
        so_far = votes(approval) if approval.votes else say("Nobody has answered yet")
        lines.append(line(words(f"{_needed(approval)} {so_far}.", 400)))
    return lines


def _needed(approval: ApprovalView) -> str:
    people, needed = len({person.id for person in approval.approvers}), approval.quorum
    if needed != people:
        return say("{needed} of the {all} people who are asked have to approve.", needed=needed, all=people)
    if people == 2:
        return say("Both people who are asked have to approve.")
    return say("All {all} people who are asked have to approve.", all=people)


def if_nothing(approval: ApprovalView, viewer: Person) -> list[CardElement]:
    """What happens if the viewer does nothing, and when."""
    otherwise = unwritten() if approval.kind == "write" else waits()
    if approval.expired:
        runs = [words(say("The answer was due already and is still needed."), bold=True), words(otherwise)]
    elif approval.due_at:
        runs = [until(approval.due_at), words(_then(approval, viewer))]
    else:
        runs = [words(otherwise)]
    if approval.remind_at:
        reminded = say("You are reminded on {moment}.", moment=local(approval.remind_at))
        runs.append(moment(reminded, subtle=False))
    parted = [part for run in runs for part in (GAP, run)][1:]
    return [line(*parted, spacing="Medium")]


def until(due: datetime, *, subtle: bool = False) -> TextRun:
    """By when an answer is wanted."""
    return moment(say("Please answer by {moment}.", moment=local(due)), subtle=subtle)


def _then(approval: ApprovalView, viewer: Person) -> str:
    """What happens when nobody answers in time."""
    if approval.escalate_to and approval.escalate_to.id != viewer.id:
        who = plain(approval.escalate_to.name, 60)
        return say("If nobody has answered by then, {person} is asked as well.", person=who)
    if approval.on_expiry == "skip":
        return say("If nobody has answered by then, the run goes on without the answer.")
    if approval.on_expiry == "fail":
        return say("If nobody has answered by then, this step fails.")
    return say("If nobody has answered by then, it still waits, and nothing is done.")
