"""What an approver may do with a question other than answer it."""

from __future__ import annotations

from typing import Any

from microsoft_teams.cards.core import Action, CardElement, ChoiceSetInput, TextInput, ToggleInput
from microsoft_teams.cards.core import Choice as InputChoice

from bot.cards.buttons import (
    APPROVAL_ASK,
    APPROVAL_DELEGATE,
    APPROVAL_EDIT,
    APPROVAL_FEEDBACK,
    button,
    unfold,
)
from bot.cards.exchange import LONGEST_REMARK
from bot.cards.layout import note
from bot.cards.wording import first_name, listed, plain
from bot.language import say, say_count
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

MOST_FIELD = 8_000  # letters of all fields that may be edited; what is longer would not fit on a card twice
_MOST_DELEGATES = 50


def options(run: RunView, approval: ApprovalView, shown: Shown, viewer: Person, *, fields: bool = True) -> list[Action]:
    """The buttons that unfold what else may be done: change it, have it changed, ask back, hand it on.

    Args:
        run: The run that waits.
        approval: The question, open.
        shown: Its content.
        viewer: Who is asked on this card.
        fields: There is room for the arguments that may be changed.
    """
    data: dict[str, Any] = {"run_id": run.run_id, "approval": approval.id, "shown": approval.entry}
    offered: list[Action] = []
    if editable(approval, shown) and fields:
        send = button(say("Show me the result"), APPROVAL_EDIT, data, style="positive", inputs=True)
        hint = note(say("Nothing is written by this. You are shown exactly what would be written, and asked again."))
        offered.append(unfold(say("Change it"), "edit", [*_fields(shown), hint], send))
    if approval.revises:
        hint = note(say("It is done again with what you write here, and you are asked again."))
        send = button(say("Have it done again"), APPROVAL_FEEDBACK, data, style="positive", inputs=True)
        what = _text("feedback", say("What shall be done differently?"), say("Please write what shall be different."))
        offered.append(unfold(say("Ask for a change"), "revise", [what, hint], send))
    if viewer.id != run.initiator.id:
        name = first_name(run.initiator.name) or say("the initiator")
        ask = {**data, "remarks": len(approval.remarks)}
        send = button(say("Send the question"), APPROVAL_ASK, ask, style="positive", inputs=True)
        what = _text(
            "question", say("What would you like to know of {name}?", name=name), say("Please write your question.")
        )
        hint = note(say("The question stays open. You get a message as soon as there is a reply."))
        offered.append(unfold(say("Ask {name}", name=name), "ask", [what, hint], send))
    if colleagues := eligible(run, approval, viewer):
        send = button(say("Hand it on"), APPROVAL_DELEGATE, data, style="positive", inputs=True)
        hint = note(say("Your colleague is asked instead of you. You cannot answer it then."))
        offered.append(unfold(say("Ask a colleague instead"), "delegate", [_whom(colleagues), hint], send))
    return offered


def editable(approval: ApprovalView, shown: Shown) -> bool:
    """Whether the arguments may be changed on a card: they have to fit on it."""
    return approval.editable and bool(shown.fields) and sum(len(field.value) for field in shown.fields) <= MOST_FIELD


def eligible(run: RunView, approval: ApprovalView, viewer: Person) -> list[Person]:
    """To whom this person may hand the question."""
    gone = {person.id for person in approval.approvers} | {before.id for before, _ in approval.delegated}
    may = {person.id: person for person in approval.delegates if person.id not in gone and person.id != viewer.id}
    return [] if run.dry else list(may.values())[:_MOST_DELEGATES]


def not_again(run: RunView, approval: ApprovalView, shown: Shown) -> list[CardElement]:
    """For a write that is to be asked for only once in this run; empty where it has to be asked each time."""
    if shown.kind != "write" or not approval.scope or approval.tainted or shown.tainted:
        return []
    top = approval.task.partition(".")[0]
    title = plain(next((task.title for task in run.tasks if task.name == top), approval.title), 80)
    who = [plain(each, 200) for each in shown.recipients[:3]]
    if len(shown.recipients) > len(who):
        who.append(say_count("{count} other", "{count} others", len(shown.recipients) - len(who)))
    said = say("Do not ask again in this run for “{title}”", title=title)
    if who:
        said = say("Do not ask again in this run for “{title}” to {people}", title=title, people=listed(who))
    return [
        ToggleInput(id="grant", label=say("If you allow it"), title=said, wrap=True, value="false", spacing="Medium")
    ]


def _text(name: str, label: str, missing: str) -> TextInput:
    return TextInput(
        id=name, label=label, is_multiline=True, max_length=LONGEST_REMARK, is_required=True, error_message=missing
    )


def _fields(shown: Shown) -> list[CardElement]:
    return [
        TextInput(
            id=f"field:{field.name}",
            label=plain(field.title or field.name, 80),
            value=field.value,
            is_multiline=field.multiline or None,
            spacing="Medium" if place else None,
        )
        for place, field in enumerate(shown.fields)
    ]


def _whom(colleagues: list[Person]) -> ChoiceSetInput:
    names = [person.name for person in colleagues]
    return ChoiceSetInput(
        id="to",
        label=say("Who shall answer instead?"),
        placeholder=say("Choose a colleague"),
        is_required=True,
        error_message=say("Please choose who shall answer instead."),
        choices=[
            InputChoice(
                title=plain(f"{each.name} ({each.upn})" if names.count(each.name) > 1 else each.name, 80),
                value=each.id,
            )
            for each in colleagues
        ],
    )
