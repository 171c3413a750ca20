"""Text that came from outside, made fit to be shown."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

# Looks blank without being classed as invisible: fillers, joiners, variation selectors, the braille blank.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
# Categories: control, format (zero-width, bidi, tags), surrogate, private use.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})
_SPACE = re.compile(r"\s+")

# What begins emphasis, code, a link, an image, a table or strike-through anywhere in a text.
_INLINE = re.compile(r"[\\`*_~\[\]|]")
# What some clients make a link of without being asked.
_ADDRESS = re.compile(r"(?<=[A-Za-z])(?=://)|(?<=[wW]{3})(?=\.)")
# What begins HTML or an entity; `a < b` and `AT&T` stay as they are.
_HTML = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")
# What begins a heading, quote, list or rule at the start of a text.
_START = re.compile(r"^(?:[#>=]|[-+](?=[\s-]|$))")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def plain(text: object, limit: int = 300) -> str:
    """One line without invisible characters, cut to `limit` characters; safe where no Markdown is read.

    Line breaks become spaces, since an invisible structure could otherwise imitate one of the card's own lines. A
    `{{` is parted, since cards read `{{DATE(...)}}` also in plain runs of text.
    """
    whole = str(text)
    part = whole[: 8 * limit]  # enough for any honest text; the rest of an endless one is not even looked at
    seen = (" " if char.isspace() else char for char in part if char.isspace() or _visible(char))
    shown = _SPACE.sub(" ", _BLANK.sub("", "".join(seen))).strip().replace("{{", "{ {")
    if len(shown) <= limit and len(part) == len(whole):
        return shown
    return shown[: limit - 1].rstrip() + "…"


def _visible(char: str) -> bool:
    return (char.isascii() and char.isprintable()) or unicodedata.category(char) not in _INVISIBLE


def escaped(text: object, limit: int = 300) -> str:
    """The same for places that read Markdown (headings and facts): shown letter by letter, never as formatting.

    Only what would act is escaped, so that ordinary figures and dates reach every client unchanged.
    """
    shown = _INLINE.sub(r"\\\g<0>", plain(text, limit))
    shown = _ADDRESS.sub(r"\\", shown)
    shown = _HTML.sub(r"\\\g<0>", shown)
    shown = _NUMBERED.sub(r"\1\\\2", shown)
    return _START.sub(r"\\\g<0>", shown)


def sentence(text: object, limit: int = 300) -> str:
    """Plain text that ends as a sentence does; empty stays empty."""
    shown = plain(text, limit)
    return shown if not shown or shown[-1] in ".!?…" else shown + "."


def first_name(name: str) -> str:
    """How a person is greeted."""
    return plain(name, 60).partition(" ")[0]


def listed(words: list[str], last: str = "and") -> str:
    """`A`, `A and B`, `A, B and C`."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 step`, `3 steps`, `1,200 steps`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def web_link(url: str) -> str:
    """The address if it is an ordinary http(s) one, else an empty text.

    Refused: other schemes, addresses without host or with a user part (`https://bank@evil`), and any that hold
    blanks or invisible characters.
    """
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not port_is_number:
        return ""
    if len(url) > 2000 or "\\" in url or any(char.isspace() for char in url) or plain(url, 2000) != url:
        return ""
    return url
