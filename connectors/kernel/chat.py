"""A language model behind Semantic Kernel's chat services: OpenAI's protocol, at a server of any kind or in Azure."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Literal, cast

import httpx
import msgspec
import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI
from opentelemetry import trace
from semantic_kernel.connectors.ai.open_ai import (
    AzureChatCompletion,
    OpenAIChatCompletion,
    OpenAIChatPromptExecutionSettings,
)
from semantic_kernel.contents import ChatHistory, ChatMessageContent, StreamingChatMessageContent
from semantic_kernel.contents.utils.author_role import AuthorRole
from semantic_kernel.exceptions import KernelException

from connectors.http import CONNECT_SECONDS
from connectors.kernel.dialect import Dialect
from connectors.kernel.failures import complaint, failure, filtered
from connectors.kernel.heard import Heard
from connectors.kernel.quiet import keep_quiet
from connectors.prices import Prices
from connectors.wire import Credential, check_allowed, open_wire
from orchestration.core.usage import Usage
from orchestration.errors import ModelCut, ModelRefused, ModelUnavailable, TandemError
from orchestration.planning.model import ModelMessage, Reply

LONGEST_ANSWER_BYTES = 200_000
LONGEST_ANSWER_TOKENS = 16_000
_LEAST_ANSWER_TOKENS = 500
# Fewer than most models take: better a little room left than a call refused.
_CHARACTERS_PER_TOKEN = 3
_LAST_WORD_SECONDS = 5.0
# Both libraries look into the environment for what is not given to them. Who asks is decided on the wire.
_UNUSED = "unused"

_TROUBLE = (
    openai.OpenAIError,
    httpx.HTTPError,
    KernelException,
    OSError,
    # What comes of an answer that is not of the protocol.
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)

_tracer = trace.get_tracer("tandem.model")


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the model is.

    Attributes:
        url: Of the API: with `openai` what comes before `/chat/completions`, with `azure` the resource.
        name: Model, or with `azure` the deployment.
        api_version: With `azure`.
        context_tokens: How much the model can read and write in one call.
        prices: What it costs; None if nobody said.
    """

    url: str
    name: str
    kind: Literal["openai", "azure"] = "openai"
    api_version: str = ""
    context_tokens: int = 32_000
    prices: Prices | None = None


