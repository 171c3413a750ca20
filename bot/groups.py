"""What a group chat or a channel sees of a run: that it is under way and for whom, and nothing else."""

from __future__ import annotations

import logging

from bot import cards, texts
from bot.cards.layout import Tone
from bot.conversations import Conversation, Conversations
from bot.language import say, say_count
from bot.outbound import Message, Outbound, Receipt
from bot.surfaces import group_card
from orchestration.core.commands import RecordDelivery
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import NotFound
from orchestration.ports import Engine

log = logging.getLogger(__name__)

GROUP = "group"
QUESTION = "group_question:"
OVER = "over"
_MOST_SHOWN = 1000
_SETTLED = ("succeeded", "skipped", "failed", "cancelled")


def standing(run: RunView) -> tuple[str, str, Tone]:
    """Title, text and tone: no title of a run, no name of a step, counts only."""
    name = texts.clean(run.initiator.name, 80)
    match run.status:
        case "proposed":
            text = say("Nothing has been started. The plan is in the personal chat.")
            return say("A plan is ready for {person}", person=name), text, "neutral"
        case "succeeded":
            return say("Done for {person}", person=name), say("The result is in the personal chat."), "good"
        case "failed":
            title = say("It could not be finished for {person}", person=name)
            return title, say("What happened is told in the personal chat."), "attention"
        case "cancelled":
            return say("Cancelled for {person}", person=name), _elsewhere(), "neutral"
    return say("Working on it for {person}", person=name), f"{_counts(run, name)} {_elsewhere()}", "neutral"


def _elsewhere() -> str:
    return say("Details are in the personal chat.")


def _counts(run: RunView, name: str) -> str:
    done, of = sum(task.status in _SETTLED for task in run.tasks), len(run.tasks)
    waits = sum(approval.open for approval in run.approvals)
    if run.paused:
        return say("Paused: {done} of {all} steps are done.", done=done, all=of)
    if run.awaiting_sign_in:
        return say("{done} of {all} steps are done, and it waits for {person}.", done=done, all=of, person=name)
    if waits:
        return say_count(
            "{done} of {all} steps are done, and one decision is waited for.",
            "{done} of {all} steps are done, and {count} decisions are waited for.",
            waits,
            done=done,
            all=of,
        )
    return say("{done} of {all} steps are done.", done=done, all=of)


class Groups:
    """Keeps the neutral cards in groups. Where they are is a receipt of the run, so that a restart knows it.

    Args:
        engine: Records receipts.
        conversations: Knows the groups, and people's ids in the channel.
        outbound: Sends and updates.
    """

    def __init__(self, engine: Engine, conversations: Conversations, outbound: Outbound) -> None:
        self._engine, self._conversations, self._outbound = engine, conversations, outbound
        self._shown: dict[str, Message] = {}

    async def begin(self, where: Conversation, person: Person) -> str:
        """Say in the thread that something is under way; returns the receipt.

        Raises:
            Unavailable, NotFound: The group cannot be told.
        """
        name = texts.clean(person.name, 80)
        text = say("Working on it for {person}; details are in the personal chat.", person=name)
        return (await self._outbound.send(where, _plain(say("On it"), text))).encode()

    async def nothing(self, receipt: str, person: Person) -> None:
        """What was begun in a group came to nothing; the person knows why."""
        title = say("Nothing was started for {person}", person=texts.clean(person.name, 80))
        await self._replace(receipt, _plain(title, _elsewhere()))

    async def show(self, run: RunView) -> None:
        """Bring what a group sees of a run up to date.

        Raises:
            Unavailable: The channel does not take it now.
        """
        receipt = run.receipts.get((GROUP, run.initiator.id), "")
        if not receipt:
            return
        message = _plain(*standing(run))
        if self._shown.get(run.run_id) != message:
            await self._replace(receipt, message)
            if len(self._shown) >= _MOST_SHOWN:
                self._shown.clear()  # each is shown once more at its next change
            self._shown[run.run_id] = message
        for approval in run.approvals:
            await self._question(run, approval, receipt)

    async def _question(self, run: RunView, approval: ApprovalView, beside: str) -> None:
        """A question to somebody else than the initiator: those who are asked see their own card in its place."""
        notice, initiator = f"{QUESTION}{approval.id}", run.initiator.id
        known = run.receipts.get((notice, initiator), "")
        if approval.open and not known and any(each.id != initiator for each in approval.approvers):
            thread = Receipt.decode(beside)
            where = await self._conversations.group(thread.conversation) if thread else None
            if where is not None:
                sent = (await self._outbound.send(where, await self._neutral(run, approval))).encode()
                await self._record(run, notice, sent)
        elif not approval.open and known and (f"{notice}:{OVER}", initiator) not in run.receipts:
            await self._replace(known, await self._neutral(run, approval))
            await self._record(run, f"{notice}:{OVER}", "shown")

    async def _neutral(self, run: RunView, approval: ApprovalView) -> Message:
        card = await group_card(self._conversations, run, approval)
        return Message(summary=texts.summary(str(card.get("speak") or say("A decision"))), card=card)

    async def _record(self, run: RunView, notice: str, receipt: str) -> None:
        await self._engine.send(run.run_id, RecordDelivery(notice=notice, to=run.initiator.id, receipt=receipt))

    async def _replace(self, receipt: str, message: Message) -> None:
        known = Receipt.decode(receipt)
        where = await self._conversations.group(known.conversation) if known else None
        if known is None or where is None or not known.activity:
            return
        try:
            await self._outbound.update(where, known.activity, message)
        except NotFound as error:
            log.info("a card in a group is gone: %s", error.message)


def _plain(title: str, text: str, tone: Tone = "neutral") -> Message:
    return Message(summary=texts.summary(f"{title}. {text}"), card=cards.message(title, text, tone))
