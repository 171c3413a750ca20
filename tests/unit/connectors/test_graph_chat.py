"""A message is posted once: it is recognised by the reference that it carries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.chat import Chats, Post, preview
from orchestration.capabilities.descriptor import Done, NotDone, Unknown
from orchestration.errors import Invalid, NotFound, NotPermitted
from orchestration.validation.egress import Egress
from tests.unit.connectors.conftest import FakeIdentity, Serve, task

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POST = Post(text="Hello\nall\u200b", chat="19:abc@thread.v2")
THIS = task(idempotency_key="run.post", not_after=NOW)


class Teams:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.forbidden: set[str] = set()
        self.endless = False
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/v1.0")
        if request.method in self.forbidden:
            return web.json_response({"error": {"code": "Forbidden", "message": "No."}}, status=403)
        if path == "/me/joinedTeams":
            return web.json_response({"value": [{"id": "t1", "displayName": "Finance"}]})
        if path == "/teams/t1/channels":
            return web.json_response({"value": [{"id": "19:x", "displayName": "General"}]})
        if request.method == "POST":
            made = {**await request.json(), "id": str(len(self.messages)), "createdDateTime": "2026-11-22T11:59:00Z"}
            self.messages.append({**made, "path": path})
            return web.json_response(made, status=201)
        found: dict[str, Any] = {"value": self.messages}
        if self.endless:
            found["@odata.nextLink"] = f"{self.url}/v1.0{path}?$skiptoken=x"
        return web.json_response(found)


@pytest.fixture
def teams() -> Teams:
    return Teams()


@pytest.fixture
async def chats(serve: Serve, teams: Teams, identity: FakeIdentity) -> AsyncIterator[Chats]:
    teams.url = await serve(teams.answer)
    made = GraphClient(GraphSettings(url=f"{teams.url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield Chats(made, now=lambda: NOW)
    await made.close()


async def test_a_message_carries_a_reference_and_is_posted_once(chats: Chats, teams: Teams) -> None:
    assert await chats.reconcile(POST, THIS) == NotDone()
    posted = await chats.post(POST, THIS)
    body = teams.messages[0]["body"]
    assert body["contentType"] == "text"
    assert body["content"].startswith("Hello\nall\n\nSent with Tandem · ")
    assert "run.post" not in body["content"]
    assert await chats.post(POST, THIS) == posted
    assert await chats.reconcile(POST, THIS) == Done(output=posted)
    assert await chats.reconcile(POST, task(idempotency_key="another", not_after=NOW)) == NotDone()
    assert len(teams.messages) == 1


async def test_a_channel_is_found_by_its_name(chats: Chats, teams: Teams) -> None:
    posted = await chats.post(Post(text="Hi", team="finance"), THIS)
    assert teams.messages[0]["path"] == "/teams/t1/channels/19:x/messages"
    assert posted.place == "Finance / General"
    with pytest.raises(NotFound, match=r"no channel Plans in Finance that you may see.*There are: General"):
        await chats.post(Post(text="Hi", team="Finance", channel="Plans"), THIS)
    with pytest.raises(NotFound, match=r"no team Legal that you are a member of.*There are: Finance"):
        await chats.post(Post(text="Hi", team="Legal"), THIS)


async def test_among_too_many_messages_a_person_is_asked(chats: Chats, teams: Teams) -> None:
    teams.endless = True
    teams.messages = [{"id": "1", "body": {"content": "x"}, "createdDateTime": "2026-11-22T11:00:00Z"}]
    found = await chats.reconcile(POST, THIS)
    assert isinstance(found, Unknown)
    assert "too many new messages" in found.why


async def test_messages_of_yesterday_need_not_be_looked_through(chats: Chats, teams: Teams) -> None:
    teams.endless = True
    teams.messages = [{"id": "1", "body": {"content": "x"}, "createdDateTime": "2026-11-21T11:00:00Z"}]
    assert await chats.reconcile(POST, THIS) == NotDone()


async def test_where_one_may_not_read_only_the_first_attempt_posts(chats: Chats, teams: Teams) -> None:
    teams.forbidden = {"GET"}
    await chats.post(POST, THIS)
    assert isinstance(await chats.reconcile(POST, THIS), Unknown)
    assert len(teams.messages) == 1


async def test_where_one_may_not_write_it_is_said(chats: Chats, teams: Teams) -> None:
    teams.forbidden = {"POST"}
    with pytest.raises(NotPermitted, match=r"You may not write in the chat\. Nothing was posted"):
        await chats.post(POST, THIS)


@pytest.mark.parametrize(
    ("post", "said"),
    [
        (Post(text="", chat="19:a"), "no text"),
        (Post(text="x" * 20_001, chat="19:a"), "20,001 characters"),
        (Post(text="x"), "Give just one"),
        (Post(text="x", chat="19:a", team="b"), "Give just one"),
    ],
)
async def test_a_post_that_cannot_be_is_refused(chats: Chats, teams: Teams, post: Post, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await chats.post(post, THIS)
    assert teams.messages == []


def test_the_preview_says_what_is_added() -> None:
    assert preview(POST, Egress()).facts == [
        ("Chat", "19:abc@thread.v2"),
        ("Text", "Hello\nall"),
        ("Last line", "“Sent with Tandem” and a reference"),
    ]
