"""The list of questions that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import ActionSet, CardElement, Container

from bot.cards.buttons import APPROVAL_AGAIN, button
from bot.cards.layout import GAP, Mark, finished, fitted, header, line, marked, moment, note, words
from bot.cards.moments import local
from bot.cards.standing import votes
from bot.cards.wording import counted, plain
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
    summary = (
        f"{counted(total, 'question waits', 'questions wait')} for your answer" if total else "Nothing waits for you"
    )
    hint = [] if total else [line(words("You get a card as soon as somebody needs your answer."), spacing="Medium")]

    def build(most: int) -> dict[str, Any]:
        body = [*header("Approvals", summary), *(_question(*each, viewer) for each in asked[:most]), *hint]
        if total > most:
            body.append(note(f"and {counted(total - most, 'more question')}", spacing="Medium"))
        return finished(body, speak=f"{summary}.")

    return fitted(build, range(min(MOST, len(asked)), -1, -1))


def _question(run: RunView, approval: ApprovalView, viewer: Person) -> CardElement:
    who = "your own run" if run.initiator.id == viewer.id else f"asked for {plain(run.initiator.name, 80)}"
    below: list[CardElement] = [note(f"{run.title} · {who}", 240, spacing="None")]
    asked = [words("Asked on", subtle=True), GAP, moment(local(approval.requested_at))]
    due = [moment(" · "), words("due by", subtle=True), GAP, moment(local(approval.due_at))] if approval.due_at else []
    late = [moment(" · "), words("overdue", bold=True)] if approval.expired else []
    below.append(line(*asked, *due, *late, spacing="None"))
    if approval.votes:
        below.append(note(f"{votes(approval)}.", spacing="None"))
    show = button("Show it", APPROVAL_AGAIN, {"run_id": run.run_id, "approval": approval.id})
    below.append(ActionSet(spacing="Small", actions=[show]))
    mark = Mark("!", "Attention") if approval.expired else Mark("?", "Accent")
    return Container(
        separator=True, spacing="Medium", items=[marked(mark, [words(approval.title, 120, bold=True)], below)]
    )
