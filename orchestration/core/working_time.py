"""Hours of work: when is eight hours after Friday noon, for somebody who is away on Monday?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from orchestration.core.run import Person
from orchestration.errors import Invalid

HORIZON_DAYS = 366


class Absence(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """When somebody is out of office; both ends aware."""

    from_: datetime
    to: datetime


class Availability(msgspec.Struct, frozen=True):
    """When somebody works.

    Attributes:
        time_zone: IANA name.
        days: Days of work, 1 for Monday to 7 for Sunday.
        start: Begin of work, such as 08:00, local.
        end: End of work.
        away: Absences known now.

    Raises of `after`:
        Invalid: The time zone or a time of day cannot be read.
    """

    person: Person
    time_zone: str = "UTC"
    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    start: str = "08:00"
    end: str = "17:00"
    away: list[Absence] = []

    def after(self, begun: datetime, hours: float) -> datetime:
        """The instant by which they have had `hours` of work since `begun`, aware UTC.

        Somebody without hours of work within a year gets them by the clock instead.
        """
        left = timedelta(hours=hours)
        for start, end in self._shifts(begun):
            if end - start >= left:
                return start + left
            left -= end - start
        return begun + timedelta(hours=hours)

    def _shifts(self, begun: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of work from `begun` on, absences taken out, in UTC."""
        zone, first, last = _zone(self.time_zone), _time(self.start), _time(self.end)
        today = begun.astimezone(zone).date() - timedelta(days=1)  # a night shift begins the day before
        for day in (today + timedelta(days=each) for each in range(HORIZON_DAYS)):
            if day.isoweekday() in self.days:
                start = _instant(day, first, zone)
                end = _instant(day if last > first else day + timedelta(days=1), last, zone)
                yield from self._free(max(start, begun), end)

    def _free(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        for absence in sorted(self.away, key=lambda each: each.from_):
            if absence.from_ < end and absence.to > start:
                if absence.from_ > start:
                    yield start, absence.from_.astimezone(UTC)
                start = max(start, absence.to.astimezone(UTC))
        if start < end:
            yield start, end


def due_at(now: datetime, hours: float, people: list[Person], working: list[Availability]) -> datetime | None:
    """When an answer that has `hours` is due: for the one of the people who has their hours last; None for 0 hours.

    Who is not in `working` has them by the clock.
    """
    if not hours:
        return None
    known = {each.person.id: each for each in working}
    return max(
        known[person.id].after(now, hours) if person.id in known else now + timedelta(hours=hours) for person in people
    )


def all_away(now: datetime, until: datetime, people: list[Person], working: list[Availability]) -> bool:
    """Whether nobody of the people is there now, nor before `until` (aware, by the clock)."""
    known = {each.person.id: each for each in working}
    return all(
        person.id in known and any(a.from_ <= now and a.to >= until for a in known[person.id].away) for person in people
    )


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"there is no time zone {name!r}: give an IANA name, such as Europe/Berlin") from None


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a time of day, such as 08:00") from None
