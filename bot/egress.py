"""The last gate: whatever made a message, nothing leaves that policy does not let out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from functools import partial
from operator import eq
from typing import Any

import msgspec

from bot.texts import LONGEST_SUMMARY, clean
from bot.wire import Message
from orchestration.validation.hosts import shown_host
from orchestration.validation.links import strays, without_links
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import Policies, hosts_of
from orchestration.validation.text import escaped

log = logging.getLogger(__name__)

# What people read; everything else in a card is for machines, and `data` comes back as it went out.
_READ = frozenset(
    {"text", "title", "label", "placeholder", "speak", "fallbackText", "altText", "tooltip", "errorMessage"}
)
_LED_TO = frozenset({"url", "iconUrl", "fallbackUrl"})
_PICTURES = frozenset({"Image", "ImageSet", "Media"})
_LEFT = frozenset({"data", "tokenExchangeResource"})
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


class LastGate:
    """Looks through messages and cards; what may not go out is taken out, and the log says so.

    Args:
        policies: Where links may lead.
        sign_in: Addresses to whose hosts the buttons of sign-in cards may lead beside that.
    """

    def __init__(self, policies: Policies, sign_in: Iterable[str] = ()) -> None:
        self._policies = policies
        self._sign_in = Policy(hosts=hosts_of(sign_in))

    def message(self, message: Message) -> Message:
        """The message as it may go out."""
        allows = self._policies.current().allows
        named = [msgspec.structs.replace(each, title=self.text(each.title)) for each in message.sources]
        sources = [each if not each.link or allows(each.link) else self._unlinked(each, each.link) for each in named]
        return msgspec.structs.replace(
            message,
            summary=clean(self.text(message.summary), LONGEST_SUMMARY),
            text=self.text(message.text),
            card=None if message.card is None else self.card(message.card, sign_in=message.sign_in),
            sources=sources,
            suggested=[self.text(each) for each in message.suggested],
        )

    def text(self, text: str) -> str:
        """A text without anything invisible and with links to allowed hosts only.

        What is escaped is no link in Markdown; but clients show it without its backslashes, and some then make links
        of all that looks like one.
        """
        allows = self._policies.current().allows
        shown = _ESCAPED.sub(r"\1", text)
        if shown != text and strays(shown, allows):
            return escaped(without_links(shown, allows), 2 * len(shown))
        return without_links(text, allows)

    def card(self, card: dict[str, Any], *, sign_in: bool = False) -> dict[str, Any]:
        """A card of any kind as it may go out; the one given stays as it is.

        Args:
            card: The card.
            sign_in: It is one for signing in: its buttons, and nothing else in it, may lead to the sign-in pages.
        """
        left = self._walk(card, "", sign_in=sign_in)
        return left if isinstance(left, dict) else {}

    def answer(self, body: Any) -> Any:
        """What the answer to a press holds: a card, a text, or neither."""
        if not isinstance(body, dict):
            return body
        value = body.get("value")
        if isinstance(value, dict):
            return {**body, "value": self.card(value)}
        return {**body, "value": self.text(value)} if isinstance(value, str) else body

    def _unlinked(self, source: Any, link: str) -> Any:
        self._say("a source", link)
        return msgspec.structs.replace(source, link="")

    @staticmethod
    def _say(what: str, url: str) -> None:
        log.warning("%s went out without its link: policy names no such host (%s)", what, shown_host(url) or "none")

    def _walk(self, part: Any, key: str, *, sign_in: bool = False) -> Any:
        """The same without what may not go out; None for what is to be left out whole."""
        if isinstance(part, list):
            return [left for each in part if (left := self._walk(each, key, sign_in=sign_in)) is not None]
        if not isinstance(part, dict):
            return part
        kind = part.get("type")
        if kind in _PICTURES:
            log.warning("a card went out without a picture (%s)", kind)
            return None
        allows: Callable[[str], bool] = self._policies.current().allows
        led = part.get("url") if kind == "Action.OpenUrl" else part.get("value") if kind == "signin" else None
        if led is not None and sign_in and self._sign_in.allows(str(led)):
            allows = partial(eq, str(led))
        if led is not None and not allows(str(led)):
            self._say("a card", str(led))
            return None
        kept: dict[str, Any] = {}
        for name, value in part.items():
            if name == "backgroundImage" or (name in _LED_TO and isinstance(value, str) and not allows(value)):
                self._say("a card", str(value))
            elif name in _LEFT:
                kept[name] = value
            elif isinstance(value, str):
                read = name in _READ or (name == "value" and (key == "facts" or kind == "Input.Text"))
                kept[name] = self.text(value) if read else value
            elif (below := self._walk(value, name, sign_in=sign_in)) is not None:
                kept[name] = below
        return None if kind == "ActionSet" and part.get("actions") and not kept.get("actions") else kept
