"""`calendar.create`: puts one meeting into the initiator's calendar and invites people to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from connectors.graph.addresses import Address, addresses_of, check, told
from connectors.graph.calendar.zones import name_of, zone_named
from connectors.graph.client import SYSTEM, GraphClient, GraphSession, as_object, texts
from connectors.graph.pages import pages
from connectors.graph.shown_people import check_number, people_shown
from connectors.graph.wording import counted, one_line, shown
from connectors.http import clipped
from orchestration.capabilities.descriptor import Destination, Done, NotDone, Preview, TaskContext, Unknown
from orchestration.errors import Invalid, InvalidContent, NotPermitted, OutcomeUnknown, Refused, Unavailable
from orchestration.validation.egress import Egress
from orchestration.validation.text import visible

LONGEST_MINUTES = 24 * 60
_KEYS = uuid.UUID("0f4b7d52-58b4-4b19-9d2b-2b6d6a1a7b60")
_FIELDS = "id,subject,start,end,webLink,transactionId"


class Meeting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `calendar.create`.

    Attributes:
        subject: One line.
        start: With its offset, as `calendar.free_time` gives it; or without, and then `zone` says where.
        minutes: Length.
        people: Addresses of those who are invited, besides the initiator.
        zone: Such as `Europe/Berlin`, in which the meeting is entered; empty: UTC.
        text: For the invitation.
        place: Room or address.
        online: Whether it gets a Teams link.
    """

    subject: str
    start: datetime
    minutes: int
    people: list[str] = []
    zone: str = ""
    text: str = ""
    place: str = ""
    online: bool = False


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting in the calendar."""

    event: str
    subject: str
    start: datetime
    end: datetime
    people: list[str]
    link: str = ""


class Meetings:
    """Enters meetings through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._now = now

    async def create(self, meeting: Meeting, task: TaskContext) -> Entered:
        """Enter the meeting; Outlook sends the invitations. The same key again is the same meeting.

        Raises:
            Invalid: The meeting cannot be as it is.
            Refused: It would begin in the past.
            NotFound: Nobody is at an address.
            Unavailable: Nothing was entered, nobody was invited.
            OutcomeUnknown: It may have been.
        """
        meeting = _outgoing(meeting, self._egress)
        start, zone, people = _checked(meeting)
        transaction = _transaction(task)
        if start < self._now():
            raise Refused(
                f"The meeting would have begun already ({_when(meeting)}). Nobody was invited. Find a new slot."
            )
        session = self._client.acting_as(task.initiator)
        people = await check(session, people, consequence="Nobody was invited.")
        if task.not_after is not None and self._now() > task.not_after:
            raise Unavailable("It became too late to enter the meeting. Nobody was invited.")
        response = await session.call(
            "POST", "/me/events", body=_event(meeting, start, zone, people, transaction), write=True
        )
        if response.status_code == 409:  # taken already, by an earlier attempt
            found = await _entered(session, start, transaction)
            if found is not None:
                return _as_entered(found, meeting)
        if not response.is_success:
            raise session.failure(response, f"enter the meeting {clipped(meeting.subject, 80)!r}", write=True)
        try:
            return _as_entered(as_object(response), meeting)
        except InvalidContent as error:
            raise OutcomeUnknown(f"{SYSTEM} took the meeting, but its answer cannot be read.") from error

    async def reconcile(self, meeting: Meeting, task: TaskContext) -> Done | NotDone | Unknown:
        """Whether the calendar has the meeting with this task's key at its time.

        One that was moved meanwhile counts as not entered: Outlook itself then answers the next attempt with it.
        """
        meeting = _outgoing(meeting, self._egress)
        start, _, _ = _checked(meeting)
        session = self._client.acting_as(task.initiator)
        try:
            found = await _entered(session, start, _transaction(task))
        except NotPermitted as error:
            return Unknown(why=error.message)
        return NotDone() if found is None else Done(output=_as_entered(found, meeting))


def preview(meeting: Meeting, egress: Egress) -> Preview:
    """What the person allows: the meeting as it is entered, and who is invited.

    Raises:
        Invalid: The meeting cannot be as it is, or more are invited than can be shown.
    """
    meeting = _outgoing(meeting, egress)
    facts = [("Subject", clipped(one_line(meeting.subject), 200)), ("When", _when(meeting))]
    if meeting.people:
        facts.append(("Invitations to", people_shown(meeting.people)))
    else:
        facts.append(("Invitations", "Nobody is invited"))
    if meeting.place.strip():
        facts.append(("Place", clipped(one_line(meeting.place), 200)))
    if meeting.online:
        facts.append(("Online", "With a Teams link"))
    if meeting.text.strip():
        facts.append(("Text", shown(meeting.text)))
    return Preview(title="Enter a meeting in your calendar", facts=facts)


