"""An operator at the console of a running engine: the real control socket, and the real commands."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from typer.testing import CliRunner

from bot.cli.app import app
from bot.cli.trouble import Trouble
from bot.control import Control
from tests.support.office import Office, opened


async def forgotten(person: str) -> None:
    """Nothing of anybody is in this operator's memory."""


class Console:
    """A terminal beside an office at work."""

    def __init__(self, office: Office, control: Control) -> None:
        self.office, self.control = office, control

    async def run(self, *arguments: str, typed: str = "") -> str:
        """What a command prints; it has to succeed."""

        def invoke() -> str:
            command = [*arguments, "--state", str(self.office.path)]
            said = CliRunner().invoke(app, command, input=typed, catch_exceptions=False)
            assert said.exit_code == 0, said.output
            return said.output

        return await asyncio.to_thread(invoke)

    async def trouble(self, *arguments: str) -> str:
        """What a command says that cannot be carried out."""
        try:
            said = await self.run(*arguments)
        except Trouble as error:
            return error.message
        raise AssertionError(f"it went well: {said}")


@asynccontextmanager
async def console(office: Office) -> AsyncIterator[Console]:
    """The office at work, with its control socket."""
    async with opened(office):
        engine = office.engine
        control = Control(office.path, engine, office.registry.health, engine.prune, engine.erasure, forgotten)
        await control.start()
        try:
            yield Console(office, control)
        finally:
            await control.stop()


@asynccontextmanager
async def short_folder() -> AsyncIterator[Path]:
    """A folder whose path leaves room for that of a socket."""
    path = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path)
