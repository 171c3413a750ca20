"""Brings questions, sign-in requests and outcomes to people, at least once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import msgspec

from orchestration.core import commands as c
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Ask, AskSignIn, Effect, Report
from orchestration.core.view import RunView, view_approval
from orchestration.engines.live import LiveRun
from orchestration.errors import TandemError, Unavailable
from orchestration.ports import Clock, Notifier, Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=30)
T = TypeVar("T")
Notice = Ask | AskSignIn | Report


class Delivery:
    """Delivers notices; whoever cannot be reached is tried again, and at once when they appear.

    Args:
        notifier: The surface.
        store: Where what is shown is read.
        clock: For the next try.
        again: Performs an effect of a run once more.
    """

    def __init__(self, notifier: Notifier, store: Store, clock: Clock, again: Callable[[str, Effect], None]) -> None:
        self._notifier, self._store, self._clock, self._again = notifier, store, clock, again
        self._unreached: dict[str, set[tuple[str, Effect]]] = {}

    def nudge(self, person: str) -> None:
        """Somebody can be reached now."""
        for run_id, effect in self._unreached.pop(person, set()):
            self._again(run_id, effect)

    async def deliver(self, live: LiveRun, run: RunView, effect: Notice) -> list[c.RecordDelivery]:
        """Bring one notice to everybody who has not got it yet; returns what was delivered."""
        match effect:
            case Ask(approval=which):
                return await self._ask(live, run, effect, which)
            case AskSignIn(round=number):
                return await self._one(live, effect, f"sign_in:{number}", self._notifier.ask_sign_in(run))
            case Report():
                answer = await self._read(live, run.answer, Answer) if run.answer else None
                return await self._one(live, effect, "outcome", self._notifier.report(run, answer))

    async def _ask(self, live: LiveRun, run: RunView, effect: Ask, which: str) -> list[c.RecordDelivery]:
        approval = view_approval(live.run.approvals[which])
        shown = await self._read(live, approval.entry, Shown)
        delivered = []
        for person in approval.approvers:
            if (f"approval:{which}", person.id) not in live.run.receipts:
                asking = self._notifier.ask(run, approval, shown, person)
                delivered += await self._one(live, effect, f"approval:{which}", asking, person.id)
        return delivered

    async def _one(
        self, live: LiveRun, effect: Notice, notice: str, sending: Awaitable[str], person: str = ""
    ) -> list[c.RecordDelivery]:
        to = person or live.run.initiator.id
        try:
            return [c.RecordDelivery(notice=notice, to=to, receipt=await sending)]
        except Unavailable as error:
            log.warning("%s of run %s waits: %s", notice, live.run.run_id, error.message)
        except TandemError as error:
            log.error("%s of run %s cannot be delivered: %s", notice, live.run.run_id, error.message)
        except Exception:
            log.exception("%s of run %s cannot be delivered", notice, live.run.run_id)
        waiting = (live.run.run_id, effect)
        self._unreached.setdefault(to, set()).add(waiting)
        self._clock.call_at(self._clock.now() + AGAIN, lambda: self._retry(to, waiting))
        return []

    def _retry(self, person: str, waiting: tuple[str, Effect]) -> None:
        if waiting in self._unreached.get(person, set()):
            self._unreached[person].discard(waiting)
            self._again(*waiting)

    async def _read(self, live: LiveRun, entry: str, type_: type[T]) -> T:
        await live.fetch(self._store, {entry})
        return msgspec.convert(live.value(entry), type_)
