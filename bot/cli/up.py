"""`tandem up`: the sandbox, the bot and one Playground for each person, started together and ended together."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bot.cli import playground
from bot.cli.child import Child
from bot.cli.model_choice import Choice
from bot.cli.playground import Window
from bot.cli.ports import Ports, answers, require_free
from bot.cli.screen import Row, Screen
from bot.cli.state import State
from bot.cli.trouble import Trouble

_SANDBOX_SECONDS = 30.0
_BOT_SECONDS = 90.0
_PLAYGROUND_SECONDS = 60.0


@dataclass(frozen=True)
class Wish:
    """What `tandem up` was asked for.

    Attributes:
        data: The tenant's data; None is Contoso, which comes along.
        people: Who gets a window, by key of the tenant's data.
        bot: Start the bot; otherwise somebody else does (a debugger).
        playground: Give each person a Playground; otherwise they use `tandem chat`, and no Node is needed.
        open_browser: Open the windows when there is a display.
        fresh: Delete all local state first.
        model: What plans goals that no playbook fits.
    """

    state: State
    ports: Ports
    people: tuple[str, ...]
    data: Path | None = None
    bot: bool = True
    playground: bool = True
    open_browser: bool = True
    fresh: bool = False
    model: Choice = field(default_factory=Choice)


class Product:
    """All processes of one Tandem on this machine."""

    def __init__(self, wish: Wish, screen: Screen) -> None:
        self._wish = wish
        self._screen = screen
        self._children: list[Child] = []
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """Starts everything, then stays until one part ends or the caller cancels.

        Raises:
            Trouble: Something is in the way, did not start, or ended; whatever was started has been ended.
        """
        wish = self._wish
        script = playground.find() if wish.playground else None
        require_free(wish.ports.needed(bot=wish.bot, playground=wish.playground))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop)
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    windows = await self._start(script)
                    ways_in = [(each.name, self._way_in(each)) for each in windows]
                    self._screen.addresses(ways_in, str(wish.state.logs), wish.model.shown())
                    if wish.playground and wish.open_browser and _has_display():
                        for window in windows:
                            webbrowser.open(window.url)
            except BaseExceptionGroup as group:
                raise _first(group) from None

    def _way_in(self, window: Window) -> str:
        """How a person gets to their chat."""
        state = self._wish.state.root
        where = "" if state == Path(".tandem") else f" --state {shlex.quote(str(state))}"
        return window.url if self._wish.playground else f"tandem chat --as {window.key}{where}"

    async def _start(self, script: Path | None) -> list[Window]:
        wish = self._wish
        with self._screen as screen:
            sandbox, bot = screen.row("Sandbox tenant"), screen.row("Bot")
            rows = [screen.row("Chat") for _ in wish.people]
            described = await self._start_sandbox(sandbox)
            windows = [Window.of(window) for window in described["windows"]]
            async with asyncio.TaskGroup() as starting:
                if wish.bot:
                    starting.create_task(self._start_bot(bot, described["settings"]))
                else:
                    bot.skip("tandem serve (with the same --state, and --port)")
                for window, row in zip(windows, rows, strict=True):
                    row.title = f"Chat of {window.name}"
                    if script is None:
                        row.skip(self._way_in(window))
                    else:
                        row.title = f"Playground of {window.name}"
                        starting.create_task(self._start_playground(row, window, script))
        return windows

    async def _start_sandbox(self, row: Row) -> dict[str, Any]:
        wish, state = self._wish, self._wish.state
        state.sandbox_file.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "bot.cli",
            "sandbox",
            "--state",
            str(state.root),
            "--port-base",
            str(wish.ports.sandbox),
        ]
        command += [
            "--bot-port",
            str(wish.ports.bot),
            "--playground-port",
            str(wish.ports.playground),
            "--people",
            ",".join(wish.people),
        ]
        command += ["--data", str(wish.data)] if wish.data else []
        command += wish.model.of_the_sandbox()
        child = await self._launch(row, Child("The sandbox tenant", command, log=state.logs / "sandbox.log"))

        async def listens() -> bool:
            return state.sandbox_file.exists()

        await child.until(listens, seconds=_SANDBOX_SECONDS)
        self._screen.say_ready(row, f"http://localhost:{wish.ports.sandbox + 1}")
        described = state.sandbox()
        assert described is not None  # it has just said that it listens
        return described

    async def _start_bot(self, row: Row, settings: dict[str, str]) -> None:
        port, state = self._wish.ports.bot, self._wish.state
        environment = {
            **settings,
            **self._wish.model.settings(settings),
            "TANDEM_HOST": "127.0.0.1",
            "TANDEM_PORT": str(port),
            "TANDEM_DATA_DIR": str(state.root.resolve()),
        }
        child = Child(
            "The bot", [sys.executable, "-m", "bot.main"], log=state.logs / "bot.log", environment=environment
        )
        await self._launch(row, child)
        await child.until(lambda: answers(port, "/healthz", holding=b" 200 "), seconds=_BOT_SECONDS)
        self._screen.say_ready(row, f"http://localhost:{port}/api/messages")

    async def _start_playground(self, row: Row, window: Window, script: Path) -> None:
        child = await self._launch(row, window.child(script, self._wish.state.logs / f"playground-{window.key}.log"))
        await child.until(lambda: answers(window.port, "/_debug/ping", holding=b"pong"), seconds=_PLAYGROUND_SECONDS)
        self._screen.say_ready(row, window.url)

    async def _launch(self, row: Row, child: Child) -> Child:
        row.begin()
        self._children.append(child)
        await child.start()
        self._tasks.create_task(child.watch())
        return child

    async def _stop(self) -> None:
        """Ends what talks to the sandbox first, then the sandbox."""
        sandbox, rest = self._children[:1], self._children[1:]
        for group in (rest, sandbox):
            await asyncio.gather(*(child.stop() for child in group))


async def up(wish: Wish, console: Console) -> None:
    """Runs Tandem until Ctrl-C (or SIGTERM, or a closed terminal); afterwards no process is left.

    Raises:
        Trouble: It could not start, or a part of it ended.
    """
    wish.state.prepare()
    with wish.state.held():
        if wish.fresh:
            wish.state.erase()
        product = asyncio.create_task(Product(wish, Screen(console)).run())
        asked = False

        def end() -> None:
            nonlocal asked
            if not asked:
                asked = True
                console.print("\nEnding …", style="dim")
                product.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, end)
        try:
            await product
        except asyncio.CancelledError:
            if not asked:
                raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What happened first; the rest followed from it."""
    error: BaseException = group.subgroup(Trouble) or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def people_of(text: str) -> tuple[str, ...]:
    """The keys in "megan,alex".

    Raises:
        Trouble: There is none, or one comes twice.
    """
    people: Sequence[str] = [key.strip() for key in text.split(",") if key.strip()]
    if not people or len(set(people)) != len(people):
        raise Trouble(f"--people {text!r}: give each person's key once, as in --people megan,alex")
    return tuple(people)
