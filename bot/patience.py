"""Invokes are answered in time, however long what they want takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot import texts
from bot.refusals import told
from orchestration.errors import TandemError

log = logging.getLogger(__name__)
T = TypeVar("T")
Tell = Callable[[str], Awaitable[None]]


class Patience:
    """Waits for as long as an invoke may take; what takes longer goes on, and its outcome is told in the chat.

    Args:
        seconds: Teams waits 3.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late: set[asyncio.Task[None]] = set()

    async def wait(
        self, doing: Coroutine[Any, Any, T], tell: Tell, late: Callable[[T], Awaitable[None]] | None = None
    ) -> asyncio.Task[T] | None:
        """What was done in time; None if it goes on.

        Args:
            doing: What the invoke wants; its errors are raised only if they come in time.
            tell: Tells the person of an error that came late.
            late: Shows an outcome that came late.
        """
        task = asyncio.get_running_loop().create_task(doing)
        await asyncio.wait({task}, timeout=self._seconds)
        if task.done():
            task.result()
            return task
        finishing = asyncio.get_running_loop().create_task(_finish(task, tell, late))
        self._late.add(finishing)
        finishing.add_done_callback(self._late.discard)
        return None

    async def close(self) -> None:
        """Let go of what takes long."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)


async def _finish(task: asyncio.Task[T], tell: Tell, late: Callable[[T], Awaitable[None]] | None) -> None:
    try:
        outcome = await task
        if late is not None:
            await late(outcome)
        return
    except TandemError as error:
        said = told(error)
    except Exception:  # whatever it is, the person hears of it
        log.exception("what an invoke wanted failed after its answer")
        said = texts.trouble()
    try:
        await tell(said)
    except TandemError as error:
        log.warning("nobody could be told: %s", error.message)
