"""What another plan changes of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import CardElement

from bot.cards.layout import GAP, Mark, dotted, line, marked, moment, note, section, words
from bot.cards.moments import duration_of, shown_value
from bot.cards.origin import money
from bot.cards.wording import plain
from bot.language import say, say_count
from orchestration.core.amendment import Amendment, Step

_ADDED, _REMOVED, _CHANGED = Mark("⊕", "Good"), Mark("⊖", "Attention"), Mark("≈", "Accent")
_AGAIN, _STANDS = Mark("↻", "Accent"), Mark("✓", "Good")


def differences(change: Amendment, heading: str, *, most: int) -> list[CardElement]:
    """Every difference as a marked line, under a heading."""
    body: list[CardElement] = [section(heading)]
    if change.retitled:
        body.append(marked(_CHANGED, [words(say("Title: {title}", title=plain(change.retitled, 120)))]))
    for name, old, new in change.params[:most]:
        title = plain(str(name).replace("_", " ").capitalize(), 60)
        was = say("{title}: {new} instead of {old}", title=title, new=_value(new), old=_value(old))
        body.append(marked(_CHANGED, [words(was, 400)], spacing="Small"))
    body += _steps(_ADDED, say("New"), change.added, most)
    body += _steps(_REMOVED, say("Left out"), change.removed, most)
    body += _steps(_CHANGED, say("Done otherwise"), change.changed, most)
    body += _steps(_AGAIN, say("Done again"), change.again, most, spent=True)
    if change.ending:
        body.append(marked(_CHANGED, [words(say("What I tell you at the end"))], spacing="Small"))
    body += _steps(_STANDS, say("Written, and it stays"), change.stands, most)
    return body


def _value(value: Any) -> str:
    return shown_value(value) or say("nothing")


def _steps(mark: Mark, word: str, steps: Sequence[Step], most: int, *, spent: bool = False) -> list[CardElement]:
    shown = [_step(mark, word, step, spent=spent) for step in steps[:most]]
    left = len(steps) - len(shown)
    return [*shown, note(say_count("and {count} more step", "and {count} more steps", left))] if left else shown


def _step(mark: Mark, word: str, step: Step, *, spent: bool) -> CardElement:
    what = words(plain(step.title, 100))
    writes = [moment(" · "), words(say("Write"), bold=True)] if step.effect == "write" and mark != _STANDS else []
    figures = [each for each in _spent(step) if each] if spent else []
    below = [line(*dotted(words(each, 80, subtle=True) for each in figures), spacing="None")] if figures else []
    return marked(mark, [words(f"{word}:", subtle=True), GAP, what, *writes], below, spacing="Small")


def _spent(step: Step) -> list[str]:
    """What would have been spent for nothing: `2 tries · 12 s · 2,100 tokens · 0.03 EUR`."""
    return [
        say_count("{count} try so far", "{count} tries so far", step.attempts) if step.attempts else "",
        duration_of(step.seconds) if step.seconds else "",
        say_count("{count} token", "{count} tokens", step.tokens) if step.tokens else "",
        money(step.cost, step.currency),
    ]
