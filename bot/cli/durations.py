"""Spans of time as people type them: 30s, 2m, 500ms, 90d."""

from __future__ import annotations

import re

from bot.cli.trouble import Trouble

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float:
    """The seconds in "30s", "1.5s", "2m", "90d" or a plain number.

    Raises:
        Trouble: It is none of these, or not more than zero.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", text.strip())
    seconds = float(found[1]) * _SECONDS[found[2] or "s"] if found else 0.0
    if not seconds:
        raise Trouble(f"{text!r} is not a span of time; write 30s, 500ms, 2m or 90d")
    return seconds
