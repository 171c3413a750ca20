"""Cards that say what the bot can do: on arrival, on request, and when it did not understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import Action, CardElement, Container

from bot.cards.buttons import GOAL_SAY, button
from bot.cards.layout import GAP, finished, fitted, header, line, note, section, words
from bot.cards.wording import first_name
from bot.language import say, say_count
from orchestration.planning.port import Suggestion

# Teams draws six buttons and puts the rest behind "...".
_MOST_BUTTONS = 6


def welcome(suggestions: Sequence[Suggestion], name: str) -> dict[str, Any]:
    """The first card a person sees, with goals they can start by one press."""
    greeting = say("Hello {name}", name=first_name(name)).strip()
    promise = say(
        "Tell me what you want done. I show you a plan first, work with your own permissions, "
        "and ask you before anything is changed."
    )
    return offer(greeting, say("Tandem works through a task with you, step by step"), promise, suggestions)


def help_card(suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """What the bot can do and the words it listens to."""
    commands = [
        (say("status"), say("what is under way")),
        (say("my approvals"), say("what waits for your answer")),
        (say("cancel"), say("stop what is under way")),
        (say("sign out"), say("forget your sign-in")),
        (say("help"), say("this card")),
    ]
    below = [section(say("You can also write")), *(_command(*each) for each in commands)]
    return offer(
        say("What I can do"), say("Write a goal in your own words, or press one"), "", suggestions, below=below
    )


def _command(word: str, meaning: str) -> CardElement:
    return line(words(word, bold=True), GAP, words(f"– {meaning}"), spacing="None")


def unmatched(goal: str, suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """The goal fits nothing: what the bot understood, and what it can do instead."""
    said = say("You wrote: “{goal}”", goal=goal if len(goal) <= 200 else f"{goal[:199]}…")
    refused = say("I cannot do that yet")
    return offer(refused, said, say("Nothing was started. This is what I can do:"), suggestions)


def offer(
    title: str,
    subtitle: str,
    text: str,
    suggestions: Sequence[Suggestion],
    *,
    below: Sequence[CardElement] = (),
    hint: str = "",
    more: Sequence[Action] = (),
) -> dict[str, Any]:
    """A card with goals that one press says.

    Args:
        title: Its heading.
        subtitle: What it is about.
        text: What happened or is promised; may hold what others wrote.
        suggestions: The goals.
        below: What follows them.
        hint: What to say right before them.
        more: Other buttons, before theirs.
    """

    def build(most: int) -> dict[str, Any]:
        shown = suggestions[:most]
        body = [*header(title, subtitle), *([line(words(text, 800), spacing="Medium")] if text else [])]
        body += [note(hint, spacing="Medium")] if hint else []
        body += [_suggestion(suggestion) for suggestion in shown]
        if len(suggestions) > most:
            left = say_count(
                "and {count} more goal; write what you need in your own words",
                "and {count} more goals; write what you need in your own words",
                len(suggestions) - most,
            )
            body.append(note(left))
        speak = f"{title}. {text or subtitle}"
        actions: list[Action] = [
            button(s.title, GOAL_SAY, {"text": s.utterance}, style="positive" if s is shown[0] else None) for s in shown
        ]
        return finished([*body, *below], [*more, *actions], speak=speak)

    return fitted(build, range(min(_MOST_BUTTONS, len(suggestions)), -1, -1))


def _suggestion(suggestion: Suggestion) -> Container:
    return Container(
        spacing="Medium",
        items=[
            line(words(suggestion.title, 80, bold=True)),
            *([note(suggestion.description, spacing="None")] if suggestion.description else []),
            line(words(say("“{words}”", words=suggestion.utterance), 200, italic=True, subtle=True), spacing="None"),
        ],
    )
