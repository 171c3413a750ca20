"""The machine's own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

LONGEST_SECONDS = 60.0


class SystemClock:
    """Implements `orchestration.ports.Clock` with the machine's clock and the running loop's timers."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.call_at`; never early, and soon after a sleep of the machine, in which the loop's timers stand."""
        loop = asyncio.get_running_loop()
        handle: asyncio.Handle

        def check() -> None:
            nonlocal handle
            left = (when - self.now()).total_seconds()
            if left <= 0:
                callback()
            else:
                handle = loop.call_later(min(left, LONGEST_SECONDS), check)

        def cancel() -> None:
            handle.cancel()

        handle = loop.call_soon(check)
        return cancel