def destination(meeting: Meeting) -> Destination:
    """Everybody who is invited."""
    return Destination(recipients=told(meeting.people), place="Calendar")


def summary(entered: Entered) -> str:
    """When it is and with how many: "Tue 24 Nov, 10:00, 3 people"."""
    at = entered.start
    return f"{at:%a} {at.day} {at:%b, %H:%M}, {counted(len(entered.people), 'person', 'people')} invited"


def _outgoing(meeting: Meeting, egress: Egress) -> Meeting:
    """The meeting with its texts as they go out."""
    return msgspec.structs.replace(
        meeting,
        subject=egress.line(meeting.subject),
        place=egress.line(meeting.place),
        text=egress.text(meeting.text),
    )


def _checked(meeting: Meeting) -> tuple[datetime, tzinfo, list[Address]]:
    if not one_line(meeting.subject):
        raise Invalid("The meeting has no subject: give one.")
    if not 5 <= meeting.minutes <= LONGEST_MINUTES:
        raise Invalid(f"A meeting of {meeting.minutes} minutes cannot be entered: 5 to {LONGEST_MINUTES}.")
    zone: tzinfo = zone_named(meeting.zone) if meeting.zone.strip() else UTC
    start = meeting.start
    if start.tzinfo is None:
        if not meeting.zone.strip():
            raise Invalid(f"{start:%Y-%m-%d %H:%M} is a time in no zone: give zone, such as Europe/Berlin.")
        start = start.replace(tzinfo=zone)
        if start.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != meeting.start:
            raise Invalid(f"{start:%Y-%m-%d %H:%M} does not exist in {name_of(zone)}: the clocks skip it.")
    check_number(len(meeting.people))
    return start.astimezone(UTC), zone, addresses_of(meeting.people, "attendee")


def _transaction(task: TaskContext) -> str:
    if not task.idempotency_key:
        raise Invalid("calendar.create needs an idempotency key: without one it could not recognise its own meeting.")
    return str(uuid.uuid5(_KEYS, task.idempotency_key))


def _when(meeting: Meeting) -> str:
    start, zone, _ = _checked(meeting)
    begins, ends = (at.astimezone(zone) for at in (start, start + timedelta(minutes=meeting.minutes)))
    return f"{begins:%A} {begins.day} {begins:%B %Y, %H:%M}–{ends:%H:%M} ({name_of(zone)})"


def _event(meeting: Meeting, start: datetime, zone: tzinfo, people: list[Address], transaction: str) -> dict[str, Any]:
    def moment(at: datetime) -> dict[str, str]:
        return {
            "dateTime": f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}",
            "timeZone": "UTC" if zone is UTC else name_of(zone),
        }

    event: dict[str, Any] = {
        "subject": one_line(meeting.subject),
        "start": moment(start),
        "end": moment(start + timedelta(minutes=meeting.minutes)),
        "attendees": [{**each.as_recipient(), "type": "required"} for each in people],
        "transactionId": transaction,
    }
    if meeting.text.strip():
        event["body"] = {"contentType": "text", "content": visible(meeting.text).strip()}
    if meeting.place.strip():
        event["location"] = {"displayName": one_line(meeting.place)}
    if meeting.online:
        event |= {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"}
    return event


async def _entered(session: GraphSession, start: datetime, transaction: str) -> dict[str, Any] | None:
    query: dict[str, str | int] = {
        "startDateTime": f"{start - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "endDateTime": f"{start + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "$select": _FIELDS,
        "$top": 50,
    }
    async for page in pages(session, "/me/calendarView", what="look into your calendar", query=query):
        for event in page:
            if texts(event, "transactionId") == transaction:
                return event
    return None


def _as_entered(event: dict[str, Any], meeting: Meeting) -> Entered:
    start, zone, people = _checked(meeting)
    return Entered(
        event=texts(event, "id"),
        subject=one_line(meeting.subject),
        start=start.astimezone(zone),
        end=(start + timedelta(minutes=meeting.minutes)).astimezone(zone),
        people=[each.address for each in people],
        link=texts(event, "webLink"),
    )
