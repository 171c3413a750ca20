"""What a run that worked out a plan leads to once it has ended: a plan card, a changed plan, a question, or why not."""

from __future__ import annotations

import logging

import msgspec

from bot import cards, texts
from bot.changes import Changes, Wish
from bot.conversations import Conversations, Reachable
from bot.drafts import about_of, asked_of
from bot.groups import GROUP
from bot.language import say, speaking, spoken
from bot.listing import MOST_READ, planning
from bot.outbound import Message, Outbound
from bot.pending import Pendings, Thread, asked_by_model
from bot.proposals import Proposals
from orchestration.core.commands import RecordDelivery, StartRun
from orchestration.core.usage import total
from orchestration.core.view import RunView
from orchestration.errors import Invalid, InvalidPlan, NotForYou, TandemError, Unavailable
from orchestration.planning.draft import Drafted, is_planning
from orchestration.planning.port import Planner, Unmatched
from orchestration.ports import Clock, Engine
from orchestration.validation.policy_file import NoFile, Policies

log = logging.getLogger(__name__)


class Outcomes:
    """Leads from planning runs to what people see.

    Everything that follows from a planning run has ids derived from that run's, so that however often it is told
    (`Notifier.report` is at least once), one run is proposed, and one change made.

    Args:
        engine: Runs what comes of planning.
        planner: Playbooks, for when the model is down.
        conversations: Where people can be reached.
        outbound: Shows cards.
        pendings: Asks what planning wants to know.
        proposals: Shows plans.
        changes: Shows changed plans.
        clock: Tells "last month".
        policies: Say which plans may start without being shown.
    """

    def __init__(
        self,
        engine: Engine,
        planner: Planner,
        conversations: Conversations,
        outbound: Outbound,
        pendings: Pendings,
        proposals: Proposals,
        changes: Changes,
        clock: Clock,
        policies: Policies | None = None,
    ) -> None:
        self._engine, self._planner, self._conversations = engine, planner, conversations
        self._outbound, self._pendings, self._proposals = outbound, pendings, proposals
        self._changes, self._clock, self._policies = changes, clock, policies or NoFile()

    async def report(self, run: RunView) -> str:
        """Do what follows from a planning run that has ended; the receipt of what was shown (`Notifier.report`).

        Raises:
            Unavailable: The person cannot be reached now.
        """
        who = await self._conversations.of(run.initiator.id)
        if run.dry:
            return "rehearsed"
        if who is None:
            raise Unavailable(texts.not_reachable(run.initiator))
        group = run.receipts.get((GROUP, run.initiator.id), "")
        with speaking(who.conversation.locale):
            if run.status == "cancelled":
                # Whoever said more meanwhile has a planning run of these words, with the same card in the group.
                if not await self._under_way(run):
                    await self._proposals.nothing(who, group)
                return "cancelled"
            if run.status == "failed":
                return await self._failed(who, run, group)
            return await self._drafted(who, run, await self.drafted(run), group)

    async def drafted(self, run: RunView) -> Drafted:
        """What a planning run came to.

        Raises:
            Invalid: That is not known any more.
        """
        entry = next((task.entry for task in run.tasks), "")
        value = await self._engine.value(run.run_id, entry)
        try:
            return msgspec.convert(value, Drafted)
        except msgspec.ValidationError as error:
            raise Invalid(f"what run {run.run_id} planned is not known any more: {error}") from None

    async def wish(self, run: RunView) -> Wish | None:
        """The change that a planning run came to; None if it came to something else."""
        if run.status != "succeeded" or not is_planning(run.playbook):
            return None
        drafted = await self.drafted(run)
        if drafted.outcome != "change" or drafted.plan is None:
            return None
        return Wish(
            run_id=drafted.run_id,
            plan=msgspec.structs.replace(drafted.plan, planned_in=run.run_id),
            revision=drafted.revision,
            source={"run_id": drafted.run_id, "planning": run.run_id},
            command_id=f"planning:{run.run_id}:change",
            planned_in=run.run_id,
            spent=total(run.usage),
        )

    async def _drafted(self, who: Reachable, run: RunView, drafted: Drafted, group: str) -> str:
        if drafted.outcome == "question":
            return await self._ask(who, run, drafted, group)
        if drafted.outcome == "new" and drafted.plan is not None:
            return await self._new(who, run, drafted, group)
        if drafted.outcome == "change" and (wish := await self.wish(run)) is not None:
            return await self._changes.offer(who, wish)
        if drafted.outcome == "refused":
            card = cards.not_for_you(run.goal, _refused(drafted), drafted.who_could)
        else:
            card = cards.unclear(run.goal, _unclear(drafted), self._planner.suggestions())
        await self._proposals.nothing(who, group)
        return await self._show(who, card, by_model=True)

    async def _ask(self, who: Reachable, run: RunView, drafted: Drafted, group: str) -> str:
        pending = await self._pendings.of(who)
        if pending and pending.thread and pending.thread.run == run.run_id and pending.receipt:
            return pending.receipt  # asked before
        asked = asked_of(run)
        thread = Thread(run=run.run_id, said=asked.said, about=about_of(asked))
        missing = asked_by_model(drafted.text, drafted.choices)
        return await self._pendings.ask(who, asked.goal, missing, group, thread=thread)

    async def _new(self, who: Reachable, run: RunView, drafted: Drafted, group: str) -> str:
        assert drafted.plan is not None
        plan = msgspec.structs.replace(drafted.plan, planned_in=run.run_id)
        proposed = await self._proposals.propose(who, run.goal, plan, f"planning:{run.run_id}:new", group)
        unasked = proposed.status == "proposed" and self._starts_unasked(proposed)
        told = texts.starts_unasked() if unasked else ""
        receipt = await self._proposals.show(who, proposed, spent=total(run.usage), told=told)
        if unasked:
            await self._engine.send(
                proposed.run_id, RecordDelivery(notice=cards.UNASKED, to=who.person.id, receipt="shown")
            )
            command_id = f"{proposed.run_id}:start:{who.person.id}"
            await self._engine.send(proposed.run_id, StartRun(by=who.person), command_id=command_id)
        return receipt

    def _starts_unasked(self, run: RunView) -> bool:
        steps = self._proposals.describe(run.plan) if run.plan else []
        # Where it is not known what the steps do, they may write; and a question takes its words to somebody.
        writes = not steps or any(step.effect in ("write", "ask") for step in steps)
        return self._policies.current().starts_unasked(writes=writes)

    async def _failed(self, who: Reachable, run: RunView, group: str) -> str:
        """The model gave no answer: a playbook that fits is offered instead, or it is said what can be done."""
        asked, told = asked_of(run), texts.no_model(run.code)
        suggestions = self._planner.suggestions()
        if not asked.said and not asked.about:
            command_id = f"planning:{run.run_id}:playbook"
            try:
                outcome = await self._planner.plan(asked.goal, who.person, self._clock.now())
            except (InvalidPlan, NotForYou) as error:
                return await self._proposals.respond(who, asked.goal, error, command_id, group)
            except TandemError as error:
                log.info("no playbook instead of planning %s: %s", run.run_id, error.message)
                outcome = Unmatched(suggestions=suggestions)
            if not isinstance(outcome, Unmatched):
                return await self._proposals.respond(
                    who, asked.goal, outcome, command_id, group, told=texts.fits_best(told)
                )
        await self._proposals.nothing(who, group)
        return await self._show(who, cards.without_model(run, told, suggestions))

    async def _show(self, who: Reachable, card: dict[str, object], *, by_model: bool = False) -> str:
        summary = texts.summary(str(card.get("speak") or say("Your goal")))
        message = Message(summary=summary, card=card, by_model=by_model)
        return (await self._outbound.send(who.conversation, message)).encode()

    async def _under_way(self, run: RunView) -> list[RunView]:
        """Planning runs of the same person."""
        return planning(await self._engine.runs(person=run.initiator.id, open_only=True, limit=MOST_READ))


def _refused(drafted: Drafted) -> str:
    """Why a goal is refused; what planning says by itself is in English."""
    if drafted.who_could and spoken() != "en":
        return say("Only certain people may use in this organisation what it takes.")
    return drafted.text


def _unclear(drafted: Drafted) -> str:
    """Why no plan came of a goal; what planning says by itself is in English."""
    if drafted.problems and spoken() != "en":
        return say(
            "No answer of the language model was a plan that fits. Say it in other words or in smaller parts, with "
            "the full names or addresses of people."
        )
    return drafted.text
