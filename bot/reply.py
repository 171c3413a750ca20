"""What a press leads to for the one who pressed."""

from __future__ import annotations

from typing import Any

import msgspec


class Card(msgspec.Struct, frozen=True):
    """The card takes the place of the one that was pressed."""

    card: dict[str, Any]


class Note(msgspec.Struct, frozen=True):
    """The card stays as it is, with what was typed in it; the person is told."""

    text: str


class Said(msgspec.Struct, frozen=True):
    """The card stays as it is; this card comes as a new message."""

    card: dict[str, Any]


Reply = Card | Note | Said | None
