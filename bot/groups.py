"""What a group chat or a channel sees of a run: that it is under way and for whom, and nothing else."""

from __future__ import annotations

import logging

from bot import cards, texts
from bot.cards.layout import Tone
from bot.conversations import Conversation, Conversations
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
            return (
                f"A plan is ready for {name}",
                "Nothing has been started. The plan is in the personal chat.",
                "neutral",
            )
        case "succeeded":
            return f"Done for {name}", "The result is in the personal chat.", "good"
        case "failed":
            return f"It could not be finished for {name}", "What happened is told in the personal chat.", "attention"
        case "cancelled":
            return f"Cancelled for {name}", "Details are in the personal chat.", "neutral"
    done, of = sum(task.status in _SETTLED for task in run.tasks), len(run.tasks)
    counts = f"{done} of {of} steps are done"
    waits = sum(approval.open for approval in run.approvals)
    if run.paused:
        counts = f"Paused: {counts}"
    elif run.awaiting_sign_in:
        counts += f", and it waits for {name}"
    elif waits:
        counts += ", and one decision is waited for" if waits == 1 else f", and {waits} decisions are waited for"
    return f"Working on it for {name}", f"{counts}. Details are in the personal chat.", "neutral"


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
        text = f"Working on it for {texts.clean(person.name, 80)}; details are in the personal chat."
        return (await self._outbound.send(where, _plain("On it", text))).encode()

    async def nothing(self, receipt: str, person: Person) -> None:
        """What was begun in a group came to nothing; the person knows why."""
        title = f"Nothing was started for {texts.clean(person.name, 80)}"
        await self._replace(receipt, _plain(title, "Details are in the personal chat."))

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
        return Message(summary=texts.summary(str(card.get("speak") or "A decision")), card=card)

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
