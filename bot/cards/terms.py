"""On what terms a question is asked: of whom, until when, and what happens if nobody answers."""

from __future__ import annotations

from microsoft_teams.cards.core import CardElement, TextRun

from bot.cards.layout import GAP, line, moment, note, words
from bot.cards.moments import local
from bot.cards.standing import unanswered, votes
from bot.cards.wording import listed, plain
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView

WAITS = "If you do nothing, it waits, and nothing is done."
UNWRITTEN = "Nothing is written unless you allow it. If you do nothing, it waits."


def terms(approval: ApprovalView, viewer: Person) -> list[CardElement]:
    """Why this person is asked as well, how many answers are needed, until when, and what happens then."""
    lines: list[CardElement] = []
    others = [person for person in unanswered(approval) if person.id != viewer.id]
    if giver := next((before for before, to in reversed(approval.delegated) if to.id == viewer.id), None):
        lines.append(line(words(f"{plain(giver.name, 60)} has handed this question to you.", bold=True)))
    if approval.escalated_to and approval.escalated_to.id == viewer.id:
        names = listed([plain(person.name, 60) for person in others[:3]]) or "Nobody"
        lines.append(line(words(f"You are asked because {names} did not answer in time, or is away.", bold=True)))
    elif approval.escalated_to:
        lines.append(note(f"{plain(approval.escalated_to.name, 60)} was asked as well."))
    if approval.quorum > 1:
        people = len({person.id for person in approval.approvers})
        everybody = "Both" if people == 2 else f"All {people}"
        of = everybody if approval.quorum == people else f"{approval.quorum} of the {people}"
        so_far = votes(approval) if approval.votes else "Nobody has answered yet"
        lines.append(line(words(f"{of} people who are asked have to approve. {so_far}.", 400)))
    return lines


def if_nothing(approval: ApprovalView, viewer: Person) -> list[CardElement]:
    """What happens if the viewer does nothing, and when."""
    runs: list[TextRun] = []
    waits = UNWRITTEN if approval.kind == "write" else WAITS
    if approval.expired:
        runs += [words("The answer was due already and is still needed.", bold=True), GAP, words(waits)]
    elif approval.due_at:
        until = [words("Please answer by"), GAP, moment(local(approval.due_at), subtle=False), words(".")]
        runs += [*until, GAP, words(_then(approval, viewer))]
    else:
        runs.append(words(waits))
    if approval.remind_at:
        runs += [GAP, words("You are reminded on"), GAP, moment(local(approval.remind_at), subtle=False), words(".")]
    return [line(*runs, spacing="Medium")]


def _then(approval: ApprovalView, viewer: Person) -> str:
    """What happens when nobody answers in time."""
    if approval.escalate_to and approval.escalate_to.id != viewer.id:
        return f"If nobody has answered by then, {plain(approval.escalate_to.name, 60)} is asked as well."
    return {
        "skip": "If nobody has answered by then, the run goes on without the answer.",
        "fail": "If nobody has answered by then, this step fails.",
    }.get(approval.on_expiry, "If nobody has answered by then, it still waits, and nothing is done.")
