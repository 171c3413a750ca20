"""Brings questions, sign-in requests and outcomes to people, at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from orchestration.core import commands as c
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Ask, AskInitiator, AskSignIn, Effect, Person, Remind, Report, TellReply, askers
from orchestration.core.view import ApprovalView, RunView
from orchestration.engines.live import LiveRun
from orchestration.errors import TandemError, Unavailable
from orchestration.ports import Clock, Notifier, Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=30)
AGAIN_LIMIT = timedelta(minutes=30)
LONGEST_SECONDS = 120.0
T = TypeVar("T")
Notice = Ask | Remind | AskInitiator | TellReply | AskSignIn | Report
Sending = tuple[str, str, Callable[[], Awaitable[str]]]  # notice, person id, how


class Delivery:
    """Delivers notices; whoever cannot be reached is tried again, ever less often, and at once when they appear.

    Args:
        notifier: The surface.
        store: Where what is shown is read.
        clock: For the next try.
        again: Performs an effect of a run once more.
    """

    def __init__(self, notifier: Notifier, store: Store, clock: Clock, again: Callable[[str, Effect], None]) -> None:
        self._notifier, self._store, self._clock, self._again = notifier, store, clock, again
        self._unreached: dict[str, dict[tuple[str, Effect], Callable[[], None]]] = {}

    def nudge(self, person: str) -> None:
        """Somebody can be reached now."""
        for waiting, cancel in self._unreached.pop(person, {}).items():
            cancel()
            self._again(*waiting)

    def waits(self, run_id: str, effect: Effect) -> bool:
        """Whether a notice is tried again for somebody who could not be reached."""
        return any((run_id, effect) in others for others in self._unreached.values())

    async def deliver(
        self, live: LiveRun, run: RunView, effect: Notice, approval: ApprovalView | None
    ) -> list[c.RecordDelivery]:
        """Bring one notice to everybody who has not got it yet; returns what was delivered.

        Args:
            live: Where values are read.
            run: The run as it is on disk.
            effect: What is to be delivered.
            approval: The question that it is about, if it is about one.
        """
        delivered: list[c.RecordDelivery] = []
        missed: list[str] = []
        for notice, to, send in self._sendings(live, run, effect, approval):
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    delivered.append(c.RecordDelivery(notice=notice, to=to, receipt=await send()))
                continue
            except Unavailable as error:
                log.warning("%s of run %s waits: %s", notice, run.run_id, error.message)
            except TandemError as error:
                log.error("%s of run %s cannot be delivered: %s", notice, run.run_id, error.message)
            except Exception:
                log.exception("%s of run %s cannot be delivered", notice, run.run_id)
            missed.append(to)
        since = (approval.requested_at if approval else run.ended_at) or live.run.last_at
        for to in missed:  # only now: nobody is tried again while this delivery goes on
            self._later(to, (run.run_id, effect), since)
        return delivered

    def _sendings(
        self, live: LiveRun, run: RunView, effect: Notice, approval: ApprovalView | None
    ) -> Iterator[Sending]:
        match effect:
            case Ask(approval=which):
                assert approval is not None
                yield from self._to(
                    run, f"approval:{which}", approval.approvers, partial(self._ask, live, run, approval)
                )
            case Remind(approval=which):
                assert approval is not None
                said = {vote.by.id for vote in approval.votes}
                people = [person for person in approval.approvers if person.id not in said]
                yield from self._to(run, f"reminder:{which}", people, partial(self._notifier.remind, run, approval))
            case AskInitiator(approval=which, number=number):
                assert approval is not None
                asking = partial(self._notifier.ask_initiator, run, approval)
                yield f"back:{which}:{number}", run.initiator.id, asking
            case TellReply(approval=which, number=number):
                assert approval is not None
                people = askers(approval.remarks, run.initiator, number)
                yield from self._to(
                    run, f"reply:{which}:{number}", people, partial(self._notifier.tell_reply, run, approval)
                )
            case AskSignIn(round=number):
                yield f"sign_in:{number}", run.initiator.id, partial(self._notifier.ask_sign_in, run)
            case Report():
                notice = f"outcome:{run.reopened}" if run.reopened else "outcome"
                yield notice, run.initiator.id, partial(self._report, live, run)

    @staticmethod
    def _to(
        run: RunView, notice: str, people: list[Person], send: Callable[[Person], Awaitable[str]]
    ) -> Iterator[Sending]:
        """One notice to each of these people who has not got it."""
        for person in people:
            if (notice, person.id) not in run.receipts:
                yield notice, person.id, partial(send, person)

    async def _ask(self, live: LiveRun, run: RunView, approval: ApprovalView, person: Person) -> str:
        return await self._notifier.ask(run, approval, await self._read(live, approval.entry, Shown), person)

    async def _report(self, live: LiveRun, run: RunView) -> str:
        return await self._notifier.report(run, await self._read(live, run.answer, Answer) if run.answer else None)

    def _later(self, person: str, waiting: tuple[str, Effect], since: datetime | None) -> None:
        now = self._clock.now()
        pause = max(AGAIN, min((now - since) / 4 if since else AGAIN, AGAIN_LIMIT))
        others = self._unreached.setdefault(person, {})
        if waiting in others:
            others[waiting]()
        others[waiting] = self._clock.call_at(now + pause, partial(self._retry, person, waiting))

    def _retry(self, person: str, waiting: tuple[str, Effect]) -> None:
        others = self._unreached[person]
        del others[waiting]
        if not others:
            del self._unreached[person]
        self._again(*waiting)

    async def _read(self, live: LiveRun, entry: str, type_: type[T]) -> T:
        await live.fetch(self._store, {entry})
        return msgspec.convert(live.value(entry), type_)

    def stop(self) -> None:
        """Forget who could not be reached; the log knows what is still to be delivered."""
        for others in self._unreached.values():
            for cancel in others.values():
                cancel()
        self._unreached.clear()
