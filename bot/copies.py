"""The copies of questions, sign-ins and outcomes in people's chats: each is brought to its last state."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bot import approvers, cards, summaries, texts
from bot.conversations import Conversations
from bot.language import say, speaking
from bot.notifier import OUTCOME
from bot.outbound import Message, Outbound, Receipt
from orchestration.core.commands import RecordDelivery
from orchestration.core.question import Answered, Shown
from orchestration.core.run import ENDED, Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, NotFound
from orchestration.ports import Engine

log = logging.getLogger(__name__)

CLOSED = "closed:"
TOLD = "told:"
AGAIN = "again"
CHANGE = "change"  # the card of a change of the plan that had to wait; its notice ends with the revision
# The notices that show a question; those of the last two end with a number.
_ASKING = ("approval", "reminder", AGAIN, "reply")
_BACK = "back"


def numbered(notice: str, run: RunView) -> str:
    """A notice of this time that the run goes on: it may end several times."""
    return f"{notice}:{run.reopened}" if run.reopened else notice


def known(approval: ApprovalView) -> str:
    """What became known of a question since it was asked; empty for nothing."""
    facts = (
        len(approval.votes),
        approval.escalated_to is not None,
        approval.expired,
        len(approval.remarks),
        len(approval.delegated),
    )
    return ".".join(str(int(fact)) for fact in facts) if any(facts) else ""


def on_one_card(run: RunView, approval: ApprovalView, person: str) -> list[ApprovalView]:
    """The questions that the same message of a person shows, in the order in which they were asked."""
    receipt = run.receipts.get((f"approval:{approval.id}", person))
    if not receipt:
        return [approval]
    # Also those that one message showed one after the other, as after a change of arguments: the last one counts.
    shared = [each for each in run.approvals if run.receipts.get((f"approval:{each.id}", person)) == receipt]
    last = {each.task: each for each in shared}
    return [each for each in shared if not each.replaced or last[each.task] is each]


class Copies:
    """Keeps them right. That it has been done is recorded in the run (`closed:...`, `told:...`), for the next start.

    Args:
        engine: Reads what questions show, and records receipts.
        conversations: Where people can be reached.
        outbound: Updates.

    Attributes:
        rethinks: There is a model that looks for another way where a step failed.
    """

    def __init__(self, engine: Engine, conversations: Conversations, outbound: Outbound) -> None:
        self._engine, self._conversations, self._outbound = engine, conversations, outbound
        self.rethinks = False

    async def settle(self, run: RunView) -> None:
        """Bring every copy of a card that is out of date to its last state."""
        asked = {approval.id: approval for approval in run.approvals}
        brought: set[tuple[str, str]] = set()
        for (notice, to), receipt in run.receipts.items():
            approval, kind = asked.get(_about(notice)), notice.partition(":")[0]
            if approval is not None:
                if self._behind(run, approval, notice, to) and (receipt, to) not in brought:
                    brought.add((receipt, to))
                    with speaking(await self._conversations.locale(to)):
                        await self._bring(run, approval, notice, to)
                continue
            if (f"{CLOSED}{notice}", to) in run.receipts:
                continue
            with speaking(await self._conversations.locale(to)):
                if kind == OUTCOME and notice != numbered(OUTCOME, run):
                    message = Message(summary=summaries.of_superseded(run), card=cards.superseded(run))
                    await self._finish(run, notice, to, message)
                elif kind == CHANGE and (not run.amending or run.status in ENDED):
                    done = run.revision > int(notice.partition(":")[2])
                    card = cards.changed(run, None) if done else cards.unchanged(run)
                    await self._finish(run, notice, to, Message(summary=summaries.of_change(run), card=card))
                elif kind == "sign_in" and not run.awaiting_sign_in:
                    await self._finish(run, notice, to, self._after_sign_in(run))

    @staticmethod
    def _behind(run: RunView, approval: ApprovalView, notice: str, to: str) -> bool:
        """Whether a copy of a question shows less than what is known."""
        kind, _, rest = notice.partition(":")
        if (f"{CLOSED}{notice}", to) in run.receipts:
            return False
        if kind == _BACK:  # the initiator's card needs no reply any more
            return not approval.open or len(approval.remarks) > int(rest.rpartition(":")[2])
        if not approval.open:
            return True
        news = known(approval)
        return kind in ("approval", AGAIN) and bool(news) and run.receipts.get((f"{TOLD}{notice}", to)) != news

    async def _bring(self, run: RunView, approval: ApprovalView, notice: str, to: str) -> None:
        """Bring one copy to the state that is known."""
        kind = notice.partition(":")[0]
        person = approvers.people(approval).get(to)
        if kind == _BACK:
            message = Message(summary=summaries.of_closed_question(approval), card=cards.asked_back(run, approval))
            await self._finish(run, notice, to, message)
            return
        newer = approvers.successor(run, approval, person) if person is not None else None
        if newer is not None and (f"approval:{newer.id}", to) not in run.receipts:
            return  # it may be about to take the place of this one; once it has been delivered this is looked at again
        shared = on_one_card(run, approval, to) if kind == "approval" else [approval]
        if approval not in shared:  # another question has taken its place on the same message
            await self.record(run, f"{CLOSED}{notice}", to, "shown")
            return
        if len(shared) > 1 and person is not None:
            card = await self.digest(run, shared, person)
            await self.replace(run, notice, to, Message(summary=summaries.of_several(run, len(shared)), card=card))
            await self.record_shown(run, shared, person)
        elif not approval.open:
            card = await self.settled(run, approval)
            await self._finish(run, notice, to, Message(summary=summaries.of_closed(approval), card=card))
        elif person is not None:
            shown = await self._engine.shown(run.run_id, approval.id)
            card = approvers.asking(run, approval, shown, person, rethinks=self.rethinks)
            await self.replace(run, notice, to, Message(summary=summaries.of_open(approval), card=card))
            await self.record(run, f"{TOLD}{notice}", to, known(approval))

    async def digest(
        self,
        run: RunView,
        shared: Sequence[ApprovalView],
        person: Person,
        troubles: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The card of several questions as they are now; `troubles` says why an answer to one was not taken."""
        asked: list[cards.Asked] = []
        for approval in shared:
            shown: Shown | None = None
            try:
                shown = await self._engine.shown(run.run_id, approval.id)
            except Invalid as error:
                log.info("the question %s of run %s cannot be shown: %s", approval.id, run.run_id, error.message)
            asked.append(cards.Asked(approval, shown, (troubles or {}).get(approval.id, "")))
        return cards.digest(run, asked, person)

    async def record_shown(self, run: RunView, shared: Sequence[ApprovalView], person: Person) -> None:
        """Note that a person's card of several questions shows what is known of each."""
        for approval in shared:
            notice, news = f"approval:{approval.id}", known(approval)
            if not approval.open:
                await self.record(run, f"{CLOSED}{notice}", person.id, "shown")
            elif news:
                await self.record(run, f"{TOLD}{notice}", person.id, news)

    async def ask_again(self, run: RunView, approval: ApprovalView, person: Person) -> None:
        """Show an open question as a new message; an earlier one of this kind says that it is shown below.

        Raises:
            Unavailable, NotFound: The person cannot be reached.
        """
        who = await self._conversations.of(person.id)
        if who is None:
            return
        shown, notice = await self._engine.shown(run.run_id, approval.id), f"{AGAIN}:{approval.id}"
        card = approvers.asking(run, approval, shown, person, rethinks=self.rethinks)
        sent = await self._outbound.send(who.conversation, Message(summary=summaries.of_open(approval), card=card))
        if (notice, person.id) in run.receipts:
            below = cards.message(approval.title, texts.shown_below())
            await self.replace(run, notice, person.id, Message(summary=texts.shown_below(), card=below))
        await self.record(run, notice, person.id, sent.encode())
        if news := known(approval):
            await self.record(run, f"{TOLD}{notice}", person.id, news)

    async def settled(self, run: RunView, approval: ApprovalView, *, said: str = "") -> dict[str, Any]:
        """The read-only card of a question; `said` of the press that it answers."""
        shown: Shown | None = None
        answered: Answered | None = None
        try:
            shown = await self._engine.shown(run.run_id, approval.id)
            if approval.answer:
                answered = msgspec.convert(await self._engine.value(run.run_id, approval.answer), Answered)
        except Invalid as error:
            log.info("the question %s of run %s cannot be shown: %s", approval.id, run.run_id, error.message)
        return approvers.settled(run, approval, shown, answered, said=said)

    @staticmethod
    def _after_sign_in(run: RunView) -> Message:
        if run.status in ("failed", "cancelled"):
            title = say("No sign-in needed any more")
            card = cards.message(title, say("The run has ended; there is nothing for you to do."))
            return Message(summary=title, card=card)
        return Message(summary=texts.signed_in(), card=cards.signed_in())

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


def _about(notice: str) -> str:
    """The question that a notice is about; empty if it is about none."""
    kind, _, rest = notice.partition(":")
    if kind in (_BACK, "reply"):
        return rest.rpartition(":")[0]
    return rest if kind in _ASKING else ""
