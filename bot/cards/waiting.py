"""The list of questions that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import ActionSet, CardElement, Container

from bot.cards.buttons import APPROVAL_AGAIN, button
from bot.cards.layout import Mark, finished, fitted, header, line, marked, moment, note, words
from bot.cards.moments import local
from bot.cards.standing import votes
from bot.cards.wording import plain
from bot.language import say, say_count
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

MOST = 20


def waiting(asked: Sequence[tuple[RunView, ApprovalView]], viewer: Person, total: int = 0) -> dict[str, Any]:
    """What waits for a person's answer: title, run, who asked, until when; each with a button that shows it again.

    Args:
        asked: The questions with their runs, the oldest first.
        viewer: Whose answer they wait for.
        total: How many there are, if those are not all.
    """
    total = max(total, len(asked))
    summary = say("Nothing waits for you")
    hint = [line(words(say("You get a card as soon as somebody needs your answer.")), spacing="Medium")]
    if total:
        summary = say_count("{count} question waits for your answer", "{count} questions wait for your answer", total)
        hint = []

    def build(most: int) -> dict[str, Any]:
        body = [*header(say("Approvals"), summary), *(_question(*each, viewer) for each in asked[:most]), *hint]
        if total > most:
            left = say_count("and {count} more question", "and {count} more questions", total - most)
            body.append(note(left, spacing="Medium"))
        return finished(body, speak=f"{summary}.")

    return fitted(build, range(min(MOST, len(asked)), -1, -1))


def _question(run: RunView, approval: ApprovalView, viewer: Person) -> CardElement:
    who = say("asked for {person}", person=plain(run.initiator.name, 80))
    if run.initiator.id == viewer.id:
        who = say("your own run")
    below: list[CardElement] = [note(f"{run.title} · {who}", 240, spacing="None")]
    asked = say("Asked on {moment}", moment=local(approval.requested_at))
    if approval.due_at:
        asked += " · " + say("due by {moment}", moment=local(approval.due_at))
    late = [moment(" · "), words(say("overdue"), bold=True)] if approval.expired else []
    below.append(line(moment(asked), *late, spacing="None"))
    if approval.votes:
        below.append(note(f"{votes(approval)}.", spacing="None"))
    show = button(say("Show it"), APPROVAL_AGAIN, {"run_id": run.run_id, "approval": approval.id})
    below.append(ActionSet(spacing="Small", actions=[show]))
    mark = Mark("!", "Attention") if approval.expired else Mark("?", "Accent")
    return Container(
        separator=True, spacing="Medium", items=[marked(mark, [words(approval.title, 120, bold=True)], below)]
    )
