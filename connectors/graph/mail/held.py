"""What a draft in the mailbox holds: compared with what was shown before it is sent."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from connectors.graph.addresses import Address
from connectors.graph.client import inner, objects, texts
from connectors.graph.mail.letter import KEY_PROPERTY
from connectors.graph.wording import one_line, text_of_html
from orchestration.validation.text import visible

# What Exchange makes of a plain text as HTML: it never needs more to say the same.
_HARMLESS = frozenset(
    {"html", "head", "body", "meta", "style", "title", "div", "p", "span", "font", "br", "a", "pre", "b", "i", "u"}
)
_LEADING = frozenset({"href"})
_STYLED = ("url(", "@import", "expression(", "content:")


def differences(message: dict[str, Any], to: list[Address], cc: list[Address], subject: str, text: str) -> list[str]:
    """What a draft holds otherwise than it was shown, in words; empty if it is what was shown.

    Args:
        message: As Graph has it, with its body as it is stored.
        to: Who was shown.
        cc: Who was shown as getting a copy.
        subject: As shown.
        text: As shown, whole.
    """
    found = []
    if _addresses(message, "toRecipients") != {each.address.casefold() for each in to}:
        found.append("it goes to others")
    if _addresses(message, "ccRecipients") != {each.address.casefold() for each in cc}:
        found.append("others get a copy")
    if objects(message, "bccRecipients"):
        found.append("somebody gets a hidden copy")
    if objects(message, "replyTo"):
        found.append("answers go to others")
    if one_line(texts(message, "subject")) != one_line(subject):
        found.append("it has another subject")
    if not _says(inner(message, "body"), text):
        found.append("it has another text")
    if message.get("hasAttachments") is not False:
        found.append("it has attachments")
    keys = [each for each in objects(message, "singleValueExtendedProperties") if _is_key(each)]
    if not keys:
        found.append("Tandem did not write it")
    return found


def _addresses(message: dict[str, Any], name: str) -> set[str]:
    return {texts(inner(each, "emailAddress"), "address").casefold() for each in objects(message, name)}


def _is_key(found: dict[str, Any]) -> bool:
    return texts(found, "id").casefold() == KEY_PROPERTY.casefold() and bool(texts(found, "value"))


def _says(body: dict[str, Any], text: str) -> bool:
    """Whether a body says just the text: line breaks and blanks may be others, and Exchange may have made it HTML."""
    content = texts(body, "content")
    if texts(body, "contentType").casefold() != "html":
        return content.split() == text.split()
    reader = _Reader(text)
    reader.feed(content)
    reader.close()
    return reader.harmless and text_of_html(content).split() == text.split()


class _Reader(HTMLParser):
    """Looks for what a reader of HTML would load or be led to, beside the addresses that the text has itself."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._text, self._in_style = text, False
        self.harmless = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.harmless &= tag in _HARMLESS
        for name, value in attrs:
            given = value or ""
            if name in _LEADING:
                self.harmless &= tag == "a" and given.removeprefix("mailto:").rstrip("/") in self._text
            elif name in ("src", "background", "srcset", "http-equiv"):
                self.harmless &= name == "http-equiv" and given.casefold() == "content-type"
            elif name == "style":
                self.harmless &= not _styled(given)
            else:
                self.harmless &= not name.startswith("on")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.harmless &= not _styled(data)
        data = data.replace("\r", "")
        self.harmless &= visible(data) == data


def _styled(style: str) -> bool:
    """Whether a style could load something or say something itself."""
    squeezed = "".join(style.split()).casefold()
    return "\\" in squeezed or any(each in squeezed for each in _STYLED)
