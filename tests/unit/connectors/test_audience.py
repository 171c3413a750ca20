"""Nothing is put where more people can read it than its label allows."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.addresses import addresses_of
from connectors.graph.chat import Chats, Post
from connectors.graph.chat import preview as chat_preview
from connectors.graph.share import Shares, Sharing
from connectors.graph.share import preview as share_preview
from connectors.graph.upload import Uploads
from orchestration.core.label import Label
from orchestration.errors import Conflict, Invalid, NotCleared
from orchestration.validation.egress import Egress
from orchestration.validation.policy import Ceilings, Policy
from orchestration.validation.policy_file import NoFile
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve, task
from tests.unit.connectors.test_graph import Drive, drive, graph, report

__all__ = ["drive", "graph"]

EVERYBODY = {"roles": ["read"], "grantedToV2": {"siteUser": {"loginName": "c:0-.f|rolemanager|spo-grid-all-users/t"}}}
ANONYMOUS = {"roles": ["read"], "link": {"scope": "anonymous", "type": "view"}}
KIND = "#microsoft.graph."
ORGANISATION = {"roles": ["read"], "link": {"scope": "organization", "type": "view"}}


def reader(upn: str) -> dict[str, Any]:
    return {"roles": ["read"], "grantedToV2": {"user": {"displayName": upn.split("@", maxsplit=1)[0], "email": upn}}}


def named(**user: str) -> dict[str, Any]:
    return {"roles": ["read"], "grantedToV2": {"siteUser": user}}


def labelled(label: Label) -> Any:
    return task(idempotency_key="run.upload", label=label)


@pytest.mark.parametrize(
    ("default", "permissions", "label", "why"),
    [
        ("l1", [], "highly_confidential", "that is its label"),
        ("l1", [], "confidential", "that is its label"),
        ("l2", [EVERYBODY], "confidential", "everybody in the organisation can read there"),
        ("l2", [ORGANISATION], "confidential", "everybody in the organisation who has a link"),
        ("", [ANONYMOUS], "internal", "anybody who has a link"),
        ("", [reader("bob@elsewhere.example")], "confidential", "bob can read there"),
        ("", [reader("bob_elsewhere.example#EXT#@contoso.example")], "confidential", "can read there"),
        ("l2", [named(displayName="Eve")], "confidential", "Eve can read there"),
        ("l2", [named(loginName="i:0#.f|membership|urn:spo:anon#abc", displayName="X")], "confidential", "X can read"),
        ("l2", [named(loginName="c:0-.f|rolemanager|SPO-GRID-ALL-USERS/x")], "confidential", "everybody in the org"),
        ("l2", [named(loginName="c:0!.s|windows")], "confidential", "everybody, guests too"),
        (
            "l2",
            [
                named(
                    email="eve@contoso.example",
                    displayName="Eve",
                    loginName="i:0#.f|membership|eve_x.com#ext#@contoso.example",
                )
            ],
            "confidential",
            "Eve can read there",
        ),
        ("", [], "highly_confidential", "the library has no label"),
    ],
)
async def test_a_file_is_not_put_where_more_people_read_than_its_label_allows(
    graph: GraphClient, drive: Drive, default: str, permissions: list[dict[str, Any]], label: Label, why: str
) -> None:
    drive.default_label, drive.permissions = default, permissions
    with pytest.raises(NotCleared, match=why) as refused:
        await Uploads(graph).upload(report(), labelled(label))
    assert drive.puts == 0
    assert "October.xlsx is " + label.replace("_", " ") in refused.value.message
    assert "Finance/Reports may hold at most" in refused.value.message


@pytest.mark.parametrize(
    ("default", "permissions", "label"),
    [
        ("l2", [reader(MEGAN.upn)], "confidential"),
        ("", [reader(MEGAN.upn)], "confidential"),
        ("", [EVERYBODY], "internal"),
        ("", [ANONYMOUS], "public"),
    ],
)
async def test_a_file_goes_where_its_readers_may_see_it(
    graph: GraphClient, drive: Drive, default: str, permissions: list[dict[str, Any]], label: Label
) -> None:
    drive.default_label, drive.permissions = default, permissions
    await Uploads(graph).upload(report(), labelled(label))
    assert drive.puts == 1


async def test_where_the_readers_cannot_be_seen_only_what_is_internal_is_put(graph: GraphClient, drive: Drive) -> None:
    drive.permissions_status = 403
    with pytest.raises(NotCleared, match="you may not see who can read there"):
        await Uploads(graph).upload(report(), labelled("confidential"))
    await Uploads(graph).upload(report(), labelled("internal"))
    assert drive.puts == 1


async def test_where_the_readers_cannot_be_seen_the_librarys_label_opens_nothing(
    graph: GraphClient, drive: Drive
) -> None:
    drive.permissions_status, drive.default_label = 403, "l2"
    with pytest.raises(NotCleared, match="you may not see who can read there"):
        await Uploads(graph).upload(report(), labelled("confidential"))
    assert drive.puts == 0


async def test_a_person_with_a_lower_ceiling_keeps_a_file_out(graph: GraphClient, drive: Drive) -> None:
    drive.permissions = [reader("temp@contoso.example")]
    policy = Policy(ceilings=Ceilings(people={"Temp@contoso.example": "internal"}))
    with pytest.raises(NotCleared, match="temp can read there"):
        await Uploads(graph, egress=Egress(NoFile(policy))).upload(report(), labelled("confidential"))
    assert drive.puts == 0


class Teams:
    """A chat and a file, as Graph answers."""

    def __init__(self) -> None:
        self.members: list[dict[str, Any]] = []
        self.shared_with: list[dict[str, Any]] = []
        self.posted: list[str] = []
        self.invited: list[str] = []
        self.messages: list[str] = []
        self.label = "l2"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/v1.0")
        if path.endswith("/members"):
            return web.json_response({"value": self.members})
        if path.endswith("/allMembers"):
            return web.json_response({"value": [*self.members, *self.shared_with]})
        if path.endswith("/messages") and request.method == "POST":
            self.posted.append((await request.json())["body"]["content"])
            return web.json_response({"id": "m1"}, status=201)
        if path.endswith("/invite"):
            body = await request.json()
            self.invited += [each["email"] for each in body["recipients"]]
            self.messages.append(body.get("message", ""))
            return web.json_response({"value": []})
        if path == "/$batch":
            labels = {"labels": [{"sensitivityLabelId": self.label}]}
            parts = (await request.json())["requests"]
            bodies = [labels if each["url"].endswith("extractSensitivityLabels") else {} for each in parts]
            return web.json_response(
                {"responses": [{"id": p["id"], "status": 200, "body": b} for p, b in zip(parts, bodies, strict=True)]}
            )
        if path.endswith("/sensitivityLabels"):
            return web.json_response({"value": [{"id": "l2", "name": "Confidential"}]})
        if path == "/drives/d/items/i":
            return web.json_response({"id": "i", "name": "Plan.docx", "webUrl": "https://sp/Plan.docx", "file": {}})
        return web.json_response({"value": []})


@pytest.fixture
def teams() -> Teams:
    return Teams()


@pytest.fixture
async def client(serve: Serve, teams: Teams, identity: FakeIdentity) -> Any:
    made = GraphClient(GraphSettings(url=f"{await serve(teams.answer)}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ({"displayName": "Gus", "email": "gus@x.example", "roles": ["guest"]}, "Gus is a guest there"),
        ({"displayName": "Eve", "tenantId": "another", "roles": []}, "Eve of another organisation is there"),
        ({"displayName": "Bob", "email": "bob@x.example", "roles": []}, "Bob is there"),
        ({"displayName": "Bob", "email": "bob_x.example#EXT#@contoso.example", "roles": []}, "Bob is there"),
        ({"displayName": "Bob", "userPrincipalName": "b_x#EXT#@c.example", "email": MEGAN.upn}, "Bob is there"),
        ({"displayName": "Eve", "roles": []}, "Eve is there"),
        ({"@odata.type": f"{KIND}aadUserConversationMember", "displayName": "Eve", "roles": []}, "Eve is there"),
        ({"@odata.type": f"{KIND}microsoftAccountUserConversationMember", "displayName": "Eve"}, "Eve is there"),
        ({"@odata.type": f"{KIND}anonymousGuestConversationMember", "displayName": "Eve"}, "Eve is there"),
        ({"@odata.type": f"{KIND}skypeUserConversationMember", "displayName": "E", "tenantId": "tenant"}, "E is there"),
    ],
)
async def test_what_is_confidential_is_not_said_where_strangers_listen(
    client: GraphClient, teams: Teams, member: dict[str, Any], why: str
) -> None:
    teams.members = [{"displayName": "Megan", "email": MEGAN.upn, "tenantId": "tenant", "roles": []}, member]
    chats, post = Chats(client), Post(text="Figures", chat="19:x")
    with pytest.raises(NotCleared, match=why):
        await chats.post(post, task(idempotency_key="k", label="confidential"))
    assert teams.posted == []
    await chats.post(post, task(idempotency_key="k", label="internal"))
    assert len(teams.posted) == 1


async def test_somebody_of_the_organisation_without_an_address_is_a_member(client: GraphClient, teams: Teams) -> None:
    kind = f"{KIND}aadUserConversationMember"
    teams.members = [{"@odata.type": kind, "displayName": "Room", "tenantId": MEGAN.tenant, "roles": []}]
    await Chats(client).post(Post(text="Figures", chat="19:x"), task(idempotency_key="k", label="confidential"))
    assert len(teams.posted) == 1


async def test_what_is_confidential_is_not_said_in_a_channel_that_is_shared_with_others(
    client: GraphClient, teams: Teams
) -> None:
    teams.members = [{"displayName": "Megan", "email": MEGAN.upn, "tenantId": "tenant", "roles": []}]
    team = "11111111-1111-1111-1111-111111111111"
    post = Post(text="Figures", team=team, channel="19:shared@thread.tacv2")
    await Chats(client).post(post, task(idempotency_key="k", label="confidential"))
    teams.posted.clear()
    teams.shared_with = [{"displayName": "Eve", "email": "eve@evil.example", "tenantId": "another", "roles": []}]
    with pytest.raises(NotCleared, match="Eve of another organisation is there"):
        await Chats(client).post(post, task(idempotency_key="k", label="confidential"))
    assert teams.posted == []


async def test_what_is_said_and_written_in_an_invitation_leads_nowhere_else(client: GraphClient, teams: Teams) -> None:
    trap = (
        "See [this](https://evil.example/x) ![p](https://evil.example/p.png) \u200band https://teams.microsoft.com/l/x"
    )
    await Chats(client).post(Post(text=trap, chat="19:x"), task(idempotency_key="k"))
    harmless = (
        "See this (link to evil(.)example removed) p (picture from evil(.)example removed) "
        "and https://teams.microsoft.com/l/x"
    )
    assert teams.posted[0].startswith(harmless)
    assert dict(chat_preview(Post(text=trap, chat="19:x"), Egress()).facts)["Text"] == harmless
    sharing = Sharing(drive="d", item="i", name="Plan.docx", people=["bob@contoso.example"], message=trap)
    await Shares(client).share(sharing, task(idempotency_key="k"))
    assert teams.messages == [harmless]
    assert dict(share_preview(sharing, Egress()).facts)["Message"] == harmless


async def test_a_file_is_shared_by_its_own_label_not_by_that_of_the_request(client: GraphClient, teams: Teams) -> None:
    sharing = Sharing(drive="d", item="i", name="Plan.docx", people=["ann@elsewhere.example"])
    with pytest.raises(NotCleared, match=r"Plan.docx is confidential, and ann@elsewhere.example may hold"):
        await Shares(client).share(sharing, task(idempotency_key="k", label="public"))
    assert teams.invited == []
    open_to_partners = Egress(NoFile(Policy(ceilings=Ceilings(outside="confidential"))))
    await Shares(client, egress=open_to_partners).share(sharing, task(idempotency_key="k"))
    assert teams.invited == ["ann@elsewhere.example"]


@pytest.mark.parametrize("name", ["Lunch menu.docx", "plan.docx", "Plan.docx.exe", ""])
async def test_a_file_that_has_another_name_than_was_shown_is_not_shared(
    client: GraphClient, teams: Teams, name: str
) -> None:
    sharing = Sharing(drive="d", item="i", name=name, people=["bob@contoso.example"])
    with pytest.raises(Conflict, match=r"is called 'Plan.docx', not .* Nothing was shared"):
        await Shares(client).share(sharing, task(idempotency_key="k"))
    assert teams.invited == []


def test_an_address_that_looks_like_another_is_told_apart() -> None:
    (found,) = addresses_of(["Alex\u202e\u200b Wilber <alex@c\u043entoso.example>"])
    assert found.address == "alex@xn--cntoso-wqf.example"
    assert found.name == "Alex Wilber"
    assert not Policy().is_inside(found.address, "megan@contoso.example")
    with pytest.raises(Invalid, match="Not an address"):
        addresses_of(["al\u200bex@contoso.example"])
    with pytest.raises(Invalid, match="Not an address"):
        addresses_of(["alex@contoso.example\nBcc: eve@evil.example"])
