"""`people.availability`: when people work and when they are away, so that an answer is due when they can give it.

Taken from what Outlook lets everybody see of colleagues (`getSchedule`): the mailbox settings of others, automatic
replies among them, are not open to a person's own rights, so an absence counts if it is in the calendar.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from connectors.graph.addresses import Address
from connectors.graph.calendar.openings import Hours, Span
from connectors.graph.calendar.schedules import Schedule, schedules
from connectors.graph.client import GraphClient
from connectors.graph.wording import counted
from connectors.http import clipped
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.run import Person
from orchestration.core.working_time import Absence, Availability
from orchestration.errors import Invalid

LONGEST = timedelta(days=42)
USUAL = timedelta(days=28)
MOST_PEOPLE = 100


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Arguments of `people.availability`.

    Attributes:
        people: As `people.find` returns them.
        from_: Absences are looked for from this instant on; now, if not given.
        to: To this instant; four weeks later, if not given.
    """

    people: list[Person]
    from_: datetime | None = None
    to: datetime | None = None


class Availabilities(msgspec.Struct, frozen=True, kw_only=True):
    """When each of them works; `notes` name those of whom it cannot be told, and why: they are not in `people`."""

    people: list[Availability]
    notes: list[str] = []


class Presence:
    """Asks Outlook through a Graph client."""

    def __init__(self, client: GraphClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client, self._now = client, now

    async def read(self, when: When, task: TaskContext) -> Availabilities:
        """Time zone, hours of work and absences of each person, as the initiator may see them.

        Raises:
            Invalid: The arguments cannot be meant.
        """
        begin, end = self._checked(when)
        session = self._client.acting_as(task.initiator)
        asked = list({person.upn.casefold(): person for person in when.people}.values())
        found = await schedules(
            session, [Address(person.upn, person.name) for person in asked], begin, end, tentative=False
        )
        people: list[Availability] = []
        notes: list[str] = []
        for person, schedule in zip(asked, found, strict=True):
            if schedule.problem:
                notes.append(f"The calendar of {schedule.who.shown} cannot be read ({schedule.problem}).")
            elif (hours := schedule.hours) is None or not (zone := _iana(hours.zone)):
                notes.append(f"Outlook does not say when {clipped(person.name or person.upn, 80)} works.")
            else:
                people.append(_availability(person, schedule, hours, zone))
        return Availabilities(people=people, notes=notes)

    def _checked(self, when: When) -> Span:
        begin = when.from_ or self._now()
        if begin.tzinfo is None or (when.to and when.to.tzinfo is None):
            raise Invalid("'from' and 'to' need a time zone, such as 2026-10-01T08:00:00+02:00.")
        end = when.to or begin + USUAL
        if not timedelta(0) < end - begin <= LONGEST:
            raise Invalid(
                f"'to' must come after 'from', by {LONGEST.days} days at most: Outlook does not look further."
            )
        if not 1 <= len(when.people) <= MOST_PEOPLE:
            raise Invalid(f"Whose availability? Name up to {MOST_PEOPLE} people.")
        if without := [person for person in when.people if not person.upn]:
            raise Invalid(f"{clipped(without[0].name, 80) or 'Somebody'} has no address: look them up first.")
        return begin, end


def summary(found: Availabilities) -> str:
    """Of how many it is known: "2 people, 1 with an absence"."""
    away = sum(bool(each.away) for each in found.people)
    said = counted(len(found.people), "person", "people")
    return f"{said}, {away} with an absence" if away else said


def _availability(person: Person, schedule: Schedule, hours: Hours, zone: str) -> Availability:
    return Availability(
        person=person,
        time_zone=zone,
        days=tuple(sorted(day + 1 for day in hours.days)),
        start=f"{hours.start:%H:%M}",
        end=f"{hours.end:%H:%M}",
        away=[Absence(begin, end) for begin, end in _joined(schedule.away)],
    )


def _joined(spans: list[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap as one."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _iana(zone: tzinfo) -> str:
    """The zone's IANA name; empty for one of somebody's own making that is not whole hours away from UTC."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = zone.utcoffset(None) if isinstance(zone, timezone) else None
    hours, rest = divmod(offset, timedelta(hours=1)) if offset is not None else (0, timedelta(1))
    return "" if rest or abs(hours) > 12 else f"Etc/GMT{-hours:+d}"  # there, signs are the other way round
