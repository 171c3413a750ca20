"""A language model behind Semantic Kernel: what it is asked, what comes of every way in which it can answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connectors import wire
from connectors.identity.model import ModelKey
from connectors.kernel import chat
from connectors.kernel.chat import ChatModel, ModelSettings
from connectors.kernel.dialect import is_closed
from connectors.prices import Prices
from orchestration.core.usage import Usage
from orchestration.errors import Denied, ModelCut, ModelRefused, ModelUnavailable, TandemError
from orchestration.planning.answer import answer_schema
from orchestration.planning.model import ModelMessage, Reply
from tests.unit.kernel.conftest import Server, chunk, refuses, says, streams, usage

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"outcome": {"type": "string"}},
    "required": ["outcome"],
    "additionalProperties": False,
}
SECRET = "the merger with Fabrikam"
MESSAGES = [ModelMessage("system", "Rules."), ModelMessage("user", SECRET)]


NOBODY = ModelKey("")


async def ask(
    server: Server, *, timeout_seconds: float = 5.0, schema: dict[str, Any] = SCHEMA, **settings: Any
) -> Reply:
    model = ChatModel(ModelSettings(url=server.url, name="tiny", **settings), ModelKey("the-key"))
    try:
        return await model.complete(MESSAGES, schema=schema, schema_name="plan", timeout_seconds=timeout_seconds)
    finally:
        await model.close()


async def failing(server: Server, kind: type[TandemError], **asked: Any) -> TandemError:
    with pytest.raises(kind) as caught:
        await ask(server, **asked)
    assert type(caught.value) is kind
    return caught.value


async def test_an_answer_comes_whole_with_what_it_took(server: Server) -> None:
    server.script = [says('{"outcome":"question"}', told=usage(1_000, 200, cached=600))]
    reply = await ask(server, prices=Prices(2.0, 10.0, 0.5, "EUR"))
    assert reply.text == '{"outcome":"question"}'
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens) == (1_000, 200, 600)
    assert reply.usage.cost == pytest.approx((400 * 2.0 + 600 * 0.5 + 200 * 10.0) / 1e6)
    assert (reply.usage.currency, reply.usage.model, reply.usage.estimated) == ("EUR", "tiny", False)
    assert 0 <= reply.usage.seconds < 5


async def test_the_request_is_deterministic_bounded_structured_and_streamed(server: Server) -> None:
    await ask(server, context_tokens=4_000)
    (body,) = server.bodies
    assert body["messages"] == [{"role": "system", "content": "Rules."}, {"role": "user", "content": SECRET}]
    assert (body["model"], body["temperature"], body["stream"]) == ("tiny", 0, True)
    assert isinstance(body["seed"], int)
    assert 0 < body["max_tokens"] < 4_000
    assert body["stream_options"] == {"include_usage": True}
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "plan", "schema": SCHEMA, "strict": True},
    }
    assert server.paths == ["/v1/chat/completions"]


async def test_a_schema_that_is_not_closed_is_not_strict(server: Server) -> None:
    await ask(server, schema={"type": "object", "properties": {"a": {"type": "string"}}})
    assert server.bodies[0]["response_format"]["json_schema"]["strict"] is False


def test_the_schema_of_plans_is_closed() -> None:
    assert is_closed(answer_schema())


async def test_usage_is_estimated_and_said_to_be_if_the_server_tells_none(server: Server) -> None:
    server.script = [says("x" * 300, told={})]
    reply = await ask(server)
    assert reply.usage.estimated
    assert reply.usage.output_tokens == 100
    assert reply.usage.input_tokens == (len("Rules.") + len(SECRET)) // 3


async def test_a_server_without_schemas_gets_the_schema_in_words_and_is_remembered(server: Server) -> None:
    server.script = [refuses(400, "response_format json_schema is not supported"), says("{}")]
    model = ChatModel(ModelSettings(url=server.url, name="tiny"), NOBODY)
    for _ in range(2):
        await model.complete(MESSAGES, schema=SCHEMA, schema_name="plan", timeout_seconds=5)
    await model.close()
    forms = [body["response_format"]["type"] for body in server.bodies]
    assert forms == ["json_schema", "json_object", "json_object"]
    assert '"outcome"' in server.bodies[1]["messages"][0]["content"]
    assert server.bodies[1]["messages"][1] == {"role": "user", "content": SECRET}


async def test_a_model_that_reasons_is_asked_in_its_own_terms(server: Server) -> None:
    server.script = [
        refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"),
        refuses(400, "Only the default (1) value is supported.", param="temperature", code="unsupported_value"),
        says("{}"),
    ]
    await ask(server)
    last = server.bodies[-1]
    assert "max_tokens" not in last
    assert "temperature" not in last
    assert last["max_completion_tokens"] > 0
    assert last["response_format"]["type"] == "json_schema"


async def test_what_is_refused_in_every_form_is_refused_for_good(server: Server) -> None:
    server.script = [refuses(400, "no such thing")]
    error = await failing(server, Denied)
    assert "no such thing" in error.message
    assert len(server.bodies) == 2


@pytest.mark.parametrize("keep_alive", [": ping\n\n", chunk("")])
async def test_silence_is_no_token_for_so_long_whatever_else_is_sent(server: Server, keep_alive: Any) -> None:
    server.script = [streams(*[keep_alive, 0.1] * 30)]
    began = time.monotonic()
    error = await failing(server, ModelUnavailable, timeout_seconds=0.4)
    assert time.monotonic() - began < 2
    assert "said nothing for 0.4 s" in error.message


async def test_silence_before_the_first_word_is_unavailable(server: Server) -> None:
    async def sleeps(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response()

    server.script = [sleeps]
    await failing(server, ModelUnavailable, timeout_seconds=0.3)


async def test_silence_in_the_middle_is_a_cut(server: Server) -> None:
    server.script = [streams(chunk('{"out'), 3.0)]
    await failing(server, ModelCut, timeout_seconds=0.3)


async def test_slow_words_are_waited_for_one_by_one(server: Server) -> None:
    server.script = [streams(*[chunk("a"), 0.2] * 4, chunk(finish="stop"))]
    assert (await ask(server, timeout_seconds=0.6)).text == "aaaa"


async def test_thoughts_before_the_words_count_as_words(server: Server) -> None:
    server.script = [streams(*[chunk(reasoning_content="hm"), 0.2] * 4, chunk("{}", finish="stop"))]
    assert (await ask(server, timeout_seconds=0.6)).text == "{}"


@pytest.mark.parametrize(
    "answer",
    [
        says('{"out', finish=None, told={}),
        streams(chunk('{"out'), done=False),
        streams(chunk('{"out'), breaks=True),
        streams(chunk('{"out'), "data: {not json\n\n"),
        streams(chunk('{"out'), 'data: {"error": {"message": "overloaded"}}\n\n'),
        says('{"out', finish="length"),
    ],
    ids=["no finish", "no end", "broken", "not JSON", "error within", "length"],
)
async def test_half_an_answer_is_a_cut(server: Server, answer: Any) -> None:
    server.script = [answer]
    await failing(server, ModelCut)


@pytest.mark.parametrize(
    "answer",
    [
        streams("<html>Welcome to the hotel</html>\n\n", done=False),
        streams('data: {"choices": null}\n\n'),
        streams('data: {"choices": [{"delta": 7}]}\n\n'),
        streams("data: [1, 2]\n\n"),
        streams("data: \xff\n\n"),
        streams('data: {"error": {"message": "no memory"}}\n\n'),
        streams(done=False),
    ],
    ids=["page", "no choices", "odd delta", "list", "bytes", "error", "nothing"],
)
async def test_what_is_no_answer_at_all_is_unavailable(server: Server, answer: Any) -> None:
    server.script = [answer]
    await failing(server, ModelUnavailable)


async def test_what_a_useless_answer_took_is_known(server: Server) -> None:
    server.script = [says('{"out', finish="length", told=usage(100, 50))]
    cut = await failing(server, ModelCut, prices=Prices(1.0, 2.0, 1.0, "EUR"))
    assert isinstance(cut, ModelCut)
    assert cut.usage == Usage(
        model="tiny",
        input_tokens=100,
        output_tokens=50,
        seconds=getattr(cut.usage, "seconds", 0.0),
        cost=pytest.approx(200 / 1e6),
        currency="EUR",
        outcome="cut",
    )
    server.script = [streams(chunk(refusal="No."), chunk(finish="stop"), usage(100, 2))]
    refused = await failing(server, ModelRefused)
    assert isinstance(refused, ModelRefused)
    assert isinstance(refused.usage, Usage)
    assert (refused.usage.input_tokens, refused.usage.outcome) == (100, "refused")


@pytest.mark.parametrize("end", [{"breaks": True}, {"done": False}])
async def test_a_connection_that_breaks_after_the_last_word_does_no_harm(server: Server, end: dict[str, bool]) -> None:
    server.script = [streams(chunk("{}", finish="stop"), **end)]
    reply = await ask(server)
    assert (reply.text, reply.usage.estimated) == ("{}", True)


async def test_an_answer_without_end_is_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "LONGEST_ANSWER_BYTES", 10_000)
    server.script = [streams(*[chunk("x" * 1_000)] * 500)]
    error = await failing(server, ModelCut)
    assert "longer than any plan" in error.message


async def test_a_line_without_end_is_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 100_000)
    server.script = [streams(chunk("{"), "data: " + "x" * 1_000_000)]
    await failing(server, ModelCut)


async def test_refusals_are_told_as_such(server: Server) -> None:
    server.script = [streams(chunk(refusal="I will not"), chunk(refusal=" help."), chunk(finish="stop"))]
    assert "I will not help." in (await failing(server, ModelRefused)).message


@pytest.mark.parametrize(
    "answer",
    [
        says("{", finish="content_filter"),
        refuses(400, "filtered", code="content_filter"),
        refuses(
            400,
            "filtered",
            code="content_filter",
            innererror={"code": "New", "content_filter_result": {"jailbreak": {"filtered": True, "severity": "odd"}}},
        ),
    ],
)
async def test_a_content_filter_refuses(server: Server, answer: Any) -> None:
    server.script = [answer]
    await failing(server, ModelRefused)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "TANDEM_MODEL_KEY"), (403, "TANDEM_MODEL_KEY"), (404, "TANDEM_MODEL_NAME")],
)
async def test_wrong_credentials_and_names_are_denied_and_name_the_setting(
    server: Server, status: int, setting: str
) -> None:
    server.script = [refuses(status, "no")]
    assert setting in (await failing(server, Denied)).message
    assert len(server.bodies) == 1


@pytest.mark.parametrize("kind", [{"code": "context_length_exceeded"}, {"type": "exceed_context_size_error"}])
async def test_a_prompt_beyond_the_context_is_denied_and_names_the_setting(
    server: Server, kind: dict[str, str]
) -> None:
    server.script = [refuses(400, "too long: max_tokens", **kind)]
    assert "TANDEM_MODEL_CONTEXT" in (await failing(server, Denied)).message
    assert len(server.bodies) == 1


async def test_redirects_are_not_followed(server: Server) -> None:
    async def moves(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(str(request.url.with_path("/elsewhere")))

    server.script = [moves]
    assert "TANDEM_MODEL_URL" in (await failing(server, Denied)).message
    assert len(server.paths) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
async def test_a_server_in_trouble_is_unavailable_and_asked_once(server: Server, status: int) -> None:
    server.script = [refuses(status, "trouble")]
    await failing(server, ModelUnavailable)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "in ten minutes, as a date"}, 600),
        ({}, None),
    ],
)
async def test_a_throttled_call_says_when_to_come_back(
    server: Server, headers: dict[str, str], seconds: float | None
) -> None:
    if "date" in headers.get("Retry-After", ""):
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)}
    server.script = [refuses(429, "slow down", headers=headers)]
    error = await failing(server, ModelUnavailable)
    assert len(server.bodies) == 1
    if seconds is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() == pytest.approx(seconds, abs=20 if seconds > 100 else 0)


async def test_nobody_there_is_unavailable() -> None:
    gone = Server()
    gone.url = "http://127.0.0.1:1/v1"
    assert "TANDEM_MODEL_URL" in (await failing(gone, ModelUnavailable)).message


async def test_a_cancelled_call_ends(server: Server) -> None:
    server.script = [streams(chunk("{"), 30.0)]
    asked = asyncio.create_task(ask(server, timeout_seconds=60))
    await server.asked.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


FOREIGN = {
    "OPENAI_API_KEY": "stolen",
    "OPENAI_BASE_URL": "https://foreign.example",
    "OPENAI_ORG_ID": "foreign-org",
    "OPENAI_PROJECT_ID": "foreign-project",
    "OPENAI_CUSTOM_HEADERS": "X-Foreign: stolen\nAuthorization: Bearer stolen",
    "OPENAI_CHAT_MODEL_ID": "foreign-model",
    "OPENAI_API_VERSION": "1999-01-01",
    "AZURE_OPENAI_API_KEY": "stolen",
    "AZURE_OPENAI_AD_TOKEN": "stolen",
    "AZURE_OPENAI_ENDPOINT": "not even a URL",
    "AZURE_OPENAI_BASE_URL": "not even a URL",
    "AZURE_OPENAI_CHAT_DEPLOYMENT_NAME": "foreign-model",
    "AZURE_OPENAI_API_VERSION": "1999-01-01",
}


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize("kind", ["openai", "azure"])
async def test_nothing_is_taken_from_foreign_variables_or_files(
    server: Server, kind: Any, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    if place == "file":
        (tmp_path / ".env").write_text("\n".join(f"{name}={json.dumps(value)}" for name, value in FOREIGN.items()))
    else:
        for name, value in FOREIGN.items():
            monkeypatch.setenv(name, value)
    server.url = server.url.removesuffix("/v1") if kind == "azure" else server.url
    await ask(server, kind=kind, api_version="2024-10-21")
    sent = json.dumps([server.paths, server.headers, server.bodies])
    assert "foreign" not in sent
    assert "stolen" not in sent
    assert "1999" not in sent
    assert set(server.headers[0]) == {
        "host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent",
        "authorization",
    }  # fmt: skip
    assert server.headers[0]["authorization"] == "Bearer the-key"


async def test_azure_is_asked_for_its_deployment_and_version(server: Server) -> None:
    server.url = server.url.removesuffix("/v1")
    await ask(server, kind="azure", api_version="2024-10-21")
    assert server.paths == ["/openai/deployments/tiny/chat/completions?api-version=2024-10-21"]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(chat, "_tracer", provider.get_tracer("test"))
    return exporter


async def test_a_span_says_which_model_and_how_many_tokens(server: Server, spans: InMemorySpanExporter) -> None:
    await ask(server)
    (span,) = spans.get_finished_spans()
    assert span.name == "chat tiny"
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "tiny",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
    }


@pytest.mark.parametrize("answer", [says(SECRET[::-1]), refuses(500, SECRET[::-1]), refuses(400, SECRET[::-1])])
async def test_no_words_reach_logs_or_spans(
    server: Server,
    answer: Any,
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_LOG", "debug")
    monkeypatch.setenv("SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE", "true")
    server.script = [answer]
    with caplog.at_level(logging.DEBUG), contextlib.suppress(TandemError):
        await ask(server)
    (span,) = spans.get_finished_spans()
    for told in (caplog.text, span.to_json()):
        assert SECRET not in told
        assert SECRET[::-1] not in told


def test_the_kernels_own_content_events_are_off_even_if_the_environment_wants_them() -> None:
    from semantic_kernel.utils.telemetry.model_diagnostics import decorators, function_tracer

    decorators.MODEL_DIAGNOSTICS_SETTINGS.enable_otel_diagnostics_sensitive = True
    function_tracer.MODEL_DIAGNOSTICS_SETTINGS.enable_otel_diagnostics_sensitive = True
    ChatModel(ModelSettings(url="http://127.0.0.1:1", name="tiny"), NOBODY)
    assert not decorators.are_sensitive_events_enabled()
    assert not decorators.are_model_diagnostics_enabled()
    assert not function_tracer.are_sensitive_events_enabled()
