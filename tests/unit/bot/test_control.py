"""The control socket: whose it is, what it refuses, and that it goes with the process."""

from __future__ import annotations

import getpass
import json
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.control import Control
from bot.control_messages import SOCKET
from orchestration.core.plan import Node
from tests.support.office import Office, plan
from tests.support.operator import Console, console, forgotten, short_folder


@pytest.fixture
async def desk() -> AsyncIterator[Console]:
    async with short_folder() as path, console(Office(path)) as made:
        yield made


async def ask(desk: Console, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of a request, whatever its body is."""
    where = str(desk.office.path / SOCKET)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(where)) as session,
        session.request(method, f"http://localhost{path}", data=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_only_the_owner_may_use_the_socket_and_it_goes_with_the_process(desk: Console) -> None:
    path = desk.office.path / SOCKET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await desk.control.stop()
    assert not path.exists()


async def test_a_socket_that_was_left_behind_is_replaced(desk: Console) -> None:
    await desk.control.stop()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(desk.office.path / SOCKET))
    left.close()
    await desk.control.start()
    assert (await ask(desk, "GET", "/health"))[0] == 200


async def test_a_socket_that_another_process_has_put_there_since_stays(desk: Console) -> None:
    path = desk.office.path / SOCKET
    path.unlink()
    path.touch()
    await desk.control.stop()
    assert path.exists()


async def test_a_folder_that_cannot_have_one_does_not_keep_the_bot_from_serving(
    desk: Console, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    engine = desk.office.engine
    control = Control(deep, engine, desk.office.registry.health, engine.prune, engine.erasure, forgotten)
    await control.start()
    assert "choose a shorter data folder" in caplog.text
    await control.stop()


async def test_the_operator_is_who_the_operating_system_says(desk: Console) -> None:
    run_id = await desk.office.run(plan(a=Node(capability="add")))
    applied = await desk.office.engine.view(run_id)
    assert applied.run_id == run_id
    held = await desk.office.engine.propose(
        plan(a=Node(capability="add")), goal="", initiator=applied.initiator, origin="", command_id=""
    )
    status, said = await ask(desk, "POST", f"/runs/{held.run.run_id}/cancel")
    assert (status, said["status"]) == (200, "cancelled")
    told = await desk.run("history", held.run.run_id)
    assert f"is being ended by {getpass.getuser()}" in told


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "says"),
    [
        ("GET", "/runs/nope", None, 404, "unknown_run", "there is no run 'nope'"),
        ("POST", "/runs/nope/pause", None, 404, "unknown_run", "there is no run 'nope'"),
        ("POST", "/runs/RUN/retry", "{", 400, "invalid", "/runs/RUN/retry: the body is not JSON"),
        ("POST", "/runs/RUN/retry", "{}", 400, "invalid", "missing required field `task`"),
        ("POST", "/runs/RUN/retry", '{"task": "x"}', 400, "invalid", "has no task 'x'"),
        ("POST", "/runs/RUN/skip", '{"task": "a"}', 400, "invalid", "only what failed can be left out"),
        ("POST", "/runs/RUN/retract", '{"entry": "x", "all": 1}', 400, "invalid", "unknown field `all`"),
        ("POST", "/runs/RUN/retract", '{"entry": "x"}', 400, "invalid", "has the result 'x'"),
        ("POST", "/runs/RUN/fork", '{"from": 999}', 400, "invalid", "no event 999"),
        ("POST", "/runs/RUN/resume", None, 409, "not_running", "has ended"),
        ("POST", "/runs/RUN/dance", None, 404, "invalid", "Not Found"),
        ("PUT", "/health", None, 405, "invalid", "Method Not Allowed"),
        ("POST", "/prune", '{"before": "2026-01-01T00:00:00Z", "export": "x"}', 400, "invalid", "absolute path"),
        ("POST", "/prune", '{"before": "2026-01-01T00:00:00", "export": "/x"}', 400, "invalid", "time zone"),
        ("POST", "/prune", "x" * 100_000, 413, "invalid", "Too Large"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    desk: Console, method: str, path: str, body: str | None, status: int, code: str, says: str
) -> None:
    run_id = await desk.office.run(plan(a=Node(capability="add")))
    await desk.office.finish(run_id)
    got, said = await ask(desk, method, path.replace("RUN", run_id), body)
    assert (got, said["error"]["code"]) == (status, code)
    assert says.replace("RUN", run_id) in said["error"]["message"]


async def test_a_command_that_breaks_is_told_without_its_inside(
    desk: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: str) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(desk.office.engine, "view", broken)
    status, said = await ask(desk, "GET", "/runs/x")
    assert status == 500
    assert "secret" not in json.dumps(said)
    assert "secret inside" in caplog.text
