"""`calendar.agenda`: the initiator's meetings on some days, with all that a person sees of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec

from connectors.graph.addresses import Address
from connectors.graph.calendar.schedules import schedules
from connectors.graph.calendar.zones import name_of, zone_named
from connectors.graph.client import GraphClient, GraphSession, inner, objects, texts
from connectors.graph.pages import pages
from connectors.graph.provenance import Provenance
from connectors.graph.wording import counted, one_line, text_of_html
from connectors.http import clipped
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import UNLABELLED, Source
from orchestration.errors import Invalid, InvalidContent
from orchestration.validation.text import visible

MOST_DAYS = 31
MOST_MEETINGS = 200
LONGEST_TEXT = 10_000
_FIELDS = (
    "id,subject,start,end,location,organizer,attendees,body,webLink,isCancelled,isAllDay,showAs,isOnlineMeeting"
    ",sensitivity"
)


class Days(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `calendar.agenda`.

    Attributes:
        day: From this day on.
        days: So many.
        zone: In which days are meant and times are said; empty: the initiator's own.
    """

    day: date
    days: int = 1
    zone: str = ""


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was invited, and what they answered: `accepted`, `declined`, `tentativelyAccepted`, `none`."""

    name: str
    address: str
    response: str = "none"


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting; times are in the agenda's zone."""

    event: str
    subject: str
    start: datetime
    end: datetime
    organizer: str
    organizer_address: str
    people: list[Invited]
    place: str = ""
    online: bool = False
    text: str = ""
    link: str = ""


class Agenda(msgspec.Struct, frozen=True, kw_only=True):
    """Meetings in order of time, without cancelled ones and whole days."""

    meetings: list[Meeting]
    zone: str


class Agendas:
    """Reads the initiator's calendar through a Graph client."""

    def __init__(self, client: GraphClient, provenance: Provenance | None = None) -> None:
        self._client, self._provenance = client, provenance or Provenance()

    async def read(self, asked: Days, task: TaskContext) -> Agenda:
        """The meetings of these days.

        Raises:
            Invalid: The days cannot be meant.
            InvalidContent: There are more than anybody goes to.
        """
        if not 1 <= asked.days <= MOST_DAYS:
            raise Invalid(f"{asked.days} days cannot be asked for: 1 to {MOST_DAYS}.")
        session = self._client.acting_as(task.initiator)
        zone = zone_named(asked.zone) if asked.zone.strip() else await _own_zone(session, asked.day)
        begin = datetime.combine(asked.day, time(), zone)
        end = datetime.combine(asked.day + timedelta(days=asked.days), time(), zone)
        query: dict[str, str | int] = {
            "startDateTime": f"{begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "endDateTime": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "$select": _FIELDS,
            "$orderby": "start/dateTime",
            "$top": 50,
        }
        headers = {"Prefer": 'outlook.timezone="UTC", outlook.body-content-type="text"'}
        found: list[Meeting] = []
        listed = pages(session, "/me/calendarView", what="read your calendar", query=query, headers=headers)
        async for page in listed:
            counting = [each for each in page if _counts(each)]
            found += [_meeting(each, zone) for each in counting]
            for each in counting:
                self._note(each, task)
            if len(found) > MOST_MEETINGS:
                raise InvalidContent(f"There are more than {MOST_MEETINGS} meetings: ask for fewer days.")
        return Agenda(meetings=sorted(found, key=lambda each: each.start), zone=name_of(zone))

    def _note(self, event: dict[str, Any], task: TaskContext) -> None:
        organizer = texts(inner(inner(event, "organizer"), "emailAddress"), "address")
        task.note(
            Source(
                title=clipped(one_line(texts(event, "subject")), 120) or "Meeting without a subject",
                system="Outlook",
                link=texts(event, "webLink"),
                label="confidential" if texts(event, "sensitivity") in ("private", "confidential") else UNLABELLED,
                reader=task.initiator.id,
                outside=self._provenance.outside([organizer], task),
            )
        )


def summary(agenda: Agenda) -> str:
    """How many there are."""
    return counted(len(agenda.meetings), "meeting")


async def _own_zone(session: GraphSession, day: date) -> tzinfo:
    """The zone of the initiator's working hours, as for slots; UTC where Outlook says none."""
    me = Address(session.person.upn, session.person.name)
    begin = datetime.combine(day, time(), UTC)
    mine = (await schedules(session, [me], begin, begin + timedelta(days=1), tentative=True))[0]
    return mine.hours.zone if mine.hours else UTC


def _counts(event: dict[str, Any]) -> bool:
    return event.get("isCancelled") is not True and event.get("isAllDay") is not True


def _meeting(event: dict[str, Any], zone: tzinfo) -> Meeting:
    organizer = inner(inner(event, "organizer"), "emailAddress")
    body = inner(event, "body")
    content = texts(body, "content")[: 10 * LONGEST_TEXT]
    is_html = texts(body, "contentType").casefold() == "html"
    return Meeting(
        event=texts(event, "id"),
        subject=one_line(texts(event, "subject")) or "(without a subject)",
        start=_instant(inner(event, "start")).astimezone(zone),
        end=_instant(inner(event, "end")).astimezone(zone),
        organizer=one_line(texts(organizer, "name")) or texts(organizer, "address"),
        organizer_address=texts(organizer, "address"),
        people=[_invited(each) for each in objects(event, "attendees")],
        place=one_line(texts(inner(event, "location"), "displayName")),
        online=event.get("isOnlineMeeting") is True,
        text=(text_of_html(content) if is_html else visible(content).strip())[:LONGEST_TEXT],
        link=texts(event, "webLink"),
    )


def _instant(moment: dict[str, Any]) -> datetime:
    """In UTC, as the request prefers it; some answers name the zone all the same."""
    zone = zone_named(texts(moment, "timeZone") or "UTC")
    try:
        found = datetime.fromisoformat(texts(moment, "dateTime"))
    except ValueError:
        raise InvalidContent("Outlook gives a meeting without a time. Look at your calendar there.") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _invited(attendee: dict[str, Any]) -> Invited:
    who = inner(attendee, "emailAddress")
    return Invited(
        name=one_line(texts(who, "name")) or texts(who, "address"),
        address=texts(who, "address"),
        response=texts(inner(attendee, "status"), "response") or "none",
    )
