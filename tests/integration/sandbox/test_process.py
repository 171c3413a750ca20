"""The sandbox as its own process: start, end, restart."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.sandbox.world import free_ports


@asynccontextmanager
async def started(state: Path, base: int, *more: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = ("-m", "connectors.sandbox", "--state", str(state), "--port-base", str(base), *more)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env={**os.environ, **env}, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process, state: Path) -> dict[str, object]:
    async with asyncio.timeout(20):
        while True:
            assert process.returncode is None
            if (state / "sandbox.json").exists():
                described: dict[str, object] = json.loads((state / "sandbox.json").read_text())
                if described["pid"] == process.pid:
                    return described
            await asyncio.sleep(0.01)


async def test_sandbox_json_is_there_exactly_while_everything_listens(state: Path) -> None:
    base = free_ports(0, 1, 11, 12)
    async with started(state, base) as process:
        described = await ready(process, state)
        for offset in (0, 1, 11, 12):
            socket.create_connection(("127.0.0.1", base + offset), timeout=5).close()
        assert [window["person"] for window in described["windows"]] == ["megan", "alex"]  # type: ignore[attr-defined]
        assert (state / "sandbox.json").stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert not (state / "sandbox.json").exists()


async def test_after_a_kill_the_next_start_has_the_same_keys_and_secrets(state: Path) -> None:
    base = free_ports(0, 1, 11, 12)
    async with started(state, base) as process:
        first = await ready(process, state)
        process.kill()
        await process.wait()
    assert (state / "sandbox.json").exists()
    async with started(state, base) as process:
        second = await ready(process, state)
    assert first["settings"] == second["settings"]
    assert first["control_key"] == second["control_key"]


async def test_a_taken_port_is_named_with_the_way_out(state: Path) -> None:
    base = free_ports(0, 1, 11, 12)
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 1))
        other.listen()
        async with started(state, base) as process:
            _, errors = await process.communicate()
    assert process.returncode == 2
    assert f"Port {base + 1} (the sandbox's tenant) is taken" in errors.decode()
    assert f"--port-base {base + 1000}" in errors.decode()
    assert not (state / "sandbox.json").exists()


@pytest.mark.parametrize(
    ("more", "env", "named"),
    [
        (("--data", "/nowhere"), {}, "There is no data folder /nowhere"),
        (("--window", "bob"), {}, "No window for 'bob'"),
        (("--port-base", "80"), {}, "choose one from 1024"),
        ((), {"IDENTITY_ENDPOINT": "http://169.254.169.254"}, "IDENTITY_ENDPOINT is set"),
    ],
)
async def test_a_start_that_cannot_be_says_why(
    state: Path, more: tuple[str, ...], env: dict[str, str], named: str
) -> None:
    async with started(state, free_ports(0, 1, 11, 12), *more, **env) as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert named in errors.decode()
    assert "Traceback" not in errors.decode()
