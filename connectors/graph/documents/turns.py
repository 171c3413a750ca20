"""Long work in a thread that lets other threads have their turns.

Unpacking lets go of the interpreter for an instant, again and again. Whoever waits for it is woken up too late each
time, and begins to wait anew, for as long as the document takes; a real pause now and then is their chance.
"""

from __future__ import annotations

import io
import time

EVERY_SECONDS, PAUSE_SECONDS = 0.004, 0.0002


class Turns:
    """Pauses for an instant where the last pause was some milliseconds ago."""

    def __init__(self) -> None:
        self._paused_at = time.perf_counter()

    def give(self) -> None:
        """To be called often."""
        if time.perf_counter() - self._paused_at > EVERY_SECONDS:
            time.sleep(PAUSE_SECONDS)
            self._paused_at = time.perf_counter()


class PatientFile(io.BytesIO):
    """A file in memory that pauses now and then while it is read: for readers that are somebody else's."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._turns = Turns()

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        self._turns.give()
        return super().read(size)
