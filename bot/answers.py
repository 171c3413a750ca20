"""The answers to invokes, in the shapes that Teams knows."""

from __future__ import annotations

from typing import Any

from bot import texts
from bot.reply import Card, Note, Reply, Said
from bot.wire import CARD

NOTE = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"

# Status and body of the HTTP response.
InvokeAnswer = tuple[int, Any]


def note(text: str) -> InvokeAnswer:
    """The pressed card stays; the client shows the text beneath it."""
    return 200, {"statusCode": 200, "type": NOTE, "value": text}


def answer(reply: Reply) -> InvokeAnswer:
    """What a press led to."""
    match reply:
        case Card(card=card):
            return 200, {"statusCode": 200, "type": CARD, "value": card}
        case Note(text=text):
            return note(text)
        case Said():
            return note(texts.see_below())
        case _:
            return note(texts.on_it())


def malformed(reason: str) -> InvokeAnswer:
    """The invoke is not what its name promises."""
    return 400, {"statusCode": 400, "type": ERROR, "value": {"code": "BadRequest", "message": reason}}
