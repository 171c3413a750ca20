"""The card that reminds somebody of a question."""

from __future__ import annotations

from typing import Any

from bot.cards.approval import top
from bot.cards.buttons import APPROVAL_SHOW, button
from bot.cards.layout import GAP, Mark, banner, finished, fitted, line, moment, words
from bot.cards.moments import local
from bot.cards.terms import if_nothing, terms
from bot.cards.wording import plain
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView


def reminder(run: RunView, approval: ApprovalView, viewer: Person) -> dict[str, Any]:
    """Names the question, since when it waits and until when; its button brings the question itself into its place.

    Args:
        run: The run that waits.
        approval: The question.
        viewer: Who has not answered it.
    """
    waits = "Your run waits" if viewer.id == run.initiator.id else f"{plain(run.initiator.name, 80)} waits"
    asked = [words("You were asked on"), GAP, moment(local(approval.requested_at), subtle=False), words(".")]
    body = [
        *top(run, approval),
        banner(Mark("!", "Attention"), [words(f"Reminder: {waits} for your answer", 160, bold=True)]),
        line(*asked, spacing="Medium"),
        *terms(approval, viewer),
        *if_nothing(approval, viewer),
    ]
    show = button("Show the question", APPROVAL_SHOW, {"run_id": run.run_id, "approval": approval.id}, style="positive")
    return fitted(lambda _: finished(body, [show], speak=f"Reminder: {approval.title}. {waits} for you."), [None])
