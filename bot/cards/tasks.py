"""The progress card: every task of a run, updated in place."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from microsoft_teams.cards.core import Action, CardElement, Spacing

from bot.cards.buttons import APPROVAL_SKIP, button, cancel_button, pause_button
from bot.cards.layout import about, dotted, finished, fitted, header, line, marked, moment, note, words
from bot.cards.moments import local
from bot.cards.proposal import UNASKED
from bot.cards.standing import alone, asked, open_approval, run_details, run_mark, task_details, task_mark
from bot.cards.wording import listed, plain, sentence
from bot.language import number, say, say_count
from orchestration.core.run import ENDED, SETTLED
from orchestration.core.view import RunView, TaskView

_MOST_TASKS = 30

# When there are more tasks than room: what people look for first.
_URGENCY = {
    "failed": 0,
    "in_doubt": 0,
    "awaiting_sign_in": 0,
    "asking": 0,
    "backing_off": 0,
    "running": 1,
    "open": 1,
    "ready": 2,
    "succeeded": 3,
    "pending": 4,
}


def progress(run: RunView, now: datetime) -> dict[str, Any]:
    """Where a run and each of its tasks stand, with buttons to pause and cancel it while it can be.

    Args:
        run: The run.
        now: For durations and for the time until a retry.
    """
    by_urgency = sorted(run.tasks, key=lambda task: _URGENCY.get(task.status, 5))
    actions = [*_skips(run), pause_button(run), cancel_button(run.run_id)] if run.status == "running" else []
    state = [text for text in run_details(run, now) if text]

    def build(most: int) -> dict[str, Any]:
        shown = {task.name for task in by_urgency[:most]}
        body = [
            *header(run.title, about(run)),
            marked(
                run_mark(run),
                dotted(words(part, 120, bold=not place) for place, part in enumerate(state)),
                spacing="Medium",
            ),
            *_notes(run),
        ]
        body += [
            _task(run, task, now, first=not place)
            for place, task in enumerate(task for task in run.tasks if task.name in shown)
        ]
        if len(shown) < len(run.tasks):
            body.append(note(_unshown(run, [task for task in run.tasks if task.name not in shown])))
        told = any(task.status == "failed" and task.message for task in run.tasks)
        if run.status in ("failed", "closing") and run.message and not told:
            body.append(line(words(sentence(run.message, 400)), spacing="Medium"))
        return finished(body, actions, speak=f"{run.title}: {', '.join(state)}.")

    most = min(_MOST_TASKS, len(run.tasks))
    return fitted(build, (most, *(fewer for fewer in (24, 20, 16, 12, 8, 4, 0) if fewer < most)))


def _notes(run: RunView) -> list[CardElement]:
    """What holds for the whole run, beside its state."""
    notes: list[CardElement] = []
    if (UNASKED, run.initiator.id) in run.receipts:
        said = say(
            "Drawn up by the language model “{model}”, and begun without being shown first, "
            "as your organisation's policy lets it.",
            model=plain(run.model, 60),
        )
        notes.append(note(said))
    if run.amending:
        notes.append(note(say("Nothing new is begun until what is being written is done; then the plan changes.")))
    if run.dry:
        notes.append(note(say("A copy of another run, made to see what would happen. It asks nobody but you.")))
    if run.reopened:
        notes.append(note(say("It had ended and was taken up again. What is not affected is not done again.")))
    if run.status == "running" and run.paused:
        notes.append(note(say("Nothing new is begun until you let it go on. What was under way ends.")))
    elif run.status == "running" and run.deadline:
        until = say("It fails if it has not ended by {moment}", moment=local(run.deadline))
        notes.append(line(moment(until), spacing="Small"))
    return notes


def _skips(run: RunView) -> list[Action]:
    """A button for each answer that the initiator may go on without."""
    waiting = [open_approval(run, task.name) for task in run.tasks if task.may_skip]
    return [
        button(
            say("Go on without my answer")
            if alone(run, approval.approvers)
            else say("Go on without {people}", people=asked(run, approval.approvers)),
            APPROVAL_SKIP,
            {"run_id": run.run_id, "approval": approval.id},
        )
        for approval in waiting
        if approval is not None
    ]


def _task(run: RunView, task: TaskView, now: datetime, *, first: bool) -> CardElement:
    mark = task_mark(run, task)
    spacing: Spacing = "Medium" if first else "Small"
    details = dotted(words(text, 220, subtle=True) for text in task_details(run, task, now))
    never = run.status in ENDED and task.status not in SETTLED
    if never or task.status in ("pending", "ready", "cancelled"):
        return marked(mark, [words(task.title, 100), moment(" · "), *details], spacing=spacing)
    return marked(mark, [words(task.title, 100)], [line(*details, spacing="None")], spacing=spacing)


def _unshown(run: RunView, tasks: list[TaskView]) -> str:
    counts = Counter(task_mark(run, task).word for task in tasks)
    states = listed([f"{number(many)} {word[:1].lower()}{word[1:]}" for word, many in counts.most_common()])
    return say_count("and {count} more step: {states}", "and {count} more steps: {states}", len(tasks), states=states)
