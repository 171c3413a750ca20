"""What a worker says of its sources, kept."""

from __future__ import annotations

from orchestration.capabilities.surroundings import Alone
from orchestration.core.label import Source


class Listening(Alone):
    """Keeps what is noted; `noted` in order."""

    def __init__(self) -> None:
        self.noted: list[Source] = []

    def note(self, source: Source) -> None:
        """See `TaskContext.note`."""
        self.noted.append(source)
