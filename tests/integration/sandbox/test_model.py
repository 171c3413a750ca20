"""The recorded model over real sockets: OpenAI's own client, and Semantic Kernel as the bot uses it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connectors.identity.model import ModelKey
from connectors.kernel.chat import ChatModel, ModelSettings
from connectors.sandbox.model.recordings import Recordings
from connectors.sandbox.model.server import RecordedModel
from orchestration.errors import Denied, ModelCut, ModelRefused, ModelUnavailable
from orchestration.planning.answer import SCHEMA_NAME, answer_schema, read_answer
from orchestration.planning.model import ModelMessage, Reply

KEY = "the-key"
FILE = """
recordings:
  - goal: Plan it
    answers:
      - answer:
          outcome: plan
          title: A plan
          tasks: {found: {capability: files.search, arguments: {words: Atlas, most: 3}}}
          answer: {text: Done., facts: [[Until, "{tomorrow}"]]}
        usage: {prompt: 900, completion: 40, cached: 600}
  - goal: Call it
    answers:
      - tool_calls:
          - {name: files_search, arguments: {words: Atlas}}
          - {name: files_read, arguments: {item: "1"}}
  - goal: Be busy
    answers:
      - - {status: 429, retry_after: 2}
        - {status: 500}
        - answer: {outcome: refusal, text: "No."}
  - goal: Break it
    answers: [{text: '{"outcome": "plan", "ti'}]
  - goal: Chat
    answers: [{text: "Sure! Here is what I would do."}]
  - goal: Decline
    answers: [{refusal: I cannot help with that.}]
  - goal: Filter it
    answers: [{finish_reason: content_filter}]
  - goal: Filter it at once
    answers: [{status: 400, code: content_filter, message: The prompt was filtered.}]
  - goal: Be long
    answers: [{text: "{\\"outcome\\":", finish_reason: length}]
  - goal: Cut it
    answers: [{answer: {outcome: refusal, text: "A long story."}, cut_after_chars: 30, chunk_chars: 10}]
  - goal: Be silent
    answers: [{text: never, silence_seconds: 30}]
  - goal: Fall silent
    answers: [{text: "half a sentence", silence_seconds: 30, silence_after_chars: 4, chunk_chars: 4}]
"""
STRICT = {"type": "json_schema", "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": answer_schema()}}


class Model:
    """A recorded model that listens, and clients of it."""

    def __init__(self, url: str, client: openai.AsyncOpenAI, http: ClientSession) -> None:
        self.url, self.client, self.http = url, client, http

    async def complete(self, goal: str, **more: Any) -> Any:
        return await self.client.chat.completions.create(model="recorded", messages=conversation(goal), **more)

    async def post(
        self, path: str = "/v1/chat/completions", headers: dict[str, str] | None = None, **changes: Any
    ) -> Any:
        body = {"model": "recorded", "messages": conversation("Plan it")} | changes
        body = {name: value for name, value in body.items() if value is not ...}
        sent = {"Authorization": f"Bearer {KEY}"} if headers is None else headers
        async with self.http.post(f"{self.url}{path}", json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def plan(self, goal: str, *, seconds: float = 5.0, kind: str = "openai") -> Reply:
        """What Semantic Kernel's connector makes of it."""
        azure = kind == "azure"
        settings = ModelSettings(
            url=self.url if azure else f"{self.url}/v1",
            name="recorded",
            kind="azure" if azure else "openai",
            api_version="2024-10-21" if azure else "",
        )
        model = ChatModel(settings, ModelKey(KEY, azure=azure))
        said = [ModelMessage(each["role"], each["content"]) for each in conversation(goal)]
        try:
            return await model.complete(said, schema=answer_schema(), schema_name=SCHEMA_NAME, timeout_seconds=seconds)
        finally:
            await model.close()


def conversation(goal: str) -> list[Any]:
    asked = {"goal": goal, "today": "2026-11-23", "said": [], "runs": [], "about": ""}
    return [{"role": "system", "content": "Rules."}, {"role": "user", "content": json.dumps(asked)}]


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[Model]:
    (tmp_path / "all.yaml").write_text(FILE)
    app = web.Application()
    RecordedModel(Recordings([tmp_path]), KEY).register(app.router)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app, host="127.0.0.1"))
        url = str(server.make_url("/model"))
        http = await stack.enter_async_context(ClientSession())
        wire: Any = httpx.AsyncClient(trust_env=False)
        client = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, http_client=wire, timeout=5)
        )
        yield Model(url, client, http)


async def streamed(stream: Any) -> tuple[str, str | None, Any, int]:
    """The text, how it ended, what it took, and in how many chunks."""
    text, finish, usage, count = "", None, None, 0
    async for chunk in stream:
        count += 1
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, finish, usage, count


