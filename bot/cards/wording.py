"""Text that came from outside, made fit to be shown."""

from __future__ import annotations

from orchestration.validation.text import escaped, plain, web_link

__all__ = ["counted", "escaped", "first_name", "listed", "plain", "sentence", "web_link"]


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
