"""The bot as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from bot.main import OWN, log_at, main, run, serve
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


async def test_a_standby_that_waits_for_the_log_stops_when_it_is_told_to(settings: Settings) -> None:
    service, stopped = FakeService(), asyncio.Event()
    waiting, cancelled = asyncio.Event(), asyncio.Event()

    async def start() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    service.start = start  # type: ignore[method-assign]
    serving = asyncio.ensure_future(serve(service, settings, stopped))
    await asyncio.wait_for(waiting.wait(), 10)
    stopped.set()
    await asyncio.wait_for(serving, 10)
    assert cancelled.is_set()
    assert service.calls == ["stop"]


def test_without_settings_it_names_them_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TANDEM_TENANT_ID", raising=False)
    assert main() == 2
    said = capsys.readouterr().err
    assert "TANDEM_TENANT_ID is missing" in said
    assert "Traceback" not in said


def test_debugging_tandem_does_not_make_its_libraries_log_addresses_and_arguments() -> None:
    before = {name: logging.getLogger(name).level for name in ("", *OWN)}
    try:
        log_at("DEBUG")
        assert logging.getLogger("bot.dialog").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("__main__").isEnabledFor(logging.INFO)
        for library in ("urllib3.connectionpool", "msal", "semantic_kernel.functions", "botbuilder", "azure"):
            assert not logging.getLogger(library).isEnabledFor(logging.DEBUG)
        log_at("ERROR")
        assert not logging.getLogger("bot.dialog").isEnabledFor(logging.WARNING)
        assert not logging.getLogger("msal").isEnabledFor(logging.WARNING)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


async def test_many_slow_chats_do_not_use_up_the_threads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(30)

    class Busy(FakeService):
        async def start(self) -> None:
            await asyncio.gather(*(asyncio.to_thread(together.wait, 5) for _ in range(30)))
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("bot.telemetry.configure", lambda _: False)
    monkeypatch.setattr("bot.bootstrap.build", lambda _: Busy())
    try:
        await asyncio.wait_for(run(settings), 20)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)


def test_what_it_writes_is_for_its_own_account_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def writing(_: Settings) -> None:
        (tmp_path / "log").write_text("people's content")

    monkeypatch.setattr("bot.main.run", writing)
    monkeypatch.setattr("bot.main.log_at", lambda _: None)
    for name, value in CLOUD.items():
        monkeypatch.setenv(name, value)
    before = os.umask(0o022)
    try:
        assert main() == 0
    finally:
        os.umask(before)
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
