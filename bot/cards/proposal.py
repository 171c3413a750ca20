"""The plan card: what a run would do, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.cards.buttons import RUN_CANCEL, RUN_START, button
from bot.cards.layout import about, bullets, facts, finished, fitted, header, line, note, words
from bot.cards.moments import month_name
from bot.cards.wording import plain
from bot.language import say, say_count
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
        say("Before each change I show you what will be written where, and ask.")
        if writes
        else say("It only reads. Nothing is changed.")
    )

    def build(most: int) -> dict[str, Any]:
        body = [*header(run.title, say("Plan · {about}", about=about(run))), *facts(parameters, most=most)]
        body += bullets(say("It will read"), reads, most=most)
        body += bullets(say("It will write"), writes, most=most)
        body += bullets(say("It will ask"), asks, most=most)
        data = {"run_id": run.run_id}
        actions = [button(say("Start"), RUN_START, data, style="positive"), button(say("Cancel"), RUN_CANCEL, data)]
        speak = say_count(
            "Plan for {run}: {count} step. Start it or cancel it.",
            "Plan for {run}: {count} steps. Start it or cancel it.",
            len(run.tasks),
            run=run.title,
        )
        return finished(
            [*body, line(words(promise), spacing="Medium"), note(say("Nothing has been done yet."), spacing="None")],
            actions,
            speak=speak,
        )

    return fitted(build, (12, 8, 5, 3, 1))
