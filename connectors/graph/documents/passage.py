"""Pieces of a document, each with its place, and how much of a document is wanted."""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.graph.documents.turns import Turns
from orchestration.validation.text import visible

Kind = Literal["text", "heading", "table", "footnote", "comment"]


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text and where it is: "page 3", "paragraph 12", "2026-10!A5:F5", "lines 4-9"."""

    where: str
    text: str
    kind: Kind = "text"


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much is wanted; pages count from 1 and are of PDFs only."""

    first_page: int = 1
    most_pages: int = 100
    most_characters: int = 200_000


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was read; `notes` are for people, `complete` says that nothing was left out."""

    passages: list[Passage]
    notes: list[str] = []
    pages: int = 0
    complete: bool = True


class Gathering:
    """Collects passages until there are enough characters, and lets other threads have their turns meanwhile."""

    def __init__(self, most_characters: int) -> None:
        self.passages: list[Passage] = []
        self.full = False
        self._left = most_characters
        self._turns = Turns()

    def add(self, where: str, text: str, kind: Kind = "text") -> bool:
        """Takes a passage, the last one cut; False as soon as no more is wanted. Blank ones are left out."""
        self._turns.give()
        text = visible(text).strip()
        if not text or self.full:
            return not self.full
        if len(text) > self._left:
            self.full = True
            text = text[: self._left].rstrip()
        self._left -= len(text)
        if text:
            self.passages.append(Passage(where=where, text=text, kind=kind))
        return not self.full
