"""Tells approval systems of questions that need somebody no more, so that nobody answers there in vain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.routes.workflow import CLOSED, WorkflowRoute
from orchestration.core.commands import RecordDelivery
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import TandemError, Unavailable, UnknownRun
from orchestration.ports import Engine

log = logging.getLogger(__name__)
PAUSES_SECONDS = (1.0, 10.0, 60.0)


class Closing:
    """Implements `orchestration.ports.Listener`.

    Args:
        engine: Records that a system was told.
        workflow: Knows what was brought where, and tells.
        sleep: Waits for some seconds before the next try.
    """

    def __init__(
        self,
        engine: Engine,
        workflow: WorkflowRoute,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine, self._workflow, self._sleep = engine, workflow, sleep
        self._news: dict[str, RunView] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def resume(self) -> None:
        """Tell what was closed before the process ended."""
        for run_id in await self._workflow.load():
            try:
                self(await self._engine.view(run_id))
            except UnknownRun:
                await self._workflow.forget(run_id)

    def __call__(self, run: RunView) -> None:
        """See `Listener`."""
        if not self._workflow.brought_of(run.run_id):
            return
        self._news[run.run_id] = run
        if run.run_id not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._settle(run.run_id))
            self._tasks[run.run_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(run.run_id, None))

    async def close(self) -> None:
        """End; what was not told is told after the next start."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _settle(self, run_id: str) -> None:
        while run := self._news.pop(run_id, None):
            for which, person_id in list(self._workflow.brought_of(run_id)):
                approval = next((each for each in run.approvals if each.id == which), None)
                if approval is None:
                    continue
                if approval.open and any(each.id == person_id for each in approval.approvers):
                    continue
                try:
                    await self._close(run, approval, person_id)
                except Exception:  # the others are told all the same
                    log.exception("that %s of run %s is closed was not recorded", which, run_id)

    async def _close(self, run: RunView, approval: ApprovalView, person_id: str) -> None:
        person = next((each for each in _asked(approval) if each.id == person_id), Person(person_id, ""))
        name = await self._workflow.brought(run, approval, person)
        if system := self._workflow.system(name):
            for pause in (*PAUSES_SECONDS, 0.0):
                try:
                    await self._workflow.close(system, run, approval, person)
                    break
                except TandemError as error:
                    if not pause or not isinstance(error, Unavailable):
                        log.warning("%s was not told that %s is closed: %s", name, approval.id, error.message)
                        break
                await self._sleep(pause)
        notice = f"{CLOSED}{approval.id}"
        await self._engine.send(run.run_id, RecordDelivery(notice=notice, to=person_id, receipt=name))
        await self._workflow.forget(run.run_id, approval.id, person_id)


def _asked(approval: ApprovalView) -> list[Person]:
    """Everybody who was asked at some time."""
    return [*approval.approvers, *(before for before, _ in approval.delegated)]
