"""Attacks on the bot's own clients: a system that sends a request on, with the person's token on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from connectors.dynamics import DynamicsClient, DynamicsSettings
from connectors.sap import SapClient, SapSettings
from orchestration.errors import TandemError
from tests.unit.connectors import conftest as small
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve

serve = small.serve
Read = Callable[[str], Awaitable[Any]]


async def read_sap(url: str) -> None:
    client = SapClient(SapSettings(url=f"{url}/sap"), FakeIdentity())  # type: ignore[arg-type]
    try:
        await client.invoices("2026-10", "1010", MEGAN)
    finally:
        await client.close()


async def read_dynamics(url: str) -> None:
    client = DynamicsClient(DynamicsSettings(url=url, scope="x/.default"), FakeIdentity())  # type: ignore[arg-type]
    try:
        await client.invoices("2026-10", "1010", MEGAN)
    finally:
        await client.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("read", [read_sap, read_dynamics])
async def test_a_ledger_that_redirects_gets_no_token_sent_on(serve: Serve, read: Read, status: int) -> None:
    stolen: list[str | None] = []

    async def evil(request: web.Request) -> web.Response:
        stolen.append(request.headers.get("Authorization"))
        return web.json_response({"value": [], "d": {"results": []}})

    elsewhere, asked = await serve(evil), 0

    async def send_on(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.Response(status=status, headers={"Location": f"{elsewhere}/collect"})

    with pytest.raises(TandemError):
        await read(await serve(send_on))
    assert asked
    assert stolen == []
