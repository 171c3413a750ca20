"""The card that tells how a run ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from microsoft_teams.cards.core import Action, ActionSet, CardElement, ChoiceSetInput, Container
from microsoft_teams.cards.core import Choice as InputChoice

from bot.cards.buttons import (
    GOAL_SAY,
    RESULT_CHECK,
    RUN_RETHINK,
    TASK_LEAVE_OUT,
    TASK_RETRY,
    another_way,
    button,
    link_button,
    reveal,
)
from bot.cards.layout import Mark, about, bullets, facts, finished, fitted, header, line, marked, note, words
from bot.cards.moments import duration
from bot.cards.standing import WOULD, doubtful
from bot.cards.wording import plain, sentence
from bot.language import say
from orchestration.core.plan import Answer
from orchestration.core.view import RunView, TaskView

# What the bot takes in as a goal.
_LONGEST_GOAL = 1000
_MOST_LINKS = 3
_MOST_FAILED = 2
_ENDED_UNDONE = ("failed", "cancelled", "skipped", "pending", "ready", "asking", "backing_off", "open")


def outcome(
    run: RunView, answer: Answer | None, links: Mapping[str, str] | None = None, *, rethinks: bool = False
) -> dict[str, Any]:
    """How a run ended: its answer; or what happened, what is safe, and what can be done next.

    Args:
        run: The ended run.
        answer: Its evaluated answer, if it succeeded.
        links: Task => where to see what it wrote, as far as known.
        rethinks: Another way can be looked for where a step failed.
    """
    if run.status == "succeeded":
        return fitted(lambda most: _succeeded(run, answer, most), (12, 6, 3))
    return fitted(lambda most: _unfinished(run, links or {}, most, rethinks=rethinks), (10, 5, 2))


def _took(run: RunView) -> str:
    return f" · {duration(run.ended_at - run.started_at)}" if run.started_at and run.ended_at else ""


def _succeeded(run: RunView, answer: Answer | None, most: int) -> dict[str, Any]:
    text = answer.text if answer else say("It is done.")
    body = [
        *header(run.title, f"{about(run)}{_took(run)}"),
        marked(Mark("✓", "Good"), [words(text, 800)], spacing="Medium"),
    ]
    actions: list[Action] = []
    if answer:
        body += facts(answer.facts, most=most, spacing="Medium")
        actions = link_button(answer.link_title or say("Open"), answer.link, style="positive")
    body += bullets(say("Written before in rounds that were done anew, please look"), run.left_behind, most=most)
    if run.dry:
        body += _simulated(run, most)
    elif doubts := _doubts(run, most):
        body += [*([ActionSet(actions=actions)] if actions else []), *doubts]
        actions = []
    return finished(body, actions, speak=f"{run.title}: {text}")


def _simulated(run: RunView, most: int) -> list[CardElement]:
    """What a dry run did not write."""
    all_tasks = (*run.tasks, *run.inside)
    would = [task.message.removeprefix(WOULD) for task in all_tasks if task.code == "simulated"]
    return bullets(say("Would have been written"), would, most=most) or [
        line(words(say("Nothing would have been written.")), spacing="Medium")
    ]


def _doubts(run: RunView, most: int) -> list[CardElement]:
    """Lets the initiator say that a step's result is wrong; folded, for it is rarely needed."""
    steps = [task for task in run.tasks if task.entry and task.status == "succeeded"]
    if not steps:
        return []
    which = ChoiceSetInput(
        id="task",
        label=say("Which step's result is wrong?"),
        placeholder=say("Choose a step"),
        is_required=True,
        error_message=say("Please choose the step."),
        choices=[InputChoice(title=plain(_done(task), 80), value=task.name) for task in steps[: 4 * most]],
        spacing="Small",
    )
    explained = note(
        say(
            "What was made from it is done again, and whoever decided on it is asked again. "
            "Before anything happens you see what that would be."
        )
    )
    check = button(say("Show what would be done again"), RESULT_CHECK, {"run_id": run.run_id}, inputs=True)
    folded = Container(id="wrong", is_visible=False, items=[explained, which, ActionSet(actions=[check])])
    return [reveal(say("Something is wrong with a result"), "wrong"), folded]


