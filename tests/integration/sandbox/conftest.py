"""A sandbox in this process, for each test its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from aiohttp import ClientSession

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.keys import Keyring
from connectors.sandbox.server import Sandbox
from orchestration.errors import Invalid
from tests.integration.sandbox.world import Recorder, World, free_ports

# A Tuesday, before whatever the clock says: what is written during a test is newer than the data.
TODAY = date(2024, 11, 26)


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once; each sandbox of the tests gets a copy."""
    folder = tmp_path_factory.mktemp("keys")
    Keyring(folder)
    return folder


@pytest.fixture
def state(made_keys: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    shutil.copytree(made_keys, folder / "sandbox")
    return folder


async def _serving(state: Path, bot: Recorder, playground: Recorder) -> tuple[Sandbox, asyncio.Task[None]]:
    """A sandbox that listens; where somebody took a port since it was found free, another base is tried."""
    while True:
        sandbox = Sandbox(
            CONTOSO,
            state,
            port_base=free_ports(0, 1, 11),
            bot_url=f"http://127.0.0.1:{bot.port}",
            windows=["megan"],
            playground_port=playground.port,
            today=TODAY,
        )
        serving = asyncio.create_task(sandbox.run())
        async with asyncio.timeout(10):
            while not serving.done():
                if (state / "sandbox.json").exists():
                    return sandbox, serving
                await asyncio.sleep(0)
        failure = serving.exception()
        if not isinstance(failure, Invalid) or "is taken" not in failure.message:
            raise failure or AssertionError("the sandbox ended by itself")


@pytest.fixture
async def world(state: Path) -> AsyncIterator[World]:
    async with Recorder().listening() as bot, Recorder().listening() as playground:
        sandbox, serving = await _serving(state, bot, playground)
        async with ClientSession() as http:
            yield World(sandbox, http, bot, playground)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
