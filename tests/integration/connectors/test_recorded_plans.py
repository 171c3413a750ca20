"""A goal without a playbook in the sandbox: the recorded model is asked over HTTP, and its plan does what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import orchestration
from connectors.graph import GraphClient
from connectors.graph import workers as graph_workers
from connectors.identity.model import ModelKey
from connectors.kernel.chat import ChatModel, ModelSettings
from connectors.sandbox import control
from connectors.sandbox.model.recordings import Recordings
from connectors.sandbox.model.server import RecordedModel
from orchestration.capabilities import Registry
from orchestration.core.commands import StartRun
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.planning.draft import Asked, Drafted, Exchange
from orchestration.planning.drafting import Drafting
from orchestration.planning.planner import PlaybookPlanner
from orchestration.validation.policy_file import NoFile
from orchestration.workers.everyday import EVERYDAY
from tests.integration.connectors.conftest import Sandbox
from tests.support.clock import FakeClock
from tests.support.office import Office, opened

PLAYBOOKS = Path(orchestration.__file__).parent / "playbooks"


class Bench(Office):
    """An office over the sandbox's Microsoft 365, with the recorded model."""

    def __init__(self, path: Path, sandbox: Sandbox, graph: GraphClient, model: ChatModel) -> None:
        super().__init__(path)
        self.clock = FakeClock(datetime.now(UTC))
        self.registry = Registry([*EVERYDAY, *graph_workers(graph)])
        policies = NoFile()
        planner = PlaybookPlanner(self.registry, PLAYBOOKS, policies)
        self.drafting = Drafting(self.registry, planner, policies, model)
        self.megan = sandbox.person("megan")
        self.sandbox = sandbox
        self.used: list[Usage] = []

    async def draft(self, goal: str, *said: str) -> Drafted:
        """What planning makes of a goal."""
        asked = Asked(goal=goal, today=str(self.clock.now().date()), said=[Exchange("?", each) for each in said])

        async def used(usage: Usage) -> None:
            self.used.append(usage)

        return await self.drafting.draft(asked, self.megan, used)

    async def perform(self, drafted: Drafted, goal: str) -> RunView:
        """The run of a drafted plan once it has ended, every write of it approved."""
        assert drafted.plan is not None, drafted
        applied = await self.engine.propose(drafted.plan, goal=goal, initiator=self.megan, origin="", command_id="")
        run_id = applied.run.run_id
        await self.engine.send(run_id, StartRun(by=self.megan))
        asks = await self.until(run_id, lambda run: bool(run.ended_at or any(each.open for each in run.approvals)))
        for each in asks.approvals:
            await self.decide(run_id, each.id, self.megan, "approve")
        return await self.finish(run_id)

    def accepted(self) -> list[dict[str, Any]]:
        """All writes that the sandbox took so far."""
        return list(control.call(self.sandbox.state, "accepted")["accepted"])


@asynccontextmanager
async def recorded() -> AsyncIterator[ChatModel]:
    app = web.Application()
    RecordedModel(Recordings(), "the-key").register(app.router)
    async with TestServer(app, host="127.0.0.1") as server:
        settings = ModelSettings(url=str(server.make_url("/model/v1")), name="recorded", context_tokens=128_000)
        model = ChatModel(settings, ModelKey("the-key"))
        try:
            yield model
        finally:
            await model.close()


@pytest.fixture
async def bench(tmp_path: Path, sandbox: Sandbox, graph: GraphClient) -> AsyncIterator[Bench]:
    async with recorded() as model, opened(Bench(tmp_path, sandbox, graph, model)) as office:
        assert isinstance(office, Bench)
        yield office


@pytest.mark.parametrize(
    ("goal", "said", "kind", "holds"),
    [
        (
            "Find the steering committee minutes of Atlas and draft a mail with a summary to Adele Vance",
            [],
            "mail.draft",
            "The budget stays at 420,000 EUR",
        ),
        (
            "What is in my calendar next week, and draft a mail to Megan with it",
            ["Megan Bowen"],
            "mail.draft",
            "Board papers",
        ),
        ("Let the team know that the October register is complete", ["Finance"], "chat.post", "register is complete"),
        ("Read me the latest Atlas status report and keep it in my drafts", [], "mail.draft", "status of this week"),
    ],
)
async def test_a_recorded_plan_does_one_write_and_it_is_the_one_that_was_asked_for(
    bench: Bench, goal: str, said: list[str], kind: str, holds: str
) -> None:
    before = len(bench.accepted())
    drafted = await bench.draft(goal, *said)
    assert drafted.outcome == "new", drafted

    run = await bench.perform(drafted, goal)

    assert run.status == "succeeded", [(each.name, each.status, each.message) for each in run.tasks]
    assert [each["kind"] for each in bench.accepted()[before:]] == [kind]
    ((_, shown, person),) = bench.surface.asked
    assert person == bench.megan
    assert holds in dict(shown.facts)["Text"]


async def test_a_wrong_answer_is_sent_back_and_the_next_one_is_right(bench: Bench) -> None:
    drafted = await bench.draft("Read me the latest Atlas status report and keep it in my drafts")

    assert drafted.outcome == "new"
    assert [each.outcome for each in bench.used] == ["invalid_plan", "used"]
    assert all(each.model == "recorded" and not each.estimated for each in bench.used)


async def test_what_is_missing_is_asked_for(bench: Bench) -> None:
    drafted = await bench.draft("Let the team know that the October register is complete")

    assert (drafted.outcome, drafted.choices) == ("question", ["Finance", "Atlas"])


async def test_what_was_not_recorded_is_said_with_goals_that_were(bench: Bench) -> None:
    drafted = await bench.draft("Dance")

    assert drafted.outcome == "question"
    assert "recording" in drafted.text
    assert any("Atlas" in each for each in drafted.choices)

    chosen = await bench.draft("Dance", drafted.choices[0])
    assert chosen.outcome == "new"
