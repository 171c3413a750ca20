"""Who may see what: nobody is shown, asked or sent what is above their ceiling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from orchestration.core.label import LABELS, Label, within
from orchestration.core.run import Person
from orchestration.errors import NotCleared


class Ceilings(Protocol):
    """What people may be shown; the deployment's policy says it."""

    def ceiling(self, person: Person) -> Label:
        """The most sensitive label that this person may be shown."""


class Everybody:
    """No policy is wired: everybody may see everything that reaches them."""

    def ceiling(self, person: Person) -> Label:
        """See `Ceilings.ceiling`."""
        del person
        return LABELS[-1]


def spoken(label: Label) -> str:
    """A label in words."""
    return label.replace("_", " ")


def sorted_out(people: Iterable[Person], label: Label, ceilings: Ceilings) -> tuple[list[Person], list[Person]]:
    """Those who may see something with this label, and those who may not."""
    may: list[Person] = []
    may_not: list[Person] = []
    for person in people:
        (may if within(label, ceilings.ceiling(person)) else may_not).append(person)
    return may, may_not


def refusal(people: list[Person], label: Label, ceilings: Ceilings, what: str) -> NotCleared:
    """Why nobody is asked: names the label, each person and the way out."""
    names = ", ".join(f"{each.name} (up to {spoken(ceilings.ceiling(each))})" for each in people)
    return NotCleared(
        f"{what} is {spoken(label)}, and that is more than may be shown to {names}; nothing was shown. "
        "Start again with somebody who may see it, or have the administrator raise the ceiling in the policy file."
    )
