"""Times, durations and months in people's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_NAMES = "January February March April May June July August September October November December".split()  # noqa: SIM905 - reads better


def duration(length: timedelta) -> str:
    """`0.4 s`, `12 s`, `1 min 5 s`, `2 h 3 min`, `3 days`; never negative."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    if whole < 2 * 86_400:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")
    return f"{whole // 86_400} days"


def countdown(length: timedelta) -> str:
    """How long until something, in whole seconds and upwards; `now` once it is due."""
    return (
        "now"
        if length <= timedelta(seconds=0.5)
        else "in " + duration(max(length, timedelta(seconds=1))).replace(".0 s", " s")
    )


def local(moment: datetime) -> str:
    """An instant that the client shows in its viewer's own time zone and language.

    Source: Adaptive Cards, "Text features": `{{DATE()}}` and `{{TIME()}}` take RFC 3339 without fractions.
    """
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{{{{DATE({stamp},SHORT)}}}}, {{{{TIME({stamp})}}}}"


def month_name(value: object) -> str:
    """`2026-10` => `October 2026`; empty for what is not a month."""
    found = _MONTH.fullmatch(value) if isinstance(value, str) else None
    return f"{_NAMES[int(found[2]) - 1]} {found[1]}" if found else ""
