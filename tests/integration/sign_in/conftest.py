"""The whole product in this process, wired as it ships, on a sandbox tenant with real tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.bootstrap import Tandem, build
from bot.main import serve
from bot.settings import Settings, read
from connectors.sandbox import tokens as mint
from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.server import Sandbox
from tests.integration.bot.conftest import Channel, Playground, ended
from tests.integration.sandbox.world import free_ports

WAIT_SECONDS = 40
WINDOWS = ("megan", "alex", "lee")
GOAL = "Reconcile the supplier invoices for {month} 2026"


class Product(Channel):
    """Everything that ships, and people in front of it."""

    def __init__(self, sandbox: Sandbox, settings: Settings, playgrounds: dict[str, Playground], folder: Path) -> None:
        super().__init__(sandbox, settings, playgrounds)
        self.folder = folder
        self.tandem: Tandem
        self.issued: list[str] = []

    @property
    def identity(self) -> Any:
        """What gives tokens."""
        return self.tandem._connections.identity

    @property
    def engine(self) -> Any:
        """What runs runs."""
        return self.tandem._engine

    @property
    def sign_ins(self) -> Any:
        """What takes sign-ins."""
        return self.tandem._dialog._sign_ins

    def activity(self, key: str, type_: str = "message", **more: Any) -> dict[str, Any]:
        window = next(each for each in self.sandbox.windows if each.person.key == key)
        found, made = window.person, super().activity("megan", type_, **more)
        sent = {
            "serviceUrl": window.service_url,
            "from": {"id": found.teams_id, "name": found.name, "aadObjectId": found.id},
            "conversation": {"id": f"a:{key}", "conversationType": "personal", "tenantId": self.sandbox.tenant.id},
        }
        return {**made, **sent}

    async def send(self, key: str, type_: str = "message", **more: Any) -> tuple[int, Any]:
        window = next(each for each in self.sandbox.windows if each.person.key == key)
        async with self.http.post(window.endpoint, json=self.activity(key, type_, **more)) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    async def begin(self, key: str, month: str = "October") -> None:
        """Ask, and start the plan."""
        await self.send(key, text=GOAL.format(month=month))
        await self.press(key, await self.sees(key, "Plan ready"), "Start")

    async def asked(self, key: str, text: str = "/token-service/sign-in") -> str:
        """The newest sign-in card that says so; its number."""
        return await self.sees(key, text)

    async def waits(self, key: str) -> None:
        """Until a run of the person waits for a sign-in, and nothing of it is under way any more."""
        person = self.person(key).id

        async def look() -> bool:
            runs = await self.engine.runs(person=person, open_only=True)
            running = any(task.status == "running" for run in runs for task in run.tasks)
            return not running and any(run.awaiting_sign_in for run in runs)

        async with asyncio.timeout(WAIT_SECONDS):
            while not await look():  # noqa: ASYNC110 - what happens elsewhere sets no event
                await asyncio.sleep(0.02)

    async def decide(self, count: int = 1) -> None:
        """Alex decides what he is asked, as often as `count`."""
        for _ in range(count):
            question = await self.sees("alex", "Send decisions")
            await self.press("alex", question, "Send decisions")
            await self.gone("alex", question, "Send decisions")

    async def gone(self, key: str, number: str, text: str) -> None:
        """Until a message of the person does not say that any more."""
        await self.until(lambda: text not in self.playgrounds[key].text(number), f"{key} still sees {text!r}")

    def lines(self) -> list[dict[str, Any]]:
        """The sandbox's access log."""
        file = self.sandbox.state / "sandbox" / "access.log"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


Prepare = Callable[[Sandbox, AsyncExitStack], Awaitable[dict[str, str]]]


async def _as_it_is(_: Sandbox, __: AsyncExitStack) -> dict[str, str]:
    return {}


@pytest.fixture
async def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Product]:
    async with opened(tmp_path, monkeypatch) as made:
        yield made


@asynccontextmanager
async def opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Prepare = _as_it_is
) -> AsyncIterator[Product]:
    """The product at work; `prepare` may start more beside the sandbox, and gives settings that differ."""
    base = free_ports(0, 1, 11, 12, 13, 16, 17, 18, 19)
    playgrounds = {key: Playground() for key in WINDOWS}
    issued: list[str] = []
    sign = mint._sign

    def noted(*asked: Any, **more: Any) -> str:
        issued.append(sign(*asked, **more))
        return issued[-1]

    monkeypatch.setattr(mint, "_sign", noted)
    async with AsyncExitStack() as stack:
        for offset, playground in enumerate(playgrounds.values()):
            playground.port = base + 16 + offset
            await playground.listen(stack)
        sandbox = Sandbox(
            CONTOSO,
            tmp_path / "state",
            port_base=base,
            bot_url=f"http://127.0.0.1:{base + 19}",
            windows=list(WINDOWS),
            playground_port=base + 16,
        )
        serving = asyncio.create_task(sandbox.run())
        stack.push_async_callback(ended, serving)
        async with asyncio.timeout(WAIT_SECONDS):
            while not (tmp_path / "state" / "sandbox.json").exists():
                assert not serving.done(), serving.exception()
                await asyncio.sleep(0.01)
        folder = tmp_path / "bot"
        more = {"TANDEM_PORT": str(base + 19), "TANDEM_DATA_DIR": str(folder), **await prepare(sandbox, stack)}
        made = Product(sandbox, read({**sandbox.describe()["settings"], **more}), playgrounds, folder)
        made.issued = issued
        made.http = await stack.enter_async_context(ClientSession())
        made.tandem = build(made.settings)
        stopped = asyncio.Event()
        bot = asyncio.create_task(serve(made.tandem, made.settings, stopped))
        async with asyncio.timeout(WAIT_SECONDS):
            while not made.engine.running:
                assert not bot.done(), bot.exception()
                await asyncio.sleep(0.01)
        yield made
        stopped.set()
        await bot
