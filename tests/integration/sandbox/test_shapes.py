"""The sandbox's answers against what is published of the real services."""

import json
from typing import Any

import pytest

from tests.integration.sandbox.world import World
from tests.support.shapes.check import FOLDER, problems, published

WINDOW = "startDateTime=2024-11-26T00:00:00Z&endDateTime=2024-12-07T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/me", "user"),
        ("/users", "[user]"),
        ("/groups", "[group]"),
        ("/sites?search=*", "[site]"),
        ("/me/messages?$top=50&$expand=attachments", "[message]"),
        ("/me/messages?$select=internetMessageHeaders", "[message]"),
        ("/me/mailFolders", "[mailFolder]"),
        (f"/me/calendarView?{WINDOW}", "[event]"),
        ("/me/calendars", "[calendar]"),
        ("/me/mailboxSettings", "mailboxSettings"),
        ("/me/chats?$expand=members", "[chat]"),
        ("/me/joinedTeams", "[team]"),
    ],
)
async def test_graph_answers_have_only_published_fields(world: World, path: str, kind: str) -> None:
    status, answer = await world.api("megan", "GET", path)
    assert status == 200, answer
    shown = answer["value"] if kind.startswith("[") else answer
    assert shown
    assert problems(shown, kind) == []


async def test_files_and_what_is_made_have_only_published_fields(world: World) -> None:
    _, drive = await world.api("megan", "GET", "/sites/contoso.sharepoint.com:/sites/Procurement:/drive")
    assert problems(drive, "drive") == []
    path = f"/drives/{drive['id']}/root:/Contracts:/children"
    _, children = await world.api("megan", "GET", path)
    assert problems(children["value"], "[driveItem]") == []
    _, permissions = await world.api(
        "megan", "GET", f"/drives/{drive['id']}/items/{children['value'][0]['id']}/permissions"
    )
    assert problems(permissions["value"], "[permission]") == []
    _, session = await world.api("megan", "POST", f"/drives/{drive['id']}/root:/a.bin:/createUploadSession", json={})
    assert problems(session, "uploadSession") == []
    body: dict[str, Any] = {"requests": [{"entityTypes": ["driveItem"], "query": {"queryString": "Nordwind"}}]}
    _, found = await world.api("megan", "POST", "/search/query", json=body)
    assert problems(found["value"], "[searchResponse]") == []
    now = {"dateTime": "2024-12-02T09:00:00", "timeZone": "UTC"}
    later = {"dateTime": "2024-12-02T10:00:00", "timeZone": "UTC"}
    _, event = await world.api("megan", "POST", "/me/events", json={"subject": "x", "start": now, "end": later})
    assert problems(event, "event") == []
    schedule = {"schedules": ["lee.gu@contoso.example", "nobody@contoso.example"], "startTime": now, "endTime": later}
    _, free = await world.api("megan", "POST", "/me/calendar/getSchedule", json=schedule)
    assert problems(free["value"], "[scheduleInformation]") == []
    _, chats = await world.api("megan", "GET", "/me/chats")
    _, said = await world.api(
        "megan", "POST", f"/chats/{chats['value'][0]['id']}/messages", json={"body": {"content": "x"}}
    )
    assert problems(said, "chatMessage") == []


def test_a_field_that_is_not_published_is_found() -> None:
    assert len(published()) > 50
    found = problems({"subject": 7, "colour": "red", "from": {"emailAddress": {"adress": "x"}}}, "message")
    assert found == [
        ".subject: 7 is no string",
        ".colour: message has no such property",
        ".from.emailAddress.adress: emailAddress has no such property",
    ]


async def test_the_erps_fields_are_the_published_ones(world: World) -> None:
    dynamics = json.loads((FOLDER / "dynamics.json").read_text())
    table = world.sandbox.tenant.dynamics[dynamics["entity"]]
    assert set(table.fields) <= {*dynamics["fields"], *dynamics["by_hand"]}
    sap = json.loads((FOLDER / "sap.json").read_text())
    fields = world.sandbox.tenant.sap[sap["entity"]].fields
    assert {name: kind for name, kind in fields.items() if sap["fields"].get(name) != kind} == {}
