"""`calendar.free_time`: when several people can meet, by their calendars and working hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

import msgspec

from connectors.graph.addresses import Address, addresses_of, check
from connectors.graph.calendar.openings import Hours, Span, both, spread, starts, without, working
from connectors.graph.calendar.schedules import Schedule, schedules
from connectors.graph.calendar.zones import name_of, zone_named
from connectors.graph.client import GraphClient
from connectors.graph.wording import counted
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent

LONGEST_SEARCH_DAYS = 42
LONGEST_MEETING_MINUTES = 12 * 60
MOST = 20
_WEEK = frozenset(range(5))


class FreeTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `calendar.free_time`.

    Attributes:
        people: Addresses of those who must come, besides the initiator.
        first_day: From this day on.
        last_day: To this day, it included.
        minutes: Length of the meeting.
        zone: In which days are meant and times are said, such as `Europe/Berlin`; empty: the initiator's own.
        with_me: Whether the initiator comes too.
        tentative: Whether what somebody has not accepted yet keeps them from meeting.
        most: Slots at most.
    """

    people: list[str]
    first_day: date
    last_day: date
    minutes: int = 30
    zone: str = ""
    with_me: bool = True
    tentative: bool = True
    most: int = 5


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """When everybody can; `elsewhere` says what time it is then for those in other zones."""

    start: datetime
    end: datetime
    shown: str
    elsewhere: list[str] = []


class Slots(msgspec.Struct, frozen=True, kw_only=True):
    """Slots in order of time; `people` are those whose calendars were read, `notes` name whose were not, and why."""

    slots: list[Slot]
    people: list[str]
    zone: str
    notes: list[str] = []


