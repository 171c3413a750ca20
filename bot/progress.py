"""One card for each run, updated in place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot import cards, summaries, texts
from bot.cards.standing import moves
from bot.conversations import Conversations
from bot.copies import Copies, known, numbered
from bot.groups import Groups
from bot.language import speaking
from bot.listing import working
from bot.notifier import PROGRESS
from bot.outbound import Message, Outbound
from bot.proposals import Describe, plan_message, undescribed
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.errors import TandemError, Unavailable
from orchestration.planning.draft import is_planning
from orchestration.ports import Clock, Engine

log = logging.getLogger(__name__)

FAST_FOR = timedelta(seconds=30)
FAST = timedelta(seconds=1)
SLOW = timedelta(seconds=5)
CALM_AFTER = timedelta(minutes=10)
CALM = timedelta(minutes=1)
AFTER_PRESS = timedelta(milliseconds=700)
AFTER_TROUBLE = timedelta(seconds=30)
HINT_AFTER = timedelta(seconds=3)
HINT_UNTIL = timedelta(seconds=90)

FINAL = "progress_end"
AGAIN = "progress_again"

Phase = tuple[Any, ...]


class _Card:
    """What is known of one run's card; forgotten while nothing moves.

    Attributes:
        unsure: The client may show something else than `content`.
    """

    def __init__(self) -> None:
        self.run: RunView | None = None
        self.seen = -1
        self.phase: Phase = ()
        self.content: dict[str, Any] | None = None
        self.unsure = False
        self.pushed_at: datetime | None = None
        self.not_before: datetime | None = None
        self.wake: Callable[[], None] | None = None
        self.task: asyncio.Task[None] | None = None


def moving(run: RunView) -> bool:
    """Whether the run goes on without a human."""
    return run.status in ("running", "closing") and any(moves(run, task) for task in run.tasks)


def _asks(run: RunView) -> bool:
    """Whether the initiator is about to hear of the run anyhow."""
    mine = any(approval.open and run.initiator in approval.approvers for approval in run.approvals)
    return mine or run.awaiting_sign_in


def _phase(run: RunView) -> Phase:
    """What a person wants to see at once: start, end, pause, questions and their answers, a sign-in."""
    questions = tuple((each.id, each.open, known(each)) for each in run.approvals)
    return run.status, run.paused, run.reopened, moving(run), run.awaiting_sign_in, questions


def pace(run: RunView, now: datetime, *, news: bool) -> timedelta:
    """The time between two updates: 1 s for the first 30 s, then 5 s; without news a minute after ten minutes."""
    age = now - (run.started_at or now)
    if age < FAST_FOR:
        return FAST
    return SLOW if news or age < CALM_AFTER else CALM


class Progress:
    """Implements `orchestration.ports.Listener`: keeps the cards of all runs as new as the channel allows.

    The initiator's card is found by the run's receipt `progress`; that a card has been brought to its last state is
    recorded in the run too (`progress_end`, `closed:...`), so that a restart knows what is still to be done.

    Args:
        engine: Knows the runs and records receipts.
        conversations: Where people can be reached.
        outbound: Sends and updates.
        groups: Show neutral cards where a goal was said in a group.
        clock: Paces the updates.
        describe: What the steps of a plan do.
    """

    def __init__(
        self,
        engine: Engine,
        conversations: Conversations,
        outbound: Outbound,
        groups: Groups,
        clock: Clock,
        describe: Describe = undescribed,
    ) -> None:
        self._groups, self._describe = groups, describe
        self._engine, self._conversations, self._outbound, self._clock = engine, conversations, outbound, clock
        self._copies = Copies(engine, conversations, outbound)
        self._cards: dict[str, _Card] = {}
        self._closing = False

    def __call__(self, run: RunView) -> None:
        """See `Listener`. A run that works out a plan has no card."""
        if is_planning(run.playbook):
            return
        card = self._cards.setdefault(run.run_id, _Card())
        if card.run is None or run.seq >= card.run.seq:
            card.run = run
            self._schedule(run.run_id, card)

    def defer(self, run_id: str) -> None:
        """The answer to a press is about to show the card: no update shall overtake it."""
        card = self._cards.setdefault(run_id, _Card())
        card.not_before = self._clock.now() + AFTER_PRESS
        self._schedule(run_id, card)

    def answered(self, run_id: str) -> None:
        """The answer goes out now: an update follows it, for one that was sent meanwhile may have shown more."""
        self._cards.setdefault(run_id, _Card()).unsure = True
        self.defer(run_id)

    async def resume(self) -> None:
        """After a start: bring every card up to date that was left behind."""
        runs = {run.run_id: run for run in await self._engine.runs(limit=50)}
        runs |= {run.run_id: run for run in await self._engine.runs(open_only=True, limit=1000)}
        for run in working(runs.values()):
            if run.status == "proposed" and (PROGRESS, run.initiator.id) not in run.receipts:
                await self.show_again(run)
            elif run.status not in ENDED or (numbered(FINAL, run), run.initiator.id) not in run.receipts:
                self(run)

    async def show_again(self, run: RunView) -> None:
        """Send the run's card as a new message, which takes the place of the one before."""
        who = await self._conversations.of(run.initiator.id)
        if who is None:
            return
        try:
            with speaking(who.conversation.locale):
                sent = await self._outbound.send(who.conversation, self.message(run))
            await self._copies.record(run, PROGRESS, run.initiator.id, sent.encode())
        except TandemError as error:
            log.warning("the card of run %s was not sent: %s", run.run_id, error.message)

    def message(self, run: RunView, told: str = "") -> Message:
        """The run's card as it is now; `told` is said first on a plan card."""
        if run.status == "proposed":
            return plan_message(run, self._describe, told=told)
        if run.started_at is None:
            return Message(summary=summaries.of_outcome(run, None), card=cards.outcome(run, None))
        return Message(summary=summaries.of_progress(run), card=cards.progress(run, self._clock.now()))

    @property
    def copies(self) -> Copies:
        """The copies of questions in people's chats."""
        return self._copies

    async def close(self) -> None:
        """Stop; what is left behind is taken up by the next start."""
        self._closing = True
        tasks = [card.task for card in self._cards.values() if card.task]
        for card in self._cards.values():
            if card.wake:
                card.wake()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._cards.clear()

    # --- when

    def _schedule(self, run_id: str, card: _Card) -> None:
        if card.task is not None or self._closing:
            return  # the end of the task comes here again
        if card.wake:
            card.wake()
            card.wake = None
        now = self._clock.now()
        due = self._due(card, now)
        if due is None:
            self._cards.pop(run_id, None)
        elif due <= now:
            card.task = asyncio.get_running_loop().create_task(self._push(run_id, card))
        else:
            card.wake = self._clock.call_at(due, lambda: self._woken(run_id, card))

    def _woken(self, run_id: str, card: _Card) -> None:
        card.wake = None
        self._schedule(run_id, card)

    def _due(self, card: _Card, now: datetime) -> datetime | None:
        """When to look again; None if nothing will change by itself."""
        held = card.not_before if card.not_before and card.not_before > now else None
        if card.run is None:
            return held or (now if card.unsure else None)
        news = card.run.seq != card.seen or card.unsure
        if not news and not moving(card.run):
            return None
        due = now
        if card.pushed_at is not None and not (news and _phase(card.run) != card.phase):
            due = card.pushed_at + pace(card.run, now, news=news)
        return max(due, held or due)

    # --- what

    async def _push(self, run_id: str, card: _Card) -> None:
        run = card.run
        try:
            if run is None:
                run = card.run = await self._engine.view(run_id)
            if is_planning(run.playbook):
                card.seen, card.phase, card.unsure = run.seq, _phase(run), False
                return
            if card.unsure:
                card.unsure, card.content = False, None
            # In the language of whoever wanted the run, also in a group; copies are in that of their own readers.
            with speaking(await self._conversations.locale(run.initiator.id)):
                await self._groups.show(run)
                await self._show(run, card)
                await self._bridge(run)
            await self._copies.settle(run)
            card.seen, card.phase = run.seq, _phase(run)
        except Unavailable as error:
            log.warning("the card of run %s waits: %s", run_id, error.message)
            card.not_before, card.unsure = self._clock.now() + AFTER_TROUBLE, True
        except Exception:  # the next change is another chance; a listener must not end the loop
            log.exception("the card of run %s could not be updated", run_id)
            card.unsure = False
            if run is not None:
                card.seen, card.phase = run.seq, _phase(run)
        finally:
            card.pushed_at, card.task = self._clock.now(), None
            self._schedule(run_id, card)

    async def _show(self, run: RunView, card: _Card) -> None:
        """Bring the initiator's card up to date."""
        if run.status == "proposed":
            return
        message = self.message(run)
        if run.reopened and (numbered(AGAIN, run), run.initiator.id) not in run.receipts:
            await self._begin_again(run)
        elif message.card == card.content:
            return
        elif await self._copies.replace(run, PROGRESS, run.initiator.id, message) is False:
            await self.show_again(run)
        card.content = message.card
        if run.status in ENDED and (numbered(FINAL, run), run.initiator.id) not in run.receipts:
            await self._copies.record(run, numbered(FINAL, run), run.initiator.id, "shown")

    async def _bridge(self, run: RunView) -> None:
        """While a run that has just been started takes long, a line says what it does; a message ends it."""
        if run.started_at is None or run.reopened:
            return
        who, age = await self._conversations.of(run.initiator.id), self._clock.now() - run.started_at
        if who is None or age < HINT_AFTER:
            return
        if moving(run) and age < HINT_UNTIL:
            await self._outbound.hint(who.conversation, summaries.of_start(run))
        elif run.status == "running" and self._outbound.streaming(who.conversation) and not _asks(run):
            text = summaries.of_standstill(run)
            await self._outbound.send(who.conversation, Message(summary=texts.summary(text), text=text))

    async def _begin_again(self, run: RunView) -> None:
        """A run goes on after it had ended: its older cards say so, and a new one shows where it stands."""
        message = Message(summary=summaries.of_superseded(run), card=cards.superseded(run))
        await self._copies.replace(run, PROGRESS, run.initiator.id, message)
        await self.show_again(run)
        await self._copies.record(run, numbered(AGAIN, run), run.initiator.id, "shown")
