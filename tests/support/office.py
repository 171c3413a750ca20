"""A small office to run plans in: workers, people, a surface that remembers, an engine over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from orchestration.capabilities import (
    Dedupe,
    NotDone,
    Preview,
    Registry,
    TaskContext,
    Worker,
    worker,
)
from orchestration.capabilities.descriptor import Dispatcher, Outcome
from orchestration.core.commands import Command, StartRun
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.question import Shown
from orchestration.core.run import ENDED, Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import Unavailable
from orchestration.ports import Store
from orchestration.stores.sqlite import SqliteStore
from tests.support.clock import FakeClock

MEGAN = Person("oid-megan", "Megan Bowen", "megan.bowen@contoso.example", "tenant")
ALEX = Person("oid-alex", "Alex Wilber", "alex.wilber@contoso.example", "tenant")
WAIT_SECONDS = 10


class Number(msgspec.Struct):
    """Arguments and result of the little workers."""

    n: int = 0


class Numbers(msgspec.Struct):
    """Arguments of `sum`."""

    ns: list[int | None]


Script = Callable[[Number, TaskContext], Awaitable[Number]]


class Direct:
    """Calls workers with nothing in between."""

    async def call(self, worker: Worker, arguments: msgspec.Struct, task: TaskContext) -> msgspec.Struct:
        """See `Dispatcher.call`."""
        result: msgspec.Struct = await worker.call(arguments, task)
        return result


class Surface:
    """A surface that records what it delivered; people in `away` cannot be reached."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Shown, Person]] = []
        self.asked_back: list[tuple[str, str]] = []
        self.replies: list[tuple[str, str, Person]] = []
        self.sign_ins: list[str] = []
        self.reminded: list[tuple[str, Person]] = []
        self.reports: list[tuple[RunView, Answer | None]] = []
        self.away: set[str] = set()

    def _reach(self, person: Person) -> str:
        if person.id in self.away:
            raise Unavailable(f"{person.name} cannot be reached")
        return f"receipt-{person.id}"

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        receipt = self._reach(person)
        self.asked.append((approval.id, shown, person))
        return receipt

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.remind`."""
        receipt = self._reach(person)
        self.reminded.append((approval.id, person))
        return receipt

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        """See `Notifier.ask_initiator`."""
        receipt = self._reach(run.initiator)
        self.asked_back.append((approval.id, approval.remarks[-1].text))
        return receipt

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.tell_reply`."""
        receipt = self._reach(person)
        self.replies.append((approval.id, approval.remarks[-1].text, person))
        return receipt

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        receipt = self._reach(run.initiator)
        self.sign_ins.append(run.run_id)
        return receipt

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`."""
        receipt = self._reach(run.initiator)
        self.reports.append((run, answer))
        return receipt


class Office:
    """Everything around one engine; `workers` may be set before `open`."""

    def __init__(self, path: Path, **engine_options: Any) -> None:
        self.path = path
        self.clock = FakeClock()
        self.surface = Surface()
        self.dispatcher: Dispatcher = Direct()
        self.registry = Registry(now=lambda: self.clock.now())  # noqa: PLW0108 - another clock may be put in
        self.calls: list[tuple[str, int]] = []
        self.engine: EmbeddedEngine
        self.engine_options: dict[str, Any] = {"random": Random(7), **engine_options}
        self._changed = asyncio.Condition()
        self._views: dict[str, RunView] = {}
        self.register("add", self._add)
        self.registry.add(worker("sum", title="Add up")(self._sum))

    async def _add(self, number: Number, task: TaskContext) -> Number:
        return Number(number.n + 1)

    async def _sum(self, numbers: Numbers, task: TaskContext) -> Number:
        return Number(sum(n or 0 for n in numbers.ns))

    def register(
        self,
        name: str,
        script: Script,
        *,
        write: bool = False,
        dedupe: Dedupe = "none",
        reconcile: Callable[[Number, TaskContext], Awaitable[Outcome]] | None = None,
        attempts: int = 3,
    ) -> None:
        """Let `script` serve the capability `name`; its calls are counted in `calls`."""

        async def call(number: Number, task: TaskContext) -> Number:
            self.calls.append((task.task_id, task.attempt))
            return await script(number, task)

        async def not_done(_: Number, __: TaskContext) -> Outcome:
            return NotDone()

        self.registry.add(
            worker(
                name,
                title=name.capitalize(),
                effect="write" if write else "read",
                system="Test",
                dedupe=dedupe,
                attempts=attempts,
                name=f"{name}@test",
                preview=(lambda number: Preview("Write", [("Number", str(number.n))])) if write else None,
                reconcile=reconcile or (not_done if dedupe != "none" else None),
                summarize=lambda number: f"got {number.n}",
            )(call)
        )

    def store(self) -> Store:
        """A store over this office's database file."""
        return SqliteStore(self.path / "tandem.db")

    async def start(self) -> None:
        """Start an engine over the office's log."""
        self.engine = EmbeddedEngine(
            self.store(), self.registry, self.dispatcher, self.surface, self.clock, **self.engine_options
        )
        self.engine.subscribe(self._listen)
        await self.engine.start()

    def _listen(self, run: RunView) -> None:
        self._views[run.run_id] = run

    async def until(self, run_id: str, what: Callable[[RunView], bool], why: str = "") -> RunView:
        """The run once `what` holds of it."""

        async def poll() -> RunView:
            while True:
                run = await self.engine.view(run_id)
                if what(run):
                    return run
                await asyncio.sleep(0)

        try:
            return await asyncio.wait_for(poll(), WAIT_SECONDS)
        except TimeoutError:
            run = await self.engine.view(run_id)
            states = {task.name: (task.status, task.code, task.message) for task in run.tasks}
            raise AssertionError(f"{why or 'the run did not get there'}: {run.status} {states} {run.message}") from None

    async def run(self, plan: Plan) -> str:
        """Propose and start a plan; returns the run's id."""
        applied = await self.engine.propose(plan, goal="do it", initiator=MEGAN, origin="", command_id="")
        await self.engine.send(applied.run.run_id, StartRun(by=MEGAN))
        return applied.run.run_id

    async def finish(self, run_id: str) -> RunView:
        """The run once it has ended and its end was told."""
        return await self.until(
            run_id, lambda run: run.status in ENDED and bool(self.surface.reports), "it did not end"
        )

    async def send(self, run_id: str, command: Command) -> RunView:
        """Apply a command."""
        return (await self.engine.send(run_id, command)).run

    async def decide(self, run_id: str, approval: str, by: Person, choice: str, **more: Any) -> RunView:
        """Answer a question with what it shows."""
        run = await self.engine.view(run_id)
        shown = next(each.entry for each in run.approvals if each.id == approval)
        return (await self.engine.decide(run_id, approval, by=by, shown=shown, choice=choice, **more)).run


@asynccontextmanager
async def opened(office: Office) -> AsyncIterator[Office]:
    """An office at work, closed at the end."""
    await office.start()
    try:
        yield office
    finally:
        await office.engine.stop()


def plan(answer: str = "done", **tasks: Node) -> Plan:
    """A plan of the given nodes."""
    return Plan(title="Test", tasks=tasks, answer=Answer(text=answer))
