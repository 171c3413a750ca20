"""The recorded model over HTTP, as OpenAI and Azure OpenAI serve one. No model is asked, and every answer says so."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import time
from typing import Any

from aiohttp import web

from connectors.sandbox.model.asked import read_asked
from connectors.sandbox.model.completion import MODEL, Completion, completion_of, error_of
from connectors.sandbox.model.recording import Step
from connectors.sandbox.model.recordings import Recordings
from connectors.sandbox.model.requests import CONTEXT_TOKENS, ApiError, Wanted, judged
from connectors.sandbox.model.schemas import least

PREFIX = "/model"
# Says to whoever looks at the traffic what answers here.
HEADERS = {"X-Tandem-Model": MODEL, "openai-version": "2020-10-01"}
_LONGEST_BODY_BYTES = 4 * 1024 * 1024


class RecordedModel:
    """Serves `/model/v1` as OpenAI's API, and `/model/openai/deployments/recorded` as Azure's.

    Args:
        recordings: What it says.
        key: What clients must show.
    """

    def __init__(self, recordings: Recordings, key: str) -> None:
        self._recordings = recordings
        self._key = key
        self._numbers = itertools.count(1)
        self._since = int(time.time())

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the model's paths."""
        router.add_post(f"{PREFIX}/v1/chat/completions", self._openai)
        router.add_get(f"{PREFIX}/v1/models", self._models)
        router.add_get(f"{PREFIX}/v1/models/{{model}}", self._model)
        router.add_post(f"{PREFIX}/openai/deployments/{{deployment}}/chat/completions", self._azure)

    @staticmethod
    def settings(url: str, key: str) -> dict[str, str]:
        """The bot's settings for it; `url` is that of the sandbox."""
        return {
            "TANDEM_MODEL_KIND": "openai",
            "TANDEM_MODEL_URL": f"{url}{PREFIX}/v1",
            "TANDEM_MODEL_NAME": MODEL,
            "TANDEM_MODEL_KEY": key,
            "TANDEM_MODEL_CONTEXT": str(CONTEXT_TOKENS),
        }

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_key(request)
            body = await _body(request)
            model = body.get("model") if isinstance(body, dict) else None
            if isinstance(body, dict) and not model:
                raise ApiError(400, "you must provide a model parameter")
            if isinstance(body, dict) and model != MODEL:
                raise _unknown_model(model)
            return await self._complete(request, judged(body))
        except ApiError as error:
            return _error(error)

    async def _azure(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_key(request)
            if not request.query.get("api-version"):
                raise ApiError(404, "Resource not found", code="404")
            if request.match_info["deployment"] != MODEL:
                text = "The API deployment for this resource does not exist."
                raise ApiError(404, text, code="DeploymentNotFound")
            return await self._complete(request, judged(await _body(request)))
        except ApiError as error:
            return _error(error)

    async def _models(self, request: web.Request) -> web.Response:
        try:
            self._check_key(request)
        except ApiError as error:
            return _error(error)
        return web.json_response({"object": "list", "data": [self._described()]}, headers=HEADERS)

    async def _model(self, request: web.Request) -> web.Response:
        try:
            self._check_key(request)
            if request.match_info["model"] != MODEL:
                raise _unknown_model(request.match_info["model"])
        except ApiError as error:
            return _error(error)
        return web.json_response(self._described(), headers=HEADERS)

    def _described(self) -> dict[str, Any]:
        return {"id": MODEL, "object": "model", "created": self._since, "owned_by": "tandem-sandbox"}

    def _check_key(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else request.headers.get("api-key", "")
        if not given:
            raise ApiError(401, "You didn't provide an API key.", code="invalid_api_key")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    def _step(self, wanted: Wanted) -> tuple[Step, str | None]:
        """How to answer, with the text of it."""
        asked = read_asked(wanted.messages)
        if asked is None:  # nobody's goal: somebody tries whether the model is there
            text = "This is a recording, not a language model."
            return Step(text=text), text if wanted.schema is None else json.dumps(least(wanted.schema))
        found = self._recordings.find(asked)
        return found.step, found.step.content(found.places)

    async def _complete(self, request: web.Request, wanted: Wanted) -> web.StreamResponse:
        step, content = self._step(wanted)
        if step.status:
            await asyncio.sleep(step.silence_seconds)
            raise error_of(step)
        made = completion_of(step, content, wanted, number=next(self._numbers), created=int(time.time()))
        if wanted.stream:
            return await _stream(request, step, made, usage=wanted.include_usage)
        return await _whole(request, step, made)


async def _whole(request: web.Request, step: Step, made: Completion) -> web.StreamResponse:
    await asyncio.sleep(step.silence_seconds)
    if step.cut_after_chars is None:
        return web.json_response(made.whole(), headers=HEADERS)
    body = json.dumps(made.whole()).encode()
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: min(step.cut_after_chars, len(body) - 1)])
    return _cut(request, response)


async def _stream(request: web.Request, step: Step, made: Completion, *, usage: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    sent, silent = 0, step.silence_seconds <= 0
    for chunk, length in made.chunks(step.chunk_chars, usage=usage):
        if not silent and sent >= step.silence_after_chars:
            await asyncio.sleep(step.silence_seconds)
            silent = True
        if step.cut_after_chars is not None and sent + length > step.cut_after_chars:
            return _cut(request, response)
        await response.write(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n")
        sent += length
        if step.delay_ms and length:
            await asyncio.sleep(step.delay_ms / 1000)
    if step.cut_after_chars is not None:
        return _cut(request, response)
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Closes the connection in the middle of an answer; what was written before still gets there."""
    if request.transport is not None:
        request.transport.close()
    return response


async def _body(request: web.Request) -> Any:
    if (request.content_length or 0) > _LONGEST_BODY_BYTES:
        raise ApiError(413, "The request is too large.")
    try:
        return json.loads(await request.text())
    except (ValueError, RecursionError, LookupError):
        raise ApiError(400, "We could not parse the JSON body of your request.") from None


def _unknown_model(model: object) -> ApiError:
    text = f"The model `{model}` does not exist or you do not have access to it. There is `{MODEL}`."
    return ApiError(404, text, code="model_not_found")


def _error(error: ApiError) -> web.Response:
    headers = {**HEADERS}
    if error.retry_after is not None:
        headers["Retry-After"] = f"{error.retry_after:g}"
    return web.json_response(error.body, status=error.status, headers=headers)
