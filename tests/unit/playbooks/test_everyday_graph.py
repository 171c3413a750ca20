"""The workers of Graph that only these playbooks use, against a tiny Graph that remembers what was done to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.calendar.agenda import Agendas, Days
from connectors.graph.roster import Listed, Rosters
from connectors.graph.share import OwnerOf, Shares, Sharing, preview
from connectors.identity import Bearer, Identity
from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.core.run import Person
from orchestration.errors import Invalid, InvalidContent, NotFound, NotPermitted, OutcomeUnknown, Unavailable
from orchestration.validation.egress import Egress
from tests.support.office import ALEX, MEGAN
from tests.unit.playbooks.desk import LEE, found

USERS = {each.upn: {"id": each.id, "displayName": each.name, "userPrincipalName": each.upn, "mail": each.upn}
         for each in (MEGAN, ALEX, LEE)}  # fmt: skip
SHARING = Sharing(drive="d", item="i", name="Plan.docx", people=[ALEX.upn, LEE.upn], message="For Friday.")


class Graph:
    """People, one file, one calendar.

    Attributes:
        refuse: Status with which invitations are answered; 0 takes them, -1 takes them and answers with an error.
    """

    def __init__(self) -> None:
        self.granted: list[tuple[str, str]] = [(LEE.upn, "read")]
        self.owners: list[str] = []
        self.creator: dict[str, Any] = {"user": {"id": LEE.id, "displayName": LEE.name}}
        self.invitations: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.refuse = 0
        self.hidden = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/v1.0")
        if path == "/$batch":
            asked = (await request.json())["requests"]
            answers = [{"id": each["id"], **self._user(each["url"].partition("?")[0])} for each in asked]
            return web.json_response({"responses": answers})
        if path == "/users":
            named = request.query["$filter"].partition("'")[2].rpartition("'")[0].casefold()
            return web.json_response(
                {"value": [user for user in USERS.values() if user["displayName"].casefold().startswith(named)]}
            )
        if path.startswith("/users/"):
            user = self._user(path)
            return web.json_response(user["body"], status=user["status"])
        if path == "/drives/d/items/i":
            item = {"id": "i", "name": "Plan.docx", "webUrl": "https://x.example/plan", "createdBy": self.creator}
            return web.json_response({**item, "file": {}})
        if path == "/drives/d/items/i/permissions":
            return self._permissions()
        if path == "/drives/d/items/i/invite":
            return self._invite(await request.json())
        if path == "/me/calendar/getSchedule":
            hours = {
                "daysOfWeek": ["monday"],
                "startTime": "09:00:00",
                "endTime": "17:00:00",
                "timeZone": {"name": "W. Europe Standard Time"},
            }
            return web.json_response({"value": [{"scheduleId": MEGAN.upn, "workingHours": hours}]})
        if path == "/me/calendarView":
            self.window = (request.query["startDateTime"], request.query["endDateTime"])
            return web.json_response({"value": self.events})
        return web.json_response({"error": {"message": "nothing here"}}, status=404)

    def _user(self, path: str) -> dict[str, Any]:
        wanted = path.rpartition("/")[2]
        user = next((each for each in USERS.values() if wanted in (each["id"], each["userPrincipalName"])), None)
        return {"status": 200 if user else 404, "body": user or {"error": {"message": "nobody"}}}

    def _permissions(self) -> web.Response:
        if self.hidden:
            return web.json_response({"error": {"message": "no"}}, status=403)
        given = [*self.granted, *((upn, "owner") for upn in self.owners)]
        return web.json_response(
            {
                "value": [
                    {
                        "id": upn,
                        "roles": [role],
                        "grantedToV2": {"user": {"id": USERS[upn]["id"]}, "siteUser": {"loginName": f"i:0#.f|m|{upn}"}},
                    }
                    for upn, role in given
                ]
            }
        )

    def _invite(self, body: dict[str, Any]) -> web.Response:
        if self.refuse > 0:
            return web.json_response({"error": {"message": "no"}}, status=self.refuse)
        self.invitations.append(body)
        self.granted += [(each["email"], body["roles"][0]) for each in body["recipients"]]
        return web.json_response({"value": []}, status=502 if self.refuse else 200)


class Signed:
    """Implements what `GraphClient` needs of `Identity`."""

    def bearer(self, person: Person, scope: str) -> Bearer:
        async def token(claims: str) -> str:
            return "token"

        return Bearer(token, lambda: None)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Graph, str]]:
    graph = Graph()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", graph.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield graph, f"http://127.0.0.1:{runner.addresses[0][1]}/v1.0"
    await runner.cleanup()


@pytest.fixture
async def client(server: tuple[Graph, str]) -> AsyncIterator[GraphClient]:
    made = GraphClient(GraphSettings(url=server[1]), cast("Identity", Signed()))
    yield made
    await made.close()


@pytest.fixture
def graph(server: tuple[Graph, str]) -> Graph:
    return server[0]


def task(**more: Any) -> TaskContext:
    return TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN, idempotency_key="k", **more)


async def test_only_who_has_no_access_yet_is_invited(graph: Graph, client: GraphClient) -> None:
    shared = await Shares(client).share(SHARING, task())
    assert [each["recipients"] for each in graph.invitations] == [[{"email": ALEX.upn}]]
    assert graph.invitations[0]["message"] == "For Friday."
    assert graph.invitations[0]["requireSignIn"] is True
    assert shared.said == f"invited by mail: {ALEX.upn}; had access already: {LEE.upn}"
    again = await Shares(client).share(SHARING, task())
    assert (len(graph.invitations), again.invited) == (1, [])


async def test_to_edit_is_more_than_to_read(graph: Graph, client: GraphClient) -> None:
    await Shares(client).share(Sharing(drive="d", item="i", name="Plan.docx", people=[LEE.upn], role="write"), task())
    assert graph.invitations[0]["roles"] == ["write"]


async def test_an_invitation_whose_answer_got_lost_is_found_again(graph: Graph, client: GraphClient) -> None:
    shares = Shares(client)
    assert await shares.reconcile(SHARING, task()) == NotDone()
    graph.refuse = -1
    with pytest.raises(OutcomeUnknown):
        await shares.share(SHARING, task())
    outcome = await shares.reconcile(SHARING, task())
    assert isinstance(outcome, Done)
    assert outcome.output.invited == [ALEX.upn, LEE.upn]


async def test_who_may_not_share_or_names_nobody_is_told_so(graph: Graph, client: GraphClient) -> None:
    graph.refuse = 403
    with pytest.raises(NotPermitted, match=r"You may not share Plan\.docx\. Nothing was shared\."):
        await Shares(client).share(SHARING, task())
    nobody = Sharing(drive="d", item="i", name="Plan.docx", people=["zoe@contoso.example"])
    with pytest.raises(NotFound, match=r"nobody at zoe@contoso\.example"):
        await Shares(client).share(nobody, task())
    with pytest.raises(Invalid, match="at least one address"):
        await Shares(client).share(Sharing(drive="d", item="i", name="Plan.docx", people=[]), task())
    late = task(not_after=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(Unavailable, match="too late"):
        await Shares(client).share(SHARING, late)
    assert graph.invitations == []


def test_the_preview_says_which_file_to_whom_and_what_they_may() -> None:
    assert dict(preview(SHARING, Egress()).facts) == {
        "File": "Plan.docx",
        "With": f"{ALEX.upn}, {LEE.upn}",
        "Permission": "They can read it",
        "Invitation": "Each of them gets a mail with the link",
        "Message": "For Friday.",
    }


async def test_the_owner_is_who_the_permissions_name_else_who_made_the_file(graph: Graph, client: GraphClient) -> None:
    shares, of = Shares(client), OwnerOf(drive="d", item="i")
    assert (await shares.owner(of, task())).name == "Lee Gu"
    graph.owners = [ALEX.upn]
    assert (await shares.owner(of, task())).name == "Alex Wilber"
    graph.owners = [ALEX.upn, MEGAN.upn]
    assert (await shares.owner(of, task())).name == "Lee Gu"
    graph.hidden = True
    assert (await shares.owner(of, task())).name == "Lee Gu"
    graph.creator = {"application": {"displayName": "A machine"}}
    with pytest.raises(NotFound, match=r"does not say who owns Plan\.docx"):
        await shares.owner(of, task())


async def test_a_roster_has_everybody_once_and_names_all_who_are_unknown(client: GraphClient) -> None:
    rosters = Rosters(client)
    who = f"Alex Wilber, {LEE.upn} und Megan Bowen; Alex Wilber."
    roster = await rosters.read(Listed(who=who), task())
    assert [each.name for each in roster.people] == ["Alex Wilber", "Lee Gu", "Megan Bowen"]
    assert roster.shown == "Alex Wilber, Lee Gu and Megan Bowen"
    with pytest.raises(InvalidContent, match=r"nobody named Zoe.*Perhaps Alex Wilber"):
        await rosters.read(Listed(who="Zoe, Alex, Lee Gu"), task())
    noted = await rosters.read(Listed(who="Zoe & Lee Gu", unknown="note"), task())
    assert ([each.name for each in noted.people], "nobody named Zoe" in noted.note) == (["Lee Gu"], True)
    with pytest.raises(Invalid, match="name up to 2"):
        await rosters.read(Listed(who=who, most=2), task())
    with pytest.raises(Invalid, match="Who is meant"):
        await rosters.read(Listed(who=" , "), task())
    assert found(LEE)["name"] == noted.shown


def event(subject: str, hour: int, **more: Any) -> dict[str, Any]:
    return {
        "id": subject,
        "subject": subject,
        "start": {"dateTime": f"2026-11-23T{hour:02}:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": f"2026-11-23T{hour + 1:02}:00:00.0000000", "timeZone": "UTC"},
        "organizer": {"emailAddress": {"name": "Lee Gu", "address": LEE.upn}},
        "attendees": [
            {"emailAddress": {"name": "Alex Wilber", "address": ALEX.upn}, "status": {"response": "accepted"}}
        ],
        "body": {"contentType": "html", "content": "<p>Bring <b>figures</b></p><script>x</script>"},
        "webLink": "https://outlook.example/e",
        **more,
    }


async def test_an_agenda_has_the_meetings_of_the_day_in_the_persons_own_zone(graph: Graph, client: GraphClient) -> None:
    graph.events = [
        event("Later", 14, isOnlineMeeting=True, location={"displayName": "Room 1"}),
        event("First", 8),
        event("Gone", 9, isCancelled=True),
        event("Holiday", 0, isAllDay=True),
    ]
    agenda = await Agendas(client).read(Days(day=date(2026, 11, 23)), task())
    assert graph.window == ("2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z")
    assert [(each.subject, f"{each.start:%H:%M}") for each in agenda.meetings] == [
        ("First", "09:00"),
        ("Later", "15:00"),
    ]
    later = agenda.meetings[1]
    assert (later.place, later.online, later.text) == ("Room 1", True, "Bring figures")
    assert (later.people[0].name, later.people[0].response) == ("Alex Wilber", "accepted")
    assert agenda.zone == "Europe/Berlin"
    with pytest.raises(Invalid, match="1 to 31"):
        await Agendas(client).read(Days(day=date(2026, 11, 23), days=0), task())
