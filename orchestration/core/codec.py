"""Events to bytes and back."""

from __future__ import annotations

import msgspec

from orchestration.core.events import Event

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """JSON of one event; `type` names it."""
    return _encoder.encode(event)


def decode(body: bytes) -> Event:
    """The event again.

    Raises:
        msgspec.ValidationError: The bytes are of no known event.
    """
    return _decoder.decode(body)
