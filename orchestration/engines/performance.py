"""Calls workers and turns whatever happens into a command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from random import Random

import msgspec

from orchestration.capabilities import Done, NotDone, Registry, TaskContext, Unknown, Worker
from orchestration.capabilities.descriptor import Dispatcher, Outcome
from orchestration.core import commands as c
from orchestration.core.run import Dispatch
from orchestration.engines.desk import Desk, Desks
from orchestration.engines.flows import flow_of
from orchestration.engines.limits import Holder
from orchestration.engines.live import LiveRun
from orchestration.engines.preparation import Preparation, Settled
from orchestration.engines.questions import Questions
from orchestration.errors import (
    Busy,
    NotFound,
    NoWorker,
    OutcomeUnknown,
    Refused,
    SignInNeeded,
    TandemError,
    Unavailable,
)

log = logging.getLogger(__name__)
LOOK_AGAIN = timedelta(seconds=30)
LARGEST_ENTRY_BYTES = 256 * 1024 * 1024


class UnusableResult(TandemError):
    """A worker ended, but what it returned cannot be used: a write may have happened."""

    code = "invalid_output"


class TooLarge(UnusableResult):
    """A result is larger than what the context keeps."""

    code = "too_large"


class Performance:
    """Performs attempts and looks at doubtful ones; never raises but on cancellation.

    Args:
        registry: Where recorded workers are found again.
        dispatcher: Calls them.
        preparation: Evaluates arguments again after a restart.
        random: Source of jitter.
        journal: Makes a note of a write's first step durable: run, task, attempt, note.
        desks: What workers are told of the run around them.
        questions: Writes up doubts.
        point: Called at named points of a write; tests make it end the process.
    """

    def __init__(
        self,
        registry: Registry,
        dispatcher: Dispatcher,
        preparation: Preparation,
        random: Random,
        journal: Callable[[str, str, int, str], Awaitable[None]],
        desks: Desks,
        questions: Questions,
        point: Callable[[str], None],
    ) -> None:
        self._registry, self._dispatcher, self._preparation = registry, dispatcher, preparation
        self._random, self._point, self._questions = random, point, questions
        self._journal, self._desks = journal, desks

    async def attempt(self, live: LiveRun, name: str, attempt: int) -> Settled:
        """Run one attempt of a task."""
        task = live.run.tasks[name]
        write, caller = bool(task.dedupe), (live.run.run_id, Dispatch(name, attempt))
        try:
            worker = self._registry.by_name(task.worker)
            if prepared := live.arguments.pop((name, attempt), None):
                arguments, flow = prepared
            else:
                arguments, flow = self._preparation.arguments(live, name, worker), flow_of(live.run, name)
            self._registry.admit(worker, caller)
        except TandemError as error:
            return self._failed(name, attempt, error, retryable=error.retryable), {}
        if write:
            self._point(f"before:{worker.capability.name}")
        desk = self._desks.of(live, name, attempt, worker, flow)
        try:
            output = await self._call(worker, arguments, self._context(live, name, attempt, desk), caller)
            if write:
                self._point(f"after:{worker.capability.name}")
            return self._completed(live, name, attempt, worker, output, desk)
        except SignInNeeded as error:
            return c.AwaitSignIn(task=name, attempt=attempt, code=error.code, message=error.message), {}
        except (OutcomeUnknown, UnusableResult) as error:
            if write:
                return c.DoubtTask(task=name, attempt=attempt, message=error.message), {}
            return self._failed(name, attempt, error, retryable=isinstance(error, OutcomeUnknown)), {}
        except TandemError as error:
            return self._failed(name, attempt, error, retryable=error.retryable), {}
        except Exception:
            log.exception("worker %s failed in run %s, task %s", worker.name, live.run.run_id, name)
            said = (
                f"{worker.capability.name} stopped unexpectedly; its owner ({worker.owner}) finds the cause in the log."
            )
            if write:
                return c.DoubtTask(task=name, attempt=attempt, message=said), {}
            return c.FailAttempt(task=name, attempt=attempt, code="internal", message=said), {}

    async def _call(
        self, worker: Worker, arguments: msgspec.Struct, context: TaskContext, caller: Holder
    ) -> msgspec.Struct:
        """The worker's result; how the call ends tells the registry whether the worker is up."""
        try:
            output = await self._dispatcher.call(worker, arguments, context)
        except Busy:  # one person's mailbox, say: others may well be served
            self._registry.undecided(worker, caller)
            raise
        except (Unavailable, OutcomeUnknown) as error:
            self._registry.failed(worker, error.code)
            raise
        except (NotFound, Refused):  # an answer too
            self._registry.succeeded(worker)
            raise
        except BaseException:
            self._registry.undecided(worker, caller)
            raise
        self._registry.succeeded(worker)
        return output

    def overdue(self, name: str) -> None:
        """A call of the worker of this name was given up because nothing came back in time."""
        with contextlib.suppress(NoWorker):
            self._registry.failed(self._registry.by_name(name), "timeout")

    async def look(self, live: LiveRun, name: str, attempt: int) -> Settled:
        """Look whether a write in doubt took place; a human is asked where that cannot be told."""
        task = live.run.tasks[name]
        try:
            worker = self._registry.by_name(task.worker)
            if worker.reconcile is None:
                return self._questions.doubt(live, name, task.message)
            if task.stale and not self._preparation.as_begun(live, name, worker):
                said = "What this was to be written from has been taken back, so Tandem cannot look for it any more."
                return self._questions.doubt(live, name, said)
            arguments = self._preparation.arguments(live, name, worker)
            desk = self._desks.of(live, name, attempt, worker, flow_of(live.run, name))
            async with asyncio.timeout(worker.timeout.total_seconds()):
                outcome = await worker.reconcile(arguments, self._context(live, name, attempt, desk))
            return self._found(live, name, attempt, worker, outcome, desk)
        except SignInNeeded as error:
            return c.AwaitSignIn(task=name, attempt=attempt, code=error.code, message=error.message), {}
        except TimeoutError:
            late = "The other system did not answer when Tandem looked whether this was written."
            return c.DoubtTask(task=name, attempt=attempt, message=late, look_after=LOOK_AGAIN), {}
        except TandemError as error:
            if not error.retryable:
                return self._questions.doubt(live, name, error.message)
            wait = max(LOOK_AGAIN, error.retry_after or LOOK_AGAIN)
            return c.DoubtTask(task=name, attempt=attempt, message=error.message, look_after=wait), {}
        except Exception:
            log.exception("looking after task %s of run %s failed", name, live.run.run_id)
            return self._questions.doubt(live, name, "Looking whether it was done failed.")

    def _found(self, live: LiveRun, name: str, attempt: int, worker: Worker, outcome: Outcome, desk: Desk) -> Settled:
        match outcome:
            case Done(output=output):
                done, entries = self._completed(live, name, attempt, worker, output, desk)
                resolve = c.ResolveDoubt(
                    task=name,
                    attempt=attempt,
                    outcome="done",
                    entry=done.entry,
                    size_bytes=done.size_bytes,
                    summary=done.summary,
                    label=done.label,
                    tainted=done.tainted,
                    sources=done.sources,
                )
                return resolve, entries
            case NotDone():
                jitter = self._random.random()
                return c.ResolveDoubt(task=name, attempt=attempt, outcome="not_done", jitter=jitter), {}
            case Unknown(why=why):
                return self._questions.doubt(live, name, why)
        raise UnusableResult(f"{worker.name} looked and returned {type(outcome).__name__}")

    def _context(self, live: LiveRun, name: str, attempt: int, desk: Desk) -> TaskContext:
        task = live.run.tasks[name]
        return TaskContext(
            run_id=live.run.run_id,
            task_id=name,
            attempt=attempt,
            initiator=live.run.initiator,
            idempotency_key=task.key,
            not_after=task.not_after,
            journaled=task.journal,
            journal=partial(self._journal, live.run.run_id, name, attempt),
            feedback=task.feedback,
            label=desk.given.label,
            tainted=desk.given.tainted,
            around=desk,
        )

    def _completed(
        self, live: LiveRun, name: str, attempt: int, worker: Worker, output: object, desk: Desk
    ) -> tuple[c.CompleteTask, dict[str, bytes]]:
        if not isinstance(output, worker.output_type):
            raise UnusableResult(
                f"{worker.name} returned {type(output).__name__} instead of {worker.output_type.__name__}"
            )
        body = self._coded(worker, output)
        entry = live.digest(body)
        summary = self._summary(worker, output)
        label, tainted = desk.result()
        done = c.CompleteTask(
            task=name,
            attempt=attempt,
            entry=entry,
            size_bytes=len(body),
            summary=summary,
            label=label,
            tainted=tainted,
            sources=desk.sources,
        )
        return done, {entry: body}

    @staticmethod
    def _coded(worker: Worker, output: msgspec.Struct) -> bytes:
        """JSON of a result that is what its worker declares: a struct takes any values when it is made."""
        try:
            body = msgspec.json.encode(output)
            if len(body) > LARGEST_ENTRY_BYTES:
                raise TooLarge(
                    f"{worker.name} returned {len(body):,} bytes; at most {LARGEST_ENTRY_BYTES:,} can be kept"
                )
            msgspec.json.decode(body, type=worker.output_type)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise UnusableResult(
                f"{worker.name} returned something else than it declares ({error}); its owner is {worker.owner}."
            ) from error
        return body

    @staticmethod
    def _summary(worker: Worker, output: object) -> str:
        try:
            return worker.summarize(output) if worker.summarize else ""
        except Exception:
            log.exception("%s cannot summarize what it returned", worker.name)
            return ""

    def _failed(self, name: str, attempt: int, error: TandemError, *, retryable: bool) -> c.FailAttempt:
        return c.FailAttempt(
            task=name,
            attempt=attempt,
            code=error.code,
            message=error.message,
            retryable=retryable,
            retry_after=error.retry_after,
            jitter=self._random.random(),
        )
