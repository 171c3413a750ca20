"""Events and schedules in Graph's shape, and back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.asks import Ask
from connectors.sandbox.days import graph_time, iso, parse_graph_time, zone_of
from connectors.sandbox.events import SHOW_AS, Attendee, Event
from connectors.sandbox.mail_entities import expanded, public_id, read_properties, read_recipients, wants_immutable
from connectors.sandbox.mailbox_settings import Mailbox
from connectors.sandbox.replies import GraphError

_WRITABLE = {
    "subject",
    "body",
    "start",
    "end",
    "location",
    "locations",
    "attendees",
    "isAllDay",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "showAs",
    "sensitivity",
    "importance",
    "categories",
    "transactionId",
    "singleValueExtendedProperties",
    "reminderMinutesBeforeStart",
    "isReminderOn",
    "responseRequested",
    "allowNewTimeProposals",
    "hideAttendees",
}
_STATUS_DIGIT = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}
_WEIGHT = "04123"  # of two events at one time, the availability view shows the one that stands later here


def event_entity(event: Event, ask: Ask, web_url: str) -> dict[str, Any]:
    """Graph's event."""
    zone = ask.prefers("outlook.timezone") or "UTC"
    try:
        zone_of(zone)
    except ValueError:
        raise GraphError(
            400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be given, not '{zone}'."
        ) from None
    number = public_id(event.id, immutable=wants_immutable(ask), place="calendar")
    where = {"displayName": event.location, "locationType": "default", "uniqueIdType": "unknown", "address": {}}
    if not event.location:
        where = {**where, "coordinates": {}}
    join = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{event.meeting}%40thread.v2/0"
    key = uuid.uuid5(uuid.NAMESPACE_URL, f"{event.id}/{event.changes}").hex
    entity: dict[str, Any] = {
        "@odata.etag": f'W/"{key}"',
        "id": number,
        "createdDateTime": iso(event.created),
        "lastModifiedDateTime": iso(event.created),
        "changeKey": key,
        "categories": event.categories,
        "transactionId": event.transaction_id,
        "originalStartTimeZone": event.zone,
        "originalEndTimeZone": event.zone,
        "iCalUId": f"040000008200E00074C5B7101A82E008{event.meeting.upper()}",
        "uid": f"040000008200E00074C5B7101A82E008{event.meeting.upper()}",
        "reminderMinutesBeforeStart": event.reminder_minutes,
        "isReminderOn": True,
        "hasAttachments": False,
        "subject": event.subject,
        "bodyPreview": " ".join(re.sub(r"<[^>]*>", " ", event.body).split())[:255],
        "importance": event.importance,
        "sensitivity": event.sensitivity,
        "isAllDay": event.all_day,
        "isCancelled": event.cancelled,
        "isOrganizer": event.response == "organizer",
        "responseRequested": True,
        "seriesMasterId": None,
        "showAs": event.show_as,
        "type": "singleInstance",
        "webLink": f"{web_url}/calendar/{number}",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": event.online,
        "onlineMeetingProvider": "teamsForBusiness" if event.online else "unknown",
        "allowNewTimeProposals": True,
        "isDraft": False,
        "hideAttendees": False,
        "responseStatus": {"response": event.response, "time": iso(event.created)},
        "body": {"contentType": event.body_type, "content": event.body},
        "start": _shown_time(event, event.start, zone),
        "end": _shown_time(event, event.end, zone),
        "location": where,
        "locations": [where] if event.location else [],
        "recurrence": None,
        "attendees": [_attendee(each) for each in event.attendees],
        "organizer": {"emailAddress": {"name": event.organizer.name, "address": event.organizer.address}},
        "onlineMeeting": {"joinUrl": join} if event.online else None,
    }
    return {**entity, **expanded(event.properties, [], ask.query.get("$expand", ""))}


