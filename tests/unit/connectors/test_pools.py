"""Many requests at a time go through several pools; errors are httpx's own."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from aiohttp import web

from connectors.http import open_client
from connectors.pools import Pools
from tests.unit.connectors.conftest import Serve


async def test_more_requests_than_one_pool_has_connections_go_at_the_same_time(serve: Serve) -> None:
    inside, all_in = 0, asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        nonlocal inside
        inside += 1
        if inside == 10:
            all_in.set()
        await all_in.wait()
        return web.Response(text="ok")

    url = await serve(wait)
    async with open_client(url, timeout_seconds=5.0, pools=3) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(10)))
    assert [each.text for each in answers] == ["ok"] * 10


async def test_a_refused_connection_is_told_as_one() -> None:
    async with open_client("http://127.0.0.1:9", timeout_seconds=5.0, pools=2) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://127.0.0.1:9/")


def test_a_proxy_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    proxied = open_client("https://graph.example.com", timeout_seconds=5.0, pools=3)
    assert not isinstance(proxied._transport, Pools)
    assert isinstance(open_client("http://127.0.0.1:9", timeout_seconds=5.0, pools=3)._transport, Pools)
