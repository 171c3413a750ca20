"""An office whose Microsoft 365 is played by answers written down in a test; everything else is the real thing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

import orchestration
from connectors.graph import workers as graph_workers
from connectors.graph.client import GraphClient
from orchestration.capabilities import Registry, TaskContext, Worker
from orchestration.core.label import Source
from orchestration.core.plan import Answer, Plan
from orchestration.core.run import ENDED, Person
from orchestration.core.view import RunView
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Missing, Planned
from orchestration.workers.everyday import EVERYDAY
from tests.support.clock import FakeClock
from tests.support.office import ALEX, MEGAN, Office

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # a Friday
LEE = Person("oid-lee", "Lee Gu", "lee.gu@contoso.example", "tenant")
ADELE = Person("oid-adele", "Adele Vance", "adele.vance@contoso.example", "tenant")
DIEGO = Person("oid-diego", "Diego Siciliani", "diego.siciliani@contoso.example", "tenant")
PEOPLE = {each.name: each for each in (MEGAN, ALEX, LEE, ADELE, DIEGO)}

Reply = Any  # what a capability gives: JSON, an error to raise, or a function of its arguments


def found(person: Person) -> dict[str, str]:
    """A person as the directory says."""
    return {"id": person.id, "name": person.name, "upn": person.upn, "mail": person.upn, "title": ""}


def roster(*people: Person, note: str = "") -> dict[str, Any]:
    """What `people.roster` gives."""
    return {"people": [found(each) for each in people], "shown": ", ".join(each.name for each in people), "note": note}


class Desk(Office):
    """An office with the shipped playbooks.

    Attributes:
        replies: Capability => what it gives.
        asked: Capability => the arguments that it was called with, in order.
        notes: Capability => what it notes as its source.
        waits_for: Capability => what has to happen before it answers.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.clock = FakeClock(NOW)
        self.replies: dict[str, Reply] = {}
        self.asked: dict[str, list[Any]] = {}
        self.notes: dict[str, Source] = {}
        self.waits_for: dict[str, asyncio.Event] = {}
        graph = graph_workers(cast("GraphClient", None))
        self.registry = Registry([*EVERYDAY, *(self._played(each) for each in graph)])
        self.planner = PlaybookPlanner(self.registry, Path(orchestration.__file__).parent / "playbooks")

    def _played(self, worker: Worker) -> Worker:
        name = worker.capability.name

        async def call(arguments: msgspec.Struct, task: TaskContext) -> Any:
            self.asked.setdefault(name, []).append(arguments)
            if name in self.waits_for:
                await self.waits_for[name].wait()
            if name in self.notes:
                task.note(self.notes[name])
            reply = self.replies[name]
            if callable(reply):
                reply = reply(arguments)
            if isinstance(reply, Exception):
                raise reply
            return msgspec.convert(reply, worker.output_type)

        return msgspec.structs.replace(worker, call=cast("Callable[[Any, TaskContext], Awaitable[Any]]", call))

    async def planned(self, goal: str, **answers: str) -> Planned:
        """The plan for a goal, its questions answered."""
        made = await self.planner.plan(goal, MEGAN, NOW)
        while isinstance(made, Missing):
            made = await self.planner.plan(goal, MEGAN, NOW, answer=(made, answers.pop(made.parameter)))
        assert isinstance(made, Planned), made
        assert not answers, f"never asked for {', '.join(answers)}"
        return made

    async def begin(self, goal: str, **answers: str) -> str:
        """Start what a goal asks for; returns the run's id."""
        made = await self.planned(goal, **answers)
        return await self._started(made.plan, goal)

    async def _started(self, plan: Plan, goal: str) -> str:
        from orchestration.core.commands import StartRun

        applied = await self.engine.propose(plan, goal=goal, initiator=MEGAN, origin="", command_id="")
        await self.engine.send(applied.run.run_id, StartRun(by=MEGAN))
        return applied.run.run_id

    async def answer(self, run_id: str, task: str, by: Person, choice: str, comment: str = "") -> None:
        """Wait for the question of a task, then answer it."""
        run = await self.until(run_id, lambda run: self._open(run, task) != "", f"{task} asks nothing")
        await self.decide(run_id, self._open(run, task), by, choice, comment=comment)

    @staticmethod
    def _open(run: RunView, task: str) -> str:
        return next((each.id for each in run.approvals if each.open and each.task == task), "")

    async def ended(self, run_id: str) -> Answer:
        """The answer of a run that succeeds."""
        run = await self.until(run_id, lambda run: run.status in ENDED and bool(self.surface.reports), "it did not end")
        assert run.status == "succeeded", (run.message, [(task.name, task.status, task.message) for task in run.tasks])
        answer = self.surface.reports[-1][1]
        assert answer is not None
        return answer

    def states(self) -> dict[str, str]:
        """Task => its state, of the run that was told last."""
        return {task.name: task.status for task in self.surface.reports[-1][0].tasks}


def facts(answer: Answer) -> dict[str, str]:
    """The lines of an answer that say something."""
    return {label: value for label, value in answer.facts if value}


def links(text: str) -> list[str]:
    """Every address in a text."""
    return re.findall(r"https://\S+", text)