class ChatModel:
    """Implements `orchestration.planning.model.Model`.

    Args:
        settings: Where the model is.
        credential: Who asks; it is closed with the model.
    """

    def __init__(self, settings: ModelSettings, credential: Credential) -> None:
        keep_quiet()
        self.name = settings.name
        self.context_tokens = settings.context_tokens
        self._settings = settings
        self._wire = open_wire(settings.url, credential, timeout_seconds=CONNECT_SECONDS)
        self._service = _service(settings, self._wire)
        self._dialect = Dialect()

    async def complete(
        self, messages: Sequence[ModelMessage], *, schema: dict[str, Any], schema_name: str, timeout_seconds: float
    ) -> Reply:
        """See `Model.complete`; what a server does not understand of the request is left out, and asked once more."""
        check_allowed(self._settings.url)
        dialect = self._dialect
        with _tracer.start_as_current_span(
            f"chat {self.name}", record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": self.name})
            while True:
                try:
                    reply = await self._ask(dialect, messages, schema, schema_name, timeout_seconds)
                except _Misunderstood as error:
                    simpler = dialect.without(error.complaint)
                    if simpler is None:
                        _fail(span, error.failure)
                        raise error.failure from error.__cause__
                    dialect = simpler
                except TandemError as error:
                    _fail(span, error)
                    raise
                else:
                    self._dialect = dialect
                    span.set_attributes(
                        {
                            "gen_ai.usage.input_tokens": reply.usage.input_tokens,
                            "gen_ai.usage.output_tokens": reply.usage.output_tokens,
                        }
                    )
                    return reply

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def _ask(
        self,
        dialect: Dialect,
        messages: Sequence[ModelMessage],
        schema: dict[str, Any],
        schema_name: str,
        timeout_seconds: float,
    ) -> Reply:
        said = [*messages] if dialect.form == "json_schema" else _with_schema(messages, schema)
        read = sum(len(each.text) for each in said) // _CHARACTERS_PER_TOKEN
        room = max(min(self.context_tokens - read, LONGEST_ANSWER_TOKENS), _LEAST_ANSWER_TOKENS)
        history = ChatHistory(messages=[ChatMessageContent(role=AuthorRole(m.role), content=m.text) for m in said])
        settings = dialect.settings(schema, schema_name, room)
        heard, began = Heard(), time.monotonic()
        try:
            await self._listen(heard, history, settings, timeout_seconds)
            self._check(heard)
        except (ModelCut, ModelRefused) as error:
            took = self._usage(heard, read, time.monotonic() - began)
            error.usage = msgspec.structs.replace(took, outcome="cut" if isinstance(error, ModelCut) else "refused")
            raise
        return Reply(heard.text, self._usage(heard, read, time.monotonic() - began))

    async def _listen(
        self, heard: Heard, history: ChatHistory, settings: OpenAIChatPromptExecutionSettings, timeout_seconds: float
    ) -> None:
        """Take in what the model says until it has said everything."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_seconds) as limit:
                stream = self._service.get_streaming_chat_message_contents(history, settings)
                async with aclosing(cast("AsyncIterator[list[StreamingChatMessageContent]]", stream)) as parts:  # type: ignore[type-var]
                    async for each in parts:
                        if heard.take(each):
                            # What was said is whole: only the usage may follow.
                            wait = _LAST_WORD_SECONDS if heard.finish else timeout_seconds
                            limit.reschedule(loop.time() + wait)
                        if heard.size > LONGEST_ANSWER_BYTES:
                            raise ModelCut(f"The answer of the model {self.name} is longer than any plan needs to be.")
        except TimeoutError:
            if not heard.finish:
                raise self._silent(timeout_seconds, heard) from None
        except _TROUBLE as error:
            if heard.finish:
                return
            wrong = failure(error, self.name, begun=bool(heard.size))
            if words := complaint(error):
                raise _Misunderstood(words, wrong) from error
            raise wrong from error

    def _silent(self, seconds: float, heard: Heard) -> TandemError:
        if heard.size:
            return ModelCut(
                f"The model {self.name} stopped in the middle of its answer and said nothing for {seconds:g} s."
            )
        return ModelUnavailable(f"The model {self.name} said nothing for {seconds:g} s.")

    def _check(self, heard: Heard) -> None:
        """That the answer is whole."""
        if heard.finish == "content_filter":
            raise filtered(self.name)
        if heard.refusal:
            raise heard.declined(self.name)
        if heard.finish == "length":
            raise ModelCut(f"The answer of the model {self.name} was longer than it may write in one go.")
        if not heard.finish and not heard.size:
            raise ModelUnavailable(
                f"The model {self.name} gives no answer that can be read: is TANDEM_MODEL_URL that of its API?"
            )
        if not heard.finish:
            raise ModelCut(f"The answer of the model {self.name} ended half way.")

    def _usage(self, heard: Heard, read: int, seconds: float) -> Usage:
        told = heard.usage
        input_tokens = told.input if told else read
        output_tokens = told.output if told else -(-len(heard.text) // _CHARACTERS_PER_TOKEN)
        cached = told.cached if told else 0
        prices = self._settings.prices
        return Usage(
            model=self.name,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached,
            estimated=told is None,
            seconds=round(seconds, 3),
            cost=prices.cost(read=input_tokens, written=output_tokens, cached=cached) if prices else None,
            currency=prices.currency if prices else "",
        )


class _Misunderstood(Exception):
    """The server does not take the request as it is; another form of it may do."""

    def __init__(self, complaint: str, failure: Exception) -> None:
        super().__init__(complaint)
        self.complaint, self.failure = complaint, failure


def _service(settings: ModelSettings, wire: httpx.AsyncClient) -> OpenAIChatCompletion | AzureChatCompletion:
    """The kernel's service, with nothing left for it to look up: a foreign variable must not change who is asked."""
    # The client takes one of httpx as well as its own fork's.
    common: dict[str, Any] = {"api_key": _UNUSED, "http_client": cast("Any", wire), "max_retries": 0}
    common |= {"organization": "", "project": "", "webhook_secret": _UNUSED, "timeout": wire.timeout}
    if settings.kind == "openai":
        return OpenAIChatCompletion(
            ai_model_id=settings.name,
            api_key=_UNUSED,
            org_id=_UNUSED,
            async_client=AsyncOpenAI(base_url=settings.url, **common),
            env_file_path=os.devnull,
        )
    client = AsyncAzureOpenAI(
        azure_endpoint=settings.url, azure_deployment=settings.name, api_version=settings.api_version, **common
    )
    return AzureChatCompletion(
        deployment_name=settings.name,
        api_key=_UNUSED,
        endpoint="https://unused.invalid",
        base_url="https://unused.invalid",
        api_version=settings.api_version,
        token_endpoint=_UNUSED,
        async_client=client,
        env_file_path=os.devnull,
    )


def _with_schema(messages: Sequence[ModelMessage], schema: dict[str, Any]) -> list[ModelMessage]:
    """For a server that knows no schemas: the schema in words, at the end of the rules."""
    first, *rest = messages
    told = f"Answer with one JSON object of this JSON Schema and nothing else:\n{msgspec.json.encode(schema).decode()}"
    return [ModelMessage(first.role, f"{first.text}\n\n{told}"), *rest]


def _fail(span: trace.Span, error: Exception) -> None:
    """Name the kind of error on the span, and not its words."""
    code = error.code if isinstance(error, TandemError) else type(error).__name__
    span.set_attribute("error.type", code)
    span.set_status(trace.StatusCode.ERROR, code)
