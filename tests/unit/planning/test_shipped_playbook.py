"""The playbook that ships: it fits the real workers, and its expressions hold whichever way a run goes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from connectors.dynamics.client import DynamicsClient
from connectors.dynamics.workers import workers as dynamics_workers
from connectors.graph.client import GraphClient
from connectors.graph.workers import workers as graph_workers
from connectors.sap.client import SapClient
from connectors.sap.workers import workers as sap_workers
from orchestration.capabilities import Registry, TaskContext
from orchestration.core import expressions
from orchestration.core.plan import Answer, Choice, Plan
from orchestration.core.question import Answered, Item, Shown, decide_items
from orchestration.core.run import Person
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Planned
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import Workbook, workbook

ALEX = Person("a", "Alex Wilber", "alex.wilber@contoso.example")


def entry(invoice: str, amount: str = "10.00") -> Entry:
    return Entry(
        supplier="1", invoice=invoice, amount=Decimal(amount), currency="EUR", date=date(2026, 10, 1), row=invoice
    )


class Run:
    """Walks a plan as the engine does: in order, JSON between the tasks, null for what is skipped."""

    def __init__(
        self, plan: Plan, registry: Registry, initiator: Person, skipped: set[str], outputs: dict[str, Any]
    ) -> None:
        self.plan = plan
        self.registry = registry
        self.skipped = skipped
        self.outputs = outputs
        self.tasks: dict[str, Any] = {}
        self.items: list[Item] = []
        self.choices: list[Choice] = []
        who = {"id": initiator.id, "name": initiator.name, "upn": initiator.upn, "tenant": ""}
        self.scope = {
            "params": plan.params,
            "tasks": self.tasks,
            "run": {"id": "r-1", "goal": "Reconcile", "today": "2026-11-22", "initiator": who},
        }
        self.initiator = initiator

    async def go(self) -> Answer:
        for name, node in self.plan.tasks.items():
            lost = any(self.tasks[need] is None for need in node.needs if need not in node.optional)
            if lost or name in self.skipped or (node.when and not expressions.condition(node.when, self.scope)):
                self.tasks[name] = None
                continue
            result = self._decide(name) if node.approval else await self._work(name)
            self.tasks[name] = msgspec.json.decode(msgspec.json.encode(result))
        return msgspec.convert(expressions.resolve(msgspec.to_builtins(self.plan.answer), self.scope), Answer)

    async def _work(self, name: str) -> Any:
        node = self.plan.tasks[name]
        worker = self.registry.pick(node.capability)
        arguments = msgspec.convert(expressions.resolve(node.with_, self.scope), worker.input_type)
        if name in self.outputs:
            return msgspec.convert(self.outputs[name], worker.output_type)
        task = TaskContext(run_id="r-1", task_id=name, attempt=1, initiator=self.initiator)
        return await worker.call(arguments, task)

    def _decide(self, name: str) -> Answered:
        question = self.plan.tasks[name].approval
        assert question is not None
        asked = expressions.resolve(msgspec.to_builtins(question), self.scope)
        assert msgspec.convert(asked["approver"], Person).id == ALEX.id
        self.items = msgspec.convert(asked["items"], list[Item])
        self.choices = msgspec.convert(asked["choices"], list[Choice])
        shown = Shown(
            kind="decision",
            title=asked["title"],
            on_behalf_of=self.initiator,
            items=self.items,
            kinds=question.kinds,
            choices=self.choices,
            default=question.default,
        )
        choices = decide_items(shown, {}, {})
        return Answered(choice="answer", by=ALEX, at=datetime(2026, 11, 22, tzinfo=UTC), choices=choices)


@pytest.fixture
def real() -> Registry:
    """The deployment's own workers; nothing is called, so the clients need not be there."""
    return Registry(
        [
            *graph_workers(cast("GraphClient", None)),
            *sap_workers(cast("SapClient", None)),
            *dynamics_workers(cast("DynamicsClient", None)),
            reconcile,
            workbook,
        ]
    )


