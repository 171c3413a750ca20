"""Graph's calendar: events, calendarView, getSchedule, mailboxSettings, invitations."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from connectors.sandbox.asks import Ask, not_served
from connectors.sandbox.calendar_entities import event_entity, read_event, schedule
from connectors.sandbox.data import Person
from connectors.sandbox.days import parse_graph_time, zone_of
from connectors.sandbox.events import Event, event_copies
from connectors.sandbox.journal import Change
from connectors.sandbox.mail_entities import folder_id, inner_id
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.messages import Address
from connectors.sandbox.office import Office
from connectors.sandbox.replies import GraphError, check_options, selected

PAGE_EVENTS = 10
MOST_EVENTS = 1000
MOST_SCHEDULES = 20
LONGEST_SCHEDULE = timedelta(days=62)
_LIST = {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "startDateTime", "endDateTime"}
_CALENDAR = re.compile(r"(?:calendar|calendars/[^/]+)(?:/(?P<rest>.+))?")
_EVENT = re.compile(r"events/(?P<id>[^/]+)(?:/(?P<action>\w+))?")
_RESPONSES = {"accept": "accepted", "tentativelyAccept": "tentativelyAccepted", "decline": "declined"}
_ORDER = {"start/dateTime": "start", "end/dateTime": "end", "subject": "subject", "createdDateTime": "created"}
_BY_TIME = re.compile(r"(?P<field>start|end)/dateTime (?P<op>ge|gt|le|lt) '(?P<when>[^']+)'")
_BY_KEY = re.compile(
    r"singleValueExtendedProperties/any\(\s*(?P<v>\w+)\s*:\s*(?P=v)/id eq '(?P<id>[^']+)'"
    r" and (?P=v)/value eq '(?P<value>[^']*)'\s*\)",
    re.IGNORECASE,
)
_BY_TEXT = re.compile(r"(?P<field>subject|transactionId|iCalUId) eq '(?P<value>(?:[^']|'')*)'")


class CalendarApi:
    """Answers requests about the calendar of `person`; of other people's there is only free and busy."""

    def __init__(self, office: Office, mailroom: Mailroom, url: str, web_url: str) -> None:
        self._office = office
        self._mailroom = mailroom
        self._url = url
        self._web_url = web_url

    async def answer(self, ask: Ask, rest: str, person: Person) -> web.Response | None:
        """The answer, or None where `rest` (what follows /me/) is not about calendars."""
        if rest == "mailboxSettings" or rest.startswith("mailboxSettings/"):
            return self._settings(ask, rest.partition("/")[2], person)
        if rest == "calendars":
            return self._json("calendars", {"value": [self._calendar(person)]})
        if found := _CALENDAR.fullmatch(rest):
            if found["rest"] is None:
                return self._json("calendars/$entity", selected(self._calendar(person), ask.query))
            rest = found["rest"]
        if rest in ("getSchedule", "microsoft.graph.getSchedule"):
            return await self._schedule(ask, person)
        if rest == "calendarView":
            return self._view(ask, person)
        if rest == "events":
            return await self._create(ask, person) if ask.method == "POST" else self._list(ask, self._of(person))
        if found := _EVENT.fullmatch(rest):
            return await self._one(ask, self._event(found["id"], person), found["action"], person)
        return None

    def _of(self, person: Person) -> list[Event]:
        return sorted((e for e in self._office.events if e.mailbox == person.key), key=lambda e: (e.start, e.id))

    def _event(self, public: str, person: Person) -> Event:
        event = self._office.events.get(inner_id(public)[0])
        if event is None or event.mailbox != person.key:
            raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return event

    def _json(self, context: str, body: dict[str, Any], status: int = 200) -> web.Response:
        return web.json_response({"@odata.context": f"{self._url}/$metadata#{context}", **body}, status=status)

    def _settings(self, ask: Ask, part: str, person: Person) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        settings = self._office.mailboxes[person.key].settings()
        if not part:
            return self._json(f"users('{person.id}')/mailboxSettings", settings)
        if part not in settings:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{part}'.")
        value = settings[part]
        return self._json(
            f"users('{person.id}')/mailboxSettings/{part}", value if isinstance(value, dict) else {"value": value}
        )

    def _calendar(self, person: Person) -> dict[str, Any]:
        return {
            "id": folder_id(person.key, "calendar"),
            "name": "Calendar",
            "color": "auto",
            "hexColor": "",
            "isDefaultCalendar": True,
            "changeKey": "nfZyf7VcrEKLNoU37KWlkQAAA0x0+w==",
            "canShare": True,
            "canViewPrivateItems": True,
            "canEdit": True,
            "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness",
            "isTallyingResponses": True,
            "isRemovable": False,
            "owner": {"name": person.name, "address": person.upn},
        }

    def _view(self, ask: Ask, person: Person) -> web.Response:
        try:
            begin, end = (self._moment(ask, name) for name in ("startDateTime", "endDateTime"))
        except KeyError as error:
            text = f"This request requires a time window: the query string parameter {error} is missing."
            raise GraphError(400, "ErrorInvalidParameter", text) from None
        return self._list(ask, [e for e in self._of(person) if e.start < end and e.end > begin])

    def _moment(self, ask: Ask, name: str) -> datetime:
        query = {key.casefold(): value for key, value in ask.query.items()}
        text = query[name.casefold()].replace(" ", "+")  # a plus sign that was not escaped
        try:
            return parse_graph_time({"dateTime": text, "timeZone": "UTC"}, name)
        except ValueError as error:
            raise GraphError(400, "ErrorInvalidParameter", f"The value of {error}.") from None

    def _list(self, ask: Ask, events: list[Event]) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        options = dict(ask.query)
        check_options(options, _LIST)
        events = _filtered(events, options.get("$filter", ""))
        field, _, direction = options.get("$orderby", "start/dateTime").partition(" ")
        if field not in _ORDER:
            raise GraphError(400, "ErrorInvalidUrlQuery", f"Events cannot be sorted by '{field}'.")
        events = sorted(events, key=lambda e: getattr(e, _ORDER[field]), reverse=direction == "desc")
        top, skip = (_number(options, name, usual) for name, usual in (("$top", PAGE_EVENTS), ("$skip", 0)))
        if not 1 <= top <= MOST_EVENTS:
            raise GraphError(400, "ErrorInvalidUrlQuery", f"The value of $top must be from 1 to {MOST_EVENTS}.")
        answer: dict[str, Any] = {"value": [self._entity(e, ask) for e in events[skip : skip + top]]}
        if skip + top < len(events):
            more = urlencode({**options, "$top": str(top), "$skip": str(skip + top)})
            answer["@odata.nextLink"] = f"{self._url}{ask.path}?{more}"
        return self._json("events", answer)

    def _entity(self, event: Event, ask: Ask) -> dict[str, Any]:
        entity = event_entity(event, ask, self._web_url)
        extra = {n: entity[n] for n in ("singleValueExtendedProperties",) if n in entity}
        return {**selected(entity, ask.query), **extra}

    async def _create(self, ask: Ask, person: Person) -> web.Response:
        body = await ask.json()
        transaction = body.get("transactionId")
        if transaction:
            first = next((e for e in self._of(person) if e.transaction_id == transaction), None)
            if first is not None:  # asked again: nothing is made, nobody is invited twice
                return self._json("events/$entity", self._entity(first, ask), 201)
        number, now = uuid.uuid4().hex, datetime.now(UTC)
        mailbox = self._office.mailboxes[person.key]
        event = Event(
            id=number,
            mailbox=person.key,
            meeting=number,
            subject="",
            start=now,
            end=now,
            zone=mailbox.time_zone,
            organizer=Address(person.name, person.upn),
            created=now,
            transaction_id=str(transaction) if transaction else None,
            response="organizer",
        )
        event = read_event(event, body, new=True)
        self._save(event, person, "event.create", "Invitation")
        return self._json("events/$entity", self._entity(event, ask), 201)

    async def _one(self, ask: Ask, event: Event, action: str | None, person: Person) -> web.Response:
        if action is None and ask.method == "GET":
            check_options(ask.query, {"$select", "$expand"})
            return self._json("events/$entity", self._entity(event, ask))
        if action is None and ask.method == "PATCH":
            changed = read_event(msgspec.structs.replace(event, changes=event.changes + 1), await ask.json(), new=False)
            self._save(changed, person, "event.update", "Updated")
            return self._json("events/$entity", self._entity(changed, ask))
        if action is None and ask.method == "DELETE":
            self._end(event, person)
            return web.Response(status=204)
        if ask.method != "POST":
            raise not_served(ask)
        if action == "cancel":
            if event.response != "organizer":
                raise GraphError(400, "ErrorInvalidRequest", "You can only cancel an event that you organize.")
            self._end(event, person)
            return web.Response(status=202)
        if action not in _RESPONSES:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{action}'.")
        if event.response == "organizer":
            text = "You can't respond to this meeting because you're the meeting organizer."
            raise GraphError(400, "ErrorInvalidRequest", text)
        self._respond(event, person, _RESPONSES[action])
        return web.Response(status=202)

    def _save(self, event: Event, person: Person, kind: str, word: str) -> None:
        """Stores all copies of the event; attendees of the tenant find it in calendar and inbox."""
        copies = event_copies(event, self._office.tenant.people) if event.response == "organizer" else [event]
        changes: list[Change] = [self._office.events.put(copy.id, copy) for copy in copies]
        others = [self._office.tenant.people[c.mailbox] for c in copies if c.mailbox != person.key]
        when = event.start.astimezone(zone_of(event.zone))
        text = (
            f"{word}: {event.subject}\nWhen: {when:%a %d %b %Y %H:%M} ({event.zone})\nWhere: {event.location or '-'}\n"
        )
        changes += self._mailroom.notify(person, others, event.subject, text, event.meeting)
        about = {"id": event.id, "subject": event.subject, "transaction_id": event.transaction_id}
        attendees = [each.who.address for each in event.attendees]
        self._office.journal.commit(changes, kind, person.key, **about, attendees=attendees)

    def _end(self, event: Event, person: Person) -> None:
        copies = (
            [e for e in self._office.events if e.meeting == event.meeting] if event.response == "organizer" else [event]
        )
        changes = [self._office.events.put(copy.id, None) for copy in copies]
        others = [self._office.tenant.people[c.mailbox] for c in copies if c.mailbox != person.key]
        changes += self._mailroom.notify(person, others, f"Canceled: {event.subject}", "", event.meeting)
        self._office.journal.commit(changes, "event.delete", person.key, id=event.id, subject=event.subject)

    def _respond(self, event: Event, person: Person, response: str) -> None:
        changes: list[Change] = []
        for copy in [e for e in self._office.events if e.meeting == event.meeting]:
            attendees = [
                msgspec.structs.replace(a, response=response)
                if a.who.address.casefold() == person.upn.casefold()
                else a
                for a in copy.attendees
            ]
            changed = msgspec.structs.replace(copy, attendees=attendees, changes=copy.changes + 1)
            if copy.id == event.id:
                changed.response = response
                changed.show_as = {"accepted": "busy", "declined": "free"}.get(response, "tentative")
            changes.append(self._office.events.put(copy.id, changed))
        self._office.journal.commit(changes, "event.respond", person.key, id=event.id, response=response)

    async def _schedule(self, ask: Ask, person: Person) -> web.Response:
        if ask.method != "POST":
            raise not_served(ask)
        body = {name.casefold(): value for name, value in (await ask.json()).items()}
        addresses, minutes = body.get("schedules"), body.get("availabilityviewinterval", 30)
        try:
            start, end = (parse_graph_time(body.get(name), name) for name in ("starttime", "endtime"))
        except ValueError as error:
            raise GraphError(400, "ErrorInvalidRequest", f"{error}.") from None
        if not isinstance(addresses, list) or not addresses or not isinstance(minutes, int) or not 5 <= minutes <= 1440:
            text = "schedules must be a list of addresses, and availabilityViewInterval from 5 to 1440 minutes."
            raise GraphError(400, "ErrorInvalidRequest", text)
        if len(addresses) > MOST_SCHEDULES or not timedelta() < end - start <= LONGEST_SCHEDULE:
            text = f"At most {MOST_SCHEDULES} schedules over at most {LONGEST_SCHEDULE.days} days in one request."
            raise GraphError(400, "ErrorInvalidRequest", text)
        found = []
        for address in map(str, addresses):
            who = self._office.tenant.person_by_name(address)
            if who is None:
                message = f"Unable to resolve e-mail address {address} to an Active Directory object."
                error_entry = {"message": message, "responseCode": "ErrorMailRecipientNotFound"}
                found.append({"scheduleId": address, "availabilityView": "", "scheduleItems": [], "error": error_entry})
                continue
            mailbox = self._office.mailboxes[who.key]
            found.append(schedule(address, mailbox, self._of(who), start, end, minutes, own=who.key == person.key))
        return self._json("Collection(microsoft.graph.scheduleInformation)", {"value": found})


