"""The card that asks for what a goal lacks."""

from __future__ import annotations

from typing import Any

from microsoft_teams.cards.core import Choice, ChoiceSetInput

from bot.cards.buttons import GOAL_ANSWER, button
from bot.cards.layout import finished, fitted, header, line, note, words
from bot.cards.moments import month_name
from bot.cards.wording import plain
from bot.language import say
from orchestration.planning.port import Missing

_MOST_BUTTONS = 5
_MOST_CHOICES = 100


def question(missing: Missing, goal: str, *, told: str = "", key: str = "") -> dict[str, Any]:
    """Asks for one thing: likely answers as buttons (a list when there are many), anything else as a message.

    Args:
        missing: What to ask.
        goal: For which goal.
        told: What to say first.
        key: Comes back with the answer as `asked`, and tells this question from an older one (the Playground sends no
            press whose data has a `key`).
    """
    asked = plain(missing.question, 200)
    speak = say("{question} You can also write the answer.", question=asked)
    top = header(say("One more thing"), say("For “{goal}”", goal=plain(goal, 150)))
    top += [line(words(told, 400), spacing="Medium")] if told else []
    few = len(missing.choices) <= _MOST_BUTTONS
    hint = note(say("Or write the answer as a message.") if missing.choices else say("Write the answer as a message."))
    if few:
        actions = [
            button(month_name(value) or title, GOAL_ANSWER, {"asked": key, "value": value})
            for value, title in missing.choices
        ]
        return fitted(
            lambda room: finished([*top, line(words(asked), spacing="Medium"), hint], actions, speak=speak), [None]
        )

    def build(most: int) -> dict[str, Any]:
        choices = [
            Choice(title=month_name(value) or plain(title, 80), value=value) for value, title in missing.choices[:most]
        ]
        listing = ChoiceSetInput(
            id="value",
            label=asked,
            choices=choices,
            is_required=True,
            error_message=say("Choose one, or write the answer."),
            spacing="Medium",
        )
        go_on = button(say("Go on"), GOAL_ANSWER, {"asked": key}, style="positive", inputs=True)
        return finished([*top, listing, hint], [go_on], speak=speak)

    return fitted(build, (_MOST_CHOICES, 60, 30, 10))
