"""Buttons: what a press sends, in the form that new and old clients understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import (
    Action,
    ActionSet,
    ActionStyle,
    AdaptiveCard,
    AssociatedInputs,
    CardElement,
    ExecuteAction,
    OpenUrlAction,
    ShowCardAction,
    SubmitAction,
    ToggleVisibilityAction,
)

from bot.cards.wording import plain, web_link
from bot.language import say
from orchestration.core.view import RunView

GOAL_SAY = "goal.say"
GOAL_ANSWER = "goal.answer"
RUN_START = "run.start"
RUN_CANCEL = "run.cancel"
RUN_PAUSE = "run.pause"
RUN_RESUME = "run.resume"
RUN_RETHINK = "run.rethink"
PLAN_CHANGE = "plan.change"
PLAN_LEAVE = "plan.leave"
PLAN_AGAIN = "plan.again"
TASK_RETRY = "task.retry"
TASK_LEAVE_OUT = "task.leave_out"
RESULT_CHECK = "result.check"
RESULT_RETRACT = "result.retract"
SIGN_IN_AGAIN = "sign_in.again"
APPROVAL_DECIDE = "approval.decide"
APPROVAL_WHY = "approval.why"
APPROVAL_SKIP = "approval.skip"
APPROVAL_SHOW = "approval.show"
APPROVAL_AGAIN = "approval.again"
APPROVAL_EDIT = "approval.edit"
APPROVAL_ASK = "approval.ask"
APPROVAL_EXPLAIN = "approval.explain"
APPROVAL_FEEDBACK = "approval.feedback"
APPROVAL_DELEGATE = "approval.delegate"
APPROVAL_DIGEST = "approval.digest"
# As clients of Teams send it by themselves, without a press.
APPROVAL_REFRESH = "refresh_approval"

# In letters of a button's title: a row on a phone, and what stands around each title.
_ROW = 36
_BUTTON_PADDING = 5


def button(
    title: str, verb: str, data: dict[str, Any], *, style: ActionStyle | None = None, inputs: bool = False
) -> ExecuteAction:
    """A button that sends `verb` and `data`; clients without it submit the same data with the verb in it.

    Args:
        title: At most a few words.
        verb: What is meant; one of this module's constants.
        data: What it is about.
        style: `positive` for the expected way on, `destructive` for what ends something.
        inputs: Whether the card's inputs are sent along; without, they are neither sent nor checked.
    """
    shown = plain(title, 60)
    sent: AssociatedInputs | None = None if inputs else "none"
    fallback = SubmitAction(title=shown, style=style, data={**data, "verb": verb}, associated_inputs=sent)
    return ExecuteAction(title=shown, style=style, verb=verb, data=data, associated_inputs=sent, fallback=fallback)


def another_way() -> str:
    """What the button is called that has a failed run planned anew."""
    return say("Find another way")


def cancel_button(run_id: str, title: str = "") -> ExecuteAction:
    """The button that cancels a run."""
    return button(title or say("Cancel the run"), RUN_CANCEL, {"run_id": run_id})


def pause_button(run: RunView) -> ExecuteAction:
    """The button that pauses a run, or lets a paused one go on."""
    if run.paused:
        return button(say("Go on"), RUN_RESUME, {"run_id": run.run_id}, style="positive")
    return button(say("Pause"), RUN_PAUSE, {"run_id": run.run_id})


def link_button(title: str, url: str, *, style: ActionStyle | None = None) -> list[Action]:
    """A button that opens a page; none if the address is not an ordinary web address."""
    return [OpenUrlAction(title=plain(title, 60), url=url, style=style)] if web_link(url) else []


def reveal(title: str, element: str) -> ActionSet:
    """A button that shows or hides a part of the card."""
    return ActionSet(actions=[ToggleVisibilityAction(title=title, target_elements=[element])])


def unfold(title: str, name: str, body: Sequence[CardElement], action: Action) -> ShowCardAction:
    """A button that unfolds inputs with one button of their own; nothing else on the card sends these inputs.

    Args:
        title: At most a few words.
        name: Id of the button, unlike any other on the card.
        body: What is unfolded.
        action: What sends it.
    """
    return ShowCardAction(id=name, title=plain(title, 60), card=AdaptiveCard(body=list(body), actions=[action]))


def rows(actions: Sequence[Action]) -> list[ActionSet]:
    """Buttons one above the other where a phone is too narrow for all of them side by side.

    Clients shorten the titles of buttons that share a row too small for them, until nobody can read them.

    Returns:
        As many buttons to a row as fit; empty if they all fit in the card's own row.
    """
    filled: list[list[Action]] = []
    room = 0
    for action in actions:
        width = len(str(getattr(action, "title", ""))) + _BUTTON_PADDING
        if not filled or width > room:
            filled.append([])
            room = _ROW
        filled[-1].append(action)
        room -= width
    return (
        [ActionSet(actions=row, spacing="Small" if place else None) for place, row in enumerate(filled)]
        if len(filled) > 1
        else []
    )
