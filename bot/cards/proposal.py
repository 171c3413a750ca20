"""The plan card: what a run would do, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.cards.buttons import RUN_CANCEL, RUN_START, button
from bot.cards.layout import about, bullets, facts, finished, fitted, header, line, note, words
from bot.cards.moments import month_name
from bot.cards.wording import counted, plain
from orchestration.core.view import RunView


def plan(run: RunView, reads: Sequence[str], writes: Sequence[str], asks: Sequence[str]) -> dict[str, Any]:
    """What will be read, written and asked of whom, with Start and Cancel.

    Args:
        run: The proposed run.
        reads: What it looks at, in a few words each.
        writes: What it changes.
        asks: Whom it asks.
    """
    parameters = [
        (name.replace("_", " ").capitalize(), month_name(value) or plain(value)) for name, value in run.params.items()
    ]
    promise = (
        "Before each change I show you what will be written where, and ask."
        if writes
        else "It only reads. Nothing is changed."
    )

    def build(most: int) -> dict[str, Any]:
        body = [*header(run.title, f"Plan · {about(run)}"), *facts(parameters, most=most)]
        body += bullets("It will read", reads, most=most)
        body += bullets("It will write", writes, most=most)
        body += bullets("It will ask", asks, most=most)
        data = {"run_id": run.run_id}
        actions = [button("Start", RUN_START, data, style="positive"), button("Cancel", RUN_CANCEL, data)]
        speak = f"Plan for {run.title}: {counted(len(run.tasks), 'step')}. Start it or cancel it."
        return finished(
            [*body, line(words(promise), spacing="Medium"), note("Nothing has been done yet.", spacing="None")],
            actions,
            speak=speak,
        )

    return fitted(build, (12, 8, 5, 3, 1))
