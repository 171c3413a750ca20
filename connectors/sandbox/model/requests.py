"""Requests for a completion: judged as the real service judges them, before anything is answered."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.sandbox.model.asked import text_of
from connectors.sandbox.model.schemas import strict_problem

CHARS_PER_TOKEN = 4
CONTEXT_TOKENS = 128_000
LONGEST_ANSWER_TOKENS = 16_384
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_KNOWN = """
    audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages
    metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention
    reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature
    tool_choice tools top_logprobs top_p user verbosity web_search_options
"""
_NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ApiError(Exception):
    """An error as the service's body words it.

    Args:
        status: HTTP status.
        message: For people.
        kind: The service's `type`.
        param: The part of the request that it is about.
        code: Stable, for programs.
        retry_after: Seconds, for the header.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A request in order."""

    messages: list[dict[str, Any]]
    stream: bool
    include_usage: bool
    schema: dict[str, Any] | None
    most_tokens: int
    prompt_tokens: int


def judged(body: Any) -> Wanted:
    """The request in a body.

    Raises:
        ApiError: The real service would not take it either.
    """
    if not isinstance(body, dict):
        raise ApiError(400, "We could not parse the JSON body of your request: it must be an object.")
    if unknown := sorted(set(body) - set(_KNOWN.split())):
        raise ApiError(400, f"Unrecognized request argument supplied: {unknown[0]}", param=unknown[0])
    _check_numbers(body)
    messages = _messages(body)
    _check_tools(body)
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise ApiError(400, "Invalid type for 'stream': expected a boolean.", param="stream", code="invalid_type")
    options = body.get("stream_options")
    if options is not None and not stream:
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise ApiError(400, text, param="stream_options")
    if body.get("n") not in (None, 1):
        raise ApiError(400, "A recording has one choice: n must be 1.", param="n", code="integer_above_max_value")
    prompt = sum(4 + tokens_of(text_of(each)) for each in messages)
    if prompt > CONTEXT_TOKENS:
        text = f"This model's maximum context length is {CONTEXT_TOKENS} tokens. Your messages resulted in {prompt}."
        raise ApiError(400, text, param="messages", code="context_length_exceeded")
    return Wanted(
        messages=messages,
        stream=stream,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        schema=_schema(body, messages),
        most_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or LONGEST_ANSWER_TOKENS,
        prompt_tokens=prompt,
    )


def tokens_of(text: str) -> int:
    """About as many tokens as a text has."""
    return -(-len(text) // CHARS_PER_TOKEN)


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages")
    if messages is None:
        raise ApiError(
            400, "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    if not isinstance(messages, list) or not messages:
        text = "Invalid 'messages': expected an array with at least one message."
        raise ApiError(400, text, param="messages", code="empty_array")
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            text = f"Invalid value for '{where}.role'. Supported values are: {', '.join(map(repr, _ROLES))}."
            raise ApiError(400, text, param=f"{where}.role", code="invalid_value")
        empty = message.get("content") is None and not message.get("tool_calls")
        if empty or not isinstance(message.get("content", ""), str | list | None):
            text = f"Invalid value for '{where}.content': expected a string or an array of parts."
            raise ApiError(400, text, param=f"{where}.content", code="invalid_type")
    return messages


def _check_numbers(body: dict[str, Any]) -> None:
    for name, (least, most) in _NUMBERS.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            text = f"Invalid '{name}': expected a number from {least} to {most}, got {value!r}."
            raise ApiError(400, text, param=name, code="invalid_value")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise ApiError(400, text, param="max_tokens", code="invalid_parameter_combination")
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= LONGEST_ANSWER_TOKENS):
            text = f"Invalid '{name}': this model writes from 1 to {LONGEST_ANSWER_TOKENS} tokens, got {value!r}."
            raise ApiError(400, text, param=name, code="invalid_value")


def _check_tools(body: dict[str, Any]) -> None:
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise ApiError(400, "Invalid type for 'tools': expected an array.", param="tools", code="invalid_type")
    for place, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            where = f"tools[{place}].function.name"
            text = f"Invalid '{where}': string does not match pattern. Expected '^[a-zA-Z0-9_-]+$'."
            raise ApiError(400, text, param=where, code="invalid_value")
    if body.get("tool_choice") is not None and not body.get("tools"):
        raise ApiError(400, "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")


def _schema(body: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The schema that the answer shall have, if one is given."""
    wanted = body.get("response_format")
    if wanted is None:
        return None
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        if not any("json" in text_of(each).lower() for each in messages):
            text = "'messages' must contain the word 'json' to use 'response_format' of type 'json_object'."
            raise ApiError(400, text, param="messages")
        return {"type": "object"}
    if kind != "json_schema":
        text = f"Invalid value: {kind!r}. Supported values are: 'json_object', 'json_schema', and 'text'."
        raise ApiError(400, text, param="response_format.type", code="invalid_value")
    described = wanted.get("json_schema")
    name = described.get("name") if isinstance(described, dict) else None
    if not isinstance(described, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        where = "response_format.json_schema.name"
        text = f"Invalid '{where}': expected a string that matches '^[a-zA-Z0-9_-]+$', got {name!r}."
        raise ApiError(400, text, param=where, code="invalid_value")
    schema = described.get("schema")
    if described.get("strict") is True and (problem := strict_problem(schema)):
        text = f"Invalid schema for response_format '{name}': {problem}"
        raise ApiError(400, text, param="response_format")
    return schema if isinstance(schema, dict) else {"type": "object"}
