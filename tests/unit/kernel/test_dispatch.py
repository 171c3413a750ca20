"""Every call of a worker goes through Semantic Kernel: filters around it, nothing changed on the way."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from semantic_kernel.filters import FunctionInvocationContext

from connectors.kernel import KernelDispatcher
from connectors.kernel.dispatch import PLUGIN
from connectors.kernel.filters import FILTERS, Next
from orchestration.capabilities import NotDone, Preview, Registry, TaskContext, Worker, worker
from orchestration.capabilities.descriptor import Effect
from orchestration.errors import Invalid, NotFound, NoWorker, OutcomeUnknown, Refused, SignInNeeded, Unavailable
from tests.support.office import MEGAN, Number, Script

FAR = timedelta(hours=1)


async def echo(number: Number, _: TaskContext) -> Number:
    return number


async def not_done(_: Number, __: TaskContext) -> NotDone:
    return NotDone()


def made(script: Script, effect: Effect = "read") -> Worker:
    async def call(number: Number, task: TaskContext) -> Number:
        return await script(number, task)

    if effect == "read":
        return worker("ledger.entries", title="Read entries", name="entries@test")(call)
    return worker(
        "files.upload",
        title="Upload a file",
        effect="write",
        dedupe="target",
        system="Test",
        name="upload@test",
        preview=lambda _: Preview("Write", []),
        reconcile=not_done,
    )(call)


def task(*, key: str = "r.t", not_after: datetime | None = None) -> TaskContext:
    return TaskContext(run_id="r", task_id="t", attempt=2, initiator=MEGAN, idempotency_key=key, not_after=not_after)


async def call(given: Worker, context: TaskContext) -> msgspec.Struct:
    return await KernelDispatcher(Registry([given])).call(given, Number(7), context)


async def test_arguments_task_and_result_pass_through_as_they_are() -> None:
    seen: list[object] = []
    result = Number(8)

    async def script(number: Number, context: TaskContext) -> Number:
        seen.extend((number, context))
        return result

    given, arguments, context = made(script), Number(7), task()
    assert await KernelDispatcher(Registry([given])).call(given, arguments, context) is result
    assert seen[0] is arguments
    assert seen[1] is context


async def test_filters_wrap_the_call_the_first_one_outermost() -> None:
    order: list[str] = []

    def named(name: str):  # type: ignore[no-untyped-def]
        async def each(context: FunctionInvocationContext, next: Next) -> None:  # noqa: A002 - the kernel's name
            order.append(f"{name} before")
            await next(context)
            order.append(f"{name} after")

        return each

    async def script(number: Number, _: TaskContext) -> Number:
        order.append("worker")
        return number

    given = made(script)
    dispatcher = KernelDispatcher(Registry([given]), filters=[named("outer"), named("inner")])
    await dispatcher.call(given, Number(), task())
    assert order == ["outer before", "inner before", "worker", "inner after", "outer after"]


def test_a_call_is_named_then_permitted_and_its_result_is_checked_last() -> None:
    assert [each.__name__ for each in FILTERS] == [
        "keep_words_off_the_span",
        "name_the_span",
        "only_journaled_writes",
        "only_declared_results",
    ]


@pytest.mark.parametrize("context", [task(key=""), task(), task(key="", not_after=datetime.now(UTC) + FAR)])
async def test_a_write_without_a_journaled_intent_is_refused_before_it_begins(context: TaskContext) -> None:
    called: list[Number] = []

    async def script(number: Number, _: TaskContext) -> Number:
        called.append(number)
        return number

    with pytest.raises(Refused, match="without a journaled intent: nothing was done"):
        await call(made(script, "write"), context)
    assert not called


async def test_a_write_that_comes_too_late_is_not_begun_and_may_be_tried_again() -> None:
    called: list[Number] = []

    async def script(number: Number, _: TaskContext) -> Number:
        called.append(number)
        return number

    with pytest.raises(Unavailable, match="too late to begin its write: nothing was done"):
        await call(made(script, "write"), task(not_after=datetime.now(UTC) - timedelta(seconds=1)))
    assert not called


async def test_a_journaled_write_in_time_is_let_through_and_a_read_needs_no_intent() -> None:
    assert await call(made(echo, "write"), task(not_after=datetime.now(UTC) + FAR)) == Number(7)
    assert await call(made(echo), task(key="")) == Number(7)


@pytest.mark.parametrize("wrong", [None, {"n": 1}, "text"])
async def test_a_result_of_the_wrong_type_is_refused_and_of_a_write_leaves_open_whether_it_happened(
    wrong: object,
) -> None:
    async def script(_: Number, __: TaskContext) -> Number:
        return wrong  # type: ignore[return-value]

    with pytest.raises(Invalid, match=r"entries@test returned .* instead of Number"):
        await call(made(script), task())
    with pytest.raises(OutcomeUnknown, match=r"upload@test returned .* instead of Number"):
        await call(made(script, "write"), task(not_after=datetime.now(UTC) + FAR))


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("busy", retry_after=timedelta(seconds=97)),
        SignInNeeded("nobody is signed in"),
        OutcomeUnknown("the connection broke"),
        NotFound("no file"),
        ZeroDivisionError("a defect"),
    ],
)
async def test_errors_pass_through_unchanged(error: Exception) -> None:
    async def script(_: Number, __: TaskContext) -> Number:
        raise error

    with pytest.raises(type(error)) as caught:
        await call(made(script), task())
    assert caught.value is error


async def test_cancellation_passes_through() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def script(number: Number, _: TaskContext) -> Number:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return number

    calling = asyncio.ensure_future(call(made(script), task()))
    await begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert stopped.is_set()


def test_a_worker_is_a_kernel_function_with_its_metadata() -> None:
    given = made(echo, "write")
    function = KernelDispatcher(Registry([given])).kernel.get_function(PLUGIN, "files_upload_0")
    assert function.description == "Upload a file"
    assert function.metadata.additional_properties == {
        "capability": "files.upload",
        "effect": "write",
        "worker": "upload@test",
        "input_schema": given.capability.input_schema,
        "output_schema": given.capability.output_schema,
    }


async def test_calls_at_the_same_time_do_not_mix() -> None:
    together = asyncio.Barrier(20)

    async def script(number: Number, context: TaskContext) -> Number:
        await together.wait()
        return Number(number.n + context.attempt)

    given = made(script)
    dispatcher = KernelDispatcher(Registry([given]))
    results = await asyncio.gather(*(dispatcher.call(given, Number(10 * n), task()) for n in range(20)))
    assert results == [Number(10 * n + 2) for n in range(20)]


async def test_the_span_says_whose_call_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, object] = {}

    class Span(trace.NonRecordingSpan):
        def is_recording(self) -> bool:
            return True

        def set_attributes(self, attributes: object) -> None:
            said.update(attributes)  # type: ignore[call-overload]

    monkeypatch.setattr(trace, "get_current_span", lambda *_: Span(trace.INVALID_SPAN_CONTEXT))
    await call(made(echo), task())
    assert said == {
        "tandem.run": "r",
        "tandem.task": "t",
        "tandem.attempt": 2,
        "tandem.capability": "ledger.entries",
        "tandem.worker": "entries@test",
    }


async def test_the_span_of_a_refused_call_tells_its_code_and_none_of_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    module = sys.modules["semantic_kernel.functions.kernel_function"]  # the package hides it behind a function
    monkeypatch.setattr(module, "tracer", provider.get_tracer("test"))

    async def script(_: Number, __: TaskContext) -> Number:
        raise NotFound("SharePoint finds no 'Salary of Adele Vance.xlsx'")

    with pytest.raises(NotFound):
        await call(made(script), task())
    (span,) = spans.get_finished_spans()
    assert "Adele" not in span.to_json()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert (span.status.description, (span.attributes or {})["error.type"]) == ("not_found", "not_found")


async def test_a_worker_that_the_kernel_does_not_know_is_named() -> None:
    dispatcher = KernelDispatcher(Registry())
    with pytest.raises(NoWorker, match="'entries@test' is not known to the kernel"):
        await dispatcher.call(made(echo), Number(), task())
