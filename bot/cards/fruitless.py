"""Cards for goals that no plan was made of: not for this person, unclear, or no model at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import CardElement

from bot.cards.buttons import PLAN_AGAIN, button
from bot.cards.greeting import offer
from bot.cards.layout import Mark, banner, bullets, finished, fitted, header, line, note, words
from bot.cards.wording import plain, sentence
from bot.language import say
from orchestration.core.view import RunView
from orchestration.planning.port import Suggestion

_LONGEST_GOAL = 150
_MOST_WHO = 8


def not_for_you(goal: str, why: str, who_could: Sequence[str]) -> dict[str, Any]:
    """The person may not do what the goal asks for, or nobody may; with who could."""
    title = say("This is not for you to do with me")
    refused = sentence(why, 600)

    def build(most: int) -> dict[str, Any]:
        body: list[CardElement] = [
            *header(title, _about(goal)),
            banner(Mark("✕", "Attention"), [words(say("Nothing was started."), bold=True)]),
        ]
        body += [line(words(refused, 600), spacing="Medium")] if refused else []
        body += bullets(say("Who could"), [plain(each, 120) for each in who_could], most=most)
        if who_could:
            body.append(note(say("Whoever runs Tandem can change that in the policy file."), spacing="Medium"))
        return finished(body, speak=f"{title}. {refused}")

    if not who_could:
        title = say("I cannot do that here")
    return fitted(build, (_MOST_WHO, 3, 1))


def unclear(goal: str, what: str, suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """No plan could be made of the goal: what is unclear, and what can be done instead."""
    said = sentence(what, 800) or say("I do not know what exactly is to be done.")
    title = say("No plan came of this")
    hint = say("Nothing was started or changed. You can also pick one of these:")
    return offer(title, _about(goal), said, suggestions, hint=hint)


def without_model(run: RunView, why: str, suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """The model that should have worked out a plan gave no answer: playbooks still work.

    Args:
        run: The planning run that failed.
        why: What happened.
        suggestions: What works without a model.
    """
    title = say("I could not work out a plan")
    hint = say("Nothing was started, and nothing is lost. These goals need no model and work as always:")
    again = button(say("Try again"), PLAN_AGAIN, {"run_id": run.run_id, "planning": run.run_id})
    return offer(title, _about(run.goal), why, suggestions, hint=hint, more=[again])


def _about(goal: str) -> str:
    return say("For “{goal}”", goal=plain(goal, _LONGEST_GOAL))
