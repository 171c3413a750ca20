"""A server that speaks OpenAI's protocol, well or badly, as a test scripts it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers each request with the next of `script`, the last one again and again, and remembers what was asked."""

    def __init__(self) -> None:
        self.script: list[Answer] = [says('{"outcome":"question"}')]
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.json())
        self.asked.set()
        return await self.script[min(len(self.bodies), len(self.script)) - 1](request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as running:
        made.url = str(running.make_url("/v1"))
        yield made


def chunk(text: str | None = None, *, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    if text is not None:
        delta["content"] = text
    return _chunk([{"index": 0, "delta": delta, "finish_reason": finish}])


def usage(read: int, written: int, cached: int | None = None) -> dict[str, Any]:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    told = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written, **details}
    return _chunk([]) | {"usage": told}


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}


def says(text: str, *, finish: str | None = "stop", told: dict[str, Any] | None = None) -> Answer:
    """A whole answer in a few parts."""
    third = len(text) // 3 + 1
    parts = [chunk(role="assistant"), *(chunk(text[at : at + third]) for at in range(0, len(text), third))]
    if finish:
        parts.append(chunk(finish=finish))
    return streams(*parts, usage(100, 20) if told is None else told)


def streams(*parts: dict[str, Any] | str | float, done: bool = True, breaks: bool = False) -> Answer:
    """Parts of an answer: a chunk, raw text, or a pause in seconds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            elif isinstance(part, str):
                await response.write(part.encode())
            elif part:
                await response.write(f"data: {json.dumps(part)}\n\n".encode())
        if breaks and request.transport is not None:
            request.transport.close()
        elif done:
            await response.write(b"data: [DONE]\n\n")
        return response

    return answer


def refuses(status: int, message: str = "", *, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": message, **error}}, status=status, headers=headers)

    return answer


def completes(text: str = "", *, raw: str = "") -> Answer:
    """A whole answer in one piece."""
    told = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=raw or json.dumps(told), content_type="application/json")

    return answer
