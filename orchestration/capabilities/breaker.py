"""A circuit breaker: whether a worker's system answers, by what became of its calls.

closed     -> open       when FAILURES calls in a row failed
open       -> half-open  after COOLDOWN: one caller tries
half-open  -> open       when the trial failed
any        -> closed     when any call succeeded: the registry drops the breaker
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Literal

FAILURES = 3
COOLDOWN = timedelta(seconds=30)

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Counts failures in a row and says who may call; knows no clock.

    Attributes:
        failures: In a row, since the last success.
        since: When the first of them was.
        code: Of the last one's error. What it said is not kept: it may name what only its own caller may know.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.since: datetime | None = None
        self.code = ""
        self._opened_at: datetime | None = None
        self._trial: Hashable = None
        self._trial_until: datetime | None = None

    def failed(self, now: datetime, code: str) -> None:
        """A call found nobody there: the third in a row opens the breaker, and so does every further one."""
        self.failures += 1
        self.since, self.code = self.since or now, code
        self._trial = self._trial_until = None
        if self.failures >= FAILURES:
            self._opened_at = now

    def let_go(self, caller: Hashable) -> None:
        """The caller's trial told nothing: somebody else may try."""
        if caller == self._trial:
            self._trial = self._trial_until = None

    def state(self, now: datetime) -> State:
        """`half_open` once the cooldown is over, and then until a call tells more."""
        if self._opened_at is None:
            return "closed"
        return "open" if now < self._opened_at + COOLDOWN else "half_open"

    def try_at(self, now: datetime) -> datetime:
        """When a call may be made again; `now` if one may be made at once."""
        if self._opened_at is None:
            return now
        return max(now, self._opened_at + COOLDOWN, self._trial_until or now)

    def reserve(self, caller: Hashable, now: datetime, longest: timedelta) -> None:
        """Make the caller the one that tries, if one is wanted; a trial that nobody hears of ends after `longest`."""
        if self.state(now) == "half_open" and self.try_at(now) <= now:
            self._trial, self._trial_until = caller, now + longest

    def admits(self, caller: Hashable, now: datetime) -> bool:
        """Whether the caller may call: everybody while closed, nobody while open, then the one that tries."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and caller is not None and caller == self._trial)
