"""When runs next need to be woken."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime

from orchestration.ports import Clock


class Timers:
    """One timer of the clock for any number of runs; a run has one time or none.

    Args:
        clock: Tells the time and calls back.
        wake: Called with each run whose time has come.
    """

    def __init__(self, clock: Clock, wake: Callable[[str], None]) -> None:
        self._clock, self._wake = clock, wake
        self._when: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._armed: datetime | None = None
        self._disarm: Callable[[], None] = lambda: None

    def set(self, run_id: str, when: datetime | None) -> None:
        """Wake a run at `when` and at no other time; None for never."""
        if when is None:
            self._when.pop(run_id, None)
        elif self._when.get(run_id) != when:
            self._when[run_id] = when
            heapq.heappush(self._heap, (when, run_id))
            if self._armed is None or when < self._armed:
                self._arm()

    def clear(self) -> None:
        """Forget all of them."""
        self._disarm()
        self._when.clear()
        self._heap.clear()
        self._armed = None

    def _arm(self) -> None:
        self._disarm()
        while self._heap and self._when.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        self._armed = self._heap[0][0] if self._heap else None
        if self._armed is not None:
            self._disarm = self._clock.call_at(self._armed, self._fire)

    def _fire(self) -> None:
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            when, run_id = heapq.heappop(self._heap)
            if self._when.get(run_id) == when:
                del self._when[run_id]
                self._wake(run_id)
        self._armed = None
        self._arm()