async def test_an_answer_comes_whole_with_everything_that_the_schema_demands(model: Model) -> None:
    answer = await model.complete("  plan IT. ", response_format=STRICT)

    assert (answer.model, answer.choices[0].finish_reason) == ("recorded", "stop")
    content = json.loads(answer.choices[0].message.content)
    assert content.keys() == answer_schema()["properties"].keys()
    plan = read_answer(answer.choices[0].message.content)
    assert [(each.name, each.value) for each in plan.tasks[0].arguments] == [("words", "Atlas"), ("most", "3")]
    assert [(each.label, each.value) for each in plan.answer.facts] == [("Until", "2026-11-24")]
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (900, 600)


async def test_a_stream_has_the_same_text_in_chunks_and_tells_its_tokens_only_if_asked(model: Model) -> None:
    whole = (await model.complete("Plan it")).choices[0].message.content

    text, finish, usage, count = await streamed(await model.complete("Plan it", stream=True))
    assert (text, finish, usage) == (whole, "stop", None)
    assert count > len(whole) / 24
    told = await streamed(await model.complete("Plan it", stream=True, stream_options={"include_usage": True}))
    assert (told[2].prompt_tokens, told[2].completion_tokens) == (900, 40)


async def test_a_stream_ends_with_done_and_says_that_nothing_was_asked(model: Model) -> None:
    body = {"model": "recorded", "messages": conversation("Plan it"), "stream": True}
    async with model.http.post(
        f"{model.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}
    ) as answer:
        text = await answer.text()
    assert answer.content_type == "text/event-stream"
    assert answer.headers["X-Tandem-Model"] == "recorded"
    assert text.endswith("data: [DONE]\n\n")


TOOLS = [{"type": "function", "function": {"name": "files_search", "parameters": {"type": "object"}}}]


async def test_tools_are_called_whole_and_in_a_stream(model: Model) -> None:
    answer = await model.complete("Call it", tools=TOOLS)
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [(each.function.name, json.loads(each.function.arguments)) for each in calls] == [
        ("files_search", {"words": "Atlas"}),
        ("files_read", {"item": "1"}),
    ]

    parts: dict[int, str] = {}
    names: dict[int, str] = {}
    async for chunk in await model.complete("Call it", tools=TOOLS, stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            parts[call.index] = parts.get(call.index, "") + (call.function.arguments or "")
            names[call.index] = names.get(call.index, "") + (call.function.name or "")
    assert [json.loads(each) for each in parts.values()] == [{"words": "Atlas"}, {"item": "1"}]
    assert list(names.values()) == ["files_search", "files_read"]


async def test_the_same_request_gets_one_attempt_after_the_other_and_then_the_first_again(model: Model) -> None:
    with pytest.raises(openai.RateLimitError) as busy:
        await model.complete("Be busy")
    assert busy.value.response.headers["retry-after"] == "2"
    assert busy.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.InternalServerError):
        await model.complete("Be busy")
    assert "refusal" in (await model.complete("Be busy")).choices[0].message.content
    with pytest.raises(openai.RateLimitError):
        await model.complete("Be busy")


async def test_a_refusal_is_in_its_own_field(model: Model) -> None:
    message = (await model.complete("Decline")).choices[0].message
    assert (message.content, message.refusal) == (None, "I cannot help with that.")


async def test_an_answer_that_does_not_stream_is_cut_on_the_wire(model: Model) -> None:
    with pytest.raises(openai.APIConnectionError):
        await model.complete("Cut it")


async def test_fewer_tokens_than_the_answer_needs_end_it(model: Model) -> None:
    answer = await model.complete("Plan it", max_completion_tokens=5)
    assert (answer.choices[0].finish_reason, len(answer.choices[0].message.content)) == ("length", 20)


async def test_there_is_one_model_and_azures_shape_of_it(model: Model) -> None:
    assert [each.id async for each in await model.client.models.list()] == ["recorded"]
    assert (await model.client.models.retrieve("recorded")).owned_by == "tandem-sandbox"
    with pytest.raises(openai.NotFoundError):
        await model.client.models.retrieve("gpt-5")

    path = "/openai/deployments/recorded/chat/completions"
    status, answer = await model.post(f"{path}?api-version=2024-10-21", headers={"api-key": KEY}, model=...)
    assert (status, answer["model"]) == (200, "recorded")
    assert (await model.post(path))[0] == 404
    status, answer = await model.post("/openai/deployments/other/chat/completions?api-version=2024-10-21")
    assert (status, answer["error"]["code"]) == (404, "DeploymentNotFound")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer ö"}])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/openai/deployments/recorded/chat/completions?api-version=1"]
)
async def test_without_the_key_nobody_is_answered(model: Model, path: str, headers: dict[str, str]) -> None:
    status, answer = await model.post(path, headers=headers)
    assert (status, answer["error"]["code"]) == (401, "invalid_api_key")


