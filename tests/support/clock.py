"""A clock that tests move by hand."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FakeClock:
    """Implements `orchestration.ports.Clock`; time passes only in `advance`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._now

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.call_at`."""
        timer = (when, next(self._order), callback)
        heapq.heappush(self._timers, timer)

        def cancel() -> None:
            if timer in self._timers:
                self._timers.remove(timer)
                heapq.heapify(self._timers)

        return cancel

    @property
    def next_timer(self) -> datetime | None:
        """When the next callback is due, if any is."""
        return self._timers[0][0] if self._timers else None

    def advance(self, by: timedelta) -> None:
        """Let time pass and call what is due, in order."""
        end = self._now + by
        while self._timers and self._timers[0][0] <= end:
            when, _, callback = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            callback()
        self._now = end
