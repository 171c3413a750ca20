"""What a human is shown, and what a human answers."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestration.core.label import UNLABELLED, Label, Source
from orchestration.core.plan import Choice
from orchestration.core.run import ApprovalKind, Person
from orchestration.errors import Invalid

APPROVE, REJECT = "approve", "reject"
RETRY, SKIP, CANCEL = "retry", "skip", "cancel"
DONE, NOT_DONE = "done", "not_done"
ANSWER = "answer"
LEAVE = "leave"

CHOICES: dict[str, list[Choice]] = {
    "write": [Choice(APPROVE, "Allow"), Choice(REJECT, "Don't allow")],
    "failure": [Choice(RETRY, "Try again"), Choice(SKIP, "Go on without it"), Choice(CANCEL, "Cancel the run")],
    "in_doubt": [Choice(DONE, "It was done"), Choice(NOT_DONE, "It was not done")],
    "stale": [Choice(APPROVE, "Write it again"), Choice(LEAVE, "Leave it as it is")],
    "decision": [Choice(APPROVE, "Approve"), Choice(REJECT, "Reject")],
}


class Item(msgspec.Struct, frozen=True):
    """One thing to decide.

    Attributes:
        id: Unique among the items.
        kind: Key of the rule that covers it unless it is an exception.
        title: One line.
        facts: (label, value) lines, such as what each system says.
        weight: How much depends on it; the heaviest are shown singly.
        why: (label, value) lines that explain it to whoever asks: the rule, the source rows. A line labelled
            "As in ..." names what was decided about its like before.
    """

    id: str
    kind: str
    title: str
    facts: list[tuple[str, str]] = []
    weight: float = 0.0
    why: list[tuple[str, str]] = []


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """An argument of a write that a person may change before allowing it.

    Attributes:
        name: Of the argument.
        title: For people.
        value: As it is now.
        multiline: It may have several lines.
    """

    name: str
    title: str
    value: str
    multiline: bool = False


class Change(msgspec.Struct, frozen=True):
    """What differs from the last time the same was asked."""

    label: str
    before: str
    now: str


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole content of a question, stored as a context entry; its digest is what a decision refers to.

    Attributes:
        kind: What an answer does: see `ApprovalKind`.
        facts: (label, value) lines: for a write, exactly what will be written where.
        items: Decided one by one, by a rule for their kind or singly; empty for one answer to the whole.
        kinds: Title of each kind of item.
        choices: With items: what may be said of each item. Without: what may be said of the whole.
        default: The choice preselected for every kind.
        on_behalf_of: Whose run it is.
        why: Why this is asked, in a sentence.
        sources: What it was made from.
        changed: What differs from the last time the same was asked; empty the first time.
        fields: For a write: the arguments that may be changed before it is allowed.
        recipients: For a write: who gets it, as people name them.
        label: How sensitive what is shown is.
        tainted: Somebody outside the company may have written part of it.
    """

    kind: ApprovalKind
    title: str
    on_behalf_of: Person
    text: str = ""
    facts: list[tuple[str, str]] = []
    items: list[Item] = []
    kinds: dict[str, str] = {}
    choices: list[Choice] = []
    default: str = ""
    why: str = ""
    sources: list[Source] = []
    changed: list[Change] = []
    fields: list[Field] = []
    recipients: list[str] = []
    label: Label = UNLABELLED
    tainted: bool = False


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A human's whole answer, stored as a context entry; the output of an approval node.

    Attributes:
        choice: What was said of the whole; `answer` when items were decided.
        rules: Kind of item => choice.
        exceptions: Item id => choice, where it differs from the rule of its kind.
        choices: Item id => choice, for every item: rules and exceptions applied.
    """

    choice: str
    by: Person
    at: datetime
    comment: str = ""
    rules: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    choices: dict[str, str] = {}


def decide_items(shown: Shown, rules: dict[str, str], exceptions: dict[str, str]) -> dict[str, str]:
    """The choice for every item: its exception, else the rule of its kind, else the default.

    Raises:
        Invalid: A choice, kind or item does not exist, or an item has no choice at all.
    """
    known = {choice.id for choice in shown.choices}
    items = {item.id: item for item in shown.items}
    kinds = {item.kind for item in shown.items}
    problems = [f"there is no kind {kind!r} to decide" for kind in rules if kind not in kinds]
    problems += [f"there is no item {item!r} to decide" for item in exceptions if item not in items]
    decided = {item.id: exceptions.get(item.id) or rules.get(item.kind) or shown.default for item in shown.items}
    chosen = {*rules.values(), *exceptions.values(), *decided.values()} - {""}
    problems += [f"{choice!r} is not one of the choices" for choice in sorted(chosen - known)]
    if undecided := [items[id_].title for id_, choice in decided.items() if not choice]:
        problems.append(f"not decided yet: {', '.join(undecided[:3])}{' and more' if len(undecided) > 3 else ''}")
    if problems:
        raise Invalid("; ".join(problems))
    return decided
