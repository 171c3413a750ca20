"""The card on which a result is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import CardElement, TextInput

from bot.cards.buttons import RESULT_RETRACT, button
from bot.cards.layout import about, bullets, finished, fitted, header, line, note, words
from bot.cards.wording import plain
from orchestration.core.retraction import Retraction
from orchestration.core.view import RunView, TaskView


def retraction(run: RunView, task: TaskView, foreseen: Retraction) -> dict[str, Any]:
    """What taking back a step's result leads to, and the button that does it.

    Args:
        run: The run.
        task: The step whose result is wrong.
        foreseen: What would follow.
    """
    title = plain(task.title, 100)
    why = TextInput(id="reason", label="What is wrong? (optional)", max_length=500, spacing="Medium")

    def build(most: int) -> dict[str, Any]:
        def part(heading: str, names: Sequence[str]) -> list[CardElement]:
            return bullets(heading, _titles(run, names), most=most)

        summary = [words(f": {task.summary}", 160)] if task.summary else []
        body = [
            *header("Take this result back?", f"{run.title} · {about(run)}"),
            line(words(title, bold=True), *summary, spacing="Medium"),
            *part("Done again", [name for name in foreseen.again if name not in foreseen.asked]),
            *part("Asked again", foreseen.asked),
            *part("Was already written", foreseen.writes),
        ]
        if foreseen.writes:
            body.append(note("It stays. You are asked about each that would come out differently."))
        body += part("Was already written, please look after it yourself", foreseen.left_behind)
        if not foreseen.writes + foreseen.left_behind:
            body.append(line(words("Nothing was written from it."), spacing="Medium"))
        body += [why, note("Nothing has changed yet. If the result is right after all, just leave this card.")]
        data = {"run_id": run.run_id, "task": task.name, "entry": task.entry}
        take = button("Take it back", RESULT_RETRACT, data, style="destructive", inputs=True)
        return finished(body, [take], speak=f"Take back the result of {title}?")

    return fitted(build, (12, 6, 3, 1))


def _titles(run: RunView, names: Sequence[str]) -> list[str]:
    """Steps in people's words; those of a group under its title."""
    titles = {task.name: task.title for task in run.tasks}
    groups = (name.partition(".")[0] for name in names)
    return list(dict.fromkeys(titles.get(group, group) for group in groups))
