"""The bot as a process."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession, web

from bot.main import main, serve
from bot.settings import Settings, read
from orchestration.errors import OwnerLocked
from tests.unit.bot.test_settings import CLOUD


class FakeService:
    """Counts starts and stops."""

    def __init__(self, error: Exception | None = None) -> None:
        self.app = web.Application()
        self.app.router.add_get("/healthz", self.health)
        self.error = error
        self.calls: list[str] = []
        self.started = asyncio.Event()

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def start(self) -> None:
        self.calls.append("start")
        if self.error:
            raise self.error
        self.started.set()

    async def stop(self) -> None:
        self.calls.append("stop")


@pytest.fixture
def settings() -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return read({**CLOUD, "TANDEM_PORT": str(probe.getsockname()[1])})


async def test_it_serves_until_it_is_told_to_stop_and_ends_cleanly(settings: Settings) -> None:
    service, stopped = FakeService(), asyncio.Event()
    serving = asyncio.ensure_future(serve(service, settings, stopped))
    await asyncio.wait_for(service.started.wait(), 10)
    async with ClientSession() as http, http.get(f"http://127.0.0.1:{settings.port}/healthz") as answer:
        assert answer.status == 200
    stopped.set()
    await asyncio.wait_for(serving, 10)
    assert service.calls == ["start", "stop"]


async def test_a_start_that_fails_still_lets_go_of_everything(settings: Settings) -> None:
    service = FakeService(OwnerLocked("the log is another's"))
    with pytest.raises(OwnerLocked):
        await serve(service, settings, asyncio.Event())
    assert service.calls == ["start", "stop"]


def test_without_settings_it_names_them_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TANDEM_TENANT_ID", raising=False)
    assert main() == 2
    said = capsys.readouterr().err
    assert "TANDEM_TENANT_ID is missing" in said
    assert "Traceback" not in said
