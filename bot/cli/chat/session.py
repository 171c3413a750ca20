"""One person's chat: what they type becomes messages, presses and inputs; what the bot sends becomes lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rich.text import Text

from bot.cli.chat.control import Button, Input
from bot.cli.chat.drawing import Line
from bot.cli.chat.sender import Sender, Undelivered
from bot.cli.chat.text import shown
from bot.cli.chat.transcript import CARD, News, Transcript
from bot.cli.chat.window import Seat

_NUMBERED = re.compile(r"(\d{1,4})(?:\s+(.*))?", re.DOTALL)
_SHORT = 3  # longer numbers are rather a year or a code than a button that is not there

HELP = """\
Write what you want done. Press [1] by typing 1. Fill in [2] by typing 2 and its value: text, or a choice's number;
2 - empties it. Numbers are never used twice.
/show   everything that waits for you, again
/say 3  sends 3 as a message
/quit   leaves the chat; what is under way goes on (also Ctrl-D)"""


class Paper(Protocol):
    """Where lines are printed."""

    def put(self, lines: Sequence[Line], *, heading: str = "", mark: str = "") -> None:
        """Prints lines under a heading."""


class Session:
    """The chat of one person.

    Args:
        seat: Who.
        sender: Sends for them.
        paper: What they see.
        browse: Opens a page in their browser, if there is one; says whether it did.
    """

    def __init__(self, seat: Seat, sender: Sender, paper: Paper, browse: Callable[[str], bool]) -> None:
        self._seat, self._sender, self._paper, self._browse = seat, sender, paper, browse
        self.transcript = Transcript()
        self.arrivals = 0

    # --- what the bot sends

    def arrived(self, id_: str, activity: dict[str, Any], update: bool) -> None:
        """A message, or a new state of one."""
        self.arrivals += 1
        news = self.transcript.update(id_, activity) if update else self.transcript.post(id_, activity)
        self._print(news)

    def knows(self, id_: str) -> bool:
        """Whether this chat has the message."""
        return self.transcript.message(id_) is not None

    # --- what the person types

    async def take(self, typed: str) -> bool:
        """Does what the person typed; False if they leave. Troubles are told, not raised."""
        typed = typed.strip()
        try:
            if typed in ("/quit", "/exit", "/q"):
                return False
            await self._do(typed)
        except Undelivered as error:
            self._tell(f"Not sent: {error.message}", "red")
        return True

    async def _do(self, typed: str) -> None:
        if not typed:
            return
        if typed.startswith("/"):
            await self._command(typed)
            return
        numbered = _NUMBERED.fullmatch(typed)
        control = self.transcript.numbers.find(int(numbered[1])) if numbered else None
        if numbered and isinstance(control, Input):
            self._fill(control, numbered[2])
        elif numbered and isinstance(control, Button) and numbered[2] is None:
            await self._press(control)
        elif numbered and numbered[2] is None and len(numbered[1]) <= _SHORT:
            gone = self.transcript.numbers.known(int(numbered[1]))
            why = "is not there any more" if gone else "is no button here"
            self._tell(f"[{typed}] {why}. /show lists what is; /say {typed} sends it as a message.")
        else:
            await self._sender.say(typed)

    async def _command(self, typed: str) -> None:
        word, _, rest = typed.partition(" ")
        match word:
            case "/help" | "/?":
                self._tell(HELP)
            case "/say" if rest.strip():
                await self._sender.say(rest.strip())
            case "/show":
                waiting = self.transcript.again()
                for news in waiting:
                    self._print(news)
                if not waiting:
                    self._tell("Nothing waits for you here.")
            case _:
                self._tell(f"There is no {word}. /help lists what there is.")

    def _fill(self, asked: Input, typed: str | None) -> None:
        number = self.transcript.numbers.of(asked)
        if typed is None:
            how = f"{number} NUMBER, from: " if asked.choices else f"{number} and what to put in, as one line."
            options = " · ".join(f"{place} {title}" for place, (_, title) in enumerate(asked.choices, 1))
            self._tell(f"{asked.label.rstrip(':')}: write {how}{options}")
            return
        value, wrong = asked.read(typed)
        self._tell(wrong or self.transcript.put(asked, value), "yellow" if wrong else "")

    async def _press(self, button: Button) -> None:
        if button.kind == "reveal":
            targets = button.action.get("targetElements") or ()
            ids = [str(each.get("elementId") if isinstance(each, dict) else each) for each in targets]
            if button.action.get("type") == "Action.ShowCard":
                ids = [str(button.action.get("id", ""))]
            self._print(self.transcript.toggle(button.message, ids))
        elif button.kind == "send":
            await self._submit(button)
        else:
            await self._open(button)

    async def _submit(self, button: Button) -> None:
        inputs: dict[str, str] = {}
        if button.action.get("associatedInputs", "auto") != "none":
            inputs, missing = self.transcript.filled(button.message, button.part)
            if missing:
                self._tell("\n".join(missing), "yellow")
                return
        answer = await self._sender.press(button.message, button.action, inputs)
        if not isinstance(answer, dict):
            return
        value = answer.get("value")
        if answer.get("type") == CARD and isinstance(value, dict):
            self._print(self.transcript.replace_card(button.message, value))
        elif isinstance(value, str):
            self._tell(shown(value))
        elif isinstance(value, dict) and value.get("message"):
            self._tell(shown(value["message"]), "red")

    async def _open(self, button: Button) -> None:
        link = str(button.action.get("url", ""))
        if button.kind == "sign_in":
            self._tell(await self._sender.sign_in(link), "green")
        elif button.kind == "browse" or not link.startswith(f"{self._seat.sign_in}?"):
            opened = self._browse(link)
            self._tell(f"{'Opened' if opened else 'Open this page'}: {shown(link)}")
        else:
            await self._offer_sign_in(button.message, link)

    async def _offer_sign_in(self, message: str, link: str) -> None:
        """The sandbox's sign-in page, read out, with its button as a number."""
        asked = await self._sender.sign_in_page(link)
        here = Button(message, "sign_in", f"Sign in as {self._seat.name}", {"url": link})
        page = Button(message, "browse", "Open the page instead", {"url": link})
        numbers = [(self.transcript.numbers.of(each), each.title) for each in (here, page)]
        offered = Text("   ").join(Text.assemble((f"[{n}]", "bold cyan"), f" {title}") for n, title in numbers)
        lines = [Line(Text(part)) for part in asked.split("\n")]
        self._paper.put([*lines, Line(Text(shown(link), "dim")), Line(offered)], heading="Sign-in page", mark="⌂")

    def _print(self, news: News | None) -> None:
        if news and news.whole:
            self._paper.put(news.lines, heading=self._seat.bot["name"], mark="●")
        elif news and news.lines:
            self._paper.put(news.lines, heading=news.title, mark="↻")

    def _tell(self, text: str, style: str = "") -> None:
        self._paper.put([Line(Text(part, style)) for part in text.split("\n") if part])
