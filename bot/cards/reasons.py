"""Why something differs, for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import ActionSet, CardElement, ChoiceSetInput
from microsoft_teams.cards.core import Choice as InputChoice

from bot.cards.buttons import APPROVAL_WHY, button
from bot.cards.layout import facts, finished, fitted, header, section
from bot.cards.wording import plain
from bot.language import say
from orchestration.core.question import Item
from orchestration.core.view import ApprovalView, RunView


def ask_for_reasons(run: RunView, approval: ApprovalView, items: Sequence[Item]) -> list[CardElement]:
    """Asks for the reasons that this card has no room for; they come as a message."""
    reasoned = [item for item in items if item.why]
    if not reasoned:
        return []
    which = ChoiceSetInput(
        id="why",
        label=say("Why does it differ? Choose one to see its rows"),
        placeholder=say("Choose"),
        choices=[InputChoice(title=plain(item.title, 60), value=item.id) for item in reasoned],
        spacing="Medium",
    )
    data = {"run_id": run.run_id, "approval": approval.id, "shown": approval.entry}
    ask = button(say("Show its rows"), APPROVAL_WHY, data, inputs=True)
    return [which, ActionSet(actions=[ask])]


def reasons(run: RunView, approval: ApprovalView, item: Item) -> dict[str, Any]:
    """Why one item differs: what each system says, the rule, and the rows behind it.

    Args:
        run: The run that waits.
        approval: The question that the item belongs to.
        item: The item.
    """
    body = [
        *header(item.title, f"{approval.title} · {run.title}"),
        *facts(item.facts, limit=160, spacing="Medium"),
        section(say("Why")),
        *facts(item.why, limit=300, spacing="None"),
    ]
    speak = say("{item}: why it differs.", item=plain(item.title))
    return fitted(lambda _: finished(body, speak=speak), [None])
