"""The bot on a real channel: real tokens both ways, the sandbox's proxy and token service, stand-in Playgrounds."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bot.main import serve
from bot.settings import Settings, read
from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.server import Sandbox
from orchestration.core.run import Person
from tests.integration.sandbox.world import free_ports
from tests.support.teams import Teams

WAIT_SECONDS = 20
WINDOWS = ("megan", "alex")


class Playground:
    """The chat of one window: keeps what the bot sends, as the real one's connector does."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.types: list[str] = []
        self.streams: list[dict[str, Any]] = []
        self.refuse: list[web.Response] = []
        self.members: list[dict[str, str]] = []
        self.port = 0
        self._numbers = itertools.count(1)

    async def listen(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_post("/_connector/v3/conversations/{id}/activities", self.post)
        app.router.add_put("/_connector/v3/conversations/{id}/activities/{activity}", self.put)
        app.router.add_get("/_connector/v3/conversations/{id}/members/{member}", self.member)
        app.router.add_get("/_connector/v3/conversations/{id}/pagedmembers", self.paged)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self.port).start()

    async def post(self, request: web.Request) -> web.Response:
        if self.refuse:
            return self.refuse.pop(0)
        activity = await request.json()
        self.types.append(activity["type"])
        if stream := next((each.get("streamId") for each in activity.get("entities", ()) if "streamId" in each), ""):
            self.streams.append(activity)
            if activity["type"] == "message":
                self.messages[stream] = activity
            return web.Response(status=202)  # as the real ones do: no id again
        number = f"m{next(self._numbers)}"
        if activity["type"] == "message":
            self.messages[number] = activity
        return web.json_response({"id": number}, status=201)

    async def put(self, request: web.Request) -> web.Response:
        if request.match_info["activity"] not in self.messages:
            return web.json_response({"error": {"code": "NotFound"}}, status=404)
        self.messages[request.match_info["activity"]] = await request.json()
        return web.json_response({"id": request.match_info["activity"]})

    async def member(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["member"], "userPrincipalName": "who@contoso.example"})

    async def paged(self, _: web.Request) -> web.Response:
        return web.json_response({"members": self.members})

    def text(self, number: str) -> str:
        return str(self.messages[number])


class Channel:
    """Everything that runs, and the two people in front of it."""

    def __init__(self, sandbox: Sandbox, settings: Settings, playgrounds: dict[str, Playground]) -> None:
        self.sandbox, self.settings, self.playgrounds = sandbox, settings, playgrounds
        self.http: ClientSession
        self.teams: Teams

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def person(self, key: str) -> Person:
        found = self.sandbox.tenant.people[key]
        return Person(found.id, found.name, found.upn, self.sandbox.tenant.id)

    def activity(self, key: str, type_: str = "message", **more: Any) -> dict[str, Any]:
        found = self.sandbox.tenant.people[key]
        window = self.sandbox.windows[WINDOWS.index(key)]
        return {
            "type": type_,
            "id": f"in-{id(more)}-{next(_numbers)}",
            "channelId": "msteams",
            "serviceUrl": window.service_url,
            "from": {"id": found.teams_id, "name": found.name, "aadObjectId": found.id},
            "recipient": {"id": "28:bot", "name": "Tandem"},
            "conversation": {"id": f"a:{key}", "conversationType": "personal", "tenantId": self.sandbox.tenant.id},
            **more,
        }

    async def send(self, key: str, type_: str = "message", **more: Any) -> tuple[int, Any]:
        """Send as the Playground of that person does: through the window's proxy."""
        window = self.sandbox.windows[WINDOWS.index(key)]
        async with self.http.post(window.endpoint, json=self.activity(key, type_, **more)) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    async def press(self, key: str, number: str, title: str, **inputs: Any) -> Any:
        from tests.support.chat import buttons

        card = self.playgrounds[key].messages[number]["attachments"][0]["content"]
        pressed = buttons(card)[title]
        action = {"type": "Action.Execute", "verb": pressed["verb"], "data": {**pressed["data"], **inputs}}
        name = "adaptiveCard/action"
        status, body = await self.send(key, "invoke", name=name, value={"action": action}, replyToId=number)
        assert status == 200, body
        return body

    async def sees(self, key: str, text: str) -> str:
        """The number of the newest message that holds the text, as soon as there is one."""

        def find() -> str | None:
            chat = self.playgrounds[key]
            return next((each for each in reversed(chat.messages) if text in chat.text(each)), None)

        found = await self.until(find, f"{key} does not see {text!r}")
        assert isinstance(found, str)
        return found

    async def until(self, what: Callable[[], object], why: str) -> object:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not (found := what()):  # noqa: ASYNC110 - what happens elsewhere sets no event
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            seen = {key: [str(m)[:300] for m in chat.messages.values()] for key, chat in self.playgrounds.items()}
            raise AssertionError(f"{why}: {seen}") from None

    async def sign_in(self, key: str, number: str, *, by: str = "") -> int:
        """Follow the sign-in card's link and press the page's button."""
        link = re.search(
            r"http://localhost:\d+/token-service/sign-in\?state=[\w-]+", self.playgrounds[key].text(number)
        )
        assert link is not None
        page, _, state = link.group().partition("?state=")
        origin = {"Origin": page.partition("/token-service")[0]}
        form = {"state": state, "person": by or key}
        async with self.http.post(page, data=form, headers=origin) as answer:
            return answer.status


_numbers = itertools.count(1)


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[Channel]:
    base = free_ports(0, 1, 11, 12, 17, 18, 19)
    playgrounds = {key: Playground() for key in WINDOWS}
    async with AsyncExitStack() as stack:
        for offset, playground in enumerate(playgrounds.values()):
            playground.port = base + 17 + offset
            await playground.listen(stack)
        sandbox = Sandbox(
            CONTOSO,
            tmp_path / "state",
            port_base=base,
            bot_url=f"http://127.0.0.1:{base + 19}",
            windows=list(WINDOWS),
            playground_port=base + 17,
        )
        serving = asyncio.create_task(sandbox.run())
        stack.push_async_callback(ended, serving)
        async with asyncio.timeout(WAIT_SECONDS):
            while not (tmp_path / "state" / "sandbox.json").exists():
                assert not serving.done(), serving.exception()
                await asyncio.sleep(0.01)
        more = {"TANDEM_PORT": str(base + 19), "TANDEM_DATA_DIR": str(tmp_path)}
        made = Channel(sandbox, read({**sandbox.describe()["settings"], **more}), playgrounds)
        made.http = await stack.enter_async_context(ClientSession())
        made.teams = Teams(made.settings, made.person("alex"))
        stopped = asyncio.Event()
        bot = asyncio.create_task(serve(made.teams, made.settings, stopped))
        async with asyncio.timeout(WAIT_SECONDS):
            while not made.teams.engine.running:
                assert not bot.done(), bot.exception()
                await asyncio.sleep(0.01)
        yield made
        stopped.set()
        await bot


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