async def planned(registry: Registry, shipped: Path, megan: Person, now: datetime) -> Planned:
    found = await PlaybookPlanner(registry, shipped).plan(
        "Reconcile the supplier invoices for October 2026", megan, now
    )
    assert isinstance(found, Planned)
    return found


OUTPUTS: dict[str, Any] = {
    "sap": Ledger(source="SAP", period="2026-10", entries=[entry("A"), entry("B")]),
    "dynamics": Ledger(source="Dynamics", period="2026-10", entries=[entry("A"), entry("B", "11.00")]),
    "register": Ledger(source="Register", period="2026-10", entries=[entry("A")]),
    "last_month": {
        "rows": [{"supplier": "1", "kind": "Missing in a system", "decision": "SAP is right"}],
        "month": "2026-09",
    },
    "accountant": {"id": ALEX.id, "name": ALEX.name, "upn": ALEX.upn, "mail": "", "title": "Accountant"},
    "upload": {
        "name": "Supplier invoices 2026-10.xlsx",
        "web_url": "https://contoso.sharepoint.example/x.xlsx",
        "size_bytes": 1,
        "etag": "e",
        "item_id": "i",
    },
}


async def went(
    real: Registry, shipped: Path, megan: Person, now: datetime, skipped: set[str], **outputs: Any
) -> tuple[Run, Answer]:
    plan = (await planned(real, shipped, megan, now)).plan
    given = {name: msgspec.to_builtins(each) for name, each in {**OUTPUTS, **outputs}.items()}
    run = Run(plan, real, megan, skipped, given)
    return run, await run.go()


async def test_it_fits_the_workers_of_the_deployment(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    found = await planned(real, shipped, megan, now)
    assert found.writes == ["Put the workbook into SharePoint"]
    roots = [name for name, node in found.plan.tasks.items() if not node.needs]
    assert roots == ["sap", "dynamics", "register", "accountant", "last_month"]


async def test_the_whole_way_ends_with_figures_and_a_link(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    run, answer = await went(real, shipped, megan, now, set())
    assert answer == Answer(
        "October 2026: 1 discrepancy in 2 invoices. Alex Wilber has decided.",
        facts=[
            ("Compared", "SAP, Dynamics and Register"),
            ("Invoices", "SAP 2 · Dynamics 2 · Register 1"),
            ("Differences", "1 missing in a system"),
            ("Workbook", "Supplier invoices 2026-10.xlsx"),
        ],
        link="https://contoso.sharepoint.example/x.xlsx",
        link_title="Open the workbook",
    )
    assert [choice.title for choice in run.choices] == [
        "SAP is right",
        "Dynamics is right",
        "Register is right",
        "Investigate",
    ]
    assert run.items[0].why == [
        ("As in September", "SAP is right"),
        ("Rule", "every invoice must be in all systems"),
        ("SAP", "B, B"),
        ("Dynamics", "B, B"),
    ]
    made = msgspec.convert(run.tasks["workbook"], Workbook)
    assert made.sheets == ["Summary", "Discrepancies", "SAP", "Dynamics", "Register"]
    assert made.name == "Supplier invoices 2026-10.xlsx"
    assert made.content.startswith(b"PK")


async def test_without_discrepancies_nobody_is_asked(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    same = {
        name: {"source": name, "period": "2026-10", "entries": [entry("A")]} for name in ("sap", "dynamics", "register")
    }
    run, answer = await went(real, shipped, megan, now, set(), **same)
    assert run.tasks["decide"] is None
    assert answer.text == "October 2026: no discrepancies in 1 invoice."
    assert answer.link


async def test_a_system_given_up_is_left_out_and_said(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    run, answer = await went(real, shipped, megan, now, {"sap"})
    assert ("Compared", "Dynamics and Register; left out: SAP") in answer.facts
    assert run.choices[0].title == "SAP is right (it was left out of this comparison)"
    assert run.items[0].facts[0][0] == "Dynamics"


async def test_an_upload_that_was_not_allowed_is_said(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    _, answer = await went(real, shipped, megan, now, {"upload"})
    assert answer.text.endswith("Alex Wilber has decided. Nothing was uploaded.")
    assert (answer.facts[3], answer.link) == (("Workbook", "not uploaded"), "")
