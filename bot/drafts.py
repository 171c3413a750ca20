"""Goals that a language model works out a plan for, each in a run of its own; `outcomes` leads on from there."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from string import ascii_uppercase

import msgspec

from bot import texts
from bot.conversations import Conversations, Reachable
from bot.groups import GROUP
from bot.language import speaking
from bot.listing import MOST_READ, planning, working
from bot.outbound import Outbound
from bot.pending import Thread
from bot.proposals import Proposals
from orchestration.core.commands import CancelRun, StartRun
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.errors import Invalid, NotRunning, TandemError
from orchestration.planning.draft import Asked, Exchange, OpenRun, Stand, is_planning, planning_plan
from orchestration.ports import Clock, Engine

log = logging.getLogger(__name__)

HINT_AFTER = timedelta(seconds=3)
MOST_OPEN = 5  # runs that a sentence may be about
FAILED_FOR = timedelta(days=1)  # so long a failed run may be meant by "try it without SAP"
# Whose answer is meant where nothing was asked; for the model.
ADDED = "(added while the plan was being worked out)"
ANOTHER_WAY = "Find another way."


class Drafts:
    """Has plans worked out.

    Args:
        engine: Runs planning.
        conversations: Where people can be reached.
        outbound: Says that it takes a while.
        proposals: Opens runs.
        clock: Tells the day.
    """

    def __init__(
        self, engine: Engine, conversations: Conversations, outbound: Outbound, proposals: Proposals, clock: Clock
    ) -> None:
        self._engine, self._conversations, self._outbound = engine, conversations, outbound
        self._proposals, self._clock = proposals, clock
        self._hinted: set[str] = set()
        self._hints: set[asyncio.Task[None]] = set()

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
            thread = Thread(run=run.run_id, said=[*asked.said, Exchange(ADDED, text)], about=about_of(asked))
            group = run.receipts.get((GROUP, who.person.id), "")
            await self.begin(who, asked.goal, command_id, thread=thread, group=group)
            return True
        return False

    async def again(self, who: Reachable, run: RunView, activity: str) -> None:
        """Work out anew what a planning run was asked, on what is so now."""
        asked = asked_of(run)
        thread = Thread(run=run.run_id, said=asked.said, about=about_of(asked))
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
            (asked.goal, about_of(asked)) == (goal, about) for asked in map(asked_of, await self._under_way(person))
        )

    async def _open_runs(self, person: Person, about: str) -> list[OpenRun]:
        """The person's runs that their words may be about, the newest first."""
        since = self._clock.now() - FAILED_FOR
        runs = working(await self._engine.runs(person=person.id, limit=MOST_READ))
        if about and all(run.run_id != about for run in runs):
            runs.append(await self._engine.view(about))
        meant = [
            run
            for run in runs
            if run.run_id == about
            or run.status in ("proposed", "running")
            or (run.status == "failed" and run.failed and run.ended_at and run.ended_at > since)
        ]
        kept = [run for run in meant if not run.dry]
        sure = [run for run in kept if run.run_id == about]
        others = [run for run in kept if run.run_id != about]
        shown = [*sure, *others][:MOST_OPEN]
        return [_open(handle, run) for handle, run in zip(ascii_uppercase, shown, strict=False)]

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
                    waits = any(task.code for task in run.tasks)  # of the try before
                    await self._outbound.hint(who.conversation, texts.planning_waits() if waits else texts.planning())
        except TandemError as error:
            log.info("no line about planning %s: %s", run_id, error.message)

    async def close(self) -> None:
        """Let go of what takes long."""
        for task in self._hints:
            task.cancel()
        await asyncio.gather(*self._hints, return_exceptions=True)


def asked_of(run: RunView) -> Asked:
    """What a planning run was asked.

    Raises:
        Invalid: That is not known any more.
    """
    try:
        return msgspec.convert(run.params, Asked)
    except msgspec.ValidationError as error:
        raise Invalid(f"what run {run.run_id} was to plan is not known any more: {error}") from None


def about_of(asked: Asked) -> str:
    """Id of the run that planning is surely about; empty for none."""
    return next((each.run_id for each in asked.runs if asked.about and each.handle == asked.about), "")


def _open(handle: str, run: RunView) -> OpenRun:
    assert run.plan is not None
    stands = [Stand(task.name, task.status, task.code) for task in run.tasks]
    return OpenRun(
        handle=handle, run_id=run.run_id, status=run.status, revision=run.revision, plan=run.plan, tasks=stands
    )
