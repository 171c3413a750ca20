"""Brings the engine's questions and outcomes into people's chats."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from bot import cards, texts
from bot.conversations import Conversations, Documents, Reachable
from bot.outbound import Message, Outbound
from bot.signin import TokenServiceAssertions
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import NotFound, TandemError, Unavailable

log = logging.getLogger(__name__)
UNREACHED = "unreached"
PROGRESS = "progress"


class _Told(msgspec.Struct, frozen=True):
    at: datetime


class TeamsNotifier:
    """Implements `orchestration.ports.Notifier` in Teams.

    Args:
        conversations: Where people can be reached.
        outbound: Sends.
        tokens: Gives sign-in links.
        documents: Remembers which initiator was told of an approver without a chat.
    """

    def __init__(
        self,
        conversations: Conversations,
        outbound: Outbound,
        tokens: TokenServiceAssertions,
        documents: Documents,
    ) -> None:
        self._conversations, self._outbound, self._tokens, self._documents = conversations, outbound, tokens, documents

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        if await self._conversations.of(person.id) is None:
            await self._tell_initiator(run, approval, person)
        own = person.id == run.initiator.id
        summary = texts.of_own_question(run, approval) if own else texts.of_question(run, approval, shown)
        return await self._send(person, Message(summary=summary, card=cards.decision(run, approval, shown)))

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        who = await self._reach(run.initiator)
        card = cards.sign_in(run, await self._tokens.link(who))
        return await self._send(run.initiator, Message(summary=texts.of_sign_in(run), card=card))

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`: a new message, since updates notify nobody.

        A run that was cancelled before it started is told on its plan card, where the person pressed.
        """
        on_card = run.receipts.get((PROGRESS, run.initiator.id))
        if run.started_at is None and run.status == "cancelled" and on_card:
            return on_card
        message = Message(summary=texts.of_outcome(run, answer), card=cards.outcome(run, answer))
        return await self._send(run.initiator, message)

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
        text = texts.unreachable(person, approval.title)
        try:
            await self._outbound.send(initiator.conversation, Message(summary=texts.summary(text), text=text))
        except TandemError as error:
            log.info("the initiator of run %s was not told: %s", run.run_id, error.message)
            return
        await self._documents.put(UNREACHED, key, msgspec.json.encode(_Told(approval.requested_at)))
