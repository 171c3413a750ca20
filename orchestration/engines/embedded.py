"""The engine inside one process: commit, then act.

One writer takes every command, decides it on the state in memory, and commits the events of all runs that are ready
together in one transaction (group commit). Only then are callers answered and effects performed. Whatever effects
lead to comes back as commands.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random, getrandbits
from typing import Any

import msgspec

from orchestration.audit.erasure import Erasure
from orchestration.capabilities import Registry
from orchestration.capabilities.descriptor import Dispatcher
from orchestration.core import commands as c
from orchestration.core.amending import may_be_amended
from orchestration.core.amendment import Amendment, foresee_amendment
from orchestration.core.plan import Plan
from orchestration.core.question import ANSWER, Answered, Shown, decide_items
from orchestration.core.retraction import Retraction, foresee
from orchestration.core.run import (
    ENDED,
    Ask,
    AskInitiator,
    AskSignIn,
    Dispatch,
    Effect,
    Person,
    Prepare,
    Reconcile,
    Remind,
    Report,
    Run,
    TellReply,
)
from orchestration.core.view import ApprovalView, RunView, view_approval
from orchestration.core.view import view as view_run
from orchestration.engines.anchoring import Anchoring
from orchestration.engines.delivery import AGAIN, Delivery, Notice
from orchestration.engines.desk import Changes, Desks
from orchestration.engines.fork import copy_run
from orchestration.engines.limits import Holder, Limits
from orchestration.engines.live import LiveRun
from orchestration.engines.performance import Performance
from orchestration.engines.preparation import Preparation, Settled
from orchestration.engines.prune import prune
from orchestration.engines.questions import Questions
from orchestration.engines.rounds import Request
from orchestration.engines.timers import Timers
from orchestration.engines.work import Work
from orchestration.engines.writer import Writer
from orchestration.errors import (
    Invalid,
    InvalidPlan,
    LogLost,
    Refused,
    TandemError,
    Unavailable,
    UnknownRun,
)
from orchestration.planning.problems import plan_problems
from orchestration.ports import Anchors, Applied, Clock, Listener, Notifier, Pruned, Store
from orchestration.validation.policy_file import NoFile, Policies

log = logging.getLogger(__name__)
WATCH = timedelta(seconds=5)
# How long a call that does not end when it is told to keeps its place at a worker that takes only some at once.
KEEPS_ITS_PLACE = timedelta(seconds=10)


class RunIds:
    """Makes run ids: 16 hexadecimal digits; later ones sort later, so that the rows of new runs lie together."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        """A fresh one."""
        self._last = max(self._last + 1, (time.time_ns() >> 16) % 2**44 << 20 | getrandbits(20))
        return f"{self._last:016x}"


class EmbeddedEngine:
    """Implements `orchestration.ports.Engine` over one store that it owns.

    Args:
        store: The log; opened by `start`, closed by `stop`.
        registry: Workers by capability.
        dispatcher: Calls workers.
        notifier: Reaches people.
        clock: Tells the time.
        random: Source of jitter.
        new_id: Makes run ids.
        anchors: Where heads of runs are kept outside the log; None for nowhere.
        point: Called at named points (`committed`, `before:CAPABILITY`, `after:CAPABILITY`) by fault tests.
        policies: What the deployment lets Tandem do; without, what holds anyway: writes ask.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        dispatcher: Dispatcher,
        notifier: Notifier,
        clock: Clock,
        *,
        random: Random | None = None,
        new_id: Callable[[], str] | None = None,
        point: Callable[[str], None] = lambda _: None,
        policies: Policies | None = None,
        anchors: Anchors | None = None,
    ) -> None:
        self._store, self._registry, self._clock, self._new_id = store, registry, clock, new_id or RunIds()
        self._random = random or Random()  # noqa: S311 - jitter, not a secret
        self._limits = Limits(self._turn)
        self._preparation = Preparation(registry, self._limits, policies or NoFile())
        self._changes = Changes()
        questions = Questions(registry, policies or NoFile())
        desks = Desks(questions.title, self._read, self._say, self._changes)
        self._performance = Performance(
            registry, dispatcher, self._preparation, self._random, self._journal, desks, questions, point
        )
        self._delivery = Delivery(notifier, store, clock, self._again)
        self._timers = Timers(clock, self._wake)
        self._work = Work(self._failed, self._ended)
        self._writer = Writer(
            store, clock, self._preparation, self._work, self._view, self._committed, self._reload, point
        )
        self._listeners: list[Listener] = []
        self._titles = {each.name: each.title for each in registry.capabilities()}
        self._effects = {each.name: each.effect if each.system else "compute" for each in registry.capabilities()}
        self._anchors = anchors
        self._anchoring = Anchoring(anchors, store, clock) if anchors is not None else None
        self._watch: asyncio.Task[None] | None = None
        self._running = False

    @property
    def running(self) -> bool:
        """Whether commands are taken."""
        return self._running and self._writer.alive

    async def start(self) -> None:
        """Take ownership of the log and go on with every open run.

        Raises:
            OwnerLocked: Another process owns it.
        """
        await self._store.open()
        self._writer.start()
        self._running = True
        self._watch = asyncio.get_running_loop().create_task(self._look_after_log())
        if self._anchoring is not None:
            self._anchoring.start()
        await self._take_up()

    async def stop(self) -> None:
        """End cleanly: writes under way get a moment to finish, everything else is taken up by the next start."""
        self._running = False
        self._writer.hold()
        if self._watch is not None:
            self._watch.cancel()
        self._timers.clear()
        self._delivery.stop()
        await self._work.stop()
        await self._writer.stop()
        self._timers.clear()
        self._delivery.stop()
        self._limits.clear()
        if self._anchoring is not None:
            await self._anchoring.stop()
        await self._store.close()

    async def _look_after_log(self) -> None:
        """Notice a broken connection also while nothing happens: another process may own the log by then."""
        while True:
            await asyncio.sleep(WATCH.total_seconds())
            try:
                await self._store.command("")
            except LogLost:
                self._writer.lost()
            except Exception as error:  # such as closed, while it is opened again
                log.debug("the log could not be asked: %s", error)

    async def _take_up(self) -> None:
        for row in await self._store.open_runs():
            if row.due:
                self._writer.put(Request(row.run_id, resume=True, in_flight=self._work.of(row.run_id)))
            self._timers.set(row.run_id, row.wake_at)

    async def _reload(self) -> None:
        """After a commit that failed: what is in memory may be wrong, the log is right.

        Work goes on: it began after the commit that caused it, and what comes of it is decided on what the log says.
        """
        self._timers.clear()
        await self._store.close()
        await self._store.open()
        await self._take_up()
        self._changes.tell_all()

    # --- what callers ask

    async def propose(self, plan: Plan, *, goal: str, initiator: Person, origin: str, command_id: str) -> Applied:
        """See `Engine.propose`."""
        command = c.ProposeRun(run_id=self._new_id(), plan=plan, goal=goal, initiator=initiator, origin=origin)
        return await self._ask(Request(command.run_id, command, command_id))

    async def send(self, run_id: str, command: c.Command, *, command_id: str = "") -> Applied:
        """See `Engine.send`."""
        return await self._answer(Request(run_id, command, command_id))

    async def decide(
        self,
        run_id: str,
        approval: str,
        *,
        by: Person,
        shown: str,
        choice: str,
        comment: str = "",
        rules: dict[str, str] | None = None,
        exceptions: dict[str, str] | None = None,
        grant: bool = False,
        via: str = "",
        command_id: str = "",
    ) -> Applied:
        """See `Engine.decide`."""
        live = await self._writer.read(run_id)
        state = live.run.approvals.get(approval)
        choices: dict[str, str] = {}
        item_wise = choice == ANSWER or rules or exceptions
        # What an answer gets wrong is told only to those who may answer: it names what the question shows.
        asked = state is not None and any(person.id == by.id for person in state.approvers)
        if state is not None and asked and state.open and state.entry == shown and item_wise:
            shown_items = await self.shown(run_id, approval)
            try:
                choices = decide_items(shown_items, rules or {}, exceptions or {})
            except Invalid as error:
                self._keep_refused(run_id, approval, by, error)
                raise
        answered = Answered(
            choice=choice,
            by=by,
            at=self._clock.now(),
            comment=comment,
            rules=rules or {},
            exceptions=exceptions or {},
            choices=choices,
        )
        body = msgspec.json.encode(answered)
        entry = live.digest(body)
        command = c.DecideApproval(
            approval=approval, by=by, choice=choice, shown=shown, comment=comment, entry=entry, grant=grant, via=via
        )
        return await self._answer(Request(run_id, command, command_id, entries={entry: body}))

    async def edit(
        self, run_id: str, approval: str, *, by: Person, shown: str, fields: dict[str, str], command_id: str = ""
    ) -> Applied:
        """See `Engine.edit`."""
        live = await self._writer.read(run_id)
        body, state = b"", live.run.approvals.get(approval)
        # What does not fit is told only to those who may answer.
        if state is not None and any(person.id == by.id for person in state.approvers) and state.open:
            await live.fetch(self._store, self._preparation.reads(live, Prepare(state.task)))
            try:
                body = self._preparation.edited(live, state.task, fields)
            except Invalid as error:
                self._keep_refused(run_id, approval, by, error)
                raise
        entry = live.digest(body) if body else ""
        command = c.EditArguments(approval=approval, by=by, shown=shown, entry=entry)
        return await self._answer(Request(run_id, command, command_id, entries={entry: body} if body else {}))

    async def fork(self, run_id: str, upto: int, *, by: Person, command_id: str = "") -> Applied:
        """See `Engine.fork`."""
        copy = await copy_run(self._store, run_id, upto, self._new_id())
        self._preparation.may_be_shown(copy.run)
        command = c.ForkRun(of=run_id, upto=upto, by=by)
        return await self._ask(Request(copy.run.run_id, command, command_id, copy=copy, resume=True))

    async def foresee_amendment(self, run_id: str, plan: Plan, *, by: Person) -> Amendment:
        """See `Engine.foresee_amendment`."""
        run = (await self._writer.read(run_id)).run
        may_be_amended(run, by)
        await self._judge(run, plan)
        return foresee_amendment(run, plan, titles=self._titles, effects=self._effects)

    async def amend(self, run_id: str, plan: Plan, *, by: Person, revision: int, command_id: str = "") -> Applied:
        """See `Engine.amend`."""
        await self._judge((await self._writer.read(run_id)).run, plan)
        return await self._ask(Request(run_id, c.AmendPlan(plan=plan, by=by, revision=revision), command_id))

    async def _judge(self, run: Run, plan: Plan) -> None:
        if problems := plan_problems(plan, self._registry):
            raise InvalidPlan(problems)
        if run.status in ENDED and any(row.seal for row in await self._store.events(run.run_id)):
            raise Invalid(f"people were erased from run {run.run_id}, so it cannot go on: what it rested on is gone")

    async def foresee(self, run_id: str, command: c.RetractEntry) -> Retraction:
        """See `Engine.foresee`."""
        live = await self._writer.read(run_id)
        return foresee(live.run, command, self._clock.now())

    async def view(self, run_id: str) -> RunView:
        """See `Engine.view`."""
        return (await self._ask(Request(run_id))).run

    async def value(self, run_id: str, entry: str) -> Any:
        """See `Engine.value`."""
        live = await self._writer.read(run_id)
        await live.fetch(self._store, {entry})
        return live.value(entry)

    async def shown(self, run_id: str, approval: str) -> Shown:
        """See `Engine.shown`."""
        live = await self._writer.read(run_id)
        if approval not in live.run.approvals:
            raise UnknownRun(f"run {run_id} asks no question {approval!r}")
        return msgspec.convert(await self.value(run_id, live.run.approvals[approval].entry), Shown)

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunView]:
        """See `Engine.runs`."""
        rows = await self._store.runs(person=person, open_only=open_only, limit=limit)
        return [await self.view(row.run_id) for row in rows]

    async def prune(self, before: datetime, export: Path) -> Pruned:
        """Remove runs that ended before an instant, once they are in a new file; see `engines.prune.prune`.

        Raises:
            Invalid: The file exists or cannot be written.
            Unavailable: The log is not at hand just now.
        """
        if not self.running:
            raise Unavailable("Tandem is not running; nothing was removed.")
        return await prune(self._store, before, export, remove=self._writer.remove, anchors=self._anchors)

    def erasure(self) -> Erasure:
        """What finds and erases people, between what else is written.

        Raises:
            Unavailable: The log is not at hand just now.
            Invalid: There are no anchors to tell what was erased.
        """
        if not self.running:
            raise Unavailable("Tandem is not running; nothing was erased.")
        if self._anchors is None:
            raise Invalid("this Tandem has no anchors, so nobody could tell an erasure from a forgery")
        return Erasure(self._store, self._anchors, self._clock, self._writer.rewrite)

    def nudge(self, person: str) -> None:
        """See `Engine.nudge`."""
        self._delivery.nudge(person)

    def subscribe(self, listener: Listener) -> None:
        """See `Engine.subscribe`."""
        self._listeners.append(listener)

    async def _ask(self, request: Request) -> Applied:
        return (await self._writer.submit(request))[1]

    async def _answer(self, request: Request) -> Applied:
        """As `_ask`; that an answer to a question was refused is kept, once for each person, question and reason."""
        try:
            return await self._ask(request)
        except (Refused, Invalid) as error:
            match request.command:
                case (
                    c.DecideApproval(approval=which, by=by)
                    | c.DelegateApproval(approval=which, by=by)
                    | c.AskBack(approval=which, by=by)
                    | c.Explain(approval=which, by=by)
                    | c.GiveFeedback(approval=which, by=by)
                    | c.EditArguments(approval=which, by=by)
                    | c.SkipApproval(approval=which, by=by)
                ):
                    if which not in (await self._writer.read(request.run_id)).run.approvals:
                        raise
                    self._keep_refused(request.run_id, which, by, error)
            raise

    def _keep_refused(self, run_id: str, which: str, by: Person, error: TandemError) -> None:
        refusal = c.RecordRefusal(approval=which, by=by, code=error.code)
        self._writer.put(Request(run_id, refusal, f"refused:{run_id}:{which}:{by.id}:{error.code}"))

    def _view(self, run: Run) -> RunView:
        return view_run(run, titles=self._titles, effects=self._effects)

    # --- what follows from a commit

    def _committed(
        self, live: LiveRun, effects: list[Effect], wake: datetime | None, changed: bool, view: Callable[[], RunView]
    ) -> None:
        run_id = live.run.run_id
        self._timers.set(run_id, wake)
        if self._running:
            for effect in effects:
                self._perform(live, effect, view)
        for ended in live.ended_attempts:
            if ended not in live.run.due and self._work.cancel(run_id, ended):
                self._given_up(live.run, ended)
        live.ended_attempts.clear()
        self._limits.review(live.run, self._work.of)
        if changed:
            if self._anchoring is not None:
                self._anchoring.note(run_id, live.run.seq, live.link, ended=live.run.status in ENDED)
            self._changes.tell(run_id)
            for listener in self._listeners:
                self._inform(listener, view())

    @staticmethod
    def _inform(listener: Listener, run: RunView) -> None:
        try:
            listener(run)
        except Exception:
            log.exception("a listener failed on run %s", run.run_id)

    def _wake(self, run_id: str) -> None:
        self._writer.put(Request(run_id, c.Wake(jitter=self._random.random())))

    def _again(self, run_id: str, effect: Effect) -> None:
        self._writer.put(Request(run_id, resume=True, only=effect))

    def _given_up(self, run: Run, attempt: Effect) -> None:
        """An attempt ended while its worker was still being called."""
        assert isinstance(attempt, Dispatch)
        task = run.tasks.get(attempt.task)
        if task and task.attempt == attempt.attempt and task.deadline and task.deadline <= self._clock.now():
            self._performance.overdue(task.worker)
        if attempt in self._limits.held(run.run_id):
            holder = (run.run_id, attempt)
            self._clock.call_at(self._clock.now() + KEEPS_ITS_PLACE, lambda: self._limits.free(holder))

    def _turn(self, holder: Holder) -> None:
        run_id, attempt = holder
        if self._running:
            self._writer.put(Request(run_id, resume=True, only=Prepare(attempt.task)))

    def _failed(self, run_id: str, effect: Effect) -> None:
        """An effect could not be performed: take it up again later."""
        self._clock.call_at(self._clock.now() + AGAIN, lambda: self._again(run_id, effect))

    def _ended(self, run_id: str, effect: Effect) -> None:
        if isinstance(effect, Dispatch):
            self._limits.free((run_id, effect))
        self._writer.release(run_id)

    def _perform(self, live: LiveRun, effect: Effect, view: Callable[[], RunView]) -> None:
        match effect:
            case Dispatch(task=name, attempt=attempt):
                perform, write = partial(self._attempt, live, name, attempt), bool(live.run.tasks[name].dedupe)
            case Reconcile(task=name, attempt=attempt):
                perform, write = partial(self._look, live, name, attempt), False
            case Ask(approval=which) | Remind(approval=which) | AskInitiator(which, _) | TellReply(which, _):
                asked = view_approval(live.run, live.run.approvals[which])
                perform, write = partial(self._notify, live, view(), effect, asked), False
            case AskSignIn() | Report():
                perform, write = partial(self._notify, live, view(), effect, None), False
            case _:  # prepared within the round
                return
        self._work.begin(live.run.run_id, effect, perform, write=write)

    async def _attempt(self, live: LiveRun, name: str, attempt: int) -> None:
        self._settle(live, await self._performance.attempt(live, name, attempt))

    async def _journal(self, run_id: str, name: str, attempt: int, note: str) -> None:
        command = c.JournalStep(task=name, attempt=attempt, note=note)
        live, _ = await self._writer.submit(Request(run_id, command))
        task = live.run.tasks.get(name)
        if task is None or task.attempt != attempt or task.journal != note:
            raise Unavailable("This attempt was given up meanwhile, so its second step is not made.")

    async def _read(self, run_id: str, entries: set[str]) -> LiveRun:
        live = await self._writer.read(run_id)
        await live.fetch(self._store, entries)
        return live

    async def _say(self, run_id: str, command: c.Command) -> Run:
        return (await self._writer.submit(Request(run_id, command)))[0].run

    async def _look(self, live: LiveRun, name: str, attempt: int) -> None:
        await live.fetch(self._store, self._preparation.reads(live, Prepare(name)))
        self._settle(live, await self._performance.look(live, name, attempt))

    def _settle(self, live: LiveRun, settled: Settled) -> None:
        command, entries = settled
        self._writer.put(Request(live.run.run_id, command, entries=entries))

    async def _notify(self, live: LiveRun, run: RunView, effect: Notice, approval: ApprovalView | None) -> None:
        delivered = await self._delivery.deliver(live, run, effect, approval)
        # Meanwhile somebody else may have to be asked, or the run may have ended a second time: that waits its turn.
        again = not self._delivery.waits(run.run_id, effect)
        for command in delivered:
            self._writer.put(Request(run.run_id, command, resume=again and command is delivered[-1], only=effect))
