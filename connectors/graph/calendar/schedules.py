"""What people's calendars and working hours say, as far as the initiator may see it."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from typing import Any

import msgspec

from connectors.graph.addresses import Address
from connectors.graph.batch import Part, batch
from connectors.graph.calendar.openings import Hours, Span
from connectors.graph.calendar.zones import zone_named, zone_of
from connectors.graph.client import GraphSession, as_object, inner, objects, texts
from connectors.http import clipped
from orchestration.errors import Invalid

AT_ONCE = 20
_BLOCKING = frozenset({"busy", "oof", "tentative", "unknown"})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """One person's: `problem` is why it could not be read, empty if it could; `away` is out of office."""

    who: Address
    busy: list[Span] = []
    away: list[Span] = []
    hours: Hours | None = None
    problem: str = ""


async def schedules(
    session: GraphSession, people: list[Address], begin: datetime, end: datetime, *, tentative: bool
) -> list[Schedule]:
    """Each person's schedule, in the order given; twenty people in a part, twenty parts in a request.

    Args:
        session: Who asks.
        people: Whose.
        begin: From this instant.
        end: To this one.
        tentative: Whether what somebody has not accepted yet keeps them from meeting.

    Raises:
        TandemError: No schedule could be asked for.
    """
    parts = [
        Part(path="/me/calendar/getSchedule", method="POST", body=_asked(people[at : at + AT_ONCE], begin, end),
             headers={"Prefer": 'outlook.timezone="UTC"'})
        for at in range(0, len(people), AT_ONCE)
    ]  # fmt: skip
    if len(parts) == 1:
        asked = parts[0]
        answers = [await session.call(asked.method, asked.path, body=asked.body, headers=asked.headers)]
    else:
        answers = await batch(session, parts, what="read the calendars")
    listed: dict[str, dict[str, Any]] = {}
    for answer in answers:
        if not answer.is_success:
            raise session.failure(answer, "read the calendars")
        listed |= {texts(each, "scheduleId").casefold(): each for each in objects(as_object(answer))}
    return [_schedule(each, listed.get(each.address.casefold()), tentative) for each in people]


def _asked(people: list[Address], begin: datetime, end: datetime) -> dict[str, Any]:
    def instant(at: datetime) -> dict[str, str]:
        return {"dateTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}

    return {
        "schedules": [each.address for each in people],
        "startTime": instant(begin),
        "endTime": instant(end),
        "availabilityViewInterval": 30,
    }


def _schedule(who: Address, found: dict[str, Any] | None, tentative: bool) -> Schedule:
    if found is None:
        return Schedule(who=who, problem="Outlook says nothing about it")
    if error := inner(found, "error"):
        said = texts(error, "message") or texts(error, "responseCode") or "no reason is given"
        return Schedule(who=who, problem=clipped(said, 120).rstrip("."))
    busy: list[Span] = []
    away: list[Span] = []
    for item in objects(found, "scheduleItems"):
        status = texts(item, "status").casefold()
        span = (_instant(inner(item, "start")), _instant(inner(item, "end")))
        if status not in _BLOCKING or (status == "tentative" and not tentative) or span[0] >= span[1]:
            continue
        busy.append(span)
        if status == "oof":
            away.append(span)
    return Schedule(who=who, busy=busy, away=away, hours=_hours(inner(found, "workingHours")))


def _instant(moment: dict[str, Any]) -> datetime:
    try:
        zone: tzinfo = zone_named(texts(moment, "timeZone") or "UTC")
        found = datetime.fromisoformat(texts(moment, "dateTime"))
    except (ValueError, Invalid):
        return datetime(1900, 1, 1, tzinfo=UTC)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _hours(given: dict[str, Any]) -> Hours | None:
    days = given.get("daysOfWeek")
    named = [str(day).casefold() for day in days] if isinstance(days, list) else []
    zone = zone_of(given)
    try:
        start, end = (time.fromisoformat(texts(given, name)).replace(tzinfo=None) for name in ("startTime", "endTime"))
    except ValueError:
        return None
    if zone is None or not named:
        return None
    return Hours(days=frozenset(_DAYS.index(day) for day in named if day in _DAYS), start=start, end=end, zone=zone)
