"""Times, durations and months in people's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot.cards.wording import plain
from bot.language import LANGUAGES, month, number, say, say_count, speaking

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_CHOICE = re.compile(r"[a-z]+(?:_[a-z]+)+")  # as ids of choices are written


def duration(length: timedelta) -> str:
    """`0.4 s`, `12 s`, `1 min 5 s`, `2 h 3 min`, `3 days`; never negative."""
    seconds = max(length.total_seconds(), 0.0)
    return say("{seconds} s", seconds=number(seconds, digits=1)) if seconds < 9.95 else _whole(round(seconds))


def _whole(seconds: int) -> str:
    if seconds < 60:
        return say("{seconds} s", seconds=seconds)
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    if seconds < 3600:
        return say("{minutes} min {seconds} s", minutes=minutes, seconds=rest) if rest else _minutes(minutes)
    if seconds < 2 * 86_400:
        return (
            say("{hours} h {minutes} min", hours=hours, minutes=minutes) if minutes else say("{hours} h", hours=hours)
        )
    return say_count("{count} day", "{count} days", seconds // 86_400)


def _minutes(minutes: int) -> str:
    return say("{minutes} min", minutes=minutes)


def duration_of(seconds: float) -> str:
    """The same for seconds."""
    return duration(timedelta(seconds=seconds))


def countdown(length: timedelta) -> str:
    """How long until something, in whole seconds and upwards; `now` once it is due."""
    if length <= timedelta(seconds=0.5):
        return say("now")
    return say("in {time}", time=_whole(round(max(length.total_seconds(), 1.0))))


def local(moment: datetime) -> str:
    """An instant that the client shows in its viewer's own time zone and language.

    Source: Adaptive Cards, "Text features": `{{DATE()}}` and `{{TIME()}}` take RFC 3339 without fractions.
    """
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{{{{DATE({stamp},SHORT)}}}}, {{{{TIME({stamp})}}}}"


def month_name(value: object) -> str:
    """`2026-10` => `October 2026`; empty for what is not a month."""
    found = _MONTH.fullmatch(value) if isinstance(value, str) else None
    return month(int(found[1]), int(found[2])) if found and int(found[1]) else ""


def shown_value(value: object, limit: int = 120) -> str:
    """A parameter's value for people: a month by its name, `this_week` as "This week", all else as it is."""
    text = plain(value, limit)
    return month_name(value) or (text.replace("_", " ").capitalize() if _CHOICE.fullmatch(text) else text)


def month_names(value: object) -> list[str]:
    """The month in every language; empty for what is not one."""
    names = []
    for language in LANGUAGES:
        with speaking(language):
            names.append(month_name(value))
    return list(filter(None, names))
