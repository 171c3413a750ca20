"""What is checked and recorded around every call of a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from opentelemetry import trace
from semantic_kernel.filters import FunctionInvocationContext

from orchestration.capabilities import TaskContext, Worker
from orchestration.errors import Invalid, OutcomeUnknown, Refused, TandemError, Unavailable

Next = Callable[[FunctionInvocationContext], Awaitable[None]]
# The argument in which an error passes the kernel.
RAISED = "raised"
Filter = Callable[[FunctionInvocationContext, Next], Awaitable[None]]


async def keep_words_off_the_span(context: FunctionInvocationContext, next: Next) -> None:
    """Say on the kernel's span which kind of error a call ended with, and not its words: they hold people's content.

    The kernel would record any error that it sees whole, so this one waits in `RAISED` for the dispatcher.
    """
    try:
        await next(context)
    except TandemError as error:
        span = trace.get_current_span()
        span.set_attribute("error.type", error.code)
        span.set_status(trace.StatusCode.ERROR, error.code)
        context.arguments[RAISED] = error


async def name_the_span(context: FunctionInvocationContext, next: Next) -> None:
    """Say on the kernel's span whose run, task and attempt a call serves."""
    span = trace.get_current_span()
    if span.is_recording():
        worker, task = _call(context)
        span.set_attributes(
            {
                "tandem.run": task.run_id,
                "tandem.task": task.task_id,
                "tandem.attempt": task.attempt,
                "tandem.capability": worker.capability.name,
                "tandem.worker": worker.name,
            }
        )
    await next(context)


async def only_journaled_writes(context: FunctionInvocationContext, next: Next) -> None:
    """Let a write happen only if its intent is journaled and still in time."""
    worker, task = _call(context)
    if worker.capability.effect == "write":
        if not task.idempotency_key or task.not_after is None:
            raise Refused(
                f"{worker.capability.name} is a write and was called without a journaled intent: nothing was done"
            )
        if datetime.now(UTC) > task.not_after:
            raise Unavailable(f"{worker.capability.name} was called too late to begin its write: nothing was done")
    await next(context)


async def only_declared_results(context: FunctionInvocationContext, next: Next) -> None:
    """Let no result pass that is not of the declared type; of a write it leaves open whether it happened."""
    await next(context)
    worker, _ = _call(context)
    value = context.result.value if context.result else None
    if not isinstance(value, worker.output_type):
        wrong = OutcomeUnknown if worker.capability.effect == "write" else Invalid
        raise wrong(
            f"{worker.name} returned {type(value).__name__} instead of {worker.output_type.__name__}: "
            f"its owner is {worker.owner}"
        )


def _call(context: FunctionInvocationContext) -> tuple[Worker, TaskContext]:
    return context.arguments["worker"], context.arguments["task"]


FILTERS: tuple[Filter, ...] = (keep_words_off_the_span, name_the_span, only_journaled_writes, only_declared_results)
