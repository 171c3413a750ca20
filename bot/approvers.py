"""Who may answer a question, and what an answer looks like: pure."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import cards
from bot.texts import clean
from orchestration.core.question import ANSWER, APPROVE, Answered, Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

LONGEST_COMMENT = 2000


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the press of a decision card's button says.

    Attributes:
        shown: The context entry that the card showed.
        rules: Kind of item => choice.
        exceptions: Item => choice, where the person chose one.
        grant: The like need not be asked again in this run.
    """

    run_id: str
    approval: str
    shown: str
    choice: str
    comment: str
    rules: dict[str, str]
    exceptions: dict[str, str]
    grant: bool = False


def given(data: dict[str, Any]) -> Given | None:
    """The answer in a button's data and the card's inputs; None if it is not one."""
    named = {name: data.get(name) for name in ("run_id", "approval", "shown")}
    choice = data.get("choice", ANSWER)
    if not all(isinstance(value, str) and value for value in (*named.values(), choice)):
        return None
    return Given(
        run_id=str(named["run_id"]),
        approval=str(named["approval"]),
        shown=str(named["shown"]),
        choice=str(choice),
        comment=clean(data.get("comment") or "", LONGEST_COMMENT),
        rules=_inputs(data, "rule:"),
        exceptions=_inputs(data, "item:"),
        # The switch is on the card of a write only, and means nothing beside another answer.
        grant=data.get("grant") == "true" and choice == APPROVE,
    )


def _inputs(data: dict[str, Any], prefix: str) -> dict[str, str]:
    """The inputs with this prefix that hold something; an empty exception means "as the rule says"."""
    return {
        key.removeprefix(prefix): str(value)
        for key, value in data.items()
        if key.startswith(prefix) and isinstance(value, str) and value
    }


def command_id(answer: Given, by: Person) -> str:
    """The same answer by the same person to the same card is one command, however often it is pressed."""
    return f"{answer.run_id}:{answer.approval}:{by.id}:{answer.shown}"


def find(run: RunView, approval: str) -> ApprovalView | None:
    """The run's question with this id."""
    return next((each for each in run.approvals if each.id == approval), None)


def successor(run: RunView, approval: ApprovalView, person: Person) -> ApprovalView | None:
    """The open question to a person that took the place of one that was replaced."""
    later = [each for each in run.approvals if each.open and each.task == approval.task and is_asked(each, person)]
    return later[-1] if approval.replaced and later else None


def is_asked(approval: ApprovalView, person: Person) -> bool:
    """Whether the person is one of those who may answer."""
    return any(each.id == person.id for each in approval.approvers)


def may_see(approval: ApprovalView, person: Person) -> bool:
    """Whether the person is or was asked: nobody else is shown what the question is about."""
    return is_asked(approval, person) or any(before.id == person.id for before, _ in approval.delegated)


def has_answered(approval: ApprovalView, person: Person) -> bool:
    """Whether the person's own answer is there, and others are still needed."""
    return any(vote.by.id == person.id for vote in approval.votes)


def people(approval: ApprovalView) -> dict[str, Person]:
    """Everybody who may have a card of the question, by id."""
    return {each.id: each for each in (*(before for before, _ in approval.delegated), *approval.approvers)}


def asking(
    run: RunView, approval: ApprovalView, shown: Shown, viewer: Person, *, said: str = "", rethinks: bool = False
) -> dict[str, Any]:
    """The card of a question that is open, for somebody who is or was asked; see `cards.decision`."""
    if not is_asked(approval, viewer):
        return cards.handed(run, approval, viewer)
    if has_answered(approval, viewer):
        return cards.voted(run, approval, viewer, said=said)
    return cards.decision(run, approval, shown, viewer, said=said, rethinks=rethinks)


def settled(
    run: RunView, approval: ApprovalView, shown: Shown | None, answered: Answered | None, *, said: str = ""
) -> dict[str, Any]:
    """The read-only card of a question that is not open any more; `said` of the press that it answers."""
    if approval.decided_by is None:
        return cards.withdrawn(run, approval, said=said)
    return cards.decided(run, approval, shown, answered, said=said)
