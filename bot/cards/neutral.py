"""What a group sees of a question: that there is one, and nothing that is protected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import AdaptiveCard, CardElement, RefreshDefinition

from bot.cards.buttons import APPROVAL_REFRESH, button
from bot.cards.layout import Mark, banner, header, line, words
from bot.language import say
from orchestration.core.view import ApprovalView, RunView

MOST_USERS = 60  # Teams takes no more


def neutral(run: RunView, approval: ApprovalView, users: Sequence[str] = ()) -> dict[str, Any]:
    """That a run waits for a decision; without buttons, content or names of those who are asked.

    A client of Teams asks for the card of its own person (`refresh`) only for the given users, or for everybody in a
    small group: what it gets is decided when it asks.

    Args:
        run: The run; not even its title is told.
        approval: The question.
        users: Ids in the channel (`29:...`) of those who are asked.
    """
    said = say("A run waits for a decision.") if approval.open else say("A run waits for this decision no longer.")
    mark = Mark("?", "Accent") if approval.open else Mark("✓", "Good")
    word = say("Waits for a decision") if approval.open else say("The decision is no longer waited for")
    body: list[CardElement] = [
        *header(say("A decision")),
        banner(mark, [words(word, bold=True)]),
        line(words(say("Those who are asked see it here and in their own chats with me.")), spacing="Medium"),
    ]
    data = {"run_id": run.run_id, "approval": approval.id}
    refresh = button(say("Refresh"), APPROVAL_REFRESH, data)
    card = AdaptiveCard(
        version="1.5",
        refresh=RefreshDefinition(action=refresh, user_ids=list(users)[:MOST_USERS]) if users else None,
        body=body,
        speak=said,
        fallback_text=said,
    )
    wire: dict[str, Any] = card.model_dump(by_alias=True, exclude_none=True)
    return wire
