"""One life of a process that runs a plan with one real Graph write; ended by kill -9 at a named request."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from connectors.graph import GraphClient, GraphSettings, workers
from connectors.graph.client import GraphSession
from connectors.identity import Identity
from connectors.kernel import KernelDispatcher
from connectors.sandbox import control
from orchestration.capabilities import Registry
from orchestration.core.commands import StartRun
from orchestration.core.plan import Node
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.stores.sqlite import SqliteStore
from tests.integration.connectors.conftest import Sandbox, TokenService
from tests.support.office import Surface, plan

WAIT_SECONDS = 40


class LaterClock(SystemClock):
    """The machine's clock, so much later; timers run at the machine's pace."""

    def __init__(self, by: timedelta) -> None:
        super().__init__()
        self._by = by

    def now(self) -> datetime:
        """See `Clock.now`."""
        return super().now() + self._by


def kill_at(number: int, *, after: bool) -> None:
    """End this process before or after its n-th request of a worker's session."""
    original, seen = GraphSession.call, 0

    async def call(session: GraphSession, *given: Any, **more: Any) -> httpx.Response:
        nonlocal seen
        seen += 1
        if seen != number:
            return await original(session, *given, **more)
        if after:
            await original(session, *given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    GraphSession.call = call  # type: ignore[method-assign]


def accepted(sandbox: Sandbox, kind: str, text: str) -> int:
    """How many writes of this kind with this text the sandbox has accepted."""
    found = control.call(sandbox.state, "accepted")["accepted"]
    return sum(each["kind"] == kind and text in json.dumps(each) for each in found)


async def live(
    folder: str,
    state: str,
    capability: str,
    given: dict[str, Any],
    kind: str,
    text: str,
    later: timedelta = timedelta(0),
) -> RunView:
    """Begin the run in this folder, or go on with it, saying yes to the write and the truth to a doubt."""
    sandbox = Sandbox(Path(state))
    identity = Identity(sandbox.identity_settings(), TokenService(sandbox))
    graph = GraphClient(GraphSettings(url=sandbox.settings["TANDEM_GRAPH_URL"]), identity)
    registry = Registry(workers(graph))
    megan = sandbox.person("megan")
    clock = LaterClock(later)
    engine = EmbeddedEngine(
        SqliteStore(Path(folder) / "tandem.db"), registry, KernelDispatcher(registry), Surface(), clock
    )
    await engine.start()
    try:
        runs = await engine.runs()
        if runs:
            run_id = runs[0].run_id
        else:
            steps = plan(write=Node(capability=capability, with_=given))
            run_id = (await engine.propose(steps, goal="g", initiator=megan, origin="", command_id="p")).run.run_id
        await engine.send(run_id, StartRun(by=megan))
        while True:
            run = await engine.view(run_id)
            if run.status in ENDED:
                return run
            for approval in [each for each in run.approvals if each.open]:
                truth = "done" if accepted(sandbox, kind, text) else "not_done"
                choice = truth if approval.kind == "in_doubt" else "approve"
                await engine.decide(run_id, approval.id, by=megan, shown=approval.entry, choice=choice)
            await asyncio.sleep(0.02)
    finally:
        await engine.stop()
        await graph.close()
        await identity.close()


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    kill_at(told.pop("number"), after=told.pop("after"))
    asyncio.run(asyncio.wait_for(live(**told), WAIT_SECONDS))
