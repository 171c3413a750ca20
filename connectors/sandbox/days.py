"""Days as the data writes them, so that a tenant is always up to date, and time zones by either of their names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = re.compile(r"(?P<base>today|mon|tue|wed|thu|fri|sat|sun)(?P<step>[+-]\d{1,3})?(?P<unit>w)?", re.IGNORECASE)
_MOMENT = re.compile(r"(?P<day>\S+)\s+(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")

# Exchange names zones as Windows does; these are what the data may use besides the IANA names.
WINDOWS_ZONES = {
    "UTC": "UTC",
    "GMT Standard Time": "Europe/London",
    "W. Europe Standard Time": "Europe/Berlin",
    "Central Europe Standard Time": "Europe/Budapest",
    "Romance Standard Time": "Europe/Paris",
    "GTB Standard Time": "Europe/Bucharest",
    "Turkey Standard Time": "Europe/Istanbul",
    "India Standard Time": "Asia/Kolkata",
    "China Standard Time": "Asia/Shanghai",
    "Tokyo Standard Time": "Asia/Tokyo",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver",
    "Pacific Standard Time": "America/Los_Angeles",
    "E. South America Standard Time": "America/Sao_Paulo",
}


def day_of(text: str, today: date) -> date:
    """The day that a text names.

    Args:
        text: `2026-10-28`; `today`, `today-3`; `mon`, `tue+1w`, `fri-2w` for a day of the working week of today, which
            on Saturdays and Sundays is the coming one.
        today: What "today" is.

    Raises:
        ValueError: It is none of these.
    """
    found = _DAY.fullmatch(text.strip())
    if not found or (found["unit"] and not found["step"]):
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is no day: write 2026-10-28, today, today-3, mon or tue+1w") from None
    step = timedelta(days=int(found["step"] or 0)) * (7 if found["unit"] else 1)
    if found["base"].lower() == "today":
        return today + step
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 if today.weekday() > 4 else 0)
    return monday + timedelta(days=_WEEKDAYS.index(found["base"].lower())) + step


def moment_of(text: str, today: date, zone: ZoneInfo) -> datetime:
    """The instant that a text such as `today-1 09:15` names in a zone.

    Raises:
        ValueError: It is no day and time.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no day and time: write today-1 09:15")
    clock = time(int(found["hour"]), int(found["minute"]), tzinfo=zone)
    return datetime.combine(day_of(found["day"], today), clock).astimezone(UTC)


def past_moment(text: str, today: date, zone: ZoneInfo) -> datetime:
    """As `moment_of`, for what has happened already.

    Raises:
        ValueError: It is no day and time, or a day after today.
    """
    when = moment_of(text, today, zone)
    if when.astimezone(zone).date() > today:
        raise ValueError(f"{text!r} is after today, {today}")
    return when


def zone_of(name: str) -> ZoneInfo:
    """The time zone of a Windows or IANA name.

    Raises:
        ValueError: There is none.
    """
    try:
        return ZoneInfo(WINDOWS_ZONES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


def graph_time(when: datetime, zone_name: str = "UTC") -> dict[str, str]:
    """An instant as Graph's dateTimeTimeZone."""
    local = when.astimezone(zone_of(zone_name))
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone_name}


def parse_graph_time(value: object, what: str) -> datetime:
    """The instant of a dateTimeTimeZone that a client sends.

    Raises:
        ValueError: Names `what` and the fault.
    """
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str):
        raise ValueError(f"{what} must have dateTime and timeZone")  # noqa: TRY004  # a client's fault, like the others
    text = re.sub(r"(\.\d{1,6})\d*", r"\1", value["dateTime"])
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{what}: {value['dateTime']!r} is no date and time") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone_of(str(value.get("timeZone") or "UTC")))
    return when.astimezone(UTC)


def iso(when: datetime) -> str:
    """An instant as Graph writes DateTimeOffset."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
