"""Slots and meetings as calendars answer them: what cannot be read is named, and the search goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.calendar.create import Meeting, Meetings, preview
from connectors.graph.calendar.create import summary as entered_summary
from connectors.graph.calendar.free_time import Calendars, FreeTime, summary
from orchestration.capabilities.descriptor import Done, NotDone
from orchestration.errors import Invalid, InvalidContent, OutcomeUnknown, Refused
from orchestration.validation.egress import Egress
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve, task

ANN, BOB = "ann@example.org", "bob@example.net"
NOW = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def hours(zone: str, start: str = "09:00:00.0000000", end: str = "17:00:00.0000000") -> dict[str, Any]:
    return {"daysOfWeek": DAYS, "startTime": start, "endTime": end, "timeZone": {"name": zone}}


def item(start: str, end: str, status: str = "busy") -> dict[str, Any]:
    return {
        "status": status,
        "start": {"dateTime": f"{start}:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": f"{end}:00.0000000", "timeZone": "UTC"},
    }


class Outlook:
    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {
            MEGAN.upn: {"scheduleItems": [], "workingHours": hours("W. Europe Standard Time")}
        }
        self.asked: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.status = 0

    async def answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("/$batch"):
            parts = (await request.json())["requests"]
            answers = [{"id": p["id"], "status": 200, "body": self._schedules(p["body"])} for p in parts]
            return web.json_response({"responses": answers})
        if request.path.endswith("getSchedule"):
            return web.json_response(self._schedules(await request.json()))
        if request.method == "GET":
            return web.json_response({"value": self.events})
        event = {**await request.json(), "id": f"e{len(self.events)}", "webLink": "https://outlook/e"}
        if not [each for each in self.events if each["transactionId"] == event["transactionId"]]:
            self.events.append(event)
        if self.status:
            return web.json_response({}, status=self.status)
        return web.json_response(event, status=201)

    def _schedules(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        return {"value": [{"scheduleId": who, **self.schedules.get(who, {})} for who in asked["schedules"]]}


@pytest.fixture
def outlook() -> Outlook:
    return Outlook()


@pytest.fixture
async def graph(serve: Serve, outlook: Outlook, identity: FakeIdentity) -> AsyncIterator[GraphClient]:
    url = await serve(outlook.answer)
    made = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield made
    await made.close()


def asked(**changes: Any) -> FreeTime:
    day = date(2026, 11, 24)
    return FreeTime(**{"people": [ANN], "first_day": day, "last_day": day, "most": 20, **changes})


async def test_slots_lie_where_nobody_is_busy_or_away(graph: GraphClient, outlook: Outlook) -> None:
    outlook.schedules[ANN] = {
        "workingHours": hours("Eastern Standard Time"),
        "scheduleItems": [
            item("2026-11-24T14:00", "2026-11-24T14:30"),
            item("2026-11-24T14:30", "2026-11-24T15:00", "tentative"),
            item("2026-11-24T15:00", "2026-11-24T15:30", "workingElsewhere"),
            item("2026-11-24T15:30", "2026-11-24T23:00", "oof"),
        ],
    }
    calendars = Calendars(graph, now=lambda: NOW)
    found = await calendars.free_time(asked(), task())
    assert [each.shown for each in found.slots] == ["Tue 24 Nov 2026, 16:00–16:30 (Europe/Berlin)"]
    assert found.slots[0].elsewhere == [f"{ANN}: Tue 10:00 (America/New_York)"]
    assert found.notes == [f"{ANN} is out of office on Tue 24 Nov, 16:30–00:00."]
    assert summary(found) == "1 slot for 2 people"
    found = await calendars.free_time(asked(tentative=False), task())
    assert [f"{each.start:%H:%M}" for each in found.slots] == ["15:30", "16:00"]


async def test_the_clocks_change_in_the_middle_of_the_search(graph: GraphClient, outlook: Outlook) -> None:
    outlook.schedules[ANN] = {"workingHours": hours("Eastern Standard Time"), "scheduleItems": []}
    found = await Calendars(graph, now=lambda: NOW).free_time(
        asked(first_day=date(2026, 10, 23), last_day=date(2026, 10, 26), minutes=60), task()
    )
    told = [each.start.isoformat() for each in found.slots]
    assert told == [
        "2026-10-23T15:00:00+02:00",
        "2026-10-23T16:00:00+02:00",
        "2026-10-26T14:00:00+01:00",
        "2026-10-26T15:00:00+01:00",
        "2026-10-26T16:00:00+01:00",
    ]
    assert found.notes == ["The clocks change on Sun 25 Oct (Europe/Berlin)."]


async def test_a_calendar_that_cannot_be_read_is_named_and_left_out(graph: GraphClient, outlook: Outlook) -> None:
    outlook.schedules[ANN] = {"error": {"message": "Mailbox not found.", "responseCode": "ErrorMailRecipientNotFound"}}
    outlook.schedules[BOB] = {"scheduleItems": []}
    found = await Calendars(graph, now=lambda: NOW).free_time(asked(people=[ANN, BOB]), task())
    assert found.people == [MEGAN.name, BOB]
    assert found.slots
    assert found.notes == [
        f"The calendar of {ANN} cannot be read (Mailbox not found), so it was left out.",
        f"{BOB} has no working hours in Outlook: Monday to Friday, 9 to 17, was taken.",
    ]
    with pytest.raises(InvalidContent, match=rf"No calendar can be read \({ANN}: Mailbox not found\)"):
        await Calendars(graph, now=lambda: NOW).free_time(asked(), task())


async def test_nothing_that_is_past_is_offered(graph: GraphClient, outlook: Outlook) -> None:
    outlook.schedules[ANN] = {"scheduleItems": []}
    late = datetime(2026, 11, 24, 14, 45, tzinfo=UTC)
    found = await Calendars(graph, now=lambda: late).free_time(asked(), task())
    assert [f"{each.start:%H:%M}" for each in found.slots] == ["16:00", "16:30"]


async def test_many_people_are_asked_for_in_one_request(graph: GraphClient, outlook: Outlook) -> None:
    people = [f"p{number}@example.org" for number in range(45)]
    outlook.schedules |= {each: {"scheduleItems": []} for each in people}
    found = await Calendars(graph, now=lambda: NOW).free_time(asked(people=people), task())
    assert len(found.people) == 46
    assert [len(each["schedules"]) for each in outlook.asked] == [20, 20, 6]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"last_day": date(2026, 11, 23)}, "exchange the two days"),
        ({"last_day": date(2027, 2, 1)}, "Outlook looks 42 days far"),
        ({"minutes": 0}, "0 minutes cannot be placed"),
        ({"zone": "Mars"}, "'Mars' is not a time zone"),
        ({"people": ["ann"]}, "Not an address"),
        ({"people": [], "with_me": False}, "Nobody is to meet"),
    ],
)
async def test_a_search_that_cannot_be_meant_is_refused(graph: GraphClient, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await Calendars(graph, now=lambda: NOW).free_time(asked(**changes), task())


START = datetime(2026, 11, 24, 9, tzinfo=UTC)
THIS = task(idempotency_key="run.meet")


def meeting(**changes: Any) -> Meeting:
    return Meeting(
        **{"subject": "Plan", "start": START, "minutes": 30, "people": [ANN], "zone": "Europe/Berlin", **changes}
    )


async def test_a_meeting_is_entered_in_its_zone_and_found_by_its_key(graph: GraphClient, outlook: Outlook) -> None:
    meetings = Meetings(graph, now=lambda: NOW)
    assert await meetings.reconcile(meeting(), THIS) == NotDone()
    entered = await meetings.create(meeting(place="Room 1", online=True, text="Agenda"), THIS)
    event = outlook.events[0]
    assert event["start"] == {"dateTime": "2026-11-24T10:00:00", "timeZone": "Europe/Berlin"}
    assert event["end"] == {"dateTime": "2026-11-24T10:30:00", "timeZone": "Europe/Berlin"}
    assert event["attendees"] == [{"emailAddress": {"address": ANN}, "type": "required"}]
    assert (event["location"], event["isOnlineMeeting"]) == ({"displayName": "Room 1"}, True)
    found = await meetings.reconcile(meeting(), THIS)
    assert isinstance(found, Done)
    assert found.output == entered
    assert entered_summary(entered) == "Tue 24 Nov, 10:00, 1 person invited"
    assert await meetings.reconcile(meeting(), task(idempotency_key="another")) == NotDone()


async def test_a_meeting_whose_answer_is_lost_is_in_doubt_and_then_found(graph: GraphClient, outlook: Outlook) -> None:
    meetings = Meetings(graph, now=lambda: NOW)
    outlook.status = 504
    with pytest.raises(OutcomeUnknown):
        await meetings.create(meeting(), THIS)
    assert isinstance(await meetings.reconcile(meeting(), THIS), Done)
    outlook.status = 409
    assert (await meetings.create(meeting(), THIS)).event == "e0"
    assert len(outlook.events) == 1


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
    [
        ({"start": NOW - timedelta(days=1)}, Refused, "would have begun already"),
        ({"start": datetime(2026, 11, 24, 9), "zone": ""}, Invalid, "a time in no zone"),  # noqa: DTZ001
        ({"start": datetime(2027, 3, 28, 2, 30)}, Invalid, "the clocks skip it"),  # noqa: DTZ001
        ({"subject": " "}, Invalid, "no subject"),
        ({"minutes": 1}, Invalid, "1 minutes cannot be entered"),
    ],
)
async def test_a_meeting_that_cannot_be_is_refused(
    graph: GraphClient, outlook: Outlook, changes: dict[str, Any], expected: type[Exception], said: str
) -> None:
    with pytest.raises(expected, match=said):
        await Meetings(graph, now=lambda: NOW).create(meeting(**changes), THIS)
    assert outlook.events == []


def test_the_preview_says_when_and_who() -> None:
    assert preview(meeting(), Egress()).facts == [
        ("Subject", "Plan"),
        ("When", "Tuesday 24 November 2026, 10:00–10:30 (Europe/Berlin)"),
        ("Invitations to", ANN),
    ]
    assert ("Invitations", "Nobody is invited") in preview(meeting(people=[]), Egress()).facts
