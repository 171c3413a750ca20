"""What a person sends: messages, presses, and the answer on the sandbox's sign-in page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.cli.chat.text import shown
from bot.cli.chat.window import Seat
from bot.cli.trouble import Trouble

_TIMEOUT = ClientTimeout(total=60, connect=5)


class Undelivered(Trouble):
    """The bot did not take it."""

    code = "undelivered"


class Sender:
    """Speaks as one person, through the proxy that signs for them."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._http = ClientSession(timeout=_TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._http.close()

    async def arrive(self) -> None:
        """Registers the chat, as Teams does when a person opens it for the first time.

        Raises:
            Undelivered: The bot is not there.
        """
        accounts = [self._seat.bot, {key: self._seat.user[key] for key in ("id", "name", "aadObjectId")}]
        await self._send("conversationUpdate", membersAdded=accounts)
        await self._send("installationUpdate", action="add")

    async def say(self, text: str) -> None:
        """Sends a message.

        Raises:
            Undelivered: The bot did not take it.
        """
        await self._send("message", text=text, textFormat="plain")

    async def press(self, message: str, action: Mapping[str, Any], inputs: Mapping[str, str]) -> Any:
        """Presses a button on a message's card; returns what the bot answers at once (`type` and `value`), or None.

        Raises:
            Undelivered: The bot did not take it.
        """
        data = action.get("data")
        sent = {**(data if isinstance(data, dict) else {}), **inputs}
        if action.get("type") == "Action.Submit":
            return await self._send("message", value=sent, replyToId=message)
        about = {"type": "Action.Execute", "verb": action.get("verb", ""), "data": sent}
        if title := action.get("title"):
            about["title"] = title
        value = {"action": about, "trigger": "manual"}
        return await self._send("invoke", name="adaptiveCard/action", value=value, replyToId=message)

    async def sign_in_page(self, link: str) -> str:
        """What the sandbox's sign-in page asks."""
        return await self._page("GET", link)

    async def sign_in(self, link: str) -> str:
        """Answers that page as this person: yes; returns what it says then."""
        parts = urlsplit(link)
        form = {"state": parse_qs(parts.query).get("state", [""])[0], "person": self._seat.key}
        return await self._page(
            "POST", self._seat.sign_in, data=form, headers={"Origin": f"{parts.scheme}://{parts.netloc}"}
        )

    async def _page(self, method: str, url: str, **more: Any) -> str:
        try:
            async with self._http.request(method, url, **more) as answer:
                return _readable(await answer.text())
        except (ClientError, TimeoutError) as error:
            raise Undelivered(
                f"The sign-in page does not answer ({type(error).__name__}); is the sandbox up?"
            ) from error

    async def _send(self, type_: str, **more: Any) -> Any:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        activity = self._seat.activity(type_, str(uuid.uuid4()), timestamp=now, **more)
        try:
            async with self._http.post(self._seat.endpoint, json=activity) as answer:
                body = await answer.json(content_type=None) if answer.content_length != 0 else None
                status = answer.status
        except ValueError:
            body = None
        except (ClientError, TimeoutError) as error:
            raise Undelivered(f"The sandbox's proxy does not answer ({type(error).__name__}).") from error
        if status >= 400:
            raise Undelivered(_refusal(status, body))
        return body


def _refusal(status: int, body: Any) -> str:
    about = body.get("error") if isinstance(body, dict) else None
    return shown((about.get("message") if isinstance(about, dict) else "") or f"The bot answered with status {status}.")


class _Reader(HTMLParser):
    """Keeps headings, paragraphs and list entries of a page; forms and what they fold away are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._inside = 0
        self._reading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += tag in ("form", "details")
        if tag in ("h1", "p", "li"):
            self._reading = not self._inside
            self.lines += [""] if self._reading else []
            if self._reading and tag == "li":
                self.lines[-1] = "• "

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in ("form", "details")
        self._reading = self._reading and tag not in ("h1", "p", "li")

    def handle_data(self, data: str) -> None:
        if self._reading:
            self.lines[-1] += data


def _readable(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    return shown("\n".join(" ".join(line.split()) for line in reader.lines if line.strip()))
