"""Offers of single sign-on: each client of a person sends the same one, and all of them get the one outcome."""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Outcome = TypeVar("Outcome")
MOST_KEPT = 2_000


class Exchanges(Generic[Outcome]):
    """Trades an offer once, whoever sends it again, at once or later.

    An offer that came to nothing may be tried by the next client, whose own token may be better.

    Args:
        good: Whether an outcome is one to keep.
    """

    def __init__(self, good: Callable[[Outcome], bool]) -> None:
        self._good = good
        self._done: OrderedDict[tuple[str, str], Outcome] = OrderedDict()
        self._locks: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = weakref.WeakValueDictionary()

    async def once(self, person: str, offer: str, trade: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """The outcome of a person's offer with this id; without an id each offer counts for itself."""
        if not offer:
            return await trade()
        key = (person, offer)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._done:
                outcome = await trade()
                if not self._good(outcome):
                    return outcome
                self._done[key] = outcome
                if len(self._done) > MOST_KEPT:
                    self._done.popitem(last=False)
            return self._done[key]

    def forget(self, person: str) -> None:
        """The person has signed out: what was traded before counts for nothing any more."""
        for key in [key for key in self._done if key[0] == person]:
            del self._done[key]
