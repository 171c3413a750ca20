"""The card on which a result is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import CardElement, TextInput

from bot.cards.buttons import RESULT_RETRACT, button
from bot.cards.layout import about, bullets, finished, fitted, header, line, note, words
from bot.cards.wording import plain
from bot.language import say
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
    why = TextInput(id="reason", label=say("What is wrong? (optional)"), max_length=500, spacing="Medium")

    def build(most: int) -> dict[str, Any]:
        def part(heading: str, names: Sequence[str]) -> list[CardElement]:
            return bullets(heading, _titles(run, names), most=most)

        summary = [words(f": {task.summary}", 160)] if task.summary else []
        body = [
            *header(say("Take this result back?"), f"{run.title} · {about(run)}"),
            line(words(title, bold=True), *summary, spacing="Medium"),
            *part(say("Done again"), [name for name in foreseen.again if name not in foreseen.asked]),
            *part(say("Asked again"), foreseen.asked),
            *part(say("Was already written"), foreseen.writes),
        ]
        if foreseen.writes:
            body.append(note(say("It stays. You are asked about each that would come out differently.")))
        body += part(say("Was already written, please look after it yourself"), foreseen.left_behind)
        if not foreseen.writes + foreseen.left_behind:
            body.append(line(words(say("Nothing was written from it.")), spacing="Medium"))
        leave = say("Nothing has changed yet. If the result is right after all, just leave this card.")
        body += [why, note(leave)]
        data = {"run_id": run.run_id, "task": task.name, "entry": task.entry}
        take = button(say("Take it back"), RESULT_RETRACT, data, style="destructive", inputs=True)
        return finished(body, [take], speak=say("Take back the result of {step}?", step=title))

    return fitted(build, (12, 6, 3, 1))


def _titles(run: RunView, names: Sequence[str]) -> list[str]:
    """Steps in people's words; those of a group under its title."""
    titles = {task.name: task.title for task in run.tasks}
    groups = (name.partition(".")[0] for name in names)
    return list(dict.fromkeys(titles.get(group, group) for group in groups))
