"""`dates.period`: the days that people mean by "this week"."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import msgspec

from orchestration.capabilities import TaskContext, worker

Span = Literal["today", "tomorrow", "this_week", "last_week", "next_week", "two_weeks"]
# Not strftime's, whose words follow the machine's language.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `dates.period`.

    Attributes:
        today: As `run.today` says.
        span: Weeks begin on Monday; `two_weeks` is the next one and the one after it.
    """

    today: date
    span: Span


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days, the last one included; `day_after` is the first that does not count; `shown` says them to people."""

    first_day: date
    last_day: date
    day_after: date
    days: int
    shown: str


@worker("dates.period", title="Work out the days", attempts=1, summarize=lambda period: period.shown)
async def period(asked: Asked, task: TaskContext) -> Period:
    """The days of a span, as seen from today."""
    del task
    monday = asked.today - timedelta(days=asked.today.weekday())
    first, days = {
        "today": (asked.today, 1),
        "tomorrow": (asked.today + timedelta(days=1), 1),
        "this_week": (monday, 7),
        "last_week": (monday - timedelta(days=7), 7),
        "next_week": (monday + timedelta(days=7), 7),
        "two_weeks": (monday + timedelta(days=7), 14),
    }[asked.span]
    after = first + timedelta(days=days)
    last = after - timedelta(days=1)
    return Period(first_day=first, last_day=last, day_after=after, days=days, shown=stretch(first, last))


def stretch(first: date, last: date) -> str:
    """Days for people: "16–22 November 2026", "30 November – 6 December 2026", "22 November 2026"."""
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {_MONTHS[first.month - 1]}{year} – {end}"


def short(day: date) -> str:
    """A day in few letters: "Fri 20 Nov"."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1][:3]}"
