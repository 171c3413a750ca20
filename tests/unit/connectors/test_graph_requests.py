"""Batches, pages and mailboxes: Graph's limits are kept, and what is put off is asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.batch import Part, batch
from connectors.graph.mailbox import MailboxGate, mailbox_of
from connectors.graph.pages import pages
from orchestration.errors import InvalidContent, Unavailable
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve


class Server:
    """Answers with what `answer` says, and counts."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.throttled: dict[str, int] = {}
        self.retry_after = "0.5"
        self.status = 200
        self.pages: list[dict[str, Any]] = []
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        if request.path != "/v1.0/$batch":
            self.asked += 1
            return web.json_response(self.pages.pop(0))
        if self.status != 200:
            return web.json_response({}, status=self.status, headers={"Retry-After": self.retry_after})
        parts = (await request.json())["requests"]
        self.batches.append(parts)
        return web.json_response({"responses": [self._part(each) for each in reversed(parts)]})

    def _part(self, part: dict[str, Any]) -> dict[str, Any]:
        if self.throttled.get(part["url"], 0):
            self.throttled[part["url"]] -= 1
            return {"id": part["id"], "status": 429, "headers": {"Retry-After": self.retry_after}, "body": {}}
        return {"id": part["id"], "status": 200, "headers": {}, "body": {"url": part["url"]}}


@pytest.fixture
async def server(serve: Serve) -> AsyncIterator[tuple[Server, GraphClient]]:
    made = Server()
    url = await serve(made.answer)
    client = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), FakeIdentity())  # type: ignore[arg-type]
    yield made, client
    await client.close()


class Sleeps:
    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


async def test_a_batch_has_twenty_parts_at_most_and_keeps_their_order(server: tuple[Server, GraphClient]) -> None:
    made, client = server
    parts = [Part(path=f"/users/{number}") for number in range(45)]
    answers = await batch(client.acting_as(MEGAN), parts, what="look")
    assert [len(each) for each in made.batches] == [20, 20, 5]
    assert [each.json()["url"] for each in answers] == [each.path for each in parts]


async def test_only_throttled_parts_are_sent_again_after_the_longest_wait_asked_for(
    server: tuple[Server, GraphClient],
) -> None:
    made, client = server
    made.throttled = {"/b": 2, "/c": 1}
    sleeps = Sleeps()
    parts = [Part(path=each) for each in ("/a", "/b", "/c")]
    answers = await batch(client.acting_as(MEGAN), parts, what="look", sleep=sleeps)
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert [[part["url"] for part in each] for each in made.batches] == [["/a", "/b", "/c"], ["/b", "/c"], ["/b"]]
    assert sleeps.taken == [0.5, 0.5]


async def test_patience_ends(server: tuple[Server, GraphClient]) -> None:
    made, client = server
    made.throttled, made.retry_after = {"/b": 99}, "20"
    sleeps = Sleeps()
    parts = [Part(path="/a"), Part(path="/b")]
    answers = await batch(client.acting_as(MEGAN), parts, what="look", patience=timedelta(seconds=50), sleep=sleeps)
    assert [each.status_code for each in answers] == [200, 429]
    assert sleeps.taken == [20, 20]


async def test_a_batch_that_is_throttled_as_a_whole_is_the_engines_to_repeat(
    server: tuple[Server, GraphClient],
) -> None:
    made, client = server
    made.status = 429
    with pytest.raises(Unavailable) as caught:
        await batch(client.acting_as(MEGAN), [Part(path="/a")], what="look")
    assert caught.value.retry_after == timedelta(seconds=0.5)


async def test_pages_are_followed_as_far_as_they_are_wanted(server: tuple[Server, GraphClient]) -> None:
    made, client = server
    session = client.acting_as(MEGAN)
    made.pages = [{"value": [{"n": n}], "@odata.nextLink": f"{session.url}/me/messages?$skip={n}"} for n in range(9)]
    seen = [page[0]["n"] async for page in pages(session, "/me/messages", what="look", most_pages=3)]
    assert seen == [0, 1, 2]
    assert made.asked == 3


async def test_a_page_elsewhere_is_not_fetched(server: tuple[Server, GraphClient]) -> None:
    made, client = server
    made.pages = [{"value": [], "@odata.nextLink": "https://graph.example.org/v1.0/me/messages"}]
    with pytest.raises(InvalidContent, match="at another address"):
        [page async for page in pages(client.acting_as(MEGAN), "/me/messages", what="look")]
    assert made.asked == 1


async def test_halves_of_characters_do_not_spoil_a_list(serve: Serve, identity: Any) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=rb'{"value": [{"subject": "a \ud83d b"}]}', content_type="application/json")

    client = GraphClient(GraphSettings(url=f"{await serve(answer)}/v1.0"), identity)
    assert await client.acting_as(MEGAN).get("/me/messages", what="look") == {"value": [{"subject": "a ? b"}]}
    await client.close()


@pytest.mark.parametrize(
    ("path", "mailbox"),
    [
        ("/me/messages", MEGAN.id),
        ("/me/calendar/getSchedule", MEGAN.id),
        (f"/users/{MEGAN.upn.upper()}/messages?$top=1", MEGAN.id),
        ("/users/alex%40contoso.example/mailFolders/inbox/messages", "alex@contoso.example"),
        ("/me/manager", ""),
        ("/me/joinedTeams", ""),
        ("/drives/1/items/2", ""),
        ("/users/1", ""),
    ],
)
def test_it_is_known_which_requests_go_into_whose_mailbox(path: str, mailbox: str) -> None:
    assert mailbox_of(path, MEGAN) == mailbox


async def test_four_requests_at_a_time_go_into_a_mailbox_a_batch_counting_for_its_parts() -> None:
    gate, inside, most = MailboxGate(), 0, 0

    async def visit(share: int) -> None:
        nonlocal inside, most
        async with gate.into("megan", share):
            inside += share
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= share

    await asyncio.wait_for(asyncio.gather(*(visit(1 + number % 4) for number in range(40))), 5)
    assert (inside, most) == (0, 4)


async def test_one_mailbox_does_not_wait_for_another() -> None:
    gate = MailboxGate()
    async with gate.into("megan", 4), gate.into("alex"), gate.into(""):
        waiting = asyncio.create_task(gate.into("megan").__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), gate.into("megan", 4):
        pass
