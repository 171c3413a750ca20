"""An answer on the wire: one JSON object, or the chunks of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.sandbox.model.recording import Step, Tokens
from connectors.sandbox.model.requests import CHARS_PER_TOKEN, ApiError, Wanted, tokens_of

MODEL = "recorded"
FINGERPRINT = "fp_recorded"
_ERRORS = {
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("You do not have access to this model.", "invalid_request_error", "model_not_allowed"),
    404: ("The model does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
    429: ("Rate limit reached for this model. Please try again later.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered to one request.

    Attributes:
        field: Where the text is: `content`, or `refusal`.
        calls: Tools to call, as the protocol writes them.
    """

    id: str
    created: int
    text: str
    field: str
    calls: list[dict[str, Any]]
    finish_reason: str
    usage: dict[str, Any]

    def whole(self) -> dict[str, Any]:
        """The body of an answer that does not stream."""
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        if not self.calls:
            message[self.field] = self.text
        else:
            message["tool_calls"] = self.calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage}

    def chunks(self, size: int, *, usage: bool) -> Iterator[tuple[dict[str, Any], int]]:
        """The chunks of a stream, each with how much text it carries."""
        told: dict[str, Any] = {"usage": None} if usage else {}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return {**self._head("chat.completion.chunk"), "choices": [choice], **told}

        content = None if self.calls else ""
        yield chunk({"role": "assistant", "content": content, "refusal": None}), 0
        for place, call in enumerate(self.calls):
            function, arguments = call["function"], call["function"]["arguments"]
            begun = {**call, "index": place, "function": {**function, "arguments": ""}}
            yield chunk({"tool_calls": [begun]}), 0
            for part in _parts(arguments, size):
                yield chunk({"tool_calls": [{"index": place, "function": {"arguments": part}}]}), len(part)
        for part in _parts(self.text, size):
            yield chunk({self.field: part}), len(part)
        yield chunk({}, self.finish_reason), 0
        if usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage}, 0

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": MODEL,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }


def completion_of(step: Step, content: str | None, wanted: Wanted, *, number: int, created: int) -> Completion:
    """What a step answers to a request; a text that is longer than was allowed ends where it must.

    Args:
        step: What was recorded.
        content: The step's text, made for this request.
        wanted: The request.
        number: Of the answer, for its ids.
        created: Seconds since 1970.
    """
    calls = [
        {
            "id": f"call_{number:08d}_{place}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
        }
        for place, call in enumerate(step.tool_calls)
    ]
    text, finish = step.refusal or content or "", step.finish_reason or ("tool_calls" if calls else "stop")
    if len(text) > (most := wanted.most_tokens * CHARS_PER_TOKEN):
        text, finish = text[:most], "length"
    written = tokens_of(text) + sum(tokens_of(json.dumps(each["function"])) for each in calls)
    return Completion(
        id=f"chatcmpl-recorded-{number:08d}",
        created=created,
        text=text,
        field="refusal" if step.refusal else "content",
        calls=calls,
        finish_reason=finish,
        usage=_usage(step.usage or Tokens(wanted.prompt_tokens, written)),
    )


def error_of(step: Step) -> ApiError:
    """The error that a step answers with."""
    message, kind, code = _ERRORS.get(step.status, ("The request failed.", "invalid_request_error", None))
    return ApiError(
        step.status, step.message or message, kind=kind, code=step.code or code, retry_after=step.retry_after
    )


def outage(status: int) -> dict[str, Any]:
    """The body of an error of the whole service."""
    return error_of(Step(status=status)).body


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _parts(text: str, size: int) -> Iterator[str]:
    return (text[place : place + size] for place in range(0, len(text), size))
