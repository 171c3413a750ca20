"""What planning answers."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from orchestration.core.plan import Plan
from orchestration.core.run import Person


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A validated plan for the goal; `writes` and `reads` and `asks` say for people what it will do."""

    plan: Plan
    reads: list[str]
    writes: list[str]
    asks: list[str]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """The goal is understood but lacks a parameter.

    Attributes:
        playbook: Which playbook it is for; hand it back with the answer.
        parameter: What is missing.
        question: What to ask the person.
        choices: (value, title) of likely answers, possibly none.
        given: What is known already, by parameter.
    """

    playbook: str
    parameter: str
    question: str
    choices: list[tuple[str, str]]
    given: dict[str, str]


class Suggestion(msgspec.Struct, frozen=True):
    """Something that the bot can do: a title and a sentence that asks for it."""

    title: str
    utterance: str
    description: str = ""


class Unmatched(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing fits the goal; `suggestions` is what the bot can do."""

    suggestions: list[Suggestion]


class Planner(Protocol):
    """Turns goals into plans."""

    async def plan(
        self, goal: str, initiator: Person, now: datetime, *, answer: tuple[Missing, str] | None = None
    ) -> Planned | Missing | Unmatched:
        """What to do about a goal.

        Args:
            goal: The person's own words.
            initiator: Who asks.
            now: For "last month".
            answer: What was asked before, and what the person said to it; `goal` is then the first goal again.

        Raises:
            InvalidPlan: The matching playbook does not fit this deployment (a capability without worker, say).
            NotForYou: The policy lets only certain other people do what the matching playbook does.
        """

    def sure(self, goal: str, now: datetime) -> bool:
        """Whether a goal asks for a playbook in its own words, so that no model need be asked what is meant."""

    def change(self, plan: Plan, text: str, now: datetime) -> Plan | None:
        """An open run's plan with other parameters, if a text says just that ("make it September"); else None."""

    def suggestions(self) -> list[Suggestion]:
        """What the bot can do, for welcome and help."""
