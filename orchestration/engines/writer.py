"""The one writer: decides commands in rounds and commits each round in one transaction."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.codec import encode
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve
from orchestration.core.run import (
    ENDED,
    ApplyAmendment,
    Ask,
    Conclude,
    Dispatch,
    Effect,
    Gather,
    Prepare,
    PrepareQuestion,
    Run,
    effects,
    wake_at,
)
from orchestration.core.view import RunView
from orchestration.engines.fork import Copy
from orchestration.engines.live import LiveRun
from orchestration.engines.preparation import Preparable, Preparation
from orchestration.engines.rounds import Inbox, Request, Round
from orchestration.engines.work import Work
from orchestration.errors import CommitUncertain, Invalid, LogLost, TandemError, Unavailable, UnknownRun
from orchestration.ports import Applied, Clock, Rewrite, RunRow, Store

log = logging.getLogger(__name__)
SALT_BYTES = 16
PAUSE = timedelta(seconds=1)
RECENT = 256
LONGEST_ID = 1000
PATIENCE = 3  # how often the log may fail in a row before callers are sent away


class Writer:
    """Owns the states in memory; nobody else changes them.

    Args:
        store: The log.
        clock: Tells the time.
        preparation: Prepares what became ready within the same round.
        work: What is being done outside; a run with nothing of that kind leaves memory.
        view: Projects a state for callers.
        committed: Called for each touched run after its round is on disk, with the effects to perform, when to wake it,
            whether anything changed, and what gives its view.
        reload: Reopens the store and takes up every open run, after a commit that failed.
        point: Called with `committed` after each commit.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        preparation: Preparation,
        work: Work,
        view: Callable[[Run], RunView],
        committed: Callable[[LiveRun, list[Effect], datetime | None, bool, Callable[[], RunView]], None],
        reload: Callable[[], Awaitable[None]],
        point: Callable[[str], None],
    ) -> None:
        self._store, self._clock, self._preparation, self._work = store, clock, preparation, work
        self._view, self._committed, self._reload, self._point = view, committed, reload, point
        self._inbox = Inbox()
        self._live: dict[str, LiveRun] = {}
        self._recent: OrderedDict[str, LiveRun] = OrderedDict()  # nothing is being done for them
        self._task: asyncio.Task[None] | None = None
        self._stopping = self._holding = False
        self._failures = 0
        self._without_log = False
        self._between = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether rounds are being written; not while the log cannot be had back, because somebody else owns it."""
        return self._task is not None and not self._task.done() and not self._without_log

    def start(self) -> None:
        """Begin to take requests."""
        self._stopping = self._holding = False
        self._task = asyncio.get_running_loop().create_task(self._write())

    def hold(self) -> None:
        """Begin nothing more, because it would not be performed: what is ready is due at the next start."""
        self._holding = True

    async def stop(self) -> None:
        """Finish the round under way and take no more; waiting callers are told to come again."""
        if self._task is None:
            return
        self._stopping = True
        self._inbox.put(_STOP)
        await asyncio.gather(self._task, return_exceptions=True)
        for request in self._inbox.clear():
            request.refuse(Unavailable("Tandem is being stopped; nothing was changed, please try again."))
        self._live.clear()
        self._recent.clear()

    def lost(self) -> None:
        """The log was found to be out of reach: have it back before anything else."""
        self._inbox.put(_LOST)

    def put(self, request: Request) -> None:
        """Take a request nobody waits for."""
        self._inbox.put(request)

    async def submit(self, request: Request) -> tuple[LiveRun, Applied]:
        """The run once the request is on disk, and what became of it."""
        if not self.alive:
            raise Unavailable("Tandem is not running; nothing was changed, please try again.")
        if not _usable(request.command_id):
            raise Invalid("a command's id is up to 1,000 characters of text; nothing was changed")
        request.answer = asyncio.get_running_loop().create_future()
        self._inbox.put(request)
        return await request.answer

    async def read(self, run_id: str) -> LiveRun:
        """A run for reading only, after everything that was asked before."""
        live = self._live.get(run_id) or self._recent.get(run_id)
        if live is not None and self.alive and self._inbox.empty and not self._between.locked():
            return live  # as on disk: a round with nothing but this in it would change nothing
        return (await self.submit(Request(run_id)))[0]

    def release(self, run_id: str) -> None:
        """Let a run leave memory if nothing is being done for it any more; what is asked about it does that anyway."""
        if run_id in self._live and not self._work.busy(run_id) and not self._inbox.ends_with(run_id):
            self._inbox.put(Request(run_id))

    async def remove(self, runs: Sequence[RunRow]) -> list[str]:
        """`Store.remove`, between two rounds, of runs that nothing is being done for."""
        async with self._between:
            return await self._store.remove([row for row in runs if row.run_id not in self._live])

    async def rewrite(self, change: Rewrite) -> bool:
        """`Store.rewrite`, between two rounds, of a run that nothing is being done for."""
        async with self._between:
            if change.run.run_id in self._live:
                return False
            self._recent.pop(change.run.run_id, None)
            return await self._store.rewrite(change)

    async def _write(self) -> None:
        while True:
            requests = await self._inbox.wait()
            stopping, lost = _STOP in requests, _LOST in requests
            if stopping or lost:
                requests = [request for request in requests if request not in (_STOP, _LOST)]
            try:
                if lost:
                    raise LogLost("the connection to it broke")
                async with self._between:
                    await self._round(requests)
            except (LogLost, CommitUncertain) as error:
                log.error("a round could not be written: %s", error.message)
                await self._recover(requests, again=True)
            except Exception:  # the writer outlives everything: the log is right, memory may not be
                log.exception("a round could not be finished")
                await self._recover(requests, again=False)
            if stopping:
                return

    async def _round(self, requests: list[Request]) -> None:
        batch = Round(requests)
        for request in requests:
            await self._try(request, batch)
        for live in batch.touched.values():
            await self._prepare(live, batch)
        if batch.broken is not None:
            raise batch.broken
        if batch.events or batch.commands or any(live.written for live in batch.touched.values()):
            await self._commit(batch)
        self._point("committed")
        for request, live, duplicate in batch.answers:
            if request.answer is not None and not request.answer.done():
                request.answer.set_result((live, Applied(self._seen(live, batch), duplicate)))
        for run_id, live in batch.touched.items():
            due = [effect for effect in batch.effects.get(run_id, ()) if effect in live.run.due]
            seen = partial(self._seen, live, batch)
            self._committed(live, due, wake_at(live.run), run_id in batch.changed, seen)
            live.trim()
            if not self._work.busy(run_id):  # suspended or ended: rows, not memory
                self._leave(run_id, live)

    async def _try(self, request: Request, batch: Round) -> None:
        try:
            await self._take(request, batch)
        except LogLost:  # and with it perhaps the ownership: what is in memory may be old
            raise
        except TandemError as error:
            if request.answer is None:
                log.warning("run %s: %s", request.run_id, error.message)
            request.refuse(error)
        except Exception as error:
            log.exception("run %s: a command could not be decided", request.run_id)
            request.refuse(error)

    def _seen(self, live: LiveRun, batch: Round) -> RunView:
        """The view of a run after this round; everybody gets the same one."""
        run_id = live.run.run_id
        if run_id not in batch.views:
            batch.views[run_id] = self._view(live.run)
        return batch.views[run_id]

    async def _take(self, request: Request, batch: Round) -> None:
        run_id = request.run_id
        if request.command_id:
            before = batch.commands.get(request.command_id) or await self._applied(request.command_id, batch)
            if before is not None:
                if before != run_id and not isinstance(request.command, c.ProposeRun | c.ForkRun):
                    raise Invalid(f"the command id {request.command_id!r} belongs to another run")
                live = await self._load(before)
                batch.touched[before] = live
                batch.answers.append((request, live, True))
                return
        if isinstance(request.command, c.ProposeRun):
            live = self._open(request.command, batch)
        elif request.copy is not None:
            live = self._go_on_from(request.copy, request.command, batch)
        else:
            live = await self._load(run_id)
            batch.touched[run_id] = live
            if request.command is not None:
                self._apply(live, request.command, batch)
        for entry, body in request.entries.items():
            live.put(entry, body)
        if request.resume:
            self._take_up(live, request, batch)
        if request.command_id:
            batch.commands[request.command_id] = run_id
        batch.answers.append((request, live, False))

    async def _applied(self, command_id: str, batch: Round) -> str | None:
        """The run that a command was applied to in an earlier round; asked once for all of this one."""
        if batch.applied is None:
            batch.applied = await self._store.commands(batch.asked)
        return batch.applied.get(command_id)

    async def _load(self, run_id: str) -> LiveRun:
        live = self._live.get(run_id)
        if live is None:
            live = self._recent.pop(run_id, None) or await LiveRun.load(self._store, run_id)
            self._live[run_id] = live
        return live

    def _leave(self, run_id: str, live: LiveRun) -> None:
        """Let a run leave memory; of small ones the last few are kept, because they are soon asked for again."""
        self._live.pop(run_id, None)
        if live.small and live.run.status not in ENDED:
            self._recent[run_id] = live
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)

    def _open(self, command: c.ProposeRun, batch: Round) -> LiveRun:
        event = decide(None, command, self._clock.now())[0]
        body, salt = encode(event), secrets.token_bytes(SALT_BYTES)
        live = LiveRun(evolve(None, event), salt)
        self._live[command.run_id] = batch.touched[command.run_id] = live
        batch.salts.append((command.run_id, salt))
        batch.record(live, event, body)
        return live

    def _go_on_from(self, copy: Copy, command: c.Command | None, batch: Round) -> LiveRun:
        assert command is not None
        live = LiveRun(copy.run, copy.salt)
        decide(copy.run, command, self._clock.now())  # refuses before anything is begun
        self._live[copy.run.run_id] = batch.touched[copy.run.run_id] = live
        for row in copy.entries:
            live.put(row.entry, row.body)
        batch.record_copy(live, copy)
        self._apply(live, command, batch)
        return live

    def _apply(self, live: LiveRun, command: c.Command, batch: Round) -> None:
        run = live.run
        happened = decide(run, command, self._clock.now())
        bodies = [encode(event) for event in happened]  # whatever cannot be coded shows before anything is changed
        for event, body in zip(happened, bodies, strict=True):
            match event:
                case e.TaskStarted() | e.TaskSucceeded():  # most of them
                    pass
                case e.AttemptFailed() | e.TaskInDoubt():
                    live.ended_attempts.append(Dispatch(event.task, event.attempt))
                case (
                    e.ApprovalRequested()
                    | e.ApprovalVoted()
                    | e.ApprovalEscalated()
                    | e.ApprovalExpired()
                    | e.ApprovalDecided()
                ):
                    batch.questions[run.run_id, event.approval] = None
                case e.TaskSkipped() if which := run.tasks[event.task].approval:
                    batch.questions[run.run_id, which] = None
                case e.ClosingBegan() | e.EntryRetracted() | e.PlanAmended() | e.RunForked():
                    live.ended_attempts += [effect for effect in run.due if isinstance(effect, Dispatch)]
                    batch.questions |= {(run.run_id, each.id): None for each in run.approvals.values() if each.open}
            try:
                evolve(run, event)
            except Exception as error:  # the state is in pieces: nothing of this round may be written
                batch.broken = error
                raise
            batch.record(live, event, body)
            if isinstance(event, e.ApprovalEscalated):
                self._perform_again(run, Ask(event.approval))

    @staticmethod
    def _perform_again(run: Run, effect: Effect) -> None:
        """Also what is due already, because not everybody has got it: there is somebody new."""
        if effect in run.due and effect not in run.fresh:
            run.fresh.append(effect)

    def _take_up(self, live: LiveRun, request: Request, batch: Round) -> None:
        being_done = request.in_flight | self._work.of(request.run_id)
        for effect in effects(live.run) if request.only is None else [request.only]:
            if effect not in live.run.due or effect in being_done:
                continue
            if isinstance(effect, Dispatch):
                self._apply(live, c.InterruptTask(task=effect.task, attempt=effect.attempt), batch)
            elif effect not in live.run.fresh:
                live.run.fresh.append(effect)

    async def _prepare(self, live: LiveRun, batch: Round) -> None:
        """Prepare what became ready until nothing more does; keep the other effects for after the commit."""
        run = live.run
        outward = batch.effects.setdefault(run.run_id, [])
        while run.fresh:
            fresh, run.fresh = run.fresh, []
            for effect in fresh:
                if not isinstance(effect, _PREPARED):
                    outward.append(effect)
                elif effect in run.due and not ((run.held or self._holding) and isinstance(effect, Prepare)):
                    if missing := live.missing(self._preparation.reads(live, effect)):
                        await live.fetch(self._store, missing)
                    self._prepare_one(live, effect, batch)

    def _prepare_one(self, live: LiveRun, effect: Preparable, batch: Round) -> None:
        try:
            command = self._preparation.prepare(live, effect)
            if command is not None:
                self._apply(live, command, batch)
        except TandemError as error:
            self._give_up(live, effect, error.code, error.message, batch)
        except Exception:
            log.exception("run %s: %r could not be prepared", live.run.run_id, effect)
            said = (
                "Tandem could not prepare this because of an error of its own; its operator finds the cause in the log."
            )
            self._give_up(live, effect, "internal", said, batch)

    def _give_up(self, live: LiveRun, effect: Effect, code: str, message: str, batch: Round) -> None:
        match effect:
            case Prepare(task=name) | Gather(task=name):
                self._apply(live, c.FailAttempt(task=name, attempt=0, code=code, message=message), batch)
            case ApplyAmendment():
                self._apply(live, c.DropAmendment(code=code, message=message), batch)
            case Conclude():
                self._apply(live, c.FailRun(code=code, message=message), batch)

    async def _commit(self, batch: Round) -> None:
        await self._store.append(batch.written())
        for live in batch.touched.values():
            live.written.clear()
        self._failures = 0

    async def _recover(self, requests: list[Request], *, again: bool) -> None:
        """Forget what is in memory and read the log again; callers learn what the log says of their command.

        What came out of work is decided once more on what the log says: it names its attempt, so that it cannot count
        twice. As often as it is the log that fails (`again`); otherwise only once, because it may be what the round
        failed of.
        """
        self._live.clear()
        self._recent.clear()
        for request in requests:
            if request.answer is None and request.command is not None and (again or not request.again):
                request.again = not again
                self._inbox.put(request)
        while not self._stopping:
            self._failures += 1
            if self._failures > 1:
                await asyncio.sleep(PAUSE.total_seconds())
            try:
                await self._reload()
                self._without_log = False
                for request in requests:
                    await self._tell(request)
                return
            except Exception as error:
                log.error("the log cannot be read (%s): trying again in %s", error, PAUSE)
                if self._failures > PATIENCE:
                    self._without_log = True
                    self._send_away(requests)
        for request in requests:
            request.refuse(Unavailable("Tandem is being stopped; please look whether this was saved, then try again."))

    def _send_away(self, requests: list[Request]) -> None:
        """Let nobody wait for a log that may be gone for long: whoever asks elsewhere may find its new owner."""
        for request in requests:
            request.refuse(
                Unavailable("Tandem's log cannot be reached; please look whether this was saved, then try again.")
            )
        for request in self._inbox.clear():
            if request.answer is None:
                self._inbox.put(request)
            request.refuse(
                Unavailable("Tandem's log cannot be reached just now; nothing was changed, please try again.")
            )

    async def _tell(self, request: Request) -> None:
        """Tell a caller of a failed round what became of the command."""
        if request.answer is None or request.answer.done():
            return
        if request.command is None:  # what is there can be looked at even while nothing can be written
            try:
                live = await LiveRun.load(self._store, request.run_id)
            except UnknownRun as error:
                request.refuse(error)
            else:
                request.answer.set_result((live, Applied(self._view(live.run))))
        elif not request.command_id:
            request.refuse(Unavailable("Whether this was saved is not known; please look before you try again."))
        elif (run_id := await self._store.command(request.command_id)) is not None:
            live = await self._load(run_id)
            request.answer.set_result((live, Applied(self._view(live.run))))
        else:
            request.refuse(Unavailable("This could not be saved just now, so nothing was changed; please try again."))


def _usable(command_id: str) -> bool:
    """Whether the log can hold it: one that it cannot would spoil the round for everybody else."""
    return len(command_id) <= LONGEST_ID and (command_id.isascii() or _UNPAIRED.search(command_id) is None)


_UNPAIRED = re.compile("[\ud800-\udfff]")
_PREPARED = (Prepare, PrepareQuestion, Gather, ApplyAmendment, Conclude)
_STOP, _LOST = Request(""), Request("")
