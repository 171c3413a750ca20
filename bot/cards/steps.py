"""The steps of a plan that no playbook vouches for: what each really does, whatever the plan calls it."""

from __future__ import annotations

from collections.abc import Sequence

from microsoft_teams.cards.core import CardElement

from bot.cards.layout import GAP, Mark, dotted, line, marked, note, section, words
from bot.cards.wording import plain
from bot.language import say, say_count
from orchestration.planning.described import Line

_MOST_NAMES = 8


def steps_of(steps: Sequence[Line], *, most: int) -> list[CardElement]:
    """Every step with its effect and the capability's own title, whom it names, and below it the plan's own words."""
    # What writes is never left out for want of room before what only reads is.
    first = sorted(range(len(steps)), key=lambda place: (steps[place].effect not in ("write", "ask"), place))[:most]
    shown = [_step(steps[place]) for place in sorted(first)]
    left = len(steps) - len(shown)
    more = [note(say_count("and {count} more step", "and {count} more steps", left))] if left else []
    return [section(say("What it will do")), *shown, *more]


def _step(step: Line) -> CardElement:
    mark, effect = _effect(step.effect)
    system = plain(step.system, 40)
    label = f"{effect} · {system}:" if system else f"{effect}:"
    runs = [words(label, bold=step.effect == "write"), GAP, words(step.what, 100)]
    if step.effect == "ask":
        runs = [words(say("Ask a person"))]
    below: list[CardElement] = []
    if step.title and step.title != step.what:
        below.append(
            line(words(say("“{words}”", words=plain(step.title, 120)), italic=True, subtle=True), spacing="None")
        )
    if step.names:
        names = [plain(name, 120) for name in step.names[:_MOST_NAMES]]
        rest = len(step.names) - len(names)
        more = [say("and {count} more", count=rest)] if rest else []
        below.append(line(words("→"), GAP, words(", ".join([*names, *more]), 900), spacing="None"))
    details = []
    if step.each:
        details.append(say("for every item"))
    if step.instead:
        details.append(say("if that fails: {what}", what=plain(step.instead, 100)))
    if details:
        below.append(line(*dotted(words(each, 140, subtle=True) for each in details), spacing="None"))
    return marked(mark, runs, below, spacing="Small")


def _effect(effect: str) -> tuple[Mark, str]:
    return {
        "write": (Mark("✎", "Attention"), say("Write")),
        "read": (Mark("○"), say("Read")),
        "compute": (Mark("○"), say("Work out")),
        "ask": (Mark("?", "Accent"), ""),
    }[effect]
