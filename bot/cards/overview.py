"""The status card: a person's runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from microsoft_teams.cards.core import ActionSet, CardElement, Container

from bot.cards.buttons import cancel_button, pause_button
from bot.cards.layout import GAP, dotted, dry, finished, fitted, header, line, marked, note, words
from bot.cards.standing import run_details, run_mark
from bot.cards.wording import plain
from bot.language import say, say_count
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.planning.draft import is_planning

_MOST_RUNS = 10


def status(runs: Sequence[RunView], now: datetime) -> dict[str, Any]:
    """Where each of a person's runs stands, open ones first, each with its own Cancel button.

    Args:
        runs: In the order in which they shall be listed.
        now: For durations.
    """
    ordered = sorted(runs, key=lambda run: run.status in ENDED)
    going = sum(run.status not in ENDED for run in runs)
    summary = say("Nothing is under way")
    if going:
        summary = say_count("{count} run under way", "{count} runs under way", going)
    hint = [] if runs else [line(words(say("Write a goal, or “help” to see what I can do.")), spacing="Medium")]

    def build(most: int) -> dict[str, Any]:
        body = [*header(say("Your runs"), summary), *(_run(run, now) for run in ordered[:most]), *hint]
        if len(runs) > most:
            left = say_count("and {count} more run", "and {count} more runs", len(runs) - most)
            body.append(note(left, spacing="Medium"))
        return finished(body, speak=f"{summary}.")

    return fitted(build, range(min(_MOST_RUNS, len(runs)), -1, -1))


def _run(run: RunView, now: datetime) -> CardElement:
    state = dotted(words(text, 120, subtle=True) for text in run_details(run, now))
    below: list[CardElement] = [
        note(say("“{goal}”", goal=plain(run.goal, 150)), spacing="None"),
        line(*state, spacing="None"),
    ]
    if run.status in ("proposed", "running"):
        go_on = [pause_button(run)] if run.paused else []
        below.append(ActionSet(spacing="Small", actions=[*go_on, cancel_button(run.run_id, say("Cancel"))]))
    name = say("Working out a plan") if is_planning(run.playbook) else run.title
    title = [words(name, 120, bold=True), *([GAP, words(f"· {dry()}", subtle=True)] if run.dry else [])]
    return Container(separator=True, spacing="Medium", items=[marked(run_mark(run), title, below)])
