from typing import Any

import pytest

from tests.integration.sandbox.world import World

EVERYBODY = [f"{n}@contoso.example" for n in ("megan.bowen", "alex.wilber", "lee.gu", "adele.vance", "diego.siciliani")]


def at(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


def event(**more: Any) -> dict[str, Any]:
    return {
        "subject": "Reconciliation",
        "start": at("2024-12-05T15:30:00", "W. Europe Standard Time"),
        "end": at("2024-12-05T16:00:00", "W. Europe Standard Time"),
        "attendees": [{"emailAddress": {"address": "alex.wilber@contoso.example"}, "type": "required"}],
        **more,
    }


async def test_the_meeting_at_14_is_in_the_calendars_of_all_who_are_invited(world: World) -> None:
    window = "startDateTime=2024-11-26T00:00:00%2B01:00&endDateTime=2024-11-27T00:00:00%2B01:00"
    prefer = {"Prefer": 'outlook.timezone="W. Europe Standard Time"'}
    for person in ("megan", "alex", "adele"):
        _, found = await world.api(person, "GET", f"/me/calendarView?{window}", headers=prefer)
        at_14 = [e for e in found["value"] if e["start"]["dateTime"].startswith("2024-11-26T14:00")]
        assert [e["subject"] for e in at_14] == ["Supplier review Nordwind Logistik"]
        assert at_14[0]["start"]["timeZone"] == "W. Europe Standard Time"
        assert at_14[0]["isOrganizer"] == (person == "megan")


async def test_two_slots_are_free_for_all_five_in_next_weeks_working_hours(world: World) -> None:
    body = {
        "schedules": EVERYBODY,
        "startTime": at("2024-12-02T00:00:00", "W. Europe Standard Time"),
        "endTime": at("2024-12-07T00:00:00", "W. Europe Standard Time"),
        "availabilityViewInterval": 30,
    }
    status, answer = await world.api("megan", "POST", "/me/calendar/getSchedule", json=body)
    assert status == 200, answer
    views = {each["scheduleId"]: each["availabilityView"] for each in answer["value"]}
    assert {len(view) for view in views.values()} == {240}
    # Everybody's working hours overlap from 15:00 to 16:30 Berlin time.
    free = [
        f"{['Mon', 'Tue', 'Wed', 'Thu', 'Fri'][day]} {half // 2:02}:{half % 2 * 30:02}"
        for day in range(5)
        for half in range(30, 33)
        if all(view[day * 48 + half] == "0" for view in views.values())
    ]
    assert free == ["Thu 15:30", "Fri 15:30"]
    assert views["diego.siciliani@contoso.example"][:144] == "3" * 144
    hours = {each["scheduleId"]: each["workingHours"] for each in answer["value"]}
    assert hours["adele.vance@contoso.example"]["timeZone"]["name"] == "Eastern Standard Time"


async def test_an_address_that_does_not_exist_is_named_and_the_others_are_answered(world: World) -> None:
    body = {
        "schedules": ["nobody@contoso.example", EVERYBODY[1]],
        "startTime": at("2024-12-02T00:00:00"),
        "endTime": at("2024-12-03T00:00:00"),
    }
    _, answer = await world.api("megan", "POST", "/me/calendar/getSchedule", json=body)
    assert answer["value"][0]["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    assert len(answer["value"][1]["availabilityView"]) == 48


async def test_the_same_transaction_gives_the_first_event_and_invites_once(world: World) -> None:
    made = [await world.api("megan", "POST", "/me/events", json=event(transactionId="t-1")) for _ in range(2)]
    assert [status for status, _ in made] == [201, 201]
    assert made[0][1]["id"] == made[1][1]["id"]
    _, other = await world.api("megan", "POST", "/me/events", json=event(transactionId="t-2"))
    assert other["id"] != made[0][1]["id"]
    accepted = [a["transaction_id"] for a in world.sandbox.office.journal.accepted]
    assert accepted == ["t-1", "t-2"]
    _, found = await world.api("alex", "GET", "/me/events?$filter=subject eq 'Reconciliation'")
    assert len(found["value"]) == 2
    assert found["value"][0]["start"] == {"dateTime": "2024-12-05T14:30:00.0000000", "timeZone": "UTC"}
    _, inbox = await world.api("alex", "GET", "/me/mailFolders/inbox/messages?$top=2")
    assert [m["subject"] for m in inbox["value"]] == ["Reconciliation"] * 2


async def test_who_is_invited_answers_and_the_organizer_sees_it(world: World) -> None:
    _, made = await world.api("megan", "POST", "/me/events", json=event())
    _, mine = await world.api("alex", "GET", "/me/events?$filter=subject eq 'Reconciliation'")
    assert mine["value"][0]["showAs"] == "tentative"
    assert (await world.api("alex", "POST", f"/me/events/{mine['value'][0]['id']}/accept", json={}))[0] == 202
    _, seen = await world.api("megan", "GET", f"/me/events/{made['id']}")
    assert seen["attendees"][0]["status"]["response"] == "accepted"
    assert (await world.api("megan", "DELETE", f"/me/events/{made['id']}"))[0] == 204
    _, gone = await world.api("alex", "GET", "/me/events?$filter=subject eq 'Reconciliation'")
    assert gone["value"] == []


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"start": None}, "start"),
        ({"end": at("2024-12-05T15:00:00", "W. Europe Standard Time")}, "before its start"),
        ({"start": at("2024-12-05T15:30:00", "Moon Time")}, "Moon Time"),
        ({"attendees": ["alex"]}, "attendees"),
    ],
)
async def test_an_event_that_cannot_be_is_refused(world: World, more: dict[str, Any], named: str) -> None:
    status, answer = await world.api("megan", "POST", "/me/events", json=event(**more))
    assert status == 400
    assert named in answer["error"]["message"]


async def test_other_peoples_calendars_are_closed_but_their_working_hours_are_known(world: World) -> None:
    window = "startDateTime=2024-11-26T00:00:00Z&endDateTime=2024-11-27T00:00:00Z"
    status, _ = await world.api("megan", "GET", f"/users/lee.gu@contoso.example/calendarView?{window}")
    assert status == 403
    _, settings = await world.api("diego", "GET", "/me/mailboxSettings")
    assert settings["automaticRepliesSetting"]["status"] == "scheduled"
    assert settings["workingHours"]["endTime"] == "18:00:00.0000000"
