"""The machine's own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime


class SystemClock:
    """Implements `orchestration.ports.Clock` with the machine's clock and the running loop's timers."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.call_at`."""
        delay = max(0.0, (when - self.now()).total_seconds())
        return asyncio.get_running_loop().call_later(delay, callback).cancel
