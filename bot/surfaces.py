"""What a group is shown of a question: the neutral card, and to whom more is shown."""

from __future__ import annotations

from typing import Any

from bot import cards
from bot.conversations import Conversations
from orchestration.core.view import ApprovalView, RunView


async def group_card(conversations: Conversations, run: RunView, approval: ApprovalView) -> dict[str, Any]:
    """The card of a question for a group chat or channel: nothing protected, no buttons.

    Clients of those who are asked refresh it (verb `refresh_approval`); what each of them gets is decided when the
    refresh comes, by who asks. Those whose id in the channel is not known yet see their question in their own chat.
    """
    asked = approval.approvers if approval.open else []
    found = [await conversations.of(person.id) for person in asked]
    return cards.neutral(run, approval, [each.conversation.user_id for each in found if each is not None])
