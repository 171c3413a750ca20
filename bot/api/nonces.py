"""Keeps what was said once from being said again: also after a restart, for as long as it would be believed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

KIND = "approval_nonce"
MOST_DROPPED = 50


class Kept(Protocol):
    """Small durable documents; see `orchestration.ports.Store`."""

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """Write one durably."""

    async def drop(self, kind: str, key: str) -> None:
        """Remove one durably."""

    async def documents(self, kind: str) -> dict[str, bytes]:
        """All of a kind."""


class Nonces:
    """Takes each nonce once.

    Args:
        kept: Where they are written before anything follows from them.
        lasting: How long each is kept; what it came with is too old by then.
    """

    def __init__(self, kept: Kept, lasting: timedelta) -> None:
        self._kept, self._lasting = kept, lasting
        self._until: dict[str, datetime] = {}
        self._loaded = False

    async def take(self, nonce: str, now: datetime) -> bool:
        """Whether this one is new; from then on it is not."""
        if not self._loaded:
            for key, body in (await self._kept.documents(KIND)).items():
                self._until.setdefault(key, msgspec.json.decode(body, type=datetime))
            self._loaded = True
        if nonce in self._until:
            return False
        self._until[nonce] = until = now + self._lasting  # before anything is awaited: two may come at a time
        await self._kept.put(KIND, nonce, msgspec.json.encode(until))
        old = [key for key, when in self._until.items() if when < now][:MOST_DROPPED]
        for key in old:
            del self._until[key]
            await self._kept.drop(KIND, key)
        return True
