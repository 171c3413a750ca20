"""The card on which the initiator of a run consents to another plan for it, and what becomes of that card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from microsoft_teams.cards.core import CardElement

from bot.cards.buttons import PLAN_AGAIN, PLAN_CHANGE, PLAN_LEAVE, button
from bot.cards.difference import differences
from bot.cards.layout import Mark, about, banner, bullets, finished, fitted, header, line, note, words
from bot.cards.origin import spending
from bot.cards.wording import listed, plain
from bot.language import say
from orchestration.core.amendment import Amendment
from orchestration.core.run import ENDED
from orchestration.core.usage import Usage
from orchestration.core.view import RunView

_ROOMS = (12, 8, 5, 3, 1)


def change(run: RunView, foreseen: Amendment, source: Mapping[str, Any], spent: Usage | None = None) -> dict[str, Any]:
    """What another plan would change of a run that has begun, and what was spent on what is done again.

    Args:
        run: The run.
        foreseen: What would follow.
        source: Where the plan is found again.
        spent: What working it out took.
    """

    def build(most: int) -> dict[str, Any]:
        body: list[CardElement] = [
            *header(say("Change the plan?"), f"{run.title} · {about(run)}"),
            *spending(spent),
            *differences(foreseen, say("What changes"), most=most),
            *_unchanged(run, foreseen, most),
            *_waits(foreseen.waits_for, most),
            note(say("Nothing has changed yet. Before anything is written you are asked as always."), spacing="Medium"),
        ]
        data = dict(source)
        actions = [
            button(say("Change the plan"), PLAN_CHANGE, data, style="positive"),
            button(say("Leave it as it is"), PLAN_LEAVE, {"run_id": run.run_id}),
        ]
        return finished(body, actions, speak=say("Change the plan of {run}?", run=plain(run.title, 120)))

    return fitted(build, _ROOMS)


def _unchanged(run: RunView, foreseen: Amendment, most: int) -> list[CardElement]:
    """What is done and stays done: nobody has to wonder about it."""
    touched = {
        step.task for steps in (foreseen.removed, foreseen.changed, foreseen.again, foreseen.stands) for step in steps
    }
    stays = [task.title for task in run.tasks if task.status == "succeeded" and task.name not in touched]
    return bullets(say("Is done and stays so"), stays, most=most)


def _waits(titles: Sequence[str], most: int) -> list[CardElement]:
    if not titles:
        return []
    named = listed([say("“{title}”", title=plain(title, 80)) for title in titles[: min(most, 3)]])
    said = say("{steps} is being written at this moment. The change waits until that is done.", steps=named)
    return [line(words(said, 400), spacing="Medium")]


def changed(run: RunView, foreseen: Amendment | None) -> dict[str, Any]:
    """The person has consented; `foreseen` is what was changed, None if that is not known any more."""
    waits = run.amending and run.status not in ENDED
    mark = Mark("●", "Accent") if waits else Mark("✓", "Good")
    word = say("The plan changes as soon as what is being written is done") if waits else say("The plan was changed")

    def build(most: int) -> dict[str, Any]:
        body: list[CardElement] = [*header(run.title, about(run)), banner(mark, [words(word, bold=True)])]
        if foreseen is not None:
            body += differences(foreseen, say("What changes") if waits else say("What has changed"), most=most)
        if run.status == "running" and not waits:
            body.append(note(say("The run goes on with it; its card shows where it stands."), spacing="Medium"))
        return finished(body, speak=f"{plain(run.title, 120)}: {word}.")

    return fitted(build, _ROOMS)


def unchanged(run: RunView) -> dict[str, Any]:
    """The person had consented, and what the change waited for stands in its way now."""
    said = say("When what was being written was done, the plan could not be changed like this any more.")
    body = [
        *header(run.title, about(run)),
        banner(Mark("!", "Attention"), [words(say("The plan stays as it was"), bold=True)]),
        line(words(said), spacing="Medium"),
        note(say("Nothing was lost. Say again what shall be different, if it still matters.")),
    ]
    return fitted(lambda _: finished(body, speak=said), [None])


def outdated_change(run: RunView, source: Mapping[str, Any]) -> dict[str, Any]:
    """The run's plan is another one by now than the change was worked out for."""
    said = say("The plan has been changed since this was worked out, so nothing was changed now.")
    body = [
        *header(run.title, about(run)),
        banner(Mark("!", "Attention"), [words(say("Out of date"), bold=True)]),
        line(words(said), spacing="Medium"),
    ]
    again = button(say("Work it out again"), PLAN_AGAIN, dict(source), style="positive")
    leave = button(say("Leave it as it is"), PLAN_LEAVE, {"run_id": run.run_id})
    return fitted(lambda _: finished(body, [again, leave], speak=said), [None])
