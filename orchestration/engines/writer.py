"""The one writer: decides commands in rounds and commits each round in one transaction."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.codec import encode
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve
from orchestration.core.run import ENDED, Conclude, Dispatch, Effect, Prepare, PrepareQuestion, Run, effects, wake_at
from orchestration.core.view import RunView
from orchestration.engines.live import LiveRun
from orchestration.engines.preparation import Preparation
from orchestration.errors import TandemError, Unavailable
from orchestration.ports import Applied, ApprovalRow, Batch, Clock, CommandRow, EventRow, RunRow, Store

log = logging.getLogger(__name__)
SALT_BYTES = 16
PAUSE = timedelta(seconds=1)


@dataclass(eq=False, slots=True)
class Request:
    """A command on its way; without one, the caller only wants to see the run.

    Attributes:
        entries: Context entries that the command names.
        resume: Take up the run's due effects, or `only` one of them.
        answer: Where the caller waits; None for what the engine sends itself.
    """

    run_id: str
    command: c.Command | None = None
    command_id: str = ""
    entries: dict[str, bytes] = field(default_factory=dict)
    resume: bool = False
    only: Effect | None = None
    answer: asyncio.Future[tuple[LiveRun, Applied]] | None = None

    def refuse(self, error: Exception) -> None:
        """Tell the caller, if one waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


class _Round:
    """What one transaction will hold."""

    def __init__(self) -> None:
        self.events: list[EventRow] = []
        self.touched: dict[str, LiveRun] = {}
        self.changed: set[str] = set()
        self.commands: dict[str, str] = {}
        self.salts: list[tuple[str, bytes]] = []
        self.answers: list[tuple[Request, LiveRun, bool]] = []
        self.effects: dict[str, list[Effect]] = {}


