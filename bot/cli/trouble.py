"""What stops a command: one message for the person at the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.errors import TandemError


class Trouble(TandemError):
    """A command cannot go on.

    Attributes:
        log: The last lines of what the process at fault said.
    """

    code = "cli"

    def __init__(self, message: str, *, log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log = list(log)
