"""Who may see what: nobody is shown or asked what is above their ceiling."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orchestration.core.label import Label, within
from orchestration.core.run import Person
from orchestration.errors import NotCleared

Ceiling = Callable[[Person], Label]  # the most sensitive label that somebody may be shown


def spoken(label: Label) -> str:
    """A label in words."""
    return label.replace("_", " ")


def sorted_out(people: Iterable[Person], label: Label, ceiling: Ceiling) -> tuple[list[Person], list[Person]]:
    """Those who may see something with this label, and those who may not."""
    may: list[Person] = []
    may_not: list[Person] = []
    for person in people:
        (may if within(label, ceiling(person)) else may_not).append(person)
    return may, may_not


def named(people: Iterable[Person], ceiling: Ceiling) -> str:
    """People with what they may be shown: "Alex Wilber (up to internal)"."""
    return ", ".join(f"{each.name} (up to {spoken(ceiling(each))})" for each in people)


def refusal(people: list[Person], label: Label, ceiling: Ceiling, title: str) -> NotCleared:
    """Why nobody is asked: names the label, each person and the way out."""
    return NotCleared(
        f"The question {title!r} shows what is {spoken(label)}, and that is more than may be shown to "
        f"{named(people, ceiling)}. Nobody was asked, and nothing was shown. Start again with somebody who may see it, "
        "or have the administrator raise the ceiling in the policy file."
    )