class Writer:
    """Owns the states in memory; nobody else changes them.

    Args:
        store: The log.
        clock: Tells the time.
        preparation: Prepares what became ready within the same round.
        view: Projects a state for callers.
        committed: Called for each touched run after its round is on disk, with the effects to perform, when to wake it,
            and whether anything changed.
        reload: Reopens the store and takes up every open run, after a commit that failed.
        point: Called with `committed` after each commit.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        preparation: Preparation,
        view: Callable[[Run], RunView],
        committed: Callable[[LiveRun, list[Effect], datetime | None, bool], None],
        reload: Callable[[], Awaitable[None]],
        point: Callable[[str], None],
    ) -> None:
        self._store, self._clock, self._preparation = store, clock, preparation
        self._view, self._committed, self._reload, self._point = view, committed, reload, point
        self._inbox: asyncio.Queue[Request] = asyncio.Queue()
        self._live: dict[str, LiveRun] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether rounds are being written."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to take requests."""
        self._task = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Finish the round under way and take no more; waiting callers are told to come again."""
        if self._task is None:
            return
        self._inbox.put_nowait(_STOP)
        await asyncio.gather(self._task, return_exceptions=True)
        while not self._inbox.empty():
            self._inbox.get_nowait().refuse(
                Unavailable("Tandem is being stopped; nothing was changed, please try again.")
            )
        self._live.clear()

    def put(self, request: Request) -> None:
        """Take a request nobody waits for."""
        self._inbox.put_nowait(request)

    async def submit(self, request: Request) -> tuple[LiveRun, Applied]:
        """The run once the request is on disk, and what became of it."""
        if not self.alive:
            raise Unavailable("Tandem is not running; nothing was changed, please try again.")
        request.answer = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(request)
        return await request.answer

    async def read(self, run_id: str) -> LiveRun:
        """A run for reading only."""
        return (await self.submit(Request(run_id)))[0]

    def is_write(self, run_id: str, effect: Effect) -> bool:
        """Whether an effect is a write's attempt."""
        live = self._live.get(run_id)
        return isinstance(effect, Dispatch) and live is not None and bool(live.run.tasks[effect.task].dedupe)

    async def _write(self) -> None:
        while True:
            requests = [await self._inbox.get()]
            while not self._inbox.empty():
                requests.append(self._inbox.get_nowait())
            stopping = _STOP in requests
            requests = [request for request in requests if request is not _STOP]
            try:
                await self._round(requests)
            except Exception as error:  # the writer outlives everything: the log is right, memory may not be
                log.exception("a round could not be finished")
                await self._recover(requests, error)
            if stopping:
                return

    async def _round(self, requests: list[Request]) -> None:
        batch = _Round()
        for request in requests:
            try:
                await self._take(request, batch)
            except TandemError as error:
                if request.answer is None:
                    log.warning("run %s: %s", request.run_id, error.message)
                request.refuse(error)
            except Exception as error:
                log.exception("run %s: a command could not be decided", request.run_id)
                request.refuse(error)
        for live in batch.touched.values():
            await self._prepare(live, batch)
        if batch.events or any(live.written for live in batch.touched.values()):
            try:
                await self._commit(batch)
            except Exception as error:
                await self._recover(requests, error)
                return
        self._point("committed")
        for request, live, duplicate in batch.answers:
            if request.answer is not None and not request.answer.done():
                request.answer.set_result((live, Applied(self._view(live.run), duplicate)))
        for run_id, live in batch.touched.items():
            due = [effect for effect in batch.effects.get(run_id, ()) if effect in live.run.due]
            self._committed(live, due, wake_at(live.run), run_id in batch.changed)
            if not live.run.due:  # nothing under way: rows, not memory
                self._live.pop(run_id, None)

    async def _take(self, request: Request, batch: _Round) -> None:
        run_id = request.run_id
        if request.command_id:
            before = batch.commands.get(request.command_id) or await self._store.command(request.command_id)
            if before is not None:
                live = await self._load(before)
                batch.touched[before] = live
                batch.answers.append((request, live, True))
                return
        if isinstance(request.command, c.ProposeRun):
            live = self._open(request.command, batch)
        else:
            live = await self._load(run_id)
            batch.touched[run_id] = live
            if request.command is not None:
                self._apply(live, request.command, batch)
        for entry, body in request.entries.items():
            live.put(entry, body)
        if request.resume:
            self._take_up(live, request.only, batch)
        if request.command_id:
            batch.commands[request.command_id] = run_id
        batch.answers.append((request, live, False))

    async def _load(self, run_id: str) -> LiveRun:
        live = self._live.get(run_id)
        if live is None:
            live = self._live[run_id] = await LiveRun.load(self._store, run_id)
        return live

    def _open(self, command: c.ProposeRun, batch: _Round) -> LiveRun:
        happened = decide(None, command, self._clock.now())
        salt = secrets.token_bytes(SALT_BYTES)
        live = LiveRun(evolve(None, happened[0]), salt)
        self._live[command.run_id] = batch.touched[command.run_id] = live
        batch.salts.append((command.run_id, salt))
        self._record(live.run, happened[0], batch)
        return live

    def _apply(self, live: LiveRun, command: c.Command, batch: _Round) -> None:
        for event in decide(live.run, command, self._clock.now()):
            if isinstance(event, e.AttemptFailed | e.TaskInDoubt):
                live.ended_attempts.append(Dispatch(event.task, event.attempt))
            elif isinstance(event, e.ClosingBegan):
                live.ended_attempts += [effect for effect in live.run.due if isinstance(effect, Dispatch)]
            evolve(live.run, event)
            self._record(live.run, event, batch)

    def _record(self, run: Run, event: e.Event, batch: _Round) -> None:
        batch.events.append(EventRow(run.run_id, run.seq, event.at, type(event).__name__, encode(event)))
        batch.changed.add(run.run_id)

    def _take_up(self, live: LiveRun, only: Effect | None, batch: _Round) -> None:
        for effect in effects(live.run):
            if only is not None and effect != only:
                continue
            if isinstance(effect, Dispatch):
                self._apply(live, c.InterruptTask(task=effect.task, attempt=effect.attempt), batch)
            elif effect not in live.run.fresh:
                live.run.fresh.append(effect)

    async def _prepare(self, live: LiveRun, batch: _Round) -> None:
        """Prepare what became ready until nothing more does; keep the other effects for after the commit."""
        run = live.run
        outward = batch.effects.setdefault(run.run_id, [])
        while run.fresh:
            fresh, run.fresh = run.fresh, []
            for effect in fresh:
                if not isinstance(effect, Prepare | PrepareQuestion | Conclude):
                    outward.append(effect)
                elif effect in run.due:
                    await live.fetch(self._store, self._preparation.reads(live, effect))
                    self._prepare_one(live, effect, batch)

    def _prepare_one(self, live: LiveRun, effect: Prepare | PrepareQuestion | Conclude, batch: _Round) -> None:
        try:
            self._apply(live, self._preparation.prepare(live, effect), batch)
        except TandemError as error:
            self._give_up(live, effect, error.code, error.message, batch)
        except Exception:
            log.exception("run %s: %r could not be prepared", live.run.run_id, effect)
            said = (
                "Tandem could not prepare this because of an error of its own; its operator finds the cause in the log."
            )
            self._give_up(live, effect, "internal", said, batch)

    def _give_up(self, live: LiveRun, effect: Effect, code: str, message: str, batch: _Round) -> None:
        match effect:
            case Prepare(task=name):
                self._apply(live, c.FailAttempt(task=name, attempt=0, code=code, message=message), batch)
            case Conclude():
                self._apply(live, c.FailRun(code=code, message=message), batch)

    async def _commit(self, batch: _Round) -> None:
        entries = [row for live in batch.touched.values() for row in live.written]
        await self._store.append(
            Batch(
                events=batch.events,
                entries=entries,
                runs=[_run_row(batch.touched[run_id].run) for run_id in batch.changed],
                approvals=[row for run_id in batch.changed for row in _approval_rows(batch.touched[run_id].run)],
                commands=[CommandRow(command_id, run_id) for command_id, run_id in batch.commands.items()],
                salts=batch.salts,
            )
        )
        for live in batch.touched.values():
            live.written.clear()

    async def _recover(self, requests: list[Request], error: Exception) -> None:
        """Forget what is in memory and read the log again; callers learn what the log says of their command."""
        log.error("the log could not be written (%s): reading it again", error)
        self._live.clear()
        while True:
            try:
                await self._reload()
                break
            except Exception as again:
                log.error("the log cannot be opened (%s): trying again in %s", again, PAUSE)
                await asyncio.sleep(PAUSE.total_seconds())
        for request in requests:
            if request.answer is None or request.answer.done():
                continue
            if request.command is None:
                self._inbox.put_nowait(request)
                continue
            run_id = await self._store.command(request.command_id) if request.command_id else None
            if run_id is not None:
                live = await self._load(run_id)
                request.answer.set_result((live, Applied(self._view(live.run))))
            else:
                request.refuse(
                    Unavailable("This could not be saved just now, so nothing was changed; please try again.")
                )


_STOP = Request("")


def _run_row(run: Run) -> RunRow:
    return RunRow(
        run_id=run.run_id,
        status=run.status,
        title=run.plan.title,
        initiator=run.initiator.id,
        open=run.status not in ENDED or bool(run.due),
        due=bool(run.due),
        wake_at=wake_at(run),
        proposed_at=run.proposed_at,
        seq=run.seq,
    )


def _approval_rows(run: Run) -> list[ApprovalRow]:
    return [
        ApprovalRow(run.run_id, approval.id, person.id, approval.open)
        for approval in run.approvals.values()
        for person in approval.approvers
    ]