def _unfinished(run: RunView, links: Mapping[str, str], most: int, *, rethinks: bool) -> dict[str, Any]:
    failed = run.status == "failed"
    mark = Mark("✕", "Attention") if failed else Mark("–")
    happened = sentence(run.message, 600)
    word = say("It could not be finished") if failed else say("Cancelled")
    body = [
        *header(run.title, f"{about(run)}{_took(run)}"),
        marked(
            mark,
            [words(word, bold=True)],
            [line(words(happened), spacing="None")] if happened else [],
            spacing="Medium",
        ),
    ]
    body += _simulated(run, most) if run.dry else _written(run, most)
    body += bullets(
        say("Done before that"),
        [_done(task) for task in run.tasks if task.status == "succeeded" and task.effect != "write"],
        most=most,
    )
    undone = [task for task in run.tasks if task.status in _ENDED_UNDONE and task.code != "simulated"]
    body += bullets(say("Not done"), [task.title for task in undone if task.effect != "write" or run.dry], most=most)
    body.append(line(words(_next_step(run), 400), spacing="Medium"))
    if rethinks and run.failed and not run.dry:
        hint = say("“Find another way” shows you another plan for it; nothing changes until you agree.")
        body.append(line(words(hint), spacing="Small"))
    actions: list[Action] = _take_up(run)
    if rethinks and run.failed and not run.dry:
        actions.append(button(another_way(), RUN_RETHINK, {"run_id": run.run_id}))
    actions += _links(run, links)
    if plain(run.goal) and len(run.goal) <= _LONGEST_GOAL and not run.dry:
        again = say("Start anew") if run.failed else say("Start again")
        actions.append(button(again, GOAL_SAY, {"text": run.goal}))
    return finished(body, actions, speak=f"{run.title}: {word}. {happened}")


def _next_step(run: RunView) -> str:
    if run.failed:
        return say(
            "Once the cause is gone, try again: the run goes on where it stopped, and what is done stays done. "
            "Or go on without it; what needs it is left out then too. “Start anew” begins a new run."
        )
    if run.dry:
        return say("It was a dry run, so there is nothing to clean up.")
    if run.status == "failed":
        return say("Once the cause is gone, start it again.")
    return say("You can start it again at any time.")


def _take_up(run: RunView) -> list[Action]:
    """Buttons for what failed; all of it is tried again together, and each can be left out."""
    failed = run.failed[:_MOST_FAILED]
    if not failed:
        return []
    data = {"run_id": run.run_id}
    without = [say("Go on without it")]
    if failed[1:]:
        without = [say("Go on without “{step}”", step=plain(task.title, 40)) for task in failed]
    return [
        button(say("Try again"), TASK_RETRY, {**data, "task": failed[0].name}, style="positive"),
        *(
            button(title, TASK_LEAVE_OUT, {**data, "task": task.name})
            for title, task in zip(without, failed, strict=True)
        ),
    ]


def _links(run: RunView, links: Mapping[str, str]) -> list[Action]:
    """Opens what was written."""
    named = [(task, links[task.name]) for task in run.tasks if task.name in links]
    title = say("Open what was written") if len(named) == 1 else ""
    return [
        action
        for task, link in named[:_MOST_LINKS]
        for action in link_button(title or say("Open: {what}", what=plain(task.summary or task.title, 40)), link)
    ]


def _done(task: TaskView) -> str:
    return f"{plain(task.title, 100)}: {task.summary}" if task.summary else task.title


def _written(run: RunView, most: int) -> list[CardElement]:
    """What was changed outside, for certain or perhaps, and what surely was not."""
    writes = list(_writes(run))
    written = [_done(task) for task in writes if task.status == "succeeded"]
    perhaps = [task for task in writes if task.status != "succeeded" and doubtful(task)]
    undone = [task for task in writes if task.status != "succeeded" and task not in perhaps]
    body = bullets(say("Written, and it stays"), written, most=most)
    body += bullets(say("Perhaps written, please look"), [task.title for task in perhaps], most=most)
    body += bullets(say("Written before in rounds that were done anew, please look"), run.left_behind, most=most)
    if not body:
        body.append(line(words(say("Nothing was written.")), spacing="Medium"))
    return body + bullets(say("Not written"), [_unwritten(run, task) for task in undone], most=most)


def _writes(run: RunView) -> Iterator[TaskView]:
    """Writes one by one; a group that was done stands for those of its own that were."""
    opened = {task.name.partition(".")[0] for task in run.inside}
    done = {task.name for task in run.tasks if task.status == "succeeded"}
    yield from (task for task in run.tasks if task.effect == "write" and task.name not in opened - done)
    yield from (task for task in run.inside if task.status != "succeeded" or task.name.partition(".")[0] not in done)


def _unwritten(run: RunView, task: TaskView) -> str:
    allowed = any(
        each.task == task.name and each.kind == "write" and each.choice == "approve" for each in run.approvals
    )
    if task.status == "failed":
        step = plain(task.title, 80)
        if allowed:
            return say("{step}: it was allowed, but failed, and surely nothing was written", step=step)
        return say("{step}: it failed, and surely nothing was written", step=step)
    return plain(task.title, 100)
