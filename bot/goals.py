"""From a person's words to a plan card, with a question in between where something is missing."""

from __future__ import annotations

import asyncio
import logging
import weakref

from bot import texts
from bot.changes import Changes
from bot.conversations import Conversations, Documents, Reachable
from bot.drafts import Drafts
from bot.groups import Groups
from bot.listing import MOST_READ, working
from bot.outbound import Outbound
from bot.outcomes import Outcomes
from bot.pending import Pending, Pendings, Thread, asks_again, card_answered
from bot.proposals import Describe, Outcome, Proposals, undescribed
from bot.replanning import said_wish
from orchestration.errors import InvalidPlan, NotForYou
from orchestration.planning.draft import Exchange
from orchestration.planning.port import Missing, Planner, Unmatched
from orchestration.ports import Clock, Engine
from orchestration.validation.policy_file import Policies

log = logging.getLogger(__name__)

HINT_AFTER_SECONDS = 0.7  # planning from playbooks takes milliseconds


class Goals:
    """Turns what people say into proposed runs, and into changes of those that are open.

    What asks for a playbook in its own words, and what only says another month for an open run, is understood without
    a model, as all is where there is none. The model works out the rest.

    Args:
        engine: Where runs are proposed.
        planner: Understands goals by playbooks.
        outbound: Answers.
        documents: Keeps open questions.
        groups: Shows in a group what became of a goal that was said there.
        conversations: Where people can be reached.
        clock: Tells "last month", and how old a question is.
        describe: What the steps of a plan do.
        policies: Say which plans of a model may start without being shown.
        model: There is a language model that works out plans.

    Attributes:
        changes: Offers and makes changes of open runs.
        drafts: Has plans worked out; None without a model.
        outcomes: Leads on from what came of that.
    """

    def __init__(
        self,
        engine: Engine,
        planner: Planner,
        outbound: Outbound,
        documents: Documents,
        groups: Groups,
        conversations: Conversations,
        clock: Clock,
        *,
        describe: Describe = undescribed,
        policies: Policies | None = None,
        model: bool = False,
    ) -> None:
        self._engine, self._planner, self._outbound, self._clock = engine, planner, outbound, clock
        self._pendings = pendings = Pendings(outbound, documents, clock)
        self._proposals = proposals = Proposals(engine, outbound, pendings, groups, describe)
        self.changes = changes = Changes(engine, proposals, outbound)
        self.drafts = Drafts(engine, conversations, outbound, proposals, clock) if model else None
        self.outcomes = Outcomes(
            engine, planner, conversations, outbound, pendings, proposals, changes, clock, policies
        )
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def say(self, who: Reachable, text: str, activity: str, group: str = "") -> None:
        """Take a text as the answer to the open question, a change of an open run, or a goal.

        Args:
            who: The person.
            text: Their words.
            activity: Id of the activity, so that one that comes twice proposes one run.
            group: Receipt of the neutral card in the group in which they said it: there nothing is answered or changed.
        """
        async with self._turn(who):
            pending = await self._pendings.of(who)
            if pending is not None and not group and await self._take(who, pending, text, activity):
                return
            await self._goal(who, pending, text, activity, group)

    async def answer(self, who: Reachable, value: str, activity: str, key: str) -> dict[str, object] | None:
        """Take a press on a question's card as its answer; returns the card for its place, None if it is not open.

        Args:
            who: The person.
            value: Their choice.
            activity: Id of the press.
            key: Of the question that was answered: an older one's answers no other.
        """
        async with self._turn(who):
            pending = await self._pendings.of(who)
            if pending is None or pending.key != key:
                return None
            if pending.thread is not None:
                await self._go_on(who, pending, pending.thread, value)
                return card_answered(pending, value)
            outcome = await self._plan(who, pending.goal, (pending.missing, value))
            if asks_again(pending, outcome) and isinstance(outcome, Missing):
                await self._pendings.ask(who, pending.goal, outcome, pending.group)
            else:
                await self._pendings.answered(who, pending, value)
                await self._respond(who, pending.goal, outcome, activity, pending.group)
            return card_answered(pending, value)

    async def drop(self, who: Reachable) -> bool:
        """Forget the open question; whether there was one."""
        async with self._turn(who):
            pending = await self._pendings.of(who)
            if pending is not None:
                await self._drop(who, pending)
            return pending is not None

    # --- an open question

    async def _take(self, who: Reachable, pending: Pending, text: str, activity: str) -> bool:
        """Take a text as the answer to the open question; False if it asks for something else."""
        if pending.thread is not None:
            if self._planner.sure(text, self._clock.now()):
                return False
            await self._go_on(who, pending, pending.thread, text)
            return True
        outcome = await self._plan(who, pending.goal, (pending.missing, text))
        if not asks_again(pending, outcome):
            await self._pendings.answered(who, pending, text)
            await self._respond(who, pending.goal, outcome, activity, pending.group)
            return True
        if not isinstance(await self._plan(who, text), Unmatched):
            return False
        if self.drafts is None:
            await self._respond(who, pending.goal, outcome, activity, pending.group)
            return True
        await self._pendings.answered(who, pending, text)  # a model may understand what was meant
        thread = Thread(said=[Exchange(pending.missing.question, text)])
        await self.drafts.begin(who, pending.goal, _planning_id(who, activity), thread=thread, group=pending.group)
        return True

    async def _go_on(self, who: Reachable, pending: Pending, thread: Thread, text: str) -> None:
        """Give the answer to a model's question back to planning."""
        await self._pendings.answered(who, pending, text)
        said = [*thread.said, Exchange(pending.missing.question, text)]
        if self.drafts is None:  # there was one when this was asked
            await self._respond(who, pending.goal, await self._plan(who, pending.goal), "", pending.group)
            return
        onwards = Thread(run=thread.run, said=said, about=thread.about)
        command_id = f"planning:{thread.run}:answer"
        await self.drafts.begin(who, pending.goal, command_id, thread=onwards, group=pending.group)

    async def _drop(self, who: Reachable, pending: Pending) -> None:
        await self._pendings.drop(who, pending)
        await self._proposals.nothing(who, pending.group)

    # --- a goal

    async def _goal(self, who: Reachable, pending: Pending | None, text: str, activity: str, group: str) -> None:
        sure = self._planner.sure(text, self._clock.now())
        planned = _planning_id(who, activity)
        if not sure and not group:
            if self.drafts is not None and await self.drafts.join(who, text, planned):
                return
            if await self._change(who, text):
                return
        if not sure and self.drafts is not None:
            if pending is not None:
                await self._drop(who, pending)
            await self.drafts.begin(who, text, planned, group=group)
            return
        outcome = await self._plan(who, text)
        if pending is not None and not isinstance(outcome, Unmatched):
            await self._drop(who, pending)
        await self._respond(who, text, outcome, activity, group)

    async def _change(self, who: Reachable, text: str) -> bool:
        """Take a text as another value for the newest open run that it fits; False if it fits none."""
        day = self._clock.now().date()
        runs = await self._engine.runs(person=who.person.id, open_only=True, limit=MOST_READ)
        for run in working(runs):
            wish = said_wish(self._planner, run, text, day) if run.status in ("proposed", "running") else None
            if wish is not None and not run.dry:
                await self.changes.offer(who, wish)
                return True
        return False

    async def _plan(self, who: Reachable, goal: str, answer: tuple[Missing, str] | None = None) -> Outcome:
        """What playbooks make of a goal."""
        planning = asyncio.ensure_future(self._planner.plan(goal, who.person, self._clock.now(), answer=answer))
        try:
            await asyncio.wait({planning}, timeout=HINT_AFTER_SECONDS)
            if not planning.done():
                await self._outbound.hint(who.conversation, texts.planning())
            return await planning
        except (InvalidPlan, NotForYou) as error:
            return error
        finally:
            planning.cancel()

    async def _respond(self, who: Reachable, goal: str, outcome: Outcome, activity: str, group: str = "") -> None:
        command_id = f"goal:{who.person.id}:{activity}" if activity else ""
        await self._proposals.respond(who, goal, outcome, command_id, group)

    def _turn(self, who: Reachable) -> asyncio.Lock:
        """One after the other: an open question takes one answer, whichever device it comes from."""
        return self._turns.setdefault(who.person.id, asyncio.Lock())


def _planning_id(who: Reachable, activity: str) -> str:
    return f"planning:{who.person.id}:{activity}" if activity else ""
