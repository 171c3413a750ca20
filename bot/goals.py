"""From a person's words to a plan card, with a question in between where something is missing."""

from __future__ import annotations

import asyncio
import logging
import weakref
from datetime import datetime, timedelta

import msgspec

from bot import cards, summaries, texts
from bot.cards.moments import month_name
from bot.conversations import Documents, Reachable
from bot.groups import GROUP, Groups
from bot.language import say
from bot.notifier import PROGRESS
from bot.outbound import Message, Outbound, Receipt
from orchestration.core.commands import RecordDelivery
from orchestration.errors import InvalidPlan, TandemError
from orchestration.planning.port import Missing, Planned, Planner, Unmatched
from orchestration.ports import Clock, Engine

log = logging.getLogger(__name__)

KIND = "question"
QUESTION_LASTS = timedelta(hours=24)
HINT_AFTER_SECONDS = 0.7  # planning from playbooks takes milliseconds


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a person has not answered yet; survives a restart.

    Attributes:
        receipt: Finds its card.
        group: Finds the neutral card in the group in which the goal was said.
    """

    goal: str
    missing: Missing
    asked_at: datetime
    receipt: str = ""
    group: str = ""


class Goals:
    """Turns what people say into proposed runs.

    Args:
        engine: Where runs are proposed.
        planner: Understands goals.
        outbound: Answers.
        documents: Keeps open questions.
        groups: Shows in a group what became of a goal that was said there.
        clock: Tells "last month", and how old a question is.
    """

    def __init__(
        self,
        engine: Engine,
        planner: Planner,
        outbound: Outbound,
        documents: Documents,
        groups: Groups,
        clock: Clock,
    ) -> None:
        self._engine, self._planner, self._outbound = engine, planner, outbound
        self._documents, self._groups, self._clock = documents, groups, clock
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def say(self, who: Reachable, text: str, activity: str, group: str = "") -> None:
        """Plan a goal, or take the text as the answer to the open question.

        Args:
            who: The person.
            text: Their words.
            activity: Id of the activity, so that one that comes twice proposes one run.
            group: Receipt of the neutral card in the group in which they said it.
        """
        async with self._turn(who):
            await self._say(who, text, activity, group)

    async def _say(self, who: Reachable, text: str, activity: str, group: str) -> None:
        pending = await self._pending(who)
        if pending is not None and not group:  # an answer is given where the question was asked
            outcome = await self._plan(who, pending.goal, (pending.missing, text))
            if not _asks_again(pending, outcome):
                await self._close(who, pending, text)
                await self._respond(who, pending.goal, outcome, activity, pending.group)
                return
            fresh = await self._plan(who, text)
            if isinstance(fresh, Unmatched):
                await self._respond(who, pending.goal, outcome, activity, pending.group)
                return
            await self._drop(who, pending)
            await self._respond(who, text, fresh, activity)
            return
        outcome = await self._plan(who, text)
        if pending is not None and not isinstance(outcome, Unmatched):
            await self._drop(who, pending)
        await self._respond(who, text, outcome, activity, group)

    async def answer(self, who: Reachable, value: str, activity: str, card: str) -> dict[str, object] | None:
        """Take a press on a question's card as its answer; returns the card for its place, None if it is not open.

        Args:
            who: The person.
            value: Their choice.
            activity: Id of the press.
            card: Id of the message that was pressed, as far as known: an older question's answers no other.
        """
        async with self._turn(who):
            pending = await self._pending(who)
            if pending is None or not _shown_on(pending, card):
                return None
            return await self._answer(who, pending, value, activity)

    async def _answer(self, who: Reachable, pending: Pending, value: str, activity: str) -> dict[str, object]:
        outcome = await self._plan(who, pending.goal, (pending.missing, value))
        if _asks_again(pending, outcome) and isinstance(outcome, Missing):
            await self._ask(who, pending.goal, outcome, pending.group)
        else:
            await self._close(who, pending, value)
            await self._respond(who, pending.goal, outcome, activity, pending.group)
        return _answered(pending, value)

    async def drop(self, who: Reachable) -> bool:
        """Forget the open question; whether there was one."""
        async with self._turn(who):
            pending = await self._pending(who)
            if pending is not None:
                await self._drop(who, pending)
            return pending is not None

    async def _drop(self, who: Reachable, pending: Pending) -> None:
        await self._documents.drop(KIND, who.person.id)
        card = cards.message(pending.missing.question, say("Not needed any more. Nothing was started."))
        await self._replace(who, pending, card)
        await self._nothing(who, pending.group)

    async def _nothing(self, who: Reachable, group: str) -> None:
        """Say in the group, if it was said there, that nothing came of it."""
        if not group:
            return
        try:
            await self._groups.nothing(group, who.person)
        except TandemError as error:
            log.info("the card in the group was not updated: %s", error.message)

    def _turn(self, who: Reachable) -> asyncio.Lock:
        """One after the other: an open question takes one answer, whichever device it comes from."""
        return self._turns.setdefault(who.person.id, asyncio.Lock())

    async def _plan(
        self, who: Reachable, goal: str, answer: tuple[Missing, str] | None = None
    ) -> Planned | Missing | Unmatched | InvalidPlan:
        planning = asyncio.ensure_future(self._planner.plan(goal, who.person, self._clock.now(), answer=answer))
        try:
            await asyncio.wait({planning}, timeout=HINT_AFTER_SECONDS)
            if not planning.done():
                await self._outbound.hint(who.conversation, texts.planning())
            return await planning
        except InvalidPlan as error:
            return error
        finally:
            planning.cancel()

    async def _respond(
        self,
        who: Reachable,
        goal: str,
        outcome: Planned | Missing | Unmatched | InvalidPlan,
        activity: str,
        group: str = "",
    ) -> None:
        match outcome:
            case Planned():
                await self._propose(who, goal, outcome, activity, group)
                return
            case Missing():
                await self._ask(who, goal, outcome, group)
                return
            case Unmatched(suggestions=suggestions):
                card = cards.unmatched(goal, suggestions)
                await self._outbound.send(who.conversation, Message(summary=say("I cannot do that yet"), card=card))
            case InvalidPlan(problems=problems):
                log.error("a goal cannot be planned here: %s", problems)
                title = say("This cannot be done here")
                card = cards.message(title, texts.cannot_plan(problems), "attention")
                await self._outbound.send(who.conversation, Message(summary=title, card=card))
        await self._nothing(who, group)

    async def _propose(self, who: Reachable, goal: str, planned: Planned, activity: str, group: str) -> None:
        applied = await self._engine.propose(
            planned.plan,
            goal=goal,
            initiator=who.person,
            origin=who.conversation.id,
            command_id=f"goal:{who.person.id}:{activity}" if activity else "",
        )
        run = applied.run
        if (PROGRESS, who.person.id) in run.receipts:
            return  # the activity came twice, and its card is there
        card = cards.plan(run, planned.reads, planned.writes, planned.asks)
        receipt = await self._outbound.send(who.conversation, Message(summary=summaries.of_plan(run), card=card))
        record = RecordDelivery(notice=PROGRESS, to=who.person.id, receipt=receipt.encode())
        await self._engine.send(run.run_id, record)
        if group:
            await self._engine.send(run.run_id, RecordDelivery(notice=GROUP, to=who.person.id, receipt=group))

    async def _ask(self, who: Reachable, goal: str, missing: Missing, group: str = "") -> None:
        """Ask, and remember what was asked before the card is out: an answer may come before this returns."""
        pending = Pending(goal=goal, missing=missing, asked_at=self._clock.now(), group=group)
        await self._documents.put(KIND, who.person.id, msgspec.json.encode(pending))
        message = Message(summary=texts.summary(missing.question), card=cards.question(missing, goal))
        receipt = await self._outbound.send(who.conversation, message)
        known = msgspec.structs.replace(pending, receipt=receipt.encode())
        if await self._pending(who) == pending:
            await self._documents.put(KIND, who.person.id, msgspec.json.encode(known))

    async def _pending(self, who: Reachable) -> Pending | None:
        body = await self._documents.get(KIND, who.person.id)
        if not body:
            return None
        pending = msgspec.json.decode(body, type=Pending)
        if self._clock.now() - pending.asked_at <= QUESTION_LASTS:
            return pending
        await self._documents.drop(KIND, who.person.id)
        return None

    async def _close(self, who: Reachable, pending: Pending, said: str) -> None:
        await self._documents.drop(KIND, who.person.id)
        await self._replace(who, pending, _answered(pending, said))

    async def _replace(self, who: Reachable, pending: Pending, card: dict[str, object]) -> None:
        receipt = Receipt.decode(pending.receipt)
        if receipt is None or receipt.conversation != who.conversation.id:
            return
        try:
            summary = texts.summary(pending.missing.question)
            await self._outbound.update(who.conversation, receipt.activity, Message(summary=summary, card=card))
        except TandemError as error:
            log.info("the question's card was not updated: %s", error.message)


def _shown_on(pending: Pending, card: str) -> bool:
    receipt = Receipt.decode(pending.receipt)
    return not card or receipt is None or not receipt.activity or receipt.activity == card


def _asks_again(pending: Pending, outcome: object) -> bool:
    """Whether the answer was not understood."""
    return isinstance(outcome, Missing) and outcome.parameter == pending.missing.parameter


def _answered(pending: Pending, said: str) -> dict[str, object]:
    titles = dict(pending.missing.choices)
    answer = say("Your answer: {answer}", answer=month_name(said) or texts.clean(titles.get(said, said), 200))
    return cards.message(pending.missing.question, answer)
