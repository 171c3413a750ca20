"""Text that came from outside, made fit to be shown."""

from __future__ import annotations

from bot.language import say
from orchestration.validation.text import escaped, plain, web_link

__all__ = ["either", "escaped", "first_name", "listed", "plain", "sentence", "web_link"]


def sentence(text: object, limit: int = 300) -> str:
    """Plain text that ends as a sentence does; empty stays empty."""
    shown = plain(text, limit)
    return shown if not shown or shown[-1] in ".!?…" else shown + "."


def first_name(name: str) -> str:
    """How a person is greeted."""
    return plain(name, 60).partition(" ")[0]


def listed(names: list[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return say("{names} and {last}", names=", ".join(names[:-1]), last=names[-1]) if names[1:] else "".join(names)


def either(names: list[str]) -> str:
    """`A`, `A or B`, `A, B or C`."""
    return say("{names} or {last}", names=", ".join(names[:-1]), last=names[-1]) if names[1:] else "".join(names)
