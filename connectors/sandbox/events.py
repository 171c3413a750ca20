"""Events in calendars, and as events.csv describes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec

from connectors.sandbox.data import Person
from connectors.sandbox.days import day_of
from connectors.sandbox.mailbox_settings import Mailbox
from connectors.sandbox.messages import Address
from connectors.sandbox.tables import Problems, read_csv

SHOW_AS = ("free", "tentative", "busy", "oof", "workingElsewhere")
RESPONSES = ("none", "accepted", "tentativelyAccepted", "declined", "notResponded")
_COLUMNS = ("day", "start", "end", "organizer", "attendees", "subject", "location", "show_as", "online", "body")


class Attendee(msgspec.Struct, frozen=True):
    """Somebody invited, and what they answered."""

    who: Address
    response: str = "notResponded"
    type: str = "required"


class Event(msgspec.Struct):
    """One copy of an event, in one person's calendar; `meeting` is the same in all copies."""

    id: str
    mailbox: str
    meeting: str
    subject: str
    start: datetime
    end: datetime
    zone: str
    organizer: Address
    created: datetime
    attendees: list[Attendee] = []
    location: str = ""
    body: str = ""
    body_type: str = "text"
    show_as: str = "busy"
    sensitivity: str = "normal"
    importance: str = "normal"
    all_day: bool = False
    online: bool = False
    transaction_id: str | None = None
    cancelled: bool = False
    response: str = "none"
    categories: list[str] = []
    properties: dict[str, str] = {}
    reminder_minutes: int = 15
    changes: int = 0


def load_events(
    file: Path, people: Mapping[str, Person], mailboxes: Mapping[str, Mailbox], today: date, problems: Problems
) -> list[Event]:
    """Reads events.csv: one row an event; the organizer and every attendee of the tenant has it in the calendar."""
    found: list[Event] = []
    for number, cells in read_csv(file, _COLUMNS, problems) if file.exists() else []:
        try:
            found += _event(cells, number, people, mailboxes, today)
        except ValueError as error:
            column, _, message = str(error).partition(": ")
            problems.add(file, message, row=number, column=column)
    return found


def event_copies(event: Event, people: Mapping[str, Person]) -> list[Event]:
    """The event in the organizer's calendar and in those of the attendees who are of the tenant."""
    made = [event]
    for each in event.attendees:
        person = next((p for p in people.values() if p.upn.casefold() == each.who.address.casefold()), None)
        if person is None or person.key == event.mailbox:
            continue
        made.append(
            msgspec.structs.replace(
                event,
                id=uuid.uuid5(uuid.NAMESPACE_URL, f"{event.meeting}/{person.key}").hex,
                mailbox=person.key,
                response=each.response,
                show_as={"notResponded": "tentative", "tentativelyAccepted": "tentative", "declined": "free"}.get(
                    each.response, event.show_as
                ),
                transaction_id=None,
            )
        )
    return made


def _event(
    cells: dict[str, str],
    number: int,
    people: Mapping[str, Person],
    mailboxes: Mapping[str, Mailbox],
    today: date,
) -> list[Event]:
    organizer = people.get(cells["organizer"])
    if organizer is None:
        raise ValueError(f"organizer: {cells['organizer']!r} is nobody's key in people.csv")
    zone = mailboxes[organizer.key].zone
    first, _, last = cells["day"].partition("..")
    try:
        begin = day_of(first, today)
        until = day_of(last or first, today)
    except ValueError as error:
        raise ValueError(f"day: {error}") from error
    all_day = not cells["start"] and not cells["end"]
    try:
        start = datetime.combine(begin, time.fromisoformat(cells["start"] or "00:00"), zone)
        end = datetime.combine(until + timedelta(days=all_day), time.fromisoformat(cells["end"] or "00:00"), zone)
    except ValueError as error:
        raise ValueError(f"start: {error}; write 14:00") from error
    if end <= start:
        raise ValueError("end: the event ends before it begins")
    show_as = cells["show_as"] or "busy"
    if show_as not in SHOW_AS:
        raise ValueError(f"show_as: {show_as!r} is none of {', '.join(SHOW_AS)}")
    if cells["online"] not in ("", "yes", "no"):
        raise ValueError(f"online: {cells['online']!r} is neither yes nor no")
    meeting = uuid.uuid5(uuid.NAMESPACE_URL, f"events.csv/{number}/{cells['subject']}").hex
    event = Event(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{meeting}/{organizer.key}").hex,
        mailbox=organizer.key,
        meeting=meeting,
        subject=cells["subject"],
        start=start.astimezone(UTC),
        end=end.astimezone(UTC),
        zone=mailboxes[organizer.key].time_zone,
        organizer=Address(organizer.name, organizer.upn),
        created=datetime.combine(today - timedelta(days=14), time(8), UTC),
        attendees=[_attendee(part.strip(), people) for part in cells["attendees"].split(";") if part.strip()],
        location=cells["location"],
        body=cells["body"],
        show_as=show_as,
        all_day=all_day,
        online=cells["online"] == "yes",
        response="organizer",
    )
    return event_copies(event, people)


def _attendee(text: str, people: Mapping[str, Person]) -> Attendee:
    who, _, response = text.partition(":")
    response = response or "accepted"
    if response not in RESPONSES:
        raise ValueError(f"attendees: {response!r} is none of {', '.join(RESPONSES)}")
    if who in people:
        return Attendee(Address(people[who].name, people[who].upn), response)
    if "@" not in who:
        raise ValueError(f"attendees: {who!r} is neither a key of people.csv nor an address")
    return Attendee(Address(who, who), response)
