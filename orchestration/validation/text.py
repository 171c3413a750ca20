"""Text that people see: nothing invisible in it, and nothing read as Markdown by mistake."""

from __future__ import annotations

import re
import unicodedata

from orchestration.validation.hosts import destination

# Unicode's default ignorables (fillers, joiners, bidi controls, variation selectors, tags), controls, halves of
# characters, private use, and the blank of braille. Tabs and line breaks are dealt with by each function.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
# Joiners and the choice between text and picture mean something between letters of some scripts and in emoji. One of
# them between two such letters stays; elsewhere, or several at once, they could only carry what nobody sees.
_JOINING = "\u0600-\u06ff\u0900-\u0dff\u0e00-\u1fff\u2190-\u2bff\U0001f000-\U0001faff"
_JOINERS = re.compile("[\u200c\u200d\ufe0e\ufe0f]")
_IDLE_JOINER = re.compile(
    f"(?<![{_JOINING}\ufe0f])[\u200c\u200d]|[\u200c\u200d](?![{_JOINING}])|(?<![{_JOINING}])[\ufe0e\ufe0f]"
)
_BLANKS = re.compile(r"\s+")
_TWO_BRACES = re.compile(r"\{(?=\{)")  # also where three are side by side

# What begins emphasis, code, a link, an image, a table or strike-through anywhere in a text.
_INLINE = re.compile(r"[\\`*_~\[\]|]")
# What some clients make a link of without being asked.
_ADDRESS = re.compile(r"(?<=[A-Za-z])(?=://)|(?<=[wW]{3})(?=\.)")
# What begins HTML or an entity; `a < b` and `AT&T` stay as they are.
_HTML = re.compile(r"<(?=[A-Za-z/!?]|[^\s<>]*@)|&(?=#?\w+;)")
# What begins a heading, quote, list or rule at the start of a text.
_START = re.compile(r"^(?:[#>=]|[-+](?=[\s-]|$))")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def visible(text: str) -> str:
    """The text without anything that a reader cannot see; tabs and line breaks stay, all line breaks alike."""
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    while _JOINERS.search(text) and (fewer := _IDLE_JOINER.sub("", text)) != text:
        text = fewer
    return text


def clean(text: object, limit: int = 2000) -> str:
    """One line of visible characters, at most `limit` long."""
    whole = str(text)
    part = whole[: 8 * limit]  # enough for any honest text: putting marks in order takes time with their square
    line = _BLANKS.sub(" ", visible(unicodedata.normalize("NFC", part))).strip()
    return line if len(line) <= limit and len(part) == len(whole) else f"{line[: limit - 1]}…"


def plain(text: object, limit: int = 300) -> str:
    """One line for a card, safe where no Markdown is read; no joiners either, and at most `limit` characters.

    Line breaks become spaces, since an invisible structure could otherwise imitate one of the card's own lines. A
    `{{` is parted, since cards read `{{DATE(...)}}` also in plain runs of text.
    """
    whole = str(text)
    part = whole[: 8 * limit]  # as in `clean`
    seen = (" " if char.isspace() else char for char in part if char.isspace() or _shows(char))
    shown = _BLANKS.sub(" ", "".join(seen)).strip()
    shown = _TWO_BRACES.sub("{ ", shown)
    if len(shown) <= limit and len(part) == len(whole):
        return shown
    return shown[: limit - 1].rstrip() + "…"


def _shows(char: str) -> bool:
    if char.isascii():
        return char.isprintable()
    if _INVISIBLE.match(char) or _JOINERS.match(char):
        return False
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")


def escaped(text: object, limit: int = 300) -> str:
    """The same for places that read Markdown: shown letter by letter, never as formatting.

    Only what would act is escaped, so that ordinary figures and dates reach every client unchanged.
    """
    shown = _INLINE.sub(r"\\\g<0>", plain(text, limit))
    shown = _ADDRESS.sub(r"\\", shown)
    shown = _HTML.sub(r"\\\g<0>", shown)
    shown = _NUMBERED.sub(r"\1\\\2", shown)
    return _START.sub(r"\\\g<0>", shown)


def web_link(url: str) -> str:
    """The address if it is an ordinary one, as `hosts.destination` says, else an empty text."""
    return url if destination(url) and plain(url, 2000) == url else ""
