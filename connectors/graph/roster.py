"""`people.roster`: the people whom somebody has listed in one text."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

import msgspec

from connectors.graph.client import GraphClient
from connectors.graph.people import Found, People, Who
from connectors.graph.wording import counted
from connectors.http import clipped
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent, NotFound

MOST = 20
_BETWEEN = re.compile(r"[,;\n]+|\s+(?:and|und)\s+|\s*&\s*")


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `people.roster`.

    Attributes:
        who: Full names or addresses, with commas or "and" between them.
        most: People at most.
        unknown: What becomes of those who are not found: `fail` ends the task, `note` goes on with the others.
    """

    who: str
    most: int = MOST
    unknown: Literal["fail", "note"] = "fail"


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """People in the order given, each once; `shown` names them, `note` says who was not found, and why."""

    people: list[Found]
    shown: str
    note: str = ""


class Rosters:
    """Looks people up through a Graph client."""

    def __init__(self, client: GraphClient) -> None:
        self._people = People(client)

    async def read(self, listed: Listed, task: TaskContext) -> Roster:
        """Everybody who is listed, exactly; never a guess.

        Raises:
            Invalid: Nobody is listed, or too many are.
            InvalidContent: Somebody cannot be found; all such are named at once.
        """
        names = [name for each in _BETWEEN.split(listed.who) if (name := " ".join(each.split()).strip("."))]
        most = min(max(listed.most, 1), MOST)
        if not names:
            raise Invalid("Who is meant? Give full names or addresses, with commas between them.")
        if len(names) > most:
            raise Invalid(f"{len(names)} people are too many here: name up to {most}.")
        looked = await asyncio.gather(*(self._one(name, task) for name in names))
        people = {each.id: each for each in looked if isinstance(each, Found)}
        notes = [each for each in looked if isinstance(each, str)]
        if notes and (listed.unknown == "fail" or not people):
            raise InvalidContent(" ".join(notes))
        found = list(people.values())
        return Roster(people=found, shown=_and([clipped(each.name, 60) for each in found]), note=" ".join(notes))

    async def _one(self, name: str, task: TaskContext) -> Found | str:
        try:
            return await self._people.find(Who(who=name), task)
        except (Invalid, NotFound) as error:
            return error.message


def summary(roster: Roster) -> str:
    """Who they are: "Alex Wilber and Lee Gu", "6 people"."""
    return clipped(roster.shown, 100) if len(roster.people) <= 3 else counted(len(roster.people), "person", "people")


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
