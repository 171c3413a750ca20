"""The plan card: what a run would do, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from microsoft_teams.cards.core import CardElement

from bot.cards.buttons import RUN_CANCEL, RUN_START, button
from bot.cards.difference import differences
from bot.cards.layout import about, bullets, facts, finished, fitted, header, line, note, words
from bot.cards.moments import shown_value
from bot.cards.origin import origin
from bot.cards.steps import steps_of
from bot.language import say, say_count
from orchestration.core.amendment import Amendment
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.planning.described import Line

UNASKED = "unasked"  # notice of a run that policy let begin without its plan being shown first


def plan(
    run: RunView,
    reads: Sequence[str],
    writes: Sequence[str],
    asks: Sequence[str],
    *,
    steps: Sequence[Line] = (),
    changed: Amendment | None = None,
    spent: Usage | None = None,
    told: str = "",
) -> dict[str, Any]:
    """What will be read, written and asked of whom, with Start and Cancel.

    Args:
        run: The proposed run.
        reads: What it looks at, in a few words each.
        writes: What it changes.
        asks: Whom it asks.
        steps: Every step instead of these, where no playbook vouches for the plan.
        changed: What is new since the card before.
        spent: What working it out took.
        told: What to say first.
    """
    parameters = [(name.replace("_", " ").capitalize(), shown_value(value, 300)) for name, value in run.params.items()]
    writing = any(step.effect == "write" for step in steps) if steps else bool(writes)
    promise = (
        say("Before each change I show you what will be written where, and ask.")
        if writing
        else say("It only reads. Nothing is changed.")
    )

    if changed and run.playbook:  # its steps are the playbook's, whatever they are done with, and its title is above
        changed = msgspec.structs.replace(changed, changed=[], retitled="")

    def build(most: int) -> dict[str, Any]:
        body: list[CardElement] = header(run.title, say("Plan · {about}", about=about(run)))
        body += [line(words(told, 400, bold=True), spacing="Medium")] if told else []
        body += origin(run, spent)
        body += differences(changed, say("What has changed"), most=most) if changed else []
        body += facts(parameters, most=most)
        if steps:
            body += steps_of(steps, most=3 * most)
        else:
            body += bullets(say("It will read"), reads, most=most)
            body += bullets(say("It will write"), writes, most=most)
            body += bullets(say("It will ask"), asks, most=most)
        data = {"run_id": run.run_id}
        start = button(say("Start"), RUN_START, {**data, "revision": run.revision}, style="positive")
        actions = [start, button(say("Cancel"), RUN_CANCEL, data)]
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
