"""What takes the place of a run's older cards once it was taken up again."""

from __future__ import annotations

from typing import Any

from bot.cards.layout import Mark, about, banner, finished, fitted, header, line, words
from bot.language import say
from orchestration.core.view import RunView


def superseded(run: RunView) -> dict[str, Any]:
    """The run had ended and goes on; its newest card and its new outcome are further down in the chat."""
    body = [
        *header(run.title, about(run)),
        banner(Mark("↻", "Accent"), [words(say("Taken up again"), bold=True)]),
        line(
            words(say("What this card said is out of date. A newer card below shows where the run stands now.")),
            spacing="Medium",
        ),
        line(
            words(say("What had been written stays; you are asked before anything is written again.")), spacing="Small"
        ),
    ]
    speak = say("{run} was taken up again.", run=run.title)
    return fitted(lambda _: finished(body, speak=speak), [None])
