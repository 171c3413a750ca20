"""The card that tells how a run ended."""

from __future__ import annotations

from typing import Any

from microsoft_teams.cards.core import Action, CardElement

from bot.cards.buttons import GOAL_SAY, button, link_button
from bot.cards.layout import Mark, about, bullets, facts, finished, fitted, header, line, marked, words
from bot.cards.moments import duration
from bot.cards.wording import plain, sentence
from orchestration.core.plan import Answer
from orchestration.core.view import RunView, TaskView

# What the bot takes in as a goal.
_LONGEST_GOAL = 1000


def outcome(run: RunView, answer: Answer | None) -> dict[str, Any]:
    """How a run ended: its answer; or what happened, what is safe, and what can be done next.

    Args:
        run: The ended run.
        answer: Its evaluated answer, if it succeeded.
    """
    if run.status == "succeeded":
        return fitted(lambda most: _succeeded(run, answer, most), (12, 6, 3))
    return fitted(lambda most: _unfinished(run, most), (10, 5, 2))


def _took(run: RunView) -> str:
    return f" · {duration(run.ended_at - run.started_at)}" if run.started_at and run.ended_at else ""


def _succeeded(run: RunView, answer: Answer | None, most: int) -> dict[str, Any]:
    text = answer.text if answer else "It is done."
    body = [
        *header(run.title, f"{about(run)}{_took(run)}"),
        marked(Mark("✓", "Done", "Good"), [words(text, 800)], spacing="Medium"),
    ]
    actions: list[Action] = []
    if answer:
        body += facts(answer.facts, most=most, spacing="Medium")
        actions = link_button(answer.link_title or "Open", answer.link, style="positive")
    return finished(body, actions, speak=f"{run.title}: {text}")


def _unfinished(run: RunView, most: int) -> dict[str, Any]:
    failed = run.status == "failed"
    mark = Mark("✕", "Failed", "Attention") if failed else Mark("–", "Cancelled")
    happened = sentence(run.message, 600)
    word = "It could not be finished" if failed else "Cancelled"
    body = [
        *header(run.title, f"{about(run)}{_took(run)}"),
        marked(
            mark,
            [words(word, bold=True)],
            [line(words(happened), spacing="None")] if happened else [],
            spacing="Medium",
        ),
    ]
    body += _written(run, most)
    body += bullets(
        "Done before that",
        [_done(task) for task in run.tasks if task.status == "succeeded" and task.effect != "write"],
        most=most,
    )
    body += bullets(
        "Not done",
        [
            task.title
            for task in run.tasks
            if task.status in ("failed", "cancelled", "skipped", "pending", "ready", "asking", "backing_off")
        ],
        most=most,
    )
    next_step = "Once the cause is gone, start it again." if failed else "You can start it again at any time."
    body.append(line(words(next_step), spacing="Medium"))
    again = (
        [button("Start again", GOAL_SAY, {"text": run.goal})]
        if plain(run.goal) and len(run.goal) <= _LONGEST_GOAL
        else []
    )
    return finished(body, again, speak=f"{run.title}: {word}. {happened}")


def _done(task: TaskView) -> str:
    return f"{plain(task.title, 100)}: {task.summary}" if task.summary else task.title


def _written(run: RunView, most: int) -> list[CardElement]:
    """What is safe: what was changed outside, for certain or perhaps."""
    writes = [task for task in run.tasks if task.effect == "write"]
    written = [_done(task) for task in writes if task.status == "succeeded"]
    doubtful = [task.title for task in writes if task.status != "succeeded" and _doubtful(task)]
    body = bullets("Written, and it stays", written, most=most)
    body += bullets("Perhaps written, please look", doubtful, most=most)
    return body or [line(words("Nothing was written."), spacing="Medium")]


def _doubtful(task: TaskView) -> bool:
    """Whether a write that did not succeed may nevertheless have had an effect."""
    return task.status in ("running", "in_doubt") or (
        task.status not in ("cancelled", "skipped") and task.code in ("in_doubt", "outcome_unknown", "timeout")
    )
