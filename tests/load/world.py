"""The sandbox, the bot, the channel and the sender, each in a process of its own but the channel."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec
from aiohttp import ClientError, ClientSession

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import load
from connectors.sandbox.keys import Keyring
from connectors.sandbox.sessions import Sessions
from connectors.sandbox.tokens import Mint
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.run import Person
from orchestration.stores.sqlite import SqliteStore
from tests.e2e.product import free_ports
from tests.load.bot import PEOPLE
from tests.load.channel import Channel, activity
from tests.load.people import people
from tests.load.sender import Order, Orders, Result

LONGEST_SECONDS = 120.0


class World:
    """Everything around one folder.

    Attributes:
        settings: Of the bot.
        channel: Takes what the bot sends.
        mint: Signs as the channel does.
        everybody: The people.
        bot: Its process.
    """

    settings: dict[str, str]
    channel: Channel
    mint: Mint
    everybody: list[Person]
    bot: asyncio.subprocess.Process

    def __init__(self, folder: Path) -> None:
        self._folder, self.settings = folder, {}

    @property
    def url(self) -> str:
        """Where the bot listens."""
        return f"http://127.0.0.1:{self.settings['TANDEM_PORT']}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Everything is up meanwhile, and everybody has added the app."""
        async with AsyncExitStack() as stack:
            base, state = free_ports(20), self._folder / "state"
            bot_url = f"http://127.0.0.1:{base + 19}"
            command = ["-m", "connectors.sandbox", "--state", str(state), "--port-base", str(base)]
            await self._process(stack, "sandbox", [*command, "--bot-url", bot_url])
            described = state / "sandbox.json"
            await until(described.exists, "the sandbox does not come up")
            self.settings = json.loads(described.read_text())["settings"]
            tenant, keys = load(CONTOSO), Keyring(state / "sandbox")
            self.mint = Mint(tenant, keys, Sessions(state / "sandbox" / "sign-ins.json"), "")
            self.everybody = people(PEOPLE, tenant.id)
            self.channel = await stack.enter_async_context(Channel(self.everybody).listening())
            self.settings |= {"TANDEM_PORT": str(base + 19), "TANDEM_DATA_DIR": str(self._folder / "bot")}
            self.bot = await self._process(stack, "bot", ["-m", "tests.load.bot"], asyncio.subprocess.PIPE)
            await self._up()
            await self._introduce()
            yield self

    async def _process(
        self, stack: AsyncExitStack, name: str, command: list[str], pipes: int | None = None
    ) -> asyncio.subprocess.Process:
        output = stack.enter_context((self._folder / f"{name}.log").open("wb"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env={**os.environ, **self.settings},
            stdin=pipes or asyncio.subprocess.DEVNULL,
            stdout=pipes or output,
            stderr=output,
        )
        stack.push_async_callback(_ended, process)
        return process

    async def _up(self) -> None:
        async with ClientSession() as http, asyncio.timeout(LONGEST_SECONDS):
            while True:
                assert self.bot.returncode is None, f"the bot ended: {self.story()}"
                with suppress(ClientError):
                    async with http.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def _introduce(self) -> None:
        url = self.channel.url
        added = [activity(who, url, "installationUpdate", f"add-{who.id}", action="add") for who in self.everybody]
        results = await self.send([Order(place / 100, self.token, each) for place, each in enumerate(added)])
        assert all(200 <= each.status < 300 for each in results), f"the bot does not greet: {results} {self.story()}"

    @property
    def token(self) -> str:
        """What the channel shows."""
        return self.mint.channel_token(self.channel.url)

    async def send(self, orders: Sequence[Order]) -> list[Result]:
        """Let the sender send."""
        given, kept = self._folder / "orders.json", self._folder / "results.json"
        given.write_bytes(msgspec.json.encode(Orders(f"{self.url}/api/messages", list(orders))))
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.load.sender", str(given), str(kept), stdin=asyncio.subprocess.DEVNULL
        )
        assert await sender.wait() == 0
        return msgspec.json.decode(kept.read_bytes(), type=list[Result])

    async def tell(self, line: str, expected: str = "") -> None:
        """A line for the bot's process, and the one that it shall answer with."""
        assert self.bot.stdin is not None
        assert self.bot.stdout is not None
        self.bot.stdin.write(f"{line}\n".encode())
        await self.bot.stdin.drain()
        if expected:
            async with asyncio.timeout(LONGEST_SECONDS):
                said = (await self.bot.stdout.readline()).decode().strip()
            assert said == expected, self.story()

    def story(self) -> str:
        """The end of the bot's log."""
        return (self._folder / "bot.log").read_text()[-4000:]

    async def log(self) -> dict[str, list[e.Event]]:
        """Run => its events, read once the bot has ended."""
        await _ended(self.bot)
        store = SqliteStore(self._folder / "bot" / "tandem.db")
        await store.open()
        try:
            runs = [row.run_id for row in await store.runs(limit=10_000)]
            return {run: [decode(each.body) for each in await store.events(run)] for run in runs}
        finally:
            await store.close()


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()


async def until(what: Callable[[], object], why: str, seconds: float = LONGEST_SECONDS) -> None:
    """Return once something holds that no event tells of."""
    try:
        async with asyncio.timeout(seconds):
            while not what():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(why) from None
