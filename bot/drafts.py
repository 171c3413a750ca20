"""Goals that a language model works out a plan for: asked in a run of its own, answered once that run has ended."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from string import ascii_uppercase

import msgspec

from bot import cards, texts
from bot.changes import Changes, Wish
from bot.conversations import Conversations, Reachable
from bot.groups import GROUP
from bot.language import say, speaking, spoken
from bot.listing import MOST_READ, planning, working
from bot.outbound import Message, Outbound
from bot.pending import Pendings, Thread, asked_by_model
from bot.proposals import Proposals
from orchestration.core.commands import CancelRun, RecordDelivery, StartRun
from orchestration.core.run import Person
from orchestration.core.usage import total
from orchestration.core.view import RunView
from orchestration.errors import Invalid, InvalidPlan, NotRunning, TandemError, Unavailable
from orchestration.planning.draft import (
    Asked,
    Drafted,
    Exchange,
    OpenRun,
    Stand,
    is_planning,
    planning_plan,
)
from orchestration.planning.port import Planner, Unmatched
from orchestration.ports import Clock, Engine
from orchestration.validation.policy_file import NoFile, Policies

log = logging.getLogger(__name__)

HINT_AFTER = timedelta(seconds=3)
MOST_OPEN = 5  # runs that a sentence may be about
FAILED_FOR = timedelta(days=1)  # so long a failed run may be meant by "try it without SAP"
# Whose answer is meant where nothing was asked; for the model.
ADDED = "(added while the plan was being worked out)"
ANOTHER_WAY = "Find another way."


class Drafts:
    """Has plans worked out, and leads from what came of it to cards.

    Everything that follows from a planning run has ids derived from that run's, so that however often it is told
    (`Notifier.report` is at least once), one run is proposed, and one change made.

    Args:
        engine: Runs planning, and what comes of it.
        planner: Playbooks, for when the model is down.
        conversations: Where people can be reached.
        outbound: Shows cards.
        pendings: Asks what planning wants to know.
        proposals: Shows plans.
        changes: Shows changed plans.
        clock: Tells the day.
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
        self._hinted: set[str] = set()
        self._hints: set[asyncio.Task[None]] = set()

    # --- asked

    async def begin(
        self, who: Reachable, goal: str, command_id: str, *, thread: Thread | None = None, group: str = ""
    ) -> None:
        """Have a plan worked out; what comes of it is shown once it is there.

        Args:
            who: The person.
            goal: Their own words.
            command_id: So that the same words twice are planned once.
            thread: What is known beside the goal.
            group: Receipt of the neutral card in the group in which they said it: it is about no open run then.
        """
        thread = thread or Thread()
        runs = [] if group else await self._open_runs(who.person, thread.about)
        about = next((each.handle for each in runs if each.run_id == thread.about), "")
        today = self._clock.now().date().isoformat()
        plan = planning_plan(Asked(goal=goal, today=today, said=thread.said, runs=runs, about=about))
        run = await self._proposals.propose(who, goal, plan, command_id, group)
        if run.status == "proposed":
            await self._start(run)

    async def join(self, who: Reachable, text: str, command_id: str) -> bool:
        """Take a further sentence into what is being worked out just now; False if nothing is."""
        for run in await self._under_way(who.person):
            asked = asked_of(run)
            if text in (asked.goal, *(each.answer for each in asked.said)):
                return True  # the same once more
            try:
                await self._engine.send(run.run_id, CancelRun(by=who.person), command_id=f"{run.run_id}:joined")
            except NotRunning:
                continue  # it has just ended
            thread = Thread(run=run.run_id, said=[*asked.said, Exchange(ADDED, text)], about=_about(asked))
            group = run.receipts.get((GROUP, who.person.id), "")
            await self.begin(who, asked.goal, command_id, thread=thread, group=group)
            return True
        return False

    async def again(self, who: Reachable, run: RunView, activity: str) -> None:
        """Work out anew what a planning run was asked, on what is so now."""
        asked = asked_of(run)
        thread = Thread(run=run.run_id, said=asked.said, about=_about(asked))
        if not await self._at_work(who.person, asked.goal, thread.about):
            await self.begin(who, asked.goal, f"planning:{run.run_id}:again:{activity}", thread=thread)

    async def rethink(self, who: Reachable, run: RunView, activity: str) -> None:
        """Work out another way for a run of which a step failed."""
        thread = Thread(said=[Exchange("", ANOTHER_WAY)], about=run.run_id)
        if not await self._at_work(who.person, run.goal, run.run_id):
            await self.begin(who, run.goal, f"planning:{run.run_id}:rethink:{activity}", thread=thread)

    async def cancel(self, who: Reachable) -> bool:
        """Stop working out a plan; False if none is being worked out."""
        stopped = False
        for run in await self._under_way(who.person):
            command_id = f"{run.run_id}:cancel:{who.person.id}"
            try:
                await self._engine.send(run.run_id, CancelRun(by=who.person), command_id=command_id)
            except NotRunning:
                continue
            stopped = True
        return stopped

    async def resume(self) -> None:
        """After a start: begin what was asked for and not begun."""
        for run in planning(await self._engine.runs(open_only=True, limit=1000)):
            if run.status == "proposed":
                await self._start(run)
            else:
                self(run)

    async def _start(self, run: RunView) -> None:
        command = StartRun(by=run.initiator)
        applied = await self._engine.send(run.run_id, command, command_id=f"{run.run_id}:start:{run.initiator.id}")
        self(applied.run)

    async def _under_way(self, person: Person) -> list[RunView]:
        return planning(await self._engine.runs(person=person.id, open_only=True, limit=MOST_READ))

    async def _at_work(self, person: Person, goal: str, about: str) -> bool:
        """Whether just this is worked out already: a button was pressed twice."""
        return any(
            (asked.goal, _about(asked)) == (goal, about) for asked in map(asked_of, await self._under_way(person))
        )

    async def _open_runs(self, person: Person, about: str) -> list[OpenRun]:
        """The person's runs that their words may be about, the newest first."""
        since = self._clock.now() - FAILED_FOR
        runs = working(await self._engine.runs(person=person.id, limit=MOST_READ))
        meant = [
            run
            for run in runs
            if run.run_id == about
            or run.status in ("proposed", "running")
            or (run.status == "failed" and run.failed and run.ended_at and run.ended_at > since)
        ]
        first = [run for run in meant if not run.dry]
        kept = {run.run_id for run in [each for each in first if each.run_id == about] + first[:MOST_OPEN]}
        return [
            _open(handle, run)
            for handle, run in zip(ascii_uppercase, [r for r in first if r.run_id in kept], strict=False)
        ]

    # --- while it takes

    def __call__(self, run: RunView) -> None:
        """See `Listener`: what takes long is bridged by a line."""
        if not is_planning(run.playbook) or run.status != "running" or run.run_id in self._hinted or not run.started_at:
            return
        self._hinted.add(run.run_id)
        self._clock.call_at(run.started_at + HINT_AFTER, lambda: self._hint(run))

    def _hint(self, run: RunView) -> None:
        task = asyncio.get_running_loop().create_task(self._hinting(run.run_id))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)

    async def _hinting(self, run_id: str) -> None:
        self._hinted.discard(run_id)
        try:
            run = await self._engine.view(run_id)
            who = await self._conversations.of(run.initiator.id)
            if run.status == "running" and who is not None:
                with speaking(who.conversation.locale):
                    await self._outbound.hint(who.conversation, texts.planning())
        except TandemError as error:
            log.info("no line about planning %s: %s", run_id, error.message)

    async def close(self) -> None:
        """Let go of what takes long."""
        for task in self._hints:
            task.cancel()
        await asyncio.gather(*self._hints, return_exceptions=True)

    # --- answered

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
                if not await self._under_way(run.initiator):
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
        thread = Thread(run=run.run_id, said=asked.said, about=_about(asked))
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
        # Where it is not known what the steps do, they may write.
        writes = not steps or any(step.effect == "write" for step in steps)
        return self._policies.current().starts_unasked(writes=writes)

    async def _failed(self, who: Reachable, run: RunView, group: str) -> str:
        """The model gave no answer: a playbook that fits is offered instead, or it is said what can be done."""
        asked, told = asked_of(run), texts.no_model(run.code)
        suggestions = self._planner.suggestions()
        if not asked.said and not asked.about:
            command_id = f"planning:{run.run_id}:playbook"
            try:
                outcome = await self._planner.plan(asked.goal, who.person, self._clock.now())
            except InvalidPlan as error:
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


def asked_of(run: RunView) -> Asked:
    """What a planning run was asked.

    Raises:
        Invalid: That is not known any more.
    """
    try:
        return msgspec.convert(run.params, Asked)
    except msgspec.ValidationError as error:
        raise Invalid(f"what run {run.run_id} was to plan is not known any more: {error}") from None


def _about(asked: Asked) -> str:
    """Id of the run that planning is surely about; empty for none."""
    return next((each.run_id for each in asked.runs if asked.about and each.handle == asked.about), "")


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


def _open(handle: str, run: RunView) -> OpenRun:
    assert run.plan is not None
    stands = [Stand(task.name, task.status, task.code) for task in run.tasks]
    return OpenRun(
        handle=handle, run_id=run.run_id, status=run.status, revision=run.revision, plan=run.plan, tasks=stands
    )
