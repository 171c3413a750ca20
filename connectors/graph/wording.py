"""Text that leaves in somebody's name, and text that came in: only what a person can see."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from orchestration.validation.text import visible

_SHOWN, _SHOWN_LINES = 1_500, 60
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_BLOCKS = frozenset(
    {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote"}
)
_UNREAD = frozenset({"script", "style", "head", "title"})


def one_line(text: str) -> str:
    """The text as a subject or name: visible, without line breaks."""
    return " ".join(visible(text).split())


def shown(text: str) -> str:
    """A longer text on a card, with its line breaks; where it is cut, that is said."""
    text = visible(text).strip()
    part = "\n".join(text[:_SHOWN].split("\n")[:_SHOWN_LINES])
    return text if part == text else f"{part.rstrip()}… ({len(text):,} characters in all)"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 mail", "1,204 mails", "no mails"."""
    many = many or f"{one}s"
    return f"no {many}" if not number else f"{number:,} {one if number == 1 else many}"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self._unread += 1
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(self._unread - 1, 0)
        elif tag in _BLOCKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.parts.append(" ".join(data.split("\n")))


def text_of_html(html: str) -> str:
    """What a reader of an HTML mail sees, as plain text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in visible("".join(reader.parts)).split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
