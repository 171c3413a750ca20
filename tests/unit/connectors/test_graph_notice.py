"""Mails that say that a question waits: as the one who asks, to whom the directory knows, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.mail.notice import Notices
from orchestration.core.run import Person
from orchestration.errors import NotFound, NotPermitted, Unavailable
from orchestration.validation.egress import Egress
from orchestration.validation.policy import Policy
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve
from tests.unit.connectors.test_graph_mail import Mailbox

ALEX = Person("aaaa0002-0000-4000-8000-000000000002", "Alex Wilber", "alex.wilber@contoso.example", "tenant")
TEXT = "It waits.\nhttps://teams.microsoft.com/l/chat/0/0?users=28:x\nhttps://evil.example/"


class Office(Mailbox):
    """A mailbox and a directory; whose token came is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, dict[str, Any]] = {
            ALEX.id: {"id": ALEX.id, "displayName": "Alex Wilber", "mail": "alex.w@contoso.example"}
        }
        self.tokens: set[str] = set()

    async def answer(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        path = request.path.removeprefix("/v1.0")
        if path.startswith("/users/"):
            found = self.people.get(path.rpartition("/")[2])
            return web.json_response(found or {}, status=200 if found else 404)
        return await super().answer(request)


class Allowing:
    """Policies that let links into Teams go out."""

    def current(self) -> Policy:
        return Policy(hosts=["teams.microsoft.com"])


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def notices(serve: Serve, office: Office, identity: FakeIdentity) -> AsyncIterator[Notices]:
    url = await serve(office.answer)
    graph = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield Notices(graph, Egress(Allowing()))
    await graph.close()


async def test_it_is_drafted_and_sent_from_the_askers_mailbox_to_the_directorys_address(
    notices: Notices, office: Office
) -> None:
    draft = await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1")
    await notices.send(MEGAN, draft)
    (mail,) = office.messages.values()
    assert office.sent == [draft]
    assert [each["emailAddress"]["address"] for each in mail["toRecipients"]] == ["alex.w@contoso.example"]
    assert mail["body"]["contentType"] == "text"
    assert office.tokens == {"Bearer token-1"}


async def test_links_out_of_the_company_do_not_go_out(notices: Notices, office: Office) -> None:
    await notices.draft(MEGAN, ALEX, "Waits https://evil.example/", TEXT, "k1")
    (mail,) = office.messages.values()
    assert "https://teams.microsoft.com/l/chat/0/0?users=28:x" in mail["body"]["content"]
    assert "://evil" not in mail["body"]["content"] + mail["subject"]


async def test_the_draft_of_before_is_found_and_a_sent_one_is_not_sent_again(notices: Notices, office: Office) -> None:
    first = await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1")
    assert await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1") == first
    await notices.send(MEGAN, first)
    await notices.send(MEGAN, first)  # it is late in Sent Items
    office.hidden.clear()
    await notices.send(MEGAN, first)
    assert (len(office.messages), office.sent) == (1, [first])


async def test_a_doubt_about_sending_is_looked_into_before_anything_else(notices: Notices, office: Office) -> None:
    draft = await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1")
    office.send_status = 502
    with pytest.raises(Unavailable, match="not known yet"):
        await notices.send(MEGAN, draft)
    office.send_status = 202
    await notices.send(MEGAN, draft)
    assert office.sent == [draft]


@pytest.mark.parametrize("entry", [None, {"id": "somebody-else", "mail": "eve@contoso.example"}, {"id": ALEX.id}])
async def test_whom_the_directory_does_not_know_by_id_gets_no_mail(
    notices: Notices, office: Office, entry: dict[str, Any] | None
) -> None:
    office.people = {ALEX.id: entry} if entry else {}
    with pytest.raises(NotFound):
        await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1")
    assert office.messages == {}


async def test_without_the_right_to_write_mail_none_goes_out(notices: Notices, office: Office) -> None:
    office.forbidden = True
    with pytest.raises(NotPermitted):
        await notices.draft(MEGAN, ALEX, "Waits", TEXT, "k1")
