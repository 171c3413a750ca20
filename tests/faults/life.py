"""One life of a process: an engine over what a folder holds, in a world that was there before and stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from orchestration.capabilities import TaskContext, Worker
from orchestration.core.commands import Command, ConfirmSignIn, StartRun
from orchestration.core.plan import Answer, Plan
from orchestration.core.question import Shown
from orchestration.core.run import ENDED, Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import AlreadyDecided, Unavailable
from orchestration.ports import Applied, Store
from tests.faults.medium import Medium, Point, nowhere
from tests.faults.world import Press, Systems, World
from tests.support.clock import FakeClock
from tests.support.office import MEGAN, Direct, Office, Surface

LONGEST_SECONDS = 20.0
PROPOSE, START = "propose", "start"


def outcome_told(run: RunView) -> bool:
    """Whether a run has ended and its initiator knows."""
    notice = f"outcome:{run.reopened}" if run.reopened else "outcome"
    return run.status in ENDED and (notice, run.initiator.id) in run.receipts


class PointedClock(FakeClock):
    """The world's clock, with a point at both sides of every timer."""

    def __init__(self, world: World, point: Point) -> None:
        super().__init__(world.now)
        self._world, self._point = world, point

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            self._point("timer:before")
            callback()
            self._point("timer:after")

        return super().call_at(when, call)

    def advance(self, by: timedelta) -> None:
        self._world.now = self._now + by
        super().advance(by)

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock: what became due is called, and nothing is taken back."""
        if by > timedelta(0):
            self.advance(by)
        else:
            self._now = self._world.now = self._now + by


class PointedDispatcher(Direct):
    """A point at both sides of every call of a worker."""

    def __init__(self, point: Point) -> None:
        self._point = point

    async def call(self, worker: Worker, arguments: msgspec.Struct, task: TaskContext) -> msgspec.Struct:
        self._point("effect:before")
        try:
            return await super().call(worker, arguments, task)
        finally:
            self._point("effect:after")


class PointedSurface(Surface):
    """Chats of the world, with a point at both sides of every notice.

    Attributes:
        misses: How often each notice does not get through at first.
    """

    def __init__(self, world: World, point: Point) -> None:
        super().__init__()
        self._world, self._point = world, point
        self.misses = 0

    def _send(self, run: RunView, notice: str, person: Person, receipt: str) -> str:
        if self._world.refuses(notice, self.misses):
            raise Unavailable(f"{person.name} cannot be reached")
        self._world.cards.append((run.run_id, notice, person.id))
        self._point("notice:after")
        return receipt

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        self._point("notice:before")
        return self._send(run, f"approval:{approval.id}", person, await super().ask(run, approval, shown, person))

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        self._point("notice:before")
        return self._send(run, f"reminder:{approval.id}", person, await super().remind(run, approval, person))

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        self._point("notice:before")
        return self._send(run, f"back:{approval.id}", run.initiator, await super().ask_initiator(run, approval))

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        self._point("notice:before")
        return self._send(run, f"reply:{approval.id}", person, await super().tell_reply(run, approval, person))

    async def ask_sign_in(self, run: RunView) -> str:
        self._point("notice:before")
        return self._send(run, "sign_in", run.initiator, await super().ask_sign_in(run))

    async def report(self, run: RunView, answer: Answer | None) -> str:
        self._point("notice:before")
        return self._send(run, "outcome", run.initiator, await super().report(run, answer))


class Life(Office):
    """An office whose process may die at any point, and the people around it.

    Args:
        medium: Holds the log.
        world: What is outside.
        point: Called at every point.

    Attributes:
        go: What the scenario's slow worker waits for.
    """

    def __init__(self, medium: Medium, world: World, point: Point = nowhere) -> None:
        super().__init__(Path())
        self.medium, self.world, self.point = medium, world, point
        self.systems = Systems(world, point)
        self.clock: PointedClock = PointedClock(world, point)
        self.surface: PointedSurface = PointedSurface(world, point)
        self.dispatcher = PointedDispatcher(point)
        self.go = asyncio.Event()

    def store(self) -> Store:
        return self.medium.store(self.point)

    async def drive(
        self,
        plan: Plan,
        choose: Callable[[ApprovalView], str],
        act: Callable[[Life, RunView], Awaitable[bool]],
    ) -> RunView:
        """Begin the run, or go on with it, until its end was told.

        Whoever got no answer to what they sent sends it once more; time passes when nothing else happens.

        Args:
            plan: What to run.
            choose: What a person answers to a question; the truth about a doubt is known.
            act: Does what else people do; whether that was anything.
        """
        proposed = await self.send(PROPOSE, partial(self._propose, plan))
        run_id = proposed.run.run_id
        await self.command(run_id, START, StartRun(by=MEGAN))
        for command_id in list(self.world.pressed):
            await self._press(command_id)
        seen, deadline = list[RunView](), time.monotonic() + LONGEST_SECONDS
        while True:
            run = await self.engine.view(run_id)
            acted = await act(self, run)
            runs = await self.engine.runs() if "fork" in self.world.sent else [run]
            if not acted and all(outcome_told(each) for each in runs):
                return next(each for each in runs if each.run_id == run_id)
            if time.monotonic() > deadline:
                states = {each.name: (each.status, each.message) for each in run.tasks}
                raise AssertionError(f"stuck at {self.clock.now()}: {run.status} {states}")
            answered = acted or any([await self._answer(each, choose) for each in runs])
            if not answered and runs == seen:
                self._pass_time()
            seen = runs
            await asyncio.sleep(0)

    def _propose(self, plan: Plan) -> Awaitable[Applied]:
        return self.engine.propose(plan, goal="g", initiator=MEGAN, origin="", command_id=PROPOSE)

    async def command(self, run_id: str, command_id: str, command: Command) -> None:
        """Send a command of a person's."""
        await self.send(command_id, partial(self.engine.send, run_id, command, command_id=command_id))

    async def sign_in(self, run: RunView) -> None:
        """Megan signs in."""
        self.world.signed_in = True
        await self.command(run.run_id, "sign-in", ConfirmSignIn(by=MEGAN))

    async def send(self, command_id: str, send: Callable[[], Awaitable[Applied]]) -> Applied:  # type: ignore[override]
        """Send something once, however often this is called."""
        if command_id not in self.world.sent:
            self.world.sent.append(command_id)
        applied = await send()
        if command_id in self.world.told:
            assert applied.duplicate, f"somebody was told that {command_id} is done, and the log has forgotten it"
        else:
            self.world.told.append(command_id)
            self.point("told")
        return applied

    async def _answer(self, run: RunView, choose: Callable[[ApprovalView], str]) -> bool:
        cards = {notice for run_id, notice, _ in self.world.cards if run_id == run.run_id}
        asked = [each for each in run.approvals if each.open and f"approval:{each.id}" in cards]
        for approval, person in [(each, who) for each in asked for who in each.approvers[: each.quorum]]:
            choice = choose(approval)
            if approval.kind == "in_doubt":
                accepted = {key.rpartition(".")[0] for key in self.world.accepted}
                choice = "done" if f"{run.run_id}.{approval.task}" in accepted else "not_done"
            command_id = f"press {approval.id}{' copy' * run.dry}{f' {person.id}' * (approval.quorum > 1)}"
            if not choice or command_id in self.world.told:
                continue
            self.world.pressed[command_id] = Press(
                run=run.run_id,
                approval=approval.id,
                shown=approval.entry,
                by=person,
                choice=choice,
                rules={"amount": "sap"} if choice == "answer" else {},
            )
            self.point("pressed")
            await self._press(command_id)
            return True
        return False

    async def _press(self, command_id: str) -> None:
        press = self.world.pressed[command_id]
        run = await self.engine.view(press.run)

        async def send() -> Applied:
            return await self.engine.decide(
                press.run,
                press.approval,
                by=press.by,
                shown=press.shown,
                choice=press.choice,
                rules=press.rules,
                command_id=command_id,
            )

        try:
            await self.send(command_id, send)
        except AlreadyDecided:  # by nobody: the run was cancelled meanwhile
            assert next(each for each in run.approvals if each.id == press.approval).decided_by is None

    def _pass_time(self) -> None:
        if not self.engine._work._tasks and (when := self.clock.next_timer) is not None:
            self.clock.advance(when - self.clock.now())