def read_event(event: Event, body: Mapping[str, Any], *, new: bool) -> Event:
    """Writes what a client sends into an event.

    Raises:
        GraphError: Names what cannot be.
    """
    given = {name: value for name, value in body.items() if not name.startswith("@")}
    if unknown := set(given) - _WRITABLE:
        name = min(unknown)
        text = f"The property '{name}' does not exist on type 'microsoft.graph.event', or cannot be set."
        raise GraphError(400, "RequestBodyRead", text)
    try:
        for name in ("start", "end"):
            if name in given or new:
                setattr(event, name, parse_graph_time(given.get(name), name))
        if new and isinstance(given.get("start"), dict):
            event.zone = str(given["start"].get("timeZone") or "UTC")
    except ValueError as error:
        raise GraphError(400, "ErrorPropertyValidationFailure", f"{error}.") from None
    if event.end < event.start:
        text = "The end of the event is before its start."
        raise GraphError(400, "ErrorPropertyValidationFailure", text)
    _read_details(event, given)
    if event.all_day and (event.end - event.start) % timedelta(days=1):
        text = "The Event.Start and Event.End of an all-day event must be at midnight."
        raise GraphError(400, "ErrorPropertyValidationFailure", text)
    if "attendees" in given:
        known = {each.who.address.casefold(): each for each in event.attendees}
        who = read_recipients(given["attendees"], "attendees")
        kinds = [str(each.get("type") or "required") for each in given["attendees"]]
        event.attendees = [
            known.get(each.address.casefold(), Attendee(each, type=kind)) for each, kind in zip(who, kinds, strict=True)
        ]
    event.properties = read_properties(given, event.properties)
    return event


def _read_details(event: Event, given: Mapping[str, Any]) -> None:
    event.subject = str(given.get("subject", event.subject) or "")
    event.all_day = bool(given.get("isAllDay", event.all_day))
    event.online = bool(given.get("isOnlineMeeting", event.online))
    event.sensitivity = str(given.get("sensitivity", event.sensitivity))
    event.importance = str(given.get("importance", event.importance))
    event.show_as = str(given.get("showAs", event.show_as))
    if event.show_as not in SHOW_AS:
        raise GraphError(400, "ErrorInvalidRequest", f"showAs must be one of {', '.join(SHOW_AS)}.")
    if isinstance(given.get("body"), dict):
        event.body = str(given["body"].get("content") or "")
        event.body_type = "html" if str(given["body"].get("contentType", "text")).casefold() == "html" else "text"
    if isinstance(given.get("location"), dict):
        event.location = str(given["location"].get("displayName") or "")
    if "categories" in given:
        event.categories = [str(each) for each in given["categories"] or []]
    event.reminder_minutes = int(given.get("reminderMinutesBeforeStart", event.reminder_minutes))


def schedule(
    address: str, mailbox: Mailbox, events: list[Event], start: datetime, end: datetime, minutes: int, *, own: bool
) -> dict[str, Any]:
    """Graph's scheduleInformation: free and busy, never more than that of other people's private events."""
    busy = sorted((e for e in events if e.start < end and e.end > start and not e.cancelled), key=lambda e: e.start)
    view, at = [], start
    while at < end:
        until = at + timedelta(minutes=minutes)
        digits = [_STATUS_DIGIT[e.show_as] for e in busy if e.start < until and e.end > at]
        view.append(max(digits, key=_WEIGHT.index, default="0"))
        at = until
    items = []
    for event in busy:
        private = event.sensitivity in ("private", "confidential")
        item: dict[str, Any] = {
            "isPrivate": private,
            "status": event.show_as,
            "subject": None,
            "location": None,
            "isMeeting": bool(event.attendees),
            "isRecurring": False,
            "isException": False,
            "isReminderSet": True,
            "start": graph_time(event.start),
            "end": graph_time(event.end),
        }
        if own or not private:
            item |= {"subject": event.subject, "location": event.location}
        items.append(item)
    return {
        "scheduleId": address,
        "availabilityView": "".join(view),
        "scheduleItems": items,
        "workingHours": mailbox.working_hours(),
    }


def _shown_time(event: Event, when: datetime, zone: str) -> dict[str, str]:
    """All-day events begin at midnight in every time zone."""
    if not event.all_day:
        return graph_time(when, zone)
    local = when.astimezone(zone_of(event.zone))
    return {"dateTime": f"{local:%Y-%m-%d}T00:00:00.0000000", "timeZone": zone}


def _attendee(attendee: Attendee) -> dict[str, Any]:
    when = datetime(1, 1, 1, tzinfo=UTC)
    return {
        "type": attendee.type,
        "status": {
            "response": attendee.response.replace("notResponded", "none"),
            "time": f"{when:%Y}".zfill(4) + "-01-01T00:00:00Z",
        },
        "emailAddress": {"name": attendee.who.name, "address": attendee.who.address},
    }