def _filtered(events: list[Event], text: str) -> list[Event]:
    """Events that a $filter of `and`-joined clauses takes."""
    for clause in filter(None, re.split(r"\s+and\s+(?![^(]*\))", text.strip())):
        if found := _BY_TIME.fullmatch(clause):
            when = parse_graph_time({"dateTime": found["when"], "timeZone": "UTC"}, found["field"])
            compare = {
                "ge": lambda a, b: a >= b,
                "gt": lambda a, b: a > b,
                "le": lambda a, b: a <= b,
                "lt": lambda a, b: a < b,
            }
            events = [e for e in events if compare[found["op"]](getattr(e, found["field"]), when)]
        elif found := _BY_KEY.fullmatch(clause):
            events = [e for e in events if e.properties.get(found["id"]) == found["value"]]
        elif found := _BY_TEXT.fullmatch(clause):
            field = {"subject": "subject", "transactionId": "transaction_id", "iCalUId": "meeting"}[found["field"]]
            value = found["value"].replace("''", "'").removeprefix("040000008200E00074C5B7101A82E008").casefold()
            events = [e for e in events if str(getattr(e, field)).casefold() == value]
        else:
            raise GraphError(400, "ErrorInvalidUrlQueryFilter", f"The query filter '{clause}' is not supported here.")
    return events


def _number(options: dict[str, str], name: str, usual: int) -> int:
    text = options.get(name, str(usual))
    if not re.fullmatch(r"\d{1,9}", text):
        raise GraphError(400, "ErrorInvalidUrlQuery", f"{name} must be a whole number, not '{text}'.")
    return int(text)
