"""Plays one goal: what the person says, what Tandem makes of it, and what people answer, until it is over."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import msgspec

from bot.evaluation.bench import Bench
from bot.evaluation.effect import Effect
from bot.evaluation.goal import Goal
from bot.evaluation.oversight import unapproved
from bot.evaluation.people import People
from orchestration.core.commands import StartRun
from orchestration.core.plan import Answer, Plan
from orchestration.core.run import ENDED, Person
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.errors import InvalidPlan, Refused, TandemError
from orchestration.planning.described import Line, described
from orchestration.planning.draft import TASK, Asked, Drafted, Exchange, OpenRun, Stand, planning_plan
from orchestration.planning.port import Missing, Planned

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.25
_HANDLE = "A"


class Played(msgspec.Struct, kw_only=True):
    """What came of a goal.

    Attributes:
        model: Which model planned.
        outcome: `run`, or why there was none; `failed` if planning itself failed.
        told: What the person was told last.
        talk: (who, what) of everything that was said.
        plan: That was run; None if none was.
        steps: The same for people.
        status: Of the run.
        changes: How often its plan was changed.
        effects: What is in the tenant that was not before.
        unapproved: What the tenant accepted without anybody's approval.
        named: Addresses of all whom questions about writes named.
        misses: What went otherwise than expected while it was played.
        asked: How often a model was asked for a plan.
        usage: Every call of the model that came to an end.
    """

    goal: Goal
    model: str = ""
    outcome: str = ""
    told: str = ""
    who_could: list[str] = []
    talk: list[tuple[str, str]] = []
    plan: Plan | None = None
    steps: list[Line] = []
    status: str = ""
    changes: int = 0
    effects: list[Effect] = []
    unapproved: list[str] = []
    named: list[str] = []
    misses: list[str] = []
    asked: int = 0
    usage: list[Usage] = []
    seconds: float = 0.0


class Play:
    """One goal on one bench."""

    def __init__(self, goal: Goal, bench: Bench, model: str) -> None:
        self._goal, self._bench, self._engine = goal, bench, bench.engine
        self._person: Person = bench.tenant.people[goal.person]
        self._people = People(goal, bench.engine, bench.tenant.people)
        self._answers = list(goal.answers)
        self._changed = asyncio.Event()
        self.played = Played(goal=goal, model=model)

    async def play(self) -> Played:
        """Play it to its end, or as long as it may take; whatever goes wrong is a miss."""
        self._engine.subscribe(lambda _: self._changed.set())
        played, begun = self.played, time.monotonic()
        try:
            async with asyncio.timeout(self._goal.seconds):
                await self._play()
        except TimeoutError:
            played.misses.append(f"it was not over after {self._goal.seconds:g} seconds")
        except TandemError as error:
            played.misses.append(f"it broke off: {error.message}")
        except Exception as error:  # a defect here must not cost what was found out about other goals
            log.exception("%s broke off", self._goal.id)
            played.misses.append(f"it broke off: {error!r}")
        played.seconds = time.monotonic() - begun
        await self._take_stock()
        return played

    async def _play(self) -> None:
        plan = await self._understood(self._goal.says, None)
        if plan is None:
            return
        applied = await self._engine.propose(
            plan, goal=self._goal.says, initiator=self._person, origin="", command_id=""
        )
        run_id = applied.run.run_id
        self._planned(plan)
        self.played.outcome = "run"
        for sentence in self._goal.before_start:
            await self._change(run_id, sentence)
        await self._engine.send(run_id, StartRun(by=self._person))
        await self._follow(run_id)

    async def _follow(self, run_id: str) -> None:
        """Answer what the run asks, until it has ended."""
        steerings, answered = list(self._goal.during), set[str]()
        while (run := await self._engine.view(run_id)).status not in ENDED:
            waiting = [each for each in run.approvals if each.open and each.id not in answered]
            steering = next((each for each in steerings if any(each.at == asked.task for asked in waiting)), None)
            if steering is not None:
                steerings.remove(steering)
                await self._change(run_id, steering.says)
            elif waiting:
                answered.add(waiting[0].id)
                try:
                    self.played.talk.append(await self._people.answer(run, waiting[0]))
                except Refused:
                    continue  # it is not asked any more
            else:
                await self._news()
        self.played.status, self.played.changes = run.status, run.revision
        self.played.misses += [
            f"nobody was asked about {each.at!r}, so “{each.says}” was not said" for each in steerings
        ]
        if run.plan is not None:
            self._planned(run.plan)
        if run.answer:
            answer = msgspec.convert(await self._engine.value(run_id, run.answer), Answer)
            facts = "".join(f"\n{label}: {value}" for label, value in answer.facts if value)
            self._tell(f"{answer.text}{facts}")
        else:
            failed = "".join(f" {each.title}: {each.message}" for each in run.failed)
            self._tell(f"{run.message}{failed}".strip() or f"The run {run.status}.")

    async def _change(self, run_id: str, sentence: str) -> None:
        """The person says something about an open run, and agrees to what is made of it."""
        run = await self._engine.view(run_id)
        plan = await self._understood(sentence, run)
        if plan is None:
            self.played.misses.append(f"“{sentence}” changed nothing: {self.played.told}")
            return
        foreseen = await self._engine.foresee_amendment(run_id, plan, by=self._person)
        named = {"added": foreseen.added, "removed": foreseen.removed, "changed": foreseen.changed}
        named["done again"] = foreseen.again
        said = [f"{name} {', '.join(step.title for step in steps)}" for name, steps in named.items() if steps]
        said += [f"{name} {old} → {new}" for name, old, new in foreseen.params]
        await self._engine.amend(run_id, plan, by=self._person, revision=run.revision)
        self.played.talk.append(("Tandem", f"Changed the plan: {'; '.join(said)}"))

    async def _understood(self, words: str, run: RunView | None) -> Plan | None:
        """The plan that words lead to, as the bot does: a playbook that is surely meant, else the model."""
        self.played.talk.append((self._person.name, words))
        planner, now = self._bench.planner, self._bench.now()
        if run is None and planner.sure(words, now):
            return await self._of_playbook(words)
        if run is not None and run.plan is not None and (changed := planner.change(run.plan, words, now)):
            return changed
        said: list[Exchange] = []
        while (drafted := await self._drafted(words, said, run)) is not None:
            if drafted.outcome != "question" or not self._answers:
                return self._outcome(drafted, run)
            said.append(Exchange(drafted.text, self._answered(drafted.text)))
        return None

    async def _of_playbook(self, words: str) -> Plan | None:
        planner = self._bench.planner
        try:
            found = await planner.plan(words, self._person, self._bench.now())
            while isinstance(found, Missing):
                if not self._answers:
                    self._end("question", found.question)
                    return None
                answer = found, self._answered(found.question)
                found = await planner.plan(words, self._person, self._bench.now(), answer=answer)
        except (InvalidPlan, Refused) as error:
            self._end("refused", error.message)
            return None
        assert isinstance(found, Planned)
        return found.plan

    def _answered(self, question: str) -> str:
        answer = self._answers.pop(0)
        self.played.talk += [("Tandem", question), (self._person.name, answer)]
        return answer

    def _outcome(self, drafted: Drafted, run: RunView | None) -> Plan | None:
        if drafted.plan is None:
            self._end(drafted.outcome, drafted.text)
            self.played.who_could = drafted.who_could
            return None
        if (drafted.outcome == "change") != (run is not None):
            wanted = "a change of the open run" if run else "a new run"
            self._end("unclear", f"This was to be {wanted}, and the model drew up something else.")
            return None
        return drafted.plan

    async def _drafted(self, words: str, said: list[Exchange], run: RunView | None) -> Drafted | None:
        """What planning with the model gives, in a run of its own; None if that failed."""
        asked = Asked(goal=words, today=f"{self._bench.now():%Y-%m-%d}", said=said, runs=[_open(run)] if run else [])
        applied = await self._engine.propose(
            planning_plan(asked), goal=words, initiator=self._person, origin="", command_id=""
        )
        run_id = applied.run.run_id
        self.played.asked += 1
        await self._engine.send(run_id, StartRun(by=self._person))
        while (planning := await self._engine.view(run_id)).status not in ENDED:
            await self._news()
        entry = next(task.entry for task in planning.tasks if task.name == TASK)
        if not entry:
            self._end("failed", f"Planning failed: {planning.message} {planning.tasks[0].message}".strip())
            return None
        return msgspec.convert(await self._engine.value(run_id, entry), Drafted)

    async def _news(self) -> None:
        """Until a run has changed, or a little later."""
        self._changed.clear()
        try:
            async with asyncio.timeout(_LOOK_EVERY_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return

    def _planned(self, plan: Plan) -> None:
        self.played.plan, self.played.steps = plan, described(plan, self._bench.registry)

    def _end(self, outcome: str, told: str) -> None:
        if not self.played.outcome:
            self.played.outcome = outcome
        self._tell(told)

    def _tell(self, text: str) -> None:
        self.played.told = text
        self.played.talk.append(("Tandem", text))

    async def _take_stock(self) -> None:
        played, tenant = self.played, self._bench.tenant
        played.misses += self._people.misses
        played.misses += [f"the person was not asked back, so they did not say “{each}”" for each in self._answers]
        played.named = self._people.named
        played.effects = tenant.effects()
        odd = unapproved(tenant.accepted(), await self._bench.approved())
        played.unapproved = [f"{each.kind} of {each.person}: {_about(each.about)}" for each in odd]
        for run in await self._engine.runs(limit=1000):
            played.usage += run.usage


def _open(run: RunView) -> OpenRun:
    assert run.plan is not None
    tasks = [Stand(task.name, task.status, task.code) for task in run.tasks]
    return OpenRun(
        handle=_HANDLE, run_id=run.run_id, status=run.status, revision=run.revision, plan=run.plan, tasks=tasks
    )


def _about(about: dict[str, Any]) -> str:
    return str(about.get("subject") or about.get("path") or about.get("text") or about.get("id") or "")
