"""The copies of questions, sign-ins and outcomes in people's chats: each is brought to its last state."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from bot import approvers, cards, texts
from bot.conversations import Conversations
from bot.notifier import OUTCOME
from bot.outbound import Message, Outbound, Receipt
from orchestration.core.commands import RecordDelivery
from orchestration.core.question import Answered, Shown
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, NotFound
from orchestration.ports import Engine

log = logging.getLogger(__name__)

CLOSED = "closed:"
TOLD = "told:"


def numbered(notice: str, run: RunView) -> str:
    """A notice of this time that the run goes on: it may end several times."""
    return f"{notice}:{run.reopened}" if run.reopened else notice


def known(approval: ApprovalView) -> str:
    """What became known of a question since it was asked; empty for nothing."""
    facts = (len(approval.votes), approval.escalated_to is not None, approval.expired)
    return ".".join(str(int(fact)) for fact in facts) if any(facts) else ""


class Copies:
    """Keeps them right. That it has been done is recorded in the run (`closed:...`, `told:...`), for the next start.

    Args:
        engine: Reads what questions show, and records receipts.
        conversations: Where people can be reached.
        outbound: Updates.
    """

    def __init__(self, engine: Engine, conversations: Conversations, outbound: Outbound) -> None:
        self._engine, self._conversations, self._outbound = engine, conversations, outbound

    async def settle(self, run: RunView) -> None:
        """Bring every copy of a card that is out of date to its last state."""
        got: dict[str, list[str]] = {}
        for notice, to in run.receipts:
            got.setdefault(notice, []).append(to)
        for approval in run.approvals:
            question, reminder = f"approval:{approval.id}", f"reminder:{approval.id}"
            if approval.open:
                await self._freshen(run, approval, got.get(question, []))
                continue
            left = [(notice, to) for notice in (question, reminder) for to in got.get(notice, ())]
            left = [(notice, to) for notice, to in left if (f"{CLOSED}{notice}", to) not in run.receipts]
            if left:
                message = Message(summary=texts.of_closed(approval), card=await self.settled(run, approval))
                for notice, to in left:
                    await self._finish(run, notice, to, message)
        for notice, people in got.items():
            kind = notice.partition(":")[0]
            if kind == OUTCOME and notice != numbered(OUTCOME, run):
                message = Message(summary=texts.of_superseded(run), card=cards.superseded(run))
            elif kind == "sign_in" and not run.awaiting_sign_in:
                message = self._after_sign_in(run)
            else:
                continue
            for to in people:
                if (f"{CLOSED}{notice}", to) not in run.receipts:
                    await self._finish(run, notice, to, message)

    async def _freshen(self, run: RunView, approval: ApprovalView, copies: list[str]) -> None:
        """Show on every copy of an open question how many have answered, who is asked as well, that it is overdue."""
        news, notice = known(approval), f"approval:{approval.id}"
        if not news:
            return
        for person in approval.approvers:
            if person.id in copies and run.receipts.get((f"{TOLD}{notice}", person.id)) != news:
                shown = await self._engine.shown(run.run_id, approval.id)
                card = approvers.asking(run, approval, shown, person)
                await self.replace(run, notice, person.id, Message(summary=texts.of_open(approval), card=card))
                await self.record(run, f"{TOLD}{notice}", person.id, news)

    async def settled(self, run: RunView, approval: ApprovalView, *, late: bool = False) -> dict[str, Any]:
        """The read-only card of a question; `late` for somebody whose answer came after that."""
        shown: Shown | None = None
        answered: Answered | None = None
        try:
            shown = await self._engine.shown(run.run_id, approval.id)
            if approval.answer:
                answered = msgspec.convert(await self._engine.value(run.run_id, approval.answer), Answered)
        except Invalid as error:
            log.info("the question %s of run %s cannot be shown: %s", approval.id, run.run_id, error.message)
        return approvers.settled(run, approval, shown, answered, late=late)

    @staticmethod
    def _after_sign_in(run: RunView) -> Message:
        if run.status in ("failed", "cancelled"):
            card = cards.message("No sign-in needed any more", "The run has ended; there is nothing for you to do.")
            return Message(summary="No sign-in needed any more", card=card)
        return Message(summary=texts.SIGNED_IN, card=cards.signed_in())

    async def _finish(self, run: RunView, notice: str, to: str, message: Message) -> None:
        await self.replace(run, notice, to, message)
        await self.record(run, f"{CLOSED}{notice}", to, "shown")

    async def replace(self, run: RunView, notice: str, to: str, message: Message) -> bool | None:
        """Put `message` in the place of what was delivered; False if that is gone, None if nobody can see it."""
        who = await self._conversations.of(to)
        if who is None:
            return None
        receipt = Receipt.decode(run.receipts.get((notice, to), ""))
        if receipt is None or receipt.conversation != who.conversation.id or not receipt.activity:
            return False
        try:
            await self._outbound.update(who.conversation, receipt.activity, message)
        except NotFound as error:
            log.info("%s of run %s is gone: %s", notice, run.run_id, error.message)
            return False
        return True

    async def record(self, run: RunView, notice: str, to: str, receipt: str) -> None:
        """Note in the run that something was shown to somebody."""
        await self._engine.send(run.run_id, RecordDelivery(notice=notice, to=to, receipt=receipt))