def schema(**changes: Any) -> dict[str, Any]:
    closed = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    described = {"name": "x", "strict": True, "schema": {**closed, "additionalProperties": False, **changes}}
    return {"type": "json_schema", "json_schema": described}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"model": ...}, 400, "you must provide a model parameter"),
        ({"model": "gpt-5"}, 404, "does not exist"),
        ({"messages": ...}, 400, "Missing required parameter: 'messages'"),
        ({"messages": []}, 400, "at least one message"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x" * 600_000}]}, 400, "maximum context length"),
        ({"temprature": 0}, 400, "Unrecognized request argument supplied: temprature"),
        ({"temperature": 3}, 400, "Invalid 'temperature'"),
        ({"max_tokens": 0}, 400, "Invalid 'max_tokens'"),
        ({"max_tokens": 9, "max_completion_tokens": 9}, 400, "at the same time"),
        ({"stream_options": {"include_usage": True}}, 400, "only allowed when 'stream'"),
        ({"n": 2}, 400, "n must be 1"),
        ({"tool_choice": "auto"}, 400, "only allowed when 'tools'"),
        ({"tools": [{"type": "function", "function": {"name": "files.search"}}]}, 400, "tools[0].function.name"),
        ({"tools": 3}, 400, "'tools': expected an array"),
        ({"response_format": {"type": "yaml"}}, 400, "Supported values"),
        ({"response_format": {"type": "json_object"}}, 400, "must contain the word 'json'"),
        ({"response_format": {"type": "json_schema"}}, 400, "json_schema.name"),
        ({"response_format": schema(additionalProperties=True)}, 400, "'additionalProperties' is required"),
        ({"response_format": schema(required=[])}, 400, "Missing 'a'"),
        ({"response_format": schema(required=["a", "b"])}, 400, "Extra required key 'b'"),
        ({"response_format": schema(properties={"a": {}})}, 400, "must have a 'type' key"),
        ({"response_format": schema(properties={"a": {"type": "array"}})}, 400, "missing items"),
        ({"response_format": schema(properties={"a": {"type": "string", "default": ""}})}, 400, "'default'"),
        ({"response_format": schema(properties=3)}, 400, "Invalid schema"),
        ({"response_format": schema(type="array")}, 400, "'type: \"object\"'"),
    ],
)
async def test_a_request_that_the_real_service_refuses_is_refused(
    model: Model, changes: dict[str, Any], status: int, said: str
) -> None:
    found, answer = await model.post(**changes)
    assert (found, said in answer["error"]["message"]) == (status, True), answer


async def test_a_body_that_is_no_json_is_refused(model: Model) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for body in (b"{", b"[]", b"\xff"):
        async with model.http.post(f"{model.url}/v1/chat/completions", data=body, headers=headers) as answer:
            assert answer.status == 400
            assert "JSON" in (await answer.json())["error"]["message"]


async def test_who_asks_for_nothing_that_is_a_goal_gets_the_least_that_fits(model: Model) -> None:
    ask = model.client.chat.completions.create
    plain = await ask(model="recorded", messages=[{"role": "user", "content": "Are you there?"}])
    assert plain.choices[0].message.content == "This is a recording, not a language model."
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "Say yes"}]}]
    shaped = await ask(model="recorded", messages=parts, response_format=STRICT)  # type: ignore[call-overload]
    read_answer(shaped.choices[0].message.content)


async def test_what_was_not_recorded_is_answered_with_a_question_that_says_so(model: Model) -> None:
    answer = read_answer((await model.complete("Dance")).choices[0].message.content)
    assert (answer.outcome, answer.choices) == ("question", [])
    assert "This is a recording" in answer.text


# Through Semantic Kernel, as the bot asks.


async def test_the_kernel_gets_the_plan_and_what_it_took(model: Model) -> None:
    for kind in ("openai", "azure"):
        reply = await model.plan("Plan it", kind=kind)
        assert read_answer(reply.text).title == "A plan"
        assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens) == (900, 40, 600)
        assert not reply.usage.estimated


async def test_the_kernel_gets_prose_and_broken_json_as_they_are(model: Model) -> None:
    assert (await model.plan("Break it")).text == '{"outcome": "plan", "ti'
    assert (await model.plan("Chat")).text.startswith("Sure!")


@pytest.mark.parametrize(
    ("goal", "error"),
    [
        ("Be busy", ModelUnavailable),
        ("Decline", ModelRefused),
        ("Filter it", ModelRefused),
        ("Filter it at once", ModelRefused),
        ("Be long", ModelCut),
        ("Cut it", ModelCut),
        ("Be silent", ModelUnavailable),
        ("Fall silent", ModelCut),
    ],
)
async def test_the_kernel_knows_every_way_in_which_a_model_fails(
    model: Model, goal: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await model.plan(goal, seconds=0.5)
    if goal == "Be busy":
        assert getattr(caught.value, "retry_after", None) == timedelta(seconds=2)


async def test_the_kernel_is_told_which_setting_is_wrong(model: Model) -> None:
    chat = ChatModel(ModelSettings(url=f"{model.url}/v1", name="gpt-5"), ModelKey("wrong"))
    try:
        with pytest.raises(Denied, match="TANDEM_MODEL_KEY"):
            await chat.complete([ModelMessage("user", "x")], schema={}, schema_name="x", timeout_seconds=5)
    finally:
        await chat.close()
