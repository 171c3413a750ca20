"""A model that answers from a list, and a deployment with everything that ships, none of which is called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import orchestration.playbooks
from connectors.dynamics import workers as dynamics_workers
from connectors.dynamics.client import DynamicsClient
from connectors.graph import workers as graph_workers
from connectors.graph.client import GraphClient
from connectors.sap import workers as sap_workers
from connectors.sap.client import SapClient
from orchestration.capabilities import Registry
from orchestration.core.run import Person
from orchestration.core.usage import Usage
from orchestration.planning.compiler import fill
from orchestration.planning.draft import Asked, Drafted, Exchange, OpenRun, Stand
from orchestration.planning.drafting import Drafting
from orchestration.planning.model import ModelMessage, Reply
from orchestration.planning.planner import PlaybookPlanner
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import NoFile
from orchestration.workers.everyday import EVERYDAY
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import workbook

MEGAN = Person("m", "Megan Bowen", "megan.bowen@contoso.example")
TODAY = "2026-11-23"
PLAYBOOKS = Path(next(iter(orchestration.playbooks.__path__)))
REGISTRY = Registry(
    [
        reconcile,
        workbook,
        *EVERYDAY,
        *graph_workers(cast("GraphClient", None)),
        *sap_workers(cast("SapClient", None)),
        *dynamics_workers(cast("DynamicsClient", None)),
    ]
)
PLANNER = PlaybookPlanner(REGISTRY, PLAYBOOKS)

Json = dict[str, Any]


class ScriptedModel:
    """Answers from a list: texts as they are, the rest as JSON, errors raised. Keeps what it was asked."""

    name = "scripted"

    def __init__(self, *answers: Json | str | Exception, context_tokens: int = 32_000) -> None:
        self.context_tokens = context_tokens
        self.asked: list[list[ModelMessage]] = []
        self._answers = list(answers)

    async def complete(
        self, messages: Sequence[ModelMessage], *, schema: Json, schema_name: str, timeout_seconds: float
    ) -> Reply:
        """See `Model.complete`."""
        self.asked.append(list(messages))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Reply(text, Usage(model="scripted-1", input_tokens=10, output_tokens=5))

    def problems(self) -> list[list[str]]:
        """What it was told was wrong, by answer."""
        return [json.loads(messages[-1].text)["problems"] for messages in self.asked[1:]]


class Drawn:
    """What came of a goal."""

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        self.usages: list[Usage] = []
        self.drafted = Drafted(outcome="unclear")

    async def used(self, usage: Usage) -> None:
        """Keeps it."""
        self.usages.append(usage)


async def draw(
    goal: str,
    *answers: Json | str | Exception,
    runs: Sequence[OpenRun] = (),
    about: str = "",
    said: Sequence[tuple[str, str]] = (),
    policy: Policy | None = None,
    registry: Registry = REGISTRY,
    context_tokens: int = 32_000,
) -> Drawn:
    """Have the scripted model draw up a plan for Megan."""
    drawn = Drawn(ScriptedModel(*answers, context_tokens=context_tokens))
    drafting = Drafting(registry, PLANNER, NoFile(policy), drawn.model)
    exchanges = [Exchange(question, answer) for question, answer in said]
    asked = Asked(goal=goal, today=TODAY, said=exchanges, runs=list(runs), about=about)
    drawn.drafted = await drafting.draft(asked, MEGAN, drawn.used, planned_in="p1")
    return drawn


def step(name: str, capability: str, arguments: dict[str, str] | None = None, **more: Any) -> Json:
    """A task with a capability."""
    values = [{"name": key, "value": value} for key, value in (arguments or {}).items()]
    return {"name": name, "title": name, "capability": capability, "arguments": values, **more}


def keep(*names: str) -> list[Json]:
    """Tasks that stay."""
    return [{"name": name, "kind": "keep"} for name in names]


def ask(name: str, approver: str, **more: Any) -> Json:
    """A question to a person."""
    question = {"approver": approver, "title": "Is that right?", "text": "", "choices": more.pop("choices", [])}
    return {"name": name, "kind": "question", "title": name, "question": question, **more}


def plan(*tasks: Json, text: str = "It is done.", link: str = "", title: str = "A plan") -> Json:
    """A plan of these tasks."""
    return {
        "outcome": "plan",
        "title": title,
        "tasks": list(tasks),
        "answer": {"text": text, "facts": [], "link": link},
    }


def playbook(name: str, **parameters: str) -> Json:
    """A playbook with these parameters."""
    values = [{"name": key, "value": value} for key, value in parameters.items()]
    return {"outcome": "playbook", "playbook": name, "parameters": values}


def reconciliation(**more: Any) -> OpenRun:
    """Megan's open reconciliation of October, in which SAP did not answer."""
    invoices = PLANNER.playbooks()["reconcile-supplier-invoices"]
    told = {
        "handle": "A",
        "run_id": "run-1",
        "status": "running",
        "revision": 2,
        "plan": fill(invoices, {"month": "2026-10"}),
        "tasks": [Stand("sap", "failed", "unavailable"), Stand("dynamics", "succeeded")],
    }
    return OpenRun(**{**told, **more})
