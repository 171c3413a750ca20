"""Tiny servers that answer as an outside system might, and a person whose token needs no authority."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from connectors.identity import Bearer
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.run import Person

MEGAN = Person(
    id="11111111-aaaa-4aaa-8aaa-000000000001", name="Megan Bowen", upn="megan@contoso.example", tenant="tenant"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


def task(**more: Any) -> TaskContext:
    return TaskContext(run_id="run", task_id="task", attempt=1, initiator=MEGAN, **more)


class FakeIdentity:
    """Hands out `token-1`, and the next number after each `forget`."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.claims: list[str] = []

    async def _token(self, claims: str) -> str:
        self.claims.append(claims)
        return f"token-{self.forgotten + 1}"

    def _forget(self) -> None:
        self.forgotten += 1

    def bearer(self, person: Person, scope: str) -> Bearer:
        assert person == MEGAN
        assert scope
        return Bearer(self._token, self._forget)

    def sap_bearer(self, person: Person) -> Bearer:
        return self.bearer(person, "sap")


@pytest.fixture
def identity() -> Any:
    return FakeIdentity()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server whose every request goes to one handler; gives its address."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes requests and never answers."""
    open_now: list[asyncio.StreamWriter] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.append(writer)

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer in open_now:
        writer.close()
    server.close()
    await server.wait_closed()
