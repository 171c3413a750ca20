"""When several people can meet: working hours, less what is in their calendars. Pure.

Everything is compared in UTC; working hours are worked out for each day in the person's own zone, so that a change
of the clocks in the middle of the search moves them as it moves the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

Span = tuple[datetime, datetime]
STEP = timedelta(minutes=30)
_DAY = timedelta(days=1)


class Hours(msgspec.Struct, frozen=True):
    """When somebody works: on these weekdays (Monday is 0), between these local times."""

    days: frozenset[int]
    start: time
    end: time
    zone: tzinfo


def working(hours: Hours, begin: datetime, end: datetime) -> Iterator[Span]:
    """The stretches of working time between two instants, in UTC; a shift past midnight is one stretch."""
    day = begin.astimezone(hours.zone).date() - _DAY
    last = end.astimezone(hours.zone).date()
    while day <= last:
        if day.weekday() in hours.days:
            closing = day + _DAY if hours.end <= hours.start else day
            start, stop = _instant(day, hours.start, hours.zone), _instant(closing, hours.end, hours.zone)
            if start < end and stop > begin:
                yield max(start, begin), min(stop, end)
        day += _DAY


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def without(free: Iterable[Span], busy: Iterable[Span]) -> list[Span]:
    """What is left of the free stretches."""
    taken = sorted(busy)
    left: list[Span] = []
    for start, stop in free:
        at = start
        for begin, end in taken:
            if begin >= stop:
                break
            if end <= at:
                continue
            if begin > at:
                left.append((at, begin))
            at = max(at, end)
        if at < stop:
            left.append((at, stop))
    return left


def both(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """Where two lists of stretches overlap."""
    second = list(other)
    found = ((max(a, c), min(b, d)) for a, b in one for c, d in second if a < d and c < b)
    return sorted(found)


def starts(free: Iterable[Span], length: timedelta, zone: tzinfo) -> list[datetime]:
    """Where a meeting of this length can begin: on the half hours of `zone`, no two overlapping."""
    found: list[datetime] = []
    for start, stop in sorted(free):
        at = _rounded(max(start, found[-1] + length) if found else start, zone)
        while at + length <= stop:
            found.append(at)
            at = _rounded(at + length, zone)
    return found


def _rounded(at: datetime, zone: tzinfo) -> datetime:
    """The next half hour on a clock of that zone."""
    local = at.astimezone(zone)
    past = timedelta(minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond)
    return at + (STEP - past if past else timedelta())


def spread(found: list[datetime], most: int, zone: tzinfo) -> list[datetime]:
    """At most so many, over as many days as possible, in order: a choice among days is worth more than among hours."""
    days: dict[date, list[datetime]] = {}
    for each in found:
        days.setdefault(each.astimezone(zone).date(), []).append(each)
    chosen: list[datetime] = []
    row = 0
    while len(chosen) < min(most, len(found)):
        chosen += [starts_[row] for starts_ in days.values() if row < len(starts_)][: most - len(chosen)]
        row += 1
    return sorted(chosen)
