"""When people work and are away, as the core's arithmetic of due times takes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.calendar.availability import Availabilities, Presence, When, summary
from orchestration.core.run import Person
from orchestration.core.working_time import Absence, Availability
from orchestration.errors import Invalid
from tests.unit.connectors.conftest import FakeIdentity, Serve, task
from tests.unit.connectors.test_graph_calendar import Outlook, hours, item

ANN, BOB = Person("a", "Ann", "ann@example.org"), Person("b", "Bob", "bob@example.net")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


@pytest.fixture
def outlook() -> Outlook:
    return Outlook()


@pytest.fixture
async def presence(serve: Serve, outlook: Outlook, identity: FakeIdentity) -> AsyncIterator[Presence]:
    url = await serve(outlook.answer)
    made = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield Presence(made, lambda: NOW)
    await made.close()


async def test_hours_zone_and_absences_are_told_for_each_person(presence: Presence, outlook: Outlook) -> None:
    outlook.schedules[ANN.upn] = {
        "workingHours": hours("Eastern Standard Time", end="16:30:00.0000000"),
        "scheduleItems": [
            item("2026-11-24T05:00", "2026-11-25T05:00", "oof"),
            item("2026-11-25T05:00", "2026-11-26T05:00", "oof"),
            item("2026-11-27T14:00", "2026-11-27T15:00", "busy"),
        ],
    }
    outlook.schedules[BOB.upn] = {"workingHours": hours("W. Europe Standard Time"), "scheduleItems": []}
    found = await presence.read(When(people=[ANN, BOB, ANN]), task())
    absence = Absence(datetime(2026, 11, 24, 5, tzinfo=UTC), datetime(2026, 11, 26, 5, tzinfo=UTC))
    assert found.people == [
        Availability(ANN, "America/New_York", (1, 2, 3, 4, 5), "09:00", "16:30", [absence]),
        Availability(BOB, "Europe/Berlin", (1, 2, 3, 4, 5), "09:00", "17:00", []),
    ]
    assert found.notes == []
    assert summary(found) == "2 people, 1 with an absence"
    (asked,) = outlook.asked
    assert (asked["startTime"]["dateTime"], asked["endTime"]["dateTime"]) == (
        "2026-11-22T18:00:00",
        "2026-12-20T18:00:00",
    )


async def test_what_comes_out_goes_into_a_question_as_it_is(presence: Presence, outlook: Outlook) -> None:
    outlook.schedules[ANN.upn] = {
        "workingHours": hours("Eastern Standard Time"),
        "scheduleItems": [item("2026-11-24T05:00", "2026-11-25T05:00", "oof")],
    }
    found = await presence.read(When(people=[ANN]), task())
    plain = msgspec.json.decode(msgspec.json.encode(found))
    assert plain["people"][0]["away"][0]["from"] == "2026-11-24T05:00:00Z"
    taken = msgspec.convert(plain["people"], list[Availability])
    assert taken[0].after(datetime(2026, 11, 23, 14, tzinfo=UTC), 10) == datetime(2026, 11, 25, 16, tzinfo=UTC)


async def test_whose_hours_cannot_be_told_is_named_and_left_out(presence: Presence, outlook: Outlook) -> None:
    outlook.schedules[ANN.upn] = {"error": {"message": "Access is denied."}}
    outlook.schedules[BOB.upn] = {"scheduleItems": []}
    found = await presence.read(When(people=[ANN, BOB]), task())
    assert found == Availabilities(
        people=[],
        notes=[
            "The calendar of Ann <ann@example.org> cannot be read (Access is denied).",
            "Outlook does not say when Bob works.",
        ],
    )


@pytest.mark.parametrize(("bias", "zone"), [(-120, "Etc/GMT-2"), (300, "Etc/GMT+5"), (0, "Etc/GMT+0"), (-330, "")])
async def test_a_zone_of_somebodys_own_making_is_told_where_it_can_be(
    presence: Presence, outlook: Outlook, bias: int, zone: str
) -> None:
    own: dict[str, Any] = {**hours("x"), "timeZone": {"name": "Customized Time Zone", "bias": bias}}
    outlook.schedules[ANN.upn] = {"workingHours": own, "scheduleItems": []}
    found = await presence.read(When(people=[ANN]), task())
    assert [each.time_zone for each in found.people] == [zone] * bool(zone)
    if found.people:  # nine o'clock there
        nine = datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(minutes=bias)
        assert found.people[0].after(NOW, 1) == nine + timedelta(hours=1)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"people": []}, "Name up to 100 people"),
        ({"people": [Person("a", "Ann")]}, "Ann has no address"),
        ({"to": NOW - timedelta(days=1)}, "must come after"),
        ({"to": NOW + timedelta(days=60)}, "42 days at most"),
        ({"from_": datetime(2026, 11, 1)}, "need a time zone"),  # noqa: DTZ001 - the point of it
    ],
)
async def test_what_cannot_be_meant_is_refused(presence: Presence, given: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        await presence.read(When(**{"people": [ANN], **given}), task())
