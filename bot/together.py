"""Questions of one run that reach somebody within a moment go out on one card."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from bot.cards import Asked, fit_together
from bot.cards.digest import MOST, in_order
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Unavailable
from orchestration.ports import Clock

WINDOW = timedelta(seconds=1)
Send = Callable[[RunView, Person, Sequence[Asked]], Awaitable[str]]


class _Batch:
    """What waits for one person of one run."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.asked: dict[str, Asked] = {}
        self.waiting: dict[str, list[asyncio.Future[str]]] = {}


class Together:
    """Holds questions for a moment, so that those that come together become one message.

    Nothing is lost if the process ends meanwhile: what has no receipt is asked again.

    Args:
        clock: Ends the moment.
        send: Sends one message with one or several questions; returns its receipt.
    """

    def __init__(self, clock: Clock, send: Send) -> None:
        self._clock, self._send = clock, send
        self._batches: dict[tuple[str, str], _Batch] = {}
        self._runs: dict[tuple[str, str], RunView] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """Send a question, with others of its run if there are any; returns the receipt of the message."""
        if not _related(run, approval, person):
            return await self._send(run, person, [Asked(approval, shown)])
        key = run.run_id, person.id
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = _Batch(person)
            self._clock.call_at(self._clock.now() + WINDOW, lambda: self._begin(key))
        self._runs[key] = run
        batch.asked[approval.id] = Asked(approval, shown)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        batch.waiting.setdefault(approval.id, []).append(future)
        return await future

    def _begin(self, key: tuple[str, str]) -> None:
        task = asyncio.get_running_loop().create_task(self._flush(key))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _flush(self, key: tuple[str, str]) -> None:
        batch, run = self._batches.pop(key), self._runs.pop(key)
        wanted = [
            each
            for name, each in batch.asked.items()
            if any(not future.done() for future in batch.waiting[name])  # given up meanwhile, as when Tandem ends
        ]
        for part in parts(run, in_order(wanted), batch.person):
            waiting = [future for each in part for future in batch.waiting[each.approval.id] if not future.done()]
            try:
                receipt = await self._send(run, batch.person, part)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, each by itself
                for future in waiting:
                    if not future.done():
                        future.set_exception(_same(error))
                continue
            for future in waiting:
                if not future.done():
                    future.set_result(receipt)


def parts(run: RunView, asked: Sequence[Asked], person: Person) -> list[list[Asked]]:
    """What goes onto each card: as many questions as can be decided on one, and those that are long alone."""
    alone = [[each] for each in asked if not fit_together(run, [each], person)]
    cards: list[list[Asked]] = []
    for each in asked:
        if not fit_together(run, [each], person):
            continue
        if cards and len(cards[-1]) < MOST and fit_together(run, [*cards[-1], each], person):
            cards[-1].append(each)
        else:
            cards.append([each])
    return [*cards, *alone]


def _related(run: RunView, approval: ApprovalView, person: Person) -> bool:
    """Whether others may come along: of the same group, or asked and not delivered yet."""
    if "." in approval.task:
        return True
    return any(
        each.open
        and each.id != approval.id
        and any(one.id == person.id for one in each.approvers)
        and (f"approval:{each.id}", person.id) not in run.receipts
        for each in run.approvals
    )


def _same(error: Exception) -> Exception:
    """An error of its own for everybody who waits: one object raised in several tasks loses its story."""
    if isinstance(error, Unavailable):
        return Unavailable(error.message, retry_after=error.retry_after)
    return error
