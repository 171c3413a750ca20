"""Text that came from a card or message, made fit for a terminal."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

# Control, format (zero-width, bidi), surrogate, private use: what could move the cursor or hide something.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co"})
_ESCAPE = re.compile(r"\\([\\`*_~\[\]|<&#>=+\-.):/!])")
_INSTANT = re.compile(r"\{\{(DATE|TIME)\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?)(?:,\s*\w+)?\)\}\}")
_TICKING = re.compile(r"\b\d+(?:\.\d+)? (?:s|min|h|days?)\b(?: \d+ (?:s|min)\b)?|\bjust now\b|\bin …|\bnow\b")


def fit(text: object) -> str:
    """The text in which nothing acts on the terminal; lines stay lines."""
    return "".join(char for char in str(text) if char == "\n" or unicodedata.category(char) not in _UNFIT)


def shown(text: object, *, markdown: bool = False) -> str:
    """What a person reads: instants in their own time zone, and with `markdown` without the escapes of Markdown."""
    plain = _INSTANT.sub(_local, fit(text))
    return _ESCAPE.sub(r"\1", plain) if markdown else plain


def _local(found: re.Match[str]) -> str:
    moment = datetime.fromisoformat(found[2]).astimezone()
    return moment.strftime("%Y-%m-%d" if found[1] == "DATE" else "%H:%M")


def still(text: str) -> str:
    """The text without its running clocks, so that a passing second is no news."""
    return _TICKING.sub("…", text)
