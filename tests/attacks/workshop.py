"""Where a model that does what an attacker wants draws up plans: recorded, over real HTTP, with the whole engine.

The model is asked by the connector that ships, the capabilities are those of the product, and their outside systems are
never there: nothing that a test lets through could get any further.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

import orchestration.playbooks
from connectors.graph.workers import workers as graph_workers
from connectors.identity.model import ModelKey
from connectors.kernel import KernelDispatcher
from connectors.kernel.chat import ChatModel, ModelSettings
from connectors.sandbox.model.recordings import Recordings
from connectors.sandbox.model.server import PREFIX, RecordedModel
from orchestration.capabilities.descriptor import Worker
from orchestration.core.commands import StartRun
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.planning.draft import CAPABILITY, TASK, Asked, Drafted, planning_plan
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.worker import draft_worker
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import NoFile
from orchestration.workers.everyday import EVERYDAY
from tests.support.office import MEGAN, Office

PLAYBOOKS = Path(next(iter(orchestration.playbooks.__path__)))
KEY = "a-key-of-the-workshop"
LEE = "lee.gu@contoso.example"
# Everything that may be allowed is; sharing is for somebody else.
POLICY = Policy(capabilities={"*": "allow"}, initiators={"files.share": [LEE]})


class Workshop(Office):
    """An office with the product's capabilities, in which a recorded model draws up plans.

    Args:
        path: For the log.
        steps: What the model answers to any goal, turn by turn (see connectors/sandbox/model/README.md); by goals, if
            it is a mapping.
        more: Workers beside the product's.
        playbooks: Folder of the playbooks.
        seconds: How long the model may say nothing.
    """

    def __init__(
        self,
        path: Path,
        steps: list[Any] | dict[str, list[Any]],
        *,
        more: list[Worker] | None = None,
        playbooks: Path = PLAYBOOKS,
        policy: Policy = POLICY,
        seconds: float = 5.0,
    ) -> None:
        super().__init__(path, policies=NoFile(policy))
        nobody: Any = None  # no outside system is there
        for each in [*graph_workers(nobody), *EVERYDAY, *(more or [])]:
            self.registry.add(each)
        self._steps, self._playbooks, self._policy, self._seconds = steps, playbooks, policy, seconds
        self.requests: list[dict[str, Any]] = []

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Workshop]:
        """At work, with the model's server beside it."""
        folder = self.path / "recordings"
        folder.mkdir()
        by_goal = self._steps if isinstance(self._steps, dict) else {"*": self._steps}
        recordings = [
            {"goal": goal, "answers": steps, "said": ["*"] * count}
            for goal, steps in by_goal.items()
            for count in range(2)
        ]
        (folder / "all.yaml").write_text(msgspec.json.encode({"recordings": recordings}).decode(), "utf-8")
        runner = web.AppRunner(self._server(folder), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model = ChatModel(
            ModelSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}/v1", name="recorded"), ModelKey(KEY)
        )
        policies = NoFile(self._policy)
        planner = PlaybookPlanner(self.registry, self._playbooks, policies)
        self.registry.add(draft_worker(self.registry, planner, policies, model, timeout_seconds=self._seconds))
        self.dispatcher = KernelDispatcher(self.registry)
        await self.start()
        try:
            yield self
        finally:
            await self.engine.stop()
            await model.close()
            await runner.cleanup()

    def _server(self, folder: Path) -> web.Application:
        @web.middleware
        async def noted(request: web.Request, handler: Any) -> web.StreamResponse:
            self.requests.append(await request.json())
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[noted])
        RecordedModel(Recordings([folder]), KEY).register(app.router)
        return app

    async def planned(self, goal: str, **asked: Any) -> tuple[RunView, Drafted | None]:
        """The planning run for a goal once it has ended, and what it gave."""
        words = Asked(goal=goal, today="2026-11-22", **asked)
        applied = await self.engine.propose(planning_plan(words), goal=goal, initiator=MEGAN, origin="", command_id="")
        run_id = applied.run.run_id
        await self.engine.send(run_id, StartRun(by=MEGAN))
        async with asyncio.timeout(30):
            while (run := await self.engine.view(run_id)).status not in ENDED:
                if all(task.status != "running" for task in run.tasks):
                    self.clock.advance(timedelta(seconds=5))  # it waits to be tried again
                await asyncio.sleep(0.005)
        (task,) = [each for each in run.tasks if each.name == TASK]
        return run, msgspec.convert(await self.engine.value(run_id, task.entry), Drafted) if task.entry else None

    @property
    def told(self) -> list[list[str]]:
        """The problems that went back to the model, turn by turn."""
        last = self.requests[-1]["messages"] if self.requests else []
        found = [msgspec.json.decode(each["content"]) for each in last if each["role"] == "user"]
        return [each["problems"] for each in found if "problems" in each]


def said(*answers: Any) -> list[Any]:
    """Steps of a recording that send this, as JSON or text."""
    return [{"text" if isinstance(each, str) else "json": each, "chunk_chars": 4000} for each in answers]


assert CAPABILITY == "plan.draft"
