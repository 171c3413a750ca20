"""What is being done outside at this moment: one task of the loop for each effect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from orchestration.core.run import Effect

log = logging.getLogger(__name__)
GRACE_SECONDS = 10.0


class Work:
    """Performs effects, each at most once at a time.

    Args:
        failed: Called with the run and the effect when performing raised, which it should not.
        ended: Called with the run and the effect when that is not being performed any more.

    Attributes:
        grace_seconds: How long `stop` waits for writes, and then for whatever was cancelled.
    """

    def __init__(self, failed: Callable[[str, Effect], None], ended: Callable[[str, Effect], None]) -> None:
        self._failed, self._ended = failed, ended
        self._tasks: dict[str, dict[Effect, asyncio.Task[None]]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self.grace_seconds = GRACE_SECONDS

    def busy(self, run_id: str) -> bool:
        """Whether anything of a run is being done."""
        return run_id in self._tasks

    def of(self, run_id: str) -> frozenset[Effect]:
        """What is being done of a run."""
        return frozenset(self._tasks.get(run_id, ()))

    def begin(self, run_id: str, effect: Effect, perform: Callable[[], Awaitable[None]], *, write: bool) -> None:
        """Perform an effect, unless that is being done already."""
        if effect in self._tasks.get(run_id, ()):
            return
        task = asyncio.get_running_loop().create_task(self._perform(run_id, effect, perform))
        self._tasks.setdefault(run_id, {})[effect] = task
        if write:
            self._writes.add(task)

    async def _perform(self, run_id: str, effect: Effect, perform: Callable[[], Awaitable[None]]) -> None:
        try:
            await perform()
        except Exception:
            log.exception("run %s: performing %r failed", run_id, effect)
            self._failed(run_id, effect)
        finally:  # at once: who looks next shall not find what is over
            self._forget(run_id, effect, asyncio.current_task())

    def _forget(self, run_id: str, effect: Effect, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            self._writes.discard(task)
        tasks = self._tasks.get(run_id, {})
        if tasks.get(effect) is task:
            del tasks[effect]
            if not tasks:
                del self._tasks[run_id]
            self._ended(run_id, effect)

    def cancel(self, run_id: str, effect: Effect) -> bool:
        """Stop performing an effect, if it is: whatever comes of it is not wanted any more."""
        task = self._tasks.get(run_id, {}).get(effect)
        if task is None:
            return False
        task.add_done_callback(lambda _: self._forget(run_id, effect, task))  # it may not even have begun
        return task.cancel()

    async def stop(self) -> None:
        """Give writes a moment to finish, then cancel everything; who does not listen is left behind."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=self.grace_seconds)
        left = [task for tasks in self._tasks.values() for task in tasks.values()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self.grace_seconds)
        self._tasks.clear()
        self._writes.clear()
