"""Brings the engine's questions and outcomes into people's chats."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot import approvers, cards, summaries, texts
from bot.conversations import Conversations, Documents, Reachable
from bot.language import speaking
from bot.outbound import Message, Outbound, Receipt
from bot.signin import TokenServiceAssertions
from bot.signing_in import SignInMessages, nothing_known
from bot.together import Together
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, NotFound, TandemError, Unavailable
from orchestration.planning.draft import is_planning
from orchestration.ports import Clock
from orchestration.sign_in import Need

log = logging.getLogger(__name__)
UNREACHED = "unreached"
PROGRESS = "progress"
OUTCOME = "outcome"
_LINKS = ("link", "web_url")  # what workers call the place of what they wrote
Values = Callable[[str, str], Awaitable[Any]]
Planned = Callable[[RunView], Awaitable[str]]


class _Told(msgspec.Struct, frozen=True):
    at: datetime


# How long the person who pressed looks at the card in whose place the new question belongs.
_SOON = timedelta(seconds=30)


class TeamsNotifier:
    """Implements `orchestration.ports.Notifier` in Teams.

    Questions of one run that reach somebody within a moment go out on one card.

    Args:
        conversations: Where people can be reached.
        outbound: Sends.
        tokens: Gives sign-in links.
        documents: Remembers which initiator was told of an approver without a chat.
        clock: Ends that moment.
        needs: Why a person has to sign in.

    Attributes:
        values: Reads results, so that the outcome of a run can link to them; set once there is an engine.
        planned: Leads on from a run that worked out a plan; set where a model does that.
    """

    def __init__(
        self,
        conversations: Conversations,
        outbound: Outbound,
        tokens: TokenServiceAssertions,
        documents: Documents,
        clock: Clock,
        needs: Callable[[Person], list[Need]] = nothing_known,
    ) -> None:
        self._conversations, self._outbound, self._documents = conversations, outbound, documents
        self.signing_in = SignInMessages(tokens, needs)
        self._together = Together(clock, self._show)
        self._clock, self._places = clock, dict[tuple[str, str, str], tuple[str, datetime]]()
        self.values: Values | None = None
        self.planned: Planned | None = None

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        if await self._conversations.of(person.id) is None:
            await self._tell_initiator(run, approval, person)
            raise Unavailable(texts.not_reachable(person))
        place, until = self._places.pop((run.run_id, approval.task, person.id), ("", self._clock.now()))
        place = place if self._clock.now() < until else ""
        with speaking(await self._conversations.locale(person.id)):
            if place and (receipt := await self._put(person, place, self._question(run, approval, shown, person))):
                return receipt
            return await self._together.ask(run, approval, shown, person)

    @contextmanager
    def in_place(self, run_id: str, task: str, person: Person, activity: str) -> Iterator[None]:
        """The next question about a task to a person takes the place of one of their messages, if it comes soon."""
        key, now = (run_id, task, person.id), self._clock.now()
        self._places = {each: found for each, found in self._places.items() if now < found[1]}
        if activity:
            self._places[key] = activity, now + _SOON
        try:
            yield
        except BaseException:  # nothing was changed, so nothing is asked anew
            self._places.pop(key, None)
            raise

    async def _put(self, person: Person, activity: str, message: Message) -> str:
        who = await self._reach(person)
        try:
            await self._outbound.update(who.conversation, activity, message)
        except NotFound as error:
            log.info("the message in whose place a question belongs is gone: %s", error.message)
            return ""
        return Receipt(who.conversation.id, activity).encode()

    async def _show(self, run: RunView, person: Person, asked: Sequence[cards.Asked]) -> str:
        """Send one message with one or several questions."""
        with speaking(await self._conversations.locale(person.id)):
            if len(asked) == 1 and asked[0].shown is not None:
                return await self._send(person, self._question(run, asked[0].approval, asked[0].shown, person))
            card = cards.digest(run, asked, person)
            return await self._send(person, Message(summary=summaries.of_several(run, len(asked)), card=card))

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        """See `Notifier.ask_initiator`."""
        with speaking(await self._conversations.locale(run.initiator.id)):
            message = Message(summary=summaries.of_asked_back(run, approval), card=cards.asked_back(run, approval))
            return await self._send(run.initiator, message)

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.tell_reply`: a new message, since an update of the question's card notifies nobody."""
        with speaking(await self._conversations.locale(person.id)):
            message = Message(summary=summaries.of_reply(run, approval), card=cards.replied(run, approval, person))
            return await self._send(person, message)

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.remind`: a new message, since an update of the question's card notifies nobody."""
        with speaking(await self._conversations.locale(person.id)):
            message = Message(summary=summaries.of_reminder(run, approval), card=cards.reminder(run, approval, person))
            return await self._send(person, message)

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        who = await self._reach(run.initiator)
        with speaking(who.conversation.locale):
            return await self._send(run.initiator, await self.signing_in.message(run, who))

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`: a new message, since updates notify nobody.

        A run that was cancelled before it started is told on its plan card, where the person pressed.
        """
        if is_planning(run.playbook):
            return await self._planned(run)
        on_card = run.receipts.get((PROGRESS, run.initiator.id))
        if run.started_at is None and run.status == "cancelled" and on_card:
            return on_card
        links = {} if answer else await self._links(run)
        read = [each for task in run.tasks if task.status == "succeeded" for each in task.sources]
        with speaking(await self._conversations.locale(run.initiator.id)):
            message = Message(
                summary=summaries.of_outcome(run, answer),
                card=cards.outcome(run, answer, links, rethinks=self.planned is not None),
                sources=read if answer else [],
                feedback=answer is not None,
            )
            return await self._send(run.initiator, message)

    async def _planned(self, run: RunView) -> str:
        if self.planned is None:  # there was a model when this was asked for
            return "nobody"
        try:
            return await self.planned(run)
        except NotFound as error:
            raise Unavailable(f"{run.initiator.name} cannot be reached: {error.message}") from error

    def _question(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> Message:
        own, rethinks = person.id == run.initiator.id, self.planned is not None
        summary = summaries.of_own_question(run, approval) if own else summaries.of_question(run, approval, shown)
        return Message(summary=summary, card=approvers.asking(run, approval, shown, person, rethinks=rethinks))

    async def _links(self, run: RunView) -> dict[str, str]:
        """Where what a run has written can be seen, as far as its workers tell."""
        links: dict[str, str] = {}
        for task in run.tasks:
            if task.effect == "write" and task.status == "succeeded" and task.entry and self.values:
                try:
                    value = await self.values(run.run_id, task.entry)
                except Invalid:
                    continue  # erased
                if isinstance(value, dict) and (link := next(filter(None, map(value.get, _LINKS)), "")):
                    links[task.name] = str(link)
        return links

    async def _reach(self, person: Person) -> Reachable:
        who = await self._conversations.of(person.id)
        if who is None:
            raise Unavailable(texts.not_reachable(person))
        return who

    async def _send(self, person: Person, message: Message) -> str:
        who = await self._reach(person)
        try:
            return (await self._outbound.send(who.conversation, message)).encode()
        except NotFound as error:
            raise Unavailable(f"{person.name} cannot be reached: {error.message}") from error

    async def _tell_initiator(self, run: RunView, approval: ApprovalView, person: Person) -> None:
        """Say once to the initiator that an approver cannot be reached; the question itself keeps waiting."""
        key = f"{run.run_id}:{approval.id}:{person.id}"
        initiator = await self._conversations.of(run.initiator.id)
        if initiator is None or person.id == run.initiator.id or await self._documents.get(UNREACHED, key):
            return
        try:
            with speaking(initiator.conversation.locale):
                text = texts.unreachable(person, approval.title)
                await self._outbound.send(initiator.conversation, Message(summary=texts.summary(text), text=text))
        except TandemError as error:
            log.info("the initiator of run %s was not told: %s", run.run_id, error.message)
            return
        await self._documents.put(UNREACHED, key, msgspec.json.encode(_Told(approval.requested_at)))
