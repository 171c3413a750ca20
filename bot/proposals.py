"""What becomes of a goal that was understood, or was not: a plan card, a question, or what can be done instead."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot import cards, summaries, texts
from bot.conversations import Reachable
from bot.groups import GROUP, Groups
from bot.language import say
from bot.notifier import PROGRESS
from bot.outbound import Message, Outbound, Receipt
from bot.pending import Pendings
from orchestration.core.amendment import Amendment
from orchestration.core.commands import RecordDelivery
from orchestration.core.plan import Plan
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.errors import InvalidPlan, NotForYou, TandemError
from orchestration.planning.described import Line
from orchestration.planning.port import Missing, Planned, Unmatched
from orchestration.ports import Engine

log = logging.getLogger(__name__)

Outcome = Planned | Missing | Unmatched | InvalidPlan | NotForYou
Describe = Callable[[Plan], list[Line]]


def undescribed(_: Plan) -> list[Line]:
    """Nothing is known of what capabilities do: cards name the steps only."""
    return []


def plan_message(
    run: RunView,
    describe: Describe,
    *,
    planned: Planned | None = None,
    changed: Amendment | None = None,
    spent: Usage | None = None,
    told: str = "",
) -> Message:
    """The plan card of a run that was not started.

    Args:
        run: The run.
        describe: What its steps do.
        planned: A playbook's own phrases.
        changed: What is new since the card before.
        spent: What working out the plan took.
        told: What to say first.
    """
    steps = describe(run.plan) if run.plan else []
    if planned is not None:
        reads, writes, asks = planned.reads, planned.writes, planned.asks
    elif steps:
        reads, writes = (_titles(steps, effect) for effect in ("read", "write"))
        asks = run.asks
    else:
        reads, writes = ([task.title for task in run.tasks if task.effect == each] for each in ("read", "write"))
        asks = run.asks
    drawn_up = bool(run.model) and not run.playbook
    card = cards.plan(
        run, reads, writes, asks, steps=steps if drawn_up else (), changed=changed, spent=spent, told=told
    )
    return Message(summary=summaries.of_plan(run), card=card, by_model=bool(run.model))


def _titles(steps: list[Line], effect: str) -> list[str]:
    return list(dict.fromkeys(step.title or step.what for step in steps if step.effect == effect))


class Proposals:
    """Leads from what planning says to what the person sees.

    Args:
        engine: Where runs are proposed.
        outbound: Shows cards.
        pendings: Asks what is missing.
        groups: Shows in a group what became of a goal that was said there.
        describe: What the steps of a plan do.
    """

    def __init__(
        self, engine: Engine, outbound: Outbound, pendings: Pendings, groups: Groups, describe: Describe
    ) -> None:
        self._engine, self._outbound, self._pendings = engine, outbound, pendings
        self._groups, self.describe = groups, describe

    async def respond(
        self, who: Reachable, goal: str, outcome: Outcome, command_id: str, group: str = "", *, told: str = ""
    ) -> str:
        """Do what follows from what planning from playbooks says; returns the receipt of what was shown.

        Args:
            who: The person.
            goal: Their goal.
            outcome: What planning said.
            command_id: Of the proposal, so that the same goal twice is one run.
            group: Receipt of the neutral card in the group in which they said it.
            told: What to say first.
        """
        match outcome:
            case Planned(plan=plan):
                run = await self.propose(who, goal, plan, command_id, group)
                return await self.show(who, run, planned=outcome, told=told)
            case Missing():
                return await self._pendings.ask(who, goal, outcome, group, told=told)
            case Unmatched(suggestions=suggestions):
                message = Message(summary=say("I cannot do that yet"), card=cards.unmatched(goal, suggestions))
            case InvalidPlan(problems=problems):
                log.error("a goal cannot be planned here: %s", problems)
                title = say("This cannot be done here")
                message = Message(summary=title, card=cards.message(title, texts.cannot_plan(problems), "attention"))
            case NotForYou(who_could=who_could):
                why = say("Only certain people may use in this organisation what it takes.")
                card = cards.not_for_you(goal, why, who_could)
                message = Message(summary=texts.summary(str(card.get("speak") or why)), card=card)
        sent = await self._outbound.send(who.conversation, message)
        await self.nothing(who, group)
        return sent.encode()

    async def propose(self, who: Reachable, goal: str, plan: Plan, command_id: str, group: str = "") -> RunView:
        """Open a run; the same command again finds the first one."""
        origin = who.conversation.id
        applied = await self._engine.propose(
            plan, goal=goal, initiator=who.person, origin=origin, command_id=command_id
        )
        if group and (GROUP, who.person.id) not in applied.run.receipts:
            await self._record(applied.run, GROUP, group)
        return applied.run

    async def show(
        self,
        who: Reachable,
        run: RunView,
        *,
        planned: Planned | None = None,
        changed: Amendment | None = None,
        spent: Usage | None = None,
        told: str = "",
        anew: bool = False,
    ) -> str:
        """Send the plan card, unless it is there already; see `plan_message`.

        One that shows what was changed, or is wanted `anew`, is always sent, and the one before says so.
        """
        before = run.receipts.get((PROGRESS, who.person.id), "")
        if before and changed is None and not anew:
            return before  # the activity came twice
        message = plan_message(run, self.describe, planned=planned, changed=changed, spent=spent, told=told)
        receipt = (await self._outbound.send(who.conversation, message)).encode()
        await self._record(run, PROGRESS, receipt)
        if before:
            await self._outdate(who, run, before)
        return receipt

    async def nothing(self, who: Reachable, group: str) -> None:
        """Say in the group, if it was said there, that nothing came of it."""
        if not group:
            return
        try:
            await self._groups.nothing(group, who.person)
        except TandemError as error:
            log.info("the card in the group was not updated: %s", error.message)

    async def _outdate(self, who: Reachable, run: RunView, before: str) -> None:
        receipt = Receipt.decode(before)
        if receipt is None or receipt.conversation != who.conversation.id:
            return
        said = texts.plan_changed()
        try:
            message = Message(summary=texts.summary(said), card=cards.message(run.title, said))
            await self._outbound.update(who.conversation, receipt.activity, message)
        except TandemError as error:
            log.info("the plan's older card was not updated: %s", error.message)

    async def _record(self, run: RunView, notice: str, receipt: str) -> None:
        command = RecordDelivery(notice=notice, to=run.initiator.id, receipt=receipt)
        await self._engine.send(run.run_id, command)
