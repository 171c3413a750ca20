"""What a worker may learn of the run around its task: only of the tasks that its own one needs or watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from orchestration.core.label import Label, Source
from orchestration.core.run import TaskStatus
from orchestration.core.usage import Usage


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a task stands that the worker's own task needs or watches.

    Attributes:
        task: Its name as the plan's expressions around the worker's task call it.
        title: What people call it.
        code: Why it was skipped or failed; empty if it was not.
        label: How sensitive its result is; None while there is none.
        readable: There is a result, and the worker may read it.
    """

    task: str
    title: str
    status: TaskStatus
    code: str = ""
    label: Label | None = None
    readable: bool = False


class RunState(msgspec.Struct, frozen=True):
    """How the tasks stand that the worker's own task needs or watches, those in the order of the plan."""

    tasks: list[Standing] = []

    def of(self, task: str) -> Standing | None:
        """One of them by name; None for what is none of the worker's business."""
        return next((each for each in self.tasks if each.task == task), None)


class PeerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a watched task has written.

    Attributes:
        task: Its name.
        value: Its result as plain data.
        label: How sensitive it is.
        tainted: Somebody outside the company may have written part of it.
    """

    task: str
    value: Any
    label: Label
    tainted: bool = False


class Surroundings(Protocol):
    """What `TaskContext` asks of whoever runs the attempt."""

    def note(self, source: Source) -> None:
        """See `TaskContext.note`."""

    def state(self) -> RunState:
        """See `TaskContext.state`."""

    async def complete(self, part: str, done: int, of: int) -> None:
        """See `TaskContext.complete`."""

    async def used(self, usage: Usage) -> None:
        """See `TaskContext.used`."""

    def peers(self) -> AsyncIterator[PeerResult]:
        """See `TaskContext.peers`."""


class Alone:
    """The surroundings of a worker that is called by itself, as in its own tests: there is nobody around."""

    def note(self, source: Source) -> None:
        """Nobody keeps it."""

    def state(self) -> RunState:
        """Nothing is needed or watched."""
        return RunState()

    async def complete(self, part: str, done: int, of: int) -> None:
        """Nobody keeps it."""

    async def used(self, usage: Usage) -> None:
        """Nobody keeps it."""

    async def peers(self) -> AsyncIterator[PeerResult]:
        """There are none."""
        for each in list[PeerResult]():
            yield each
