"""The chat's own connector, over real HTTP on loopback."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.cli.chat.connector import Connector
from bot.cli.chat.sender import Sender, Undelivered
from bot.cli.chat.window import Seat
from bot.cli.trouble import Trouble
from tests.unit.cli.chat.test_session import SEAT


class Desk:
    """A chat that listens, and what has arrived."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.arrived: list[tuple[str, str, bool]] = []
        self.url = f"http://127.0.0.1:{seat.port}/_connector/v3/conversations"

    def take(self, id_: str, activity: dict[str, Any], update: bool) -> None:
        self.arrived.append((id_, activity["text"], update))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, self.url + path, json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk(dataclasses.replace(SEAT, port=free_port()))
    async with AsyncExitStack() as stack:
        await Connector(made.seat, made.take, lambda id_: id_ in [each[0] for each in made.arrived]).listen(stack)
        yield made


MESSAGE = {"type": "message", "text": "hello"}


async def test_a_message_arrives_under_an_id_by_which_it_is_updated(desk: Desk) -> None:
    status, body = await desk.ask("POST", "/a:megan/activities", MESSAGE)
    updated, _ = await desk.ask("PUT", f"/a:megan/activities/{body['id']}", {**MESSAGE, "text": "news"})

    assert (status, updated) == (201, 200)
    assert desk.arrived == [(body["id"], "hello", False), (body["id"], "news", True)]


async def test_an_update_of_what_this_chat_never_had_is_refused_so_that_the_bot_sends_anew(desk: Desk) -> None:
    assert (await desk.ask("PUT", "/a:megan/activities/m-before", MESSAGE))[0] == 404
    assert desk.arrived == []


async def test_another_persons_messages_do_not_arrive_here(desk: Desk) -> None:
    assert (await desk.ask("POST", "/a:alex/activities", MESSAGE))[0] == 404


async def test_typing_is_taken_and_not_shown(desk: Desk) -> None:
    assert (await desk.ask("POST", "/a:megan/activities", {"type": "typing"}))[0] == 201
    assert desk.arrived == []


@pytest.mark.parametrize("body", [[], "text", {"text": "no type"}])
async def test_what_is_no_activity_is_refused(desk: Desk, body: Any) -> None:
    assert (await desk.ask("POST", "/a:megan/activities", body))[0] == 400


async def test_the_person_is_the_only_member(desk: Desk) -> None:
    _, member = await desk.ask("GET", "/a:megan/members/29:megan")
    _, members = await desk.ask("GET", "/a:megan/pagedmembers")

    assert (member["name"], member["aadObjectId"]) == ("Megan Bowen", "aaaa")
    assert members == {"members": [member]}
    assert (await desk.ask("GET", "/a:megan/members/29:alex"))[0] == 404


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example:80"}])
async def test_browsers_and_foreign_names_are_refused(desk: Desk, headers: dict[str, str]) -> None:
    assert (await desk.ask("POST", "/a:megan/activities", MESSAGE, **headers))[0] == 403
    assert desk.arrived == []


async def test_a_window_that_is_open_elsewhere_is_named(desk: Desk) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(Trouble, match=r"Megan Bowen's window is open elsewhere: port \d+ is taken"):
            await Connector(desk.seat, desk.take, lambda _: False).listen(stack)


class Proxy:
    """What the sandbox's proxy gets, and answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.forms: list[tuple[dict[str, Any], str | None]] = []
        self.status, self.body = 201, None

    async def messages(self, request: web.Request) -> web.Response:
        self.got.append(await request.json())
        return (
            web.Response(status=self.status) if self.body is None else web.json_response(self.body, status=self.status)
        )

    async def page(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.forms.append((dict(await request.post()), request.headers.get("Origin")))
        return web.Response(
            content_type="text/html",
            text="<style>p {}</style><h1>Sign in</h1><p>It asks <b>you</b>:</p><ul><li>read \x1b[2Jfiles</li></ul>"
            "<form><button>Sign in</button></form><details><p>folded</p></details><p class='soft'>No password.</p>",
        )


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[Proxy, Sender]]:
    made, port = Proxy(), free_port()
    app = web.Application()
    app.router.add_post("/api/messages", made.messages)
    app.router.add_route("*", "/token-service/sign-in", made.page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    base = f"http://127.0.0.1:{port}"
    sender = Sender(dataclasses.replace(SEAT, endpoint=f"{base}/api/messages", sign_in=f"{base}/token-service/sign-in"))
    yield made, sender
    await sender.close()
    await runner.cleanup()


async def test_a_chat_registers_itself_as_its_person(proxy: tuple[Proxy, Sender]) -> None:
    made, sender = proxy

    await sender.arrive()

    assert [each["type"] for each in made.got] == ["conversationUpdate", "installationUpdate"]
    assert made.got[1]["action"] == "add"
    for each in made.got:
        assert each["from"] == {"id": "29:megan", "name": "Megan Bowen", "aadObjectId": "aaaa"}
        assert each["conversation"]["conversationType"] == "personal"
        assert each["serviceUrl"] == SEAT.service_url


async def test_a_press_carries_the_buttons_data_the_inputs_and_the_card(proxy: tuple[Proxy, Sender]) -> None:
    made, sender = proxy
    made.status, made.body = 200, {"statusCode": 200, "type": "t", "value": "noted"}  # type: ignore[assignment]
    action = {"type": "Action.Execute", "title": "Send", "verb": "approval.decide", "data": {"run_id": "r"}}

    answer = await sender.press("m-7", action, {"comment": "ok"})

    assert answer["value"] == "noted"
    assert (made.got[0]["type"], made.got[0]["name"], made.got[0]["replyToId"]) == (
        "invoke",
        "adaptiveCard/action",
        "m-7",
    )
    assert made.got[0]["value"]["action"]["data"] == {"run_id": "r", "comment": "ok"}


async def test_a_submit_is_a_message_with_a_value(proxy: tuple[Proxy, Sender]) -> None:
    made, sender = proxy

    await sender.press("m-7", {"type": "Action.Submit", "data": {"verb": "v"}}, {})

    assert (made.got[0]["type"], made.got[0]["value"]) == ("message", {"verb": "v"})


async def test_a_refusal_is_told_in_the_proxys_words(proxy: tuple[Proxy, Sender]) -> None:
    made, sender = proxy
    made.status, made.body = 502, {"error": {"message": "the bot does not answer"}}  # type: ignore[assignment]

    with pytest.raises(Undelivered, match="the bot does not answer"):
        await sender.say("hello")


async def test_nobody_at_the_proxy_is_told() -> None:
    sender = Sender(dataclasses.replace(SEAT, endpoint=f"http://127.0.0.1:{free_port()}/api/messages"))

    with pytest.raises(Undelivered, match="proxy does not answer"):
        await sender.say("hello")
    await sender.close()


async def test_the_sign_in_page_is_read_without_its_forms_and_answered_as_the_person(
    proxy: tuple[Proxy, Sender],
) -> None:
    made, sender = proxy
    link = f"{sender._seat.sign_in}?state=abc"

    assert await sender.sign_in_page(link) == "Sign in\nIt asks you:\n• read [2Jfiles\nNo password."
    await sender.sign_in(link)

    assert made.forms == [({"state": "abc", "person": "megan"}, link.partition("/token-service")[0])]
