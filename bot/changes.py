"""Another plan for an open run: shown before it holds, and applied only with its initiator's consent."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from bot import cards, summaries, texts
from bot.conversations import Reachable
from bot.copies import CHANGE
from bot.language import say
from bot.outbound import Message, Outbound, Receipt
from bot.proposals import Proposals
from bot.refusals import told
from orchestration.core.amendment import Amendment
from orchestration.core.commands import RecordDelivery
from orchestration.core.plan import Plan
from orchestration.core.run import Person
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.errors import Invalid, Outdated, Refused, TandemError
from orchestration.ports import Applied, Engine

log = logging.getLogger(__name__)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that a run shall have from now on.

    Attributes:
        revision: Of the run, for which it was drawn up.
        source: Where a press finds it again; data of the card's buttons, which prove nothing.
        planned_in: The run that drew it up; empty where no model did.
        spent: What that took.
        command_id: Of the change, so that it is made once.
    """

    run_id: str
    plan: Plan
    revision: int
    source: dict[str, Any]
    command_id: str
    planned_in: str = ""
    spent: Usage | None = None


class Changes:
    """Shows what a change would lead to, and makes it.

    Args:
        engine: Foresees changes and makes them.
        proposals: Shows plan cards.
        outbound: Shows other cards.
    """

    def __init__(self, engine: Engine, proposals: Proposals, outbound: Outbound) -> None:
        self._engine, self._proposals, self._outbound = engine, proposals, outbound

    async def offer(self, who: Reachable, wish: Wish) -> str:
        """Make the change if the run was not started, and show its plan; otherwise ask. Returns the receipt."""
        run = await self._engine.view(wish.run_id)
        if run.status == "proposed" and wish.planned_in and run.planned_in == wish.planned_in:
            return await self._proposals.show(who, run, spent=wish.spent, anew=True)  # made before, perhaps not shown
        try:
            foreseen = await self._engine.foresee_amendment(wish.run_id, wish.plan, by=who.person)
            if run.revision != wish.revision:
                return await self._tell(who, cards.outdated_change(run, wish.source))
            if not changes_anything(foreseen):
                return await self._tell(who, cards.message(run.title, texts.plan_is_so()))
            if run.status == "proposed":
                run = (await self._amend(wish, who.person)).run
                return await self._proposals.show(who, run, changed=foreseen, spent=wish.spent)
        except (Refused, Invalid) as error:
            return await self._tell(who, refused(run, wish, error))
        card = cards.change(run, foreseen, wish.source, wish.spent)
        message = Message(summary=summaries.of_change(run), card=card, by_model=bool(wish.planned_in))
        return (await self._outbound.send(who.conversation, message)).encode()

    async def make(self, who: Reachable, wish: Wish, card: str = "") -> dict[str, Any]:
        """The person, whose run it is, consents; returns what becomes of the card that they pressed.

        Args:
            who: The person.
            wish: What they consent to.
            card: Id of the pressed message, as far as known: it says later what came of a change that had to wait.
        """
        run = await self._engine.view(wish.run_id)
        try:
            foreseen = await self._engine.foresee_amendment(wish.run_id, wish.plan, by=who.person)
            if run.revision == wish.revision and not changes_anything(foreseen):
                return cards.message(run.title, texts.plan_is_so())
            applied = await self._amend(wish, who.person)
        except (Refused, Invalid) as error:
            return refused(run, wish, error)
        if applied.run.amending and card and not applied.duplicate:
            receipt = Receipt(who.conversation.id, card).encode()
            later = RecordDelivery(notice=f"{CHANGE}:{wish.revision}", to=who.person.id, receipt=receipt)
            await self._engine.send(wish.run_id, later)
        return cards.changed(applied.run, None if applied.duplicate else foreseen)

    async def _amend(self, wish: Wish, by: Person) -> Applied:
        return await self._engine.amend(
            wish.run_id,
            wish.plan,
            by=by,
            revision=wish.revision,
            command_id=wish.command_id,
        )

    async def _tell(self, who: Reachable, card: dict[str, Any]) -> str:
        summary = texts.summary(str(card.get("speak") or say("The plan")))
        return (await self._outbound.send(who.conversation, Message(summary=summary, card=card))).encode()


def changes_anything(foreseen: Amendment) -> bool:
    """Whether a plan differs from the one before in anything that people see."""
    steps = foreseen.added or foreseen.removed or foreseen.changed or foreseen.again
    return bool(foreseen.retitled or foreseen.params or steps or foreseen.ending)


def refused(run: RunView, wish: Wish, error: TandemError) -> dict[str, Any]:
    """Why a change is not made, and how to go on."""
    if isinstance(error, Outdated):
        return cards.outdated_change(run, wish.source)
    return cards.message(say("The plan stays as it is"), told(error), "warning")
