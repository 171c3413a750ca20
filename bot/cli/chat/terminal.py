"""The terminal: lines of the chat above, what the person types below; or plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.cli.chat.connector import Connector
from bot.cli.chat.drawing import Line
from bot.cli.chat.sender import Sender, Undelivered
from bot.cli.chat.session import Session
from bot.cli.chat.window import Seat

_AGAIN_SECONDS = 1.0
_QUIET_SECONDS = 3.0
_WIDEST = 110


class Screen:
    """Prints lines, wrapped with their indent."""

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        width = None if terminal else _WIDEST
        # A new console for each print: the prompt puts itself in the place of stdout and takes it back.
        self._console: Callable[[], Console] = lambda: Console(
            file=sys.stdout, force_terminal=terminal, width=width, highlight=False, soft_wrap=False
        )

    def put(self, lines: Sequence[Line], *, heading: str = "", mark: str = "") -> None:
        """See `Paper.put`."""
        console = self._console()
        wide = min(console.width, _WIDEST)
        if heading:
            clock = datetime.now().astimezone().strftime("%H:%M")
            console.print(Text.assemble("\n", (f"{mark} {heading}", "bold magenta"), (f"  {clock}", "dim")), width=wide)
        for place, line in enumerate(lines):
            if line.gap and place:
                console.print()
            console.print(Padding(_hanging(line), (0, 0, 0, 2 + line.indent), expand=False), width=wide)


def _hanging(line: Line) -> Text | Table:
    if not line.hang:
        return line.text
    grid = Table.grid()
    grid.add_column(width=line.hang, no_wrap=True)
    grid.add_row(line.text[: line.hang], line.text[line.hang :])
    return grid


async def chat(seat: Seat, first: str = "") -> None:
    """One person's chat until they leave.

    Args:
        seat: Who.
        first: Said as soon as the bot is there.

    Raises:
        Trouble: The person's window is open elsewhere.
    """
    screen = Screen()
    sender = Sender(seat)
    session = Session(seat, sender, screen, _browse)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sender.close)
        await Connector(seat, session.arrived, session.knows).listen(stack)
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(_arrive(seat, sender, screen, session, first))
            terminal = sys.stdin.isatty() and sys.stdout.isatty()
            typed = _typed(seat, session) if terminal else _piped(session, talking)
            async with aclosing(typed) as lines:
                await _converse(session, lines, talking)
            talking.cancel()
    screen.put([Line(Text("You left the chat. What is under way goes on; open it again at any time.", "dim"))])


async def _arrive(seat: Seat, sender: Sender, screen: Screen, session: Session, first: str) -> None:
    """Registers the chat, as often as it takes."""
    screen.put([Line(Text(f"You are {seat.name}. /help says what can be typed here; /quit leaves.", "dim"))])
    told = False
    while True:
        try:
            await sender.arrive()
            break
        except Undelivered as error:
            if not told:
                screen.put([Line(Text(f"The bot is not there yet, so I wait. {error.message}", "yellow"))])
            told = True
            await asyncio.sleep(_AGAIN_SECONDS)
    if first:
        screen.put([Line(Text(f"{seat.name}: {first}", "bold"))])
        await session.take(first)


async def _converse(session: Session, lines: AsyncIterator[str], before: asyncio.Task[None]) -> None:
    """Takes line after line; one waits for the one before, the prompt for none."""
    order = asyncio.Lock()
    busy: set[asyncio.Task[None]] = set()

    async def take(line: str) -> None:
        async with order:
            await asyncio.wait({before})
            await session.take(line)

    try:
        async for line in lines:
            if line.strip() in ("/quit", "/exit", "/q"):
                break
            task = asyncio.get_running_loop().create_task(take(line))
            busy.add(task)
            task.add_done_callback(busy.discard)
        if busy and before.done():
            await asyncio.wait(busy, timeout=_QUIET_SECONDS)
    finally:
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _typed(seat: Seat, session: Session) -> AsyncGenerator[str, None]:
    """What is typed at the prompt; the last line of the terminal shows clocks that go on."""
    os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")  # no question to terminals that do not know the answer
    from prompt_toolkit import PromptSession
    from prompt_toolkit.patch_stdout import patch_stdout

    def toolbar() -> str | None:
        return f" {session.transcript.ticking}" if session.transcript.ticking else None

    prompt: PromptSession[str] = PromptSession(f"{seat.key}> ", bottom_toolbar=toolbar, refresh_interval=0.5)
    with patch_stdout(raw=True):
        while True:
            try:
                yield await prompt.prompt_async()
            except (EOFError, KeyboardInterrupt):
                return


async def _piped(session: Session, before: asyncio.Task[None]) -> AsyncGenerator[str, None]:
    """Lines from a pipe or file; at its end, the chat ends when the bot has been quiet for a while."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except ValueError:  # a file: it never keeps anybody waiting
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
    await asyncio.wait({before})
    while line := await reader.readline():
        yield line.decode(errors="replace")
    seen = -1
    while session.arrivals != seen:
        seen = session.arrivals
        await asyncio.sleep(_QUIET_SECONDS)


def _browse(link: str) -> bool:
    """Opens a web address in the person's browser, where there is a display."""
    if not link.startswith(("http://", "https://")):
        return False
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        with suppress(webbrowser.Error):
            return webbrowser.open(link)
    return False
