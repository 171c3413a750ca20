"""What an attempt's worker is told of the run around it, and what it says of its work besides its result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from orchestration.capabilities import PeerResult, RunState, Standing, Worker
from orchestration.context.audience import spoken
from orchestration.context.flow import Flow, carried
from orchestration.context.noted import Noted
from orchestration.core import commands as c
from orchestration.core.label import Label, Source, within
from orchestration.core.run import SETTLED, Part, Run
from orchestration.core.usage import Usage
from orchestration.engines.live import LiveRun
from orchestration.engines.scopes import around, seen_from
from orchestration.errors import NotCleared, Refused, SignInNeeded, Unavailable

Read = Callable[[str, set[str]], Awaitable[LiveRun]]
Say = Callable[[str, c.Command], Awaitable[Run]]


class Changes:
    """Wakes those who wait for something new of a run."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def watch(self, run_id: str) -> asyncio.Event:
        """An event that is set whenever the run changes, until `leave`."""
        event = asyncio.Event()
        self._waiting.setdefault(run_id, set()).add(event)
        return event

    def leave(self, run_id: str, event: asyncio.Event) -> None:
        """Wait no more."""
        if waiting := self._waiting.get(run_id):
            waiting.discard(event)
            if not waiting:
                del self._waiting[run_id]

    def tell(self, run_id: str) -> None:
        """The run has changed, and that is on disk."""
        for event in self._waiting.get(run_id, ()):
            event.set()

    def tell_all(self) -> None:
        """The log was read again: anything may have changed."""
        for run_id in self._waiting:
            self.tell(run_id)


class Desks:
    """Makes the desk of each attempt.

    Args:
        title: What people call a task.
        read: The run as it is now, with these context entries in memory.
        say: Applies a command to a run; the run after it.
        changes: Told of every commit.
    """

    def __init__(self, title: Callable[[LiveRun, str], str], read: Read, say: Say, changes: Changes) -> None:
        self.title, self.read, self.say, self.changes = title, read, say, changes

    def of(self, live: LiveRun, name: str, attempt: int, worker: Worker, given: Flow) -> Desk:
        """The desk of an attempt that begins now."""
        return Desk(self, live, name, attempt, worker, given)


class Desk:
    """The surroundings of one attempt; see `orchestration.capabilities.surroundings.Surroundings`.

    Only the tasks are within reach that the attempt's own one needs or watches, by the names that its expressions use.
    """

    __slots__ = ("_attempt", "_desks", "_live", "_name", "_noted", "_worker", "given")

    def __init__(self, desks: Desks, live: LiveRun, name: str, attempt: int, worker: Worker, given: Flow) -> None:
        self._desks, self._live, self._name, self._attempt, self._worker = desks, live, name, attempt, worker
        self.given = given
        self._noted: Noted | None = None

    def note(self, source: Source) -> None:
        """See `TaskContext.note`."""
        reads = self._worker.capability.effect == "read"  # what was written stays written, whatever is said of it
        if reads and not within(source.label, self._worker.clearance):
            raise NotCleared(
                f"{source.title} is {spoken(source.label)}, and {self._worker.name} may read up to "
                f"{spoken(self._worker.clearance)}. Nothing of it was used. Leave it out, or have the owner of the "
                f"worker ({self._worker.owner}) raise its clearance."
            )
        if not source.reader:
            source = Source(
                source.title,
                source.system,
                source.link,
                source.label,
                self._live.run.initiator.id,
                source.outside,
            )
        self._notes.add(source)

    @property
    def _notes(self) -> Noted:
        if self._noted is None:
            self._noted = Noted()
        return self._noted

    @property
    def sources(self) -> list[Source]:
        """What was noted."""
        return self._noted.sources if self._noted is not None else []

    def result(self) -> tuple[Label, bool]:
        """Label and taint of what the worker made."""
        given, worker = self.given, self._worker
        if self._noted is not None:
            return self._noted.result(given, self._default)
        if not given.reads:
            return self._default, given.tainted
        if self._default == given.label or within(self._default, given.label):
            return given.label, given.tainted
        return worker.label, given.tainted

    @property
    def _default(self) -> Label:
        """What the worker adds where it notes nothing; one that only computes adds nothing to what it got."""
        return self._worker.label if self._worker.capability.system or not self.given.reads else "public"

    def state(self) -> RunState:
        """See `TaskContext.state`."""
        run, node = self._live.run, self._live.run.nodes.get(self._name)
        if node is None:
            return RunState()
        short = {*node.needs, *node.watches}
        return RunState([self._standing(full) for full in self._in_order(run, short)])

    def _standing(self, full: str) -> Standing:
        run, task = self._live.run, self._live.run.tasks[full]
        label = carried(run, full).label if task.status == "succeeded" else None
        return Standing(
            task=full[len(around(full)) :],
            title=self._desks.title(self._live, full),
            status=task.status,
            code=task.code if task.status in ("skipped", "failed", "backing_off", "in_doubt") else "",
            label=label,
            readable=label is not None and within(label, self._worker.clearance),
        )

    def _in_order(self, run: Run, short: set[str]) -> Iterator[str]:
        """These neighbours by their full names, in the order of the run."""
        wanted = set(seen_from(run, around(self._name), short))
        return (full for full in run.tasks if full in wanted)

    async def complete(self, part: str, done: int, of: int) -> None:
        """See `TaskContext.complete`."""
        run = await self._desks.say(
            self._live.run.run_id, c.AssertWork(task=self._name, attempt=self._attempt, part=part, done=done, of=of)
        )
        task = run.tasks.get(self._name)
        if task is None or task.attempt != self._attempt or task.parts.get(part) != Part(done, of):
            raise Unavailable("This attempt was given up meanwhile, so what it says of its work is not kept.")

    async def used(self, usage: Usage) -> None:
        """See `TaskContext.used`."""
        spent = c.RecordUsage(task=self._name, attempt=self._attempt, usage=usage)
        await self._desks.say(self._live.run.run_id, spent)

    async def peers(self) -> AsyncIterator[PeerResult]:
        """See `TaskContext.peers`."""
        if self._worker.capability.effect == "write":
            raise Refused(f"{self._worker.name} writes: what it writes was shown before, so it gets nothing else now")
        run_id, seen = self._live.run.run_id, set[str]()
        changed = self._desks.changes.watch(run_id)
        try:
            while True:
                changed.clear()
                self._live = live = await self._desks.read(run_id, set())
                run = live.run
                watched = list(self._in_order(run, set(run.nodes[self._name].watches)))
                for full in watched:
                    task = run.tasks[full]
                    if task.status != "succeeded" or full in seen or not live.saved(task.entry):
                        continue
                    seen.add(full)
                    label, tainted = carried(run, full)
                    if not within(label, self._worker.clearance):
                        continue
                    live = await self._desks.read(run_id, {task.entry})
                    self._notes.raise_to(label, tainted=tainted)
                    yield PeerResult(
                        task=full[len(around(full)) :], value=live.copy(task.entry), label=label, tainted=tainted
                    )
                standing = {run.tasks[full].status for full in watched if full in run.tasks}
                if standing <= SETTLED and seen.issuperset(
                    full for full in watched if run.tasks[full].status == "succeeded"
                ):
                    return
                if "awaiting_sign_in" in standing:
                    raise SignInNeeded("Something that this waits for needs the initiator to sign in.")
                await changed.wait()
        finally:
            self._desks.changes.leave(run_id, changed)
