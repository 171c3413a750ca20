"""A plain message with a heading."""

from __future__ import annotations

from typing import Any

from bot.cards.layout import TONES, Tone, finished, fitted, header, line, marked, words
from bot.cards.wording import plain, sentence

_MOST_PARAGRAPHS = 8


def message(title: str, text: str, tone: Tone = "neutral") -> dict[str, Any]:
    """Says something that needs no answer.

    Args:
        title: What it is about.
        text: What happened, what is safe, what to do next; blank lines part paragraphs.
        tone: `good`, `warning` and `attention` put an icon before the text.
    """
    paragraphs = [part for part in text.split("\n") if plain(part)][:_MOST_PARAGRAPHS]
    runs = [words(part, 800) for part in paragraphs] or [words(title)]
    mark = TONES[tone]
    rest = [line(run, spacing="Small") for run in runs[1:]]
    content = (
        [marked(mark, runs[:1], rest, spacing="Medium")] if mark.icon else [line(runs[0], spacing="Medium"), *rest]
    )
    return fitted(
        lambda _: finished(
            [*header(title), *(content if paragraphs else [])], speak=f"{sentence(title)} {plain(text)}"
        ),
        [None],
    )
