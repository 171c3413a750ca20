"""The question about a goal that waits for a person's answer: one at a time, and it survives a restart."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

import msgspec

from bot import cards, texts
from bot.cards.moments import month_name
from bot.conversations import Documents, Reachable
from bot.language import say
from bot.outbound import Message, Outbound, Receipt
from orchestration.errors import TandemError
from orchestration.planning.draft import PLANNING, Exchange
from orchestration.planning.port import Missing
from orchestration.ports import Clock

log = logging.getLogger(__name__)

KIND = "question"
QUESTION_LASTS = timedelta(hours=24)


class Thread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What planning with a model knows beside the goal.

    Attributes:
        run: The run that asked, or that this goes on from; empty for the first of a goal.
        said: What was asked back and answered before.
        about: The run of the person that the goal is about, if that is sure.
    """

    run: str = ""
    said: list[Exchange] = []
    about: str = ""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a person has not answered yet.

    Attributes:
        receipt: Finds its card. Who presses on the end of a stream may know that message by another id.
        group: Finds the neutral card in the group in which the goal was said.
        thread: It is a question of a model, and its answer goes back there; None for a playbook's.
        key: Tells it from the person's older questions.
    """

    goal: str
    missing: Missing
    asked_at: datetime
    receipt: str = ""
    group: str = ""
    thread: Thread | None = None
    key: str = ""


def asked_by_model(question: str, choices: list[str]) -> Missing:
    """A model's question in the form of a playbook's."""
    pairs = [(each, each) for each in choices]
    return Missing(playbook=PLANNING, parameter="", question=question, choices=pairs, given={})


class Pendings:
    """Asks, and knows what was asked.

    Args:
        outbound: Shows and updates the card.
        documents: Keeps the question.
        clock: Tells how old it is.
    """

    def __init__(self, outbound: Outbound, documents: Documents, clock: Clock) -> None:
        self._outbound, self._documents, self._clock = outbound, documents, clock

    async def of(self, who: Reachable) -> Pending | None:
        """What the person was asked and has not answered."""
        body = await self._documents.get(KIND, who.person.id)
        if not body:
            return None
        pending = msgspec.json.decode(body, type=Pending)
        if self._clock.now() - pending.asked_at <= QUESTION_LASTS:
            return pending
        await self._documents.drop(KIND, who.person.id)
        return None

    async def ask(
        self,
        who: Reachable,
        goal: str,
        missing: Missing,
        group: str = "",
        *,
        thread: Thread | None = None,
        told: str = "",
    ) -> str:
        """Ask, and remember what was asked before the card is out: an answer may come before this returns.

        Args:
            who: The person.
            goal: Their goal.
            missing: The question.
            group: Receipt of the neutral card in a group.
            thread: Where the answer to a model's question goes.
            told: What to say before the question.

        Returns:
            The card's receipt.
        """
        pending = Pending(
            goal=goal,
            missing=missing,
            asked_at=self._clock.now(),
            group=group,
            thread=thread,
            key=secrets.token_hex(8),
        )
        await self._documents.put(KIND, who.person.id, msgspec.json.encode(pending))
        card = cards.question(missing, goal, told=told, key=pending.key)
        receipt = await self._outbound.send(
            who.conversation, Message(summary=texts.summary(missing.question), card=card)
        )
        known = msgspec.structs.replace(pending, receipt=receipt.encode())
        if await self.of(who) == pending:
            await self._documents.put(KIND, who.person.id, msgspec.json.encode(known))
        return known.receipt

    async def answered(self, who: Reachable, pending: Pending, said: str) -> None:
        """The person has answered: the card says what."""
        await self._documents.drop(KIND, who.person.id)
        await self._replace(who, pending, card_answered(pending, said))

    async def drop(self, who: Reachable, pending: Pending) -> None:
        """The question is not needed any more."""
        await self._documents.drop(KIND, who.person.id)
        card = cards.message(pending.missing.question, say("Not needed any more. Nothing was started."))
        await self._replace(who, pending, card)

    async def _replace(self, who: Reachable, pending: Pending, card: dict[str, object]) -> None:
        receipt = Receipt.decode(pending.receipt)
        if receipt is None or receipt.conversation != who.conversation.id:
            return
        try:
            summary = texts.summary(pending.missing.question)
            await self._outbound.update(who.conversation, receipt.activity, Message(summary=summary, card=card))
        except TandemError as error:
            log.info("the question's card was not updated: %s", error.message)


def asks_again(pending: Pending, outcome: object) -> bool:
    """Whether the answer to a playbook's question was not understood."""
    return pending.thread is None and isinstance(outcome, Missing) and outcome.parameter == pending.missing.parameter


def card_answered(pending: Pending, said: str) -> dict[str, object]:
    """What the question's card becomes."""
    titles = dict(pending.missing.choices)
    answer = say("Your answer: {answer}", answer=month_name(said) or texts.clean(titles.get(said, said), 200))
    return cards.message(pending.missing.question, answer)