class Calendars:
    """Reads calendars through a Graph client."""

    def __init__(self, client: GraphClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now

    async def free_time(self, asked: FreeTime, task: TaskContext) -> Slots:
        """Slots in everybody's working hours in which nobody is busy or away.

        A calendar that cannot be read is named, and the search goes on with the others.

        Raises:
            Invalid: The arguments cannot be meant.
            NotFound: Nobody has one of the addresses.
            InvalidContent: None of the others' calendars can be read.
        """
        _check(asked)
        session = self._client.acting_as(task.initiator)
        me = Address(task.initiator.upn, task.initiator.name)
        others = [
            each for each in addresses_of(asked.people, "attendee") if each.address.casefold() != me.address.casefold()
        ]
        if not others and not asked.with_me:
            raise Invalid("Nobody is to meet: name at least one person.")
        others = await check(session, others, consequence="No slot was looked for.")
        # A day begins up to 14 hours earlier, and ends up to 12 hours later, than it does in UTC.
        begin = datetime.combine(asked.first_day, time(), UTC) - timedelta(hours=14)
        end = datetime.combine(asked.last_day + timedelta(days=1), time(), UTC) + timedelta(hours=12)
        found = await schedules(session, [me, *others], begin, end, tentative=asked.tentative)
        mine, theirs = found[0], found[1:]
        zone = _zone(asked, mine)
        read = [each for each in ([mine] if asked.with_me else []) + theirs if not each.problem]
        if theirs and all(each.problem for each in theirs):
            said = "; ".join(f"{each.who.shown}: {each.problem}" for each in theirs[:5])
            raise InvalidContent(f"No calendar can be read ({said}). Ask them to share when they are busy with you.")
        days = (_midnight(asked.first_day, zone), _midnight(asked.last_day + timedelta(days=1), zone))
        free = self._free(read, days, zone)
        length = timedelta(minutes=asked.minutes)
        chosen = spread(starts(free, length, zone), asked.most, zone)
        return Slots(
            slots=[_slot(at, at + length, zone, read) for at in chosen],
            people=[each.who.name or each.who.address for each in read],
            zone=name_of(zone),
            notes=_notes(mine, theirs, asked, days, zone),
        )

    def _free(self, people: list[Schedule], days: Span, zone: tzinfo) -> list[Span]:
        begin, end = max(days[0], self._now().astimezone(UTC)), days[1]
        free: list[Span] = [(begin, end)] if begin < end else []
        for each in people:
            hours = each.hours or Hours(days=_WEEK, start=time(9), end=time(17), zone=zone)
            free = both(free, without(working(hours, begin, end), each.busy))
        return free


def summary(found: Slots) -> str:
    """How many slots: "3 slots for 4 people"."""
    return f"{counted(len(found.slots), 'slot')} for {counted(len(found.people), 'person', 'people')}"


def _check(asked: FreeTime) -> None:
    if asked.last_day < asked.first_day:
        raise Invalid(f"{asked.last_day} is before {asked.first_day}: exchange the two days.")
    if (asked.last_day - asked.first_day).days >= LONGEST_SEARCH_DAYS:
        raise Invalid(
            f"{asked.first_day} to {asked.last_day} is too long: Outlook looks {LONGEST_SEARCH_DAYS} days far."
        )
    if not 5 <= asked.minutes <= LONGEST_MEETING_MINUTES:
        raise Invalid(f"A meeting of {asked.minutes} minutes cannot be placed: 5 to {LONGEST_MEETING_MINUTES}.")
    if not 1 <= asked.most <= MOST:
        raise Invalid(f"{asked.most} slots cannot be asked for: 1 to {MOST}.")


def _zone(asked: FreeTime, mine: Schedule) -> tzinfo:
    if asked.zone.strip():
        return zone_named(asked.zone)
    return mine.hours.zone if mine.hours else UTC


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _slot(start: datetime, end: datetime, zone: tzinfo, people: list[Schedule]) -> Slot:
    begins, ends = start.astimezone(zone), end.astimezone(zone)
    elsewhere = []
    for each in people:
        local = start.astimezone(each.hours.zone) if each.hours else begins
        if each.hours and local.utcoffset() != begins.utcoffset():
            elsewhere.append(f"{each.who.name or each.who.address}: {local:%a %H:%M} ({name_of(each.hours.zone)})")
    when = f"{begins:%a} {begins.day} {begins:%b %Y, %H:%M}–{ends:%H:%M}"
    return Slot(start=begins, end=ends, shown=f"{when} ({name_of(zone)})", elsewhere=elsewhere)


def _notes(mine: Schedule, theirs: list[Schedule], asked: FreeTime, days: Span, zone: tzinfo) -> list[str]:
    notes = [
        f"The calendar of {each.who.shown} cannot be read ({each.problem}), so it was left out."
        for each in ([mine] if asked.with_me else []) + theirs
        if each.problem
    ]
    for each in ([mine] if asked.with_me else []) + theirs:
        name = each.who.name or each.who.address
        if not each.problem and each.hours is None:
            notes.append(f"{name} has no working hours in Outlook: Monday to Friday, 9 to 17, was taken.")
        away = [span for span in each.away if span[0] < days[1] and span[1] > days[0]]
        notes += [f"{name} is out of office {_stretch(span, zone)}." for span in away[:3]]
    noons = [datetime.combine(_day(days[0], zone, number), time(12), zone) for number in range(_length(days))]
    for before, after in pairwise(noons):
        if before.utcoffset() != after.utcoffset():
            notes.append(f"The clocks change on {after:%a} {after.day} {after:%b} ({name_of(zone)}).")
    return notes


def _length(days: Span) -> int:
    return round((days[1] - days[0]) / timedelta(days=1))


def _day(begin: datetime, zone: tzinfo, number: int) -> date:
    return begin.astimezone(zone).date() + timedelta(days=number)


def _stretch(span: Span, zone: tzinfo) -> str:
    start, end = (at.astimezone(zone) for at in span)
    last = end - timedelta(minutes=1)
    if start.date() == last.date():
        return f"on {start:%a} {start.day} {start:%b}, {start:%H:%M}–{end:%H:%M}"
    return f"from {start:%a} {start.day} {start:%b} to {last:%a} {last.day} {last:%b}"
