"""A second reconciliation is data: a playbook and two workbooks, read and compared by what the first one uses."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import openpyxl
import pytest

import connectors.sandbox
from connectors.dynamics.client import DynamicsClient
from connectors.dynamics.workers import workers as dynamics_workers
from connectors.graph.client import GraphClient
from connectors.graph.sheet import Columns, entries
from connectors.graph.workers import workers as graph_workers
from connectors.sap.client import SapClient
from connectors.sap.workers import workers as sap_workers
from orchestration.capabilities import Registry, TaskContext
from orchestration.core import expressions
from orchestration.core.plan import Answer
from orchestration.core.question import Answered, Item
from orchestration.core.run import Person
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Planned
from orchestration.workers.ledger import Ledger
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import Workbook, workbook

CONTOSO = Path(connectors.sandbox.__file__).parent / "contoso"
SITE = CONTOSO / "sharepoint/Finance/Documents"
ALEX = Person("a", "Alex Wilber", "alex.wilber@contoso.example")


@pytest.fixture
def real() -> Registry:
    return Registry(
        [
            *graph_workers(cast("GraphClient", None)),
            *sap_workers(cast("SapClient", None)),
            *dynamics_workers(cast("DynamicsClient", None)),
            reconcile,
            workbook,
        ]
    )


def from_sharepoint(given: dict[str, Any]) -> Ledger:
    """What `files.table` reads, from the file itself."""
    content = (SITE / given["path"]).read_bytes()
    found = entries(content, Path(given["path"]).name, given["sheet"], msgspec.convert(given["columns"], Columns))
    if given.get("only_period"):
        found = [entry for entry in found if f"{entry.date:%Y-%m}" == given["period"]]
    return Ledger(source=given["source"], period=given["period"], entries=found)


async def walk(plan: Any, registry: Registry, megan: Person) -> tuple[dict[str, Any], Answer, list[Item]]:
    """Every task in order, JSON in between, with the real comparison and the real workbook."""
    tasks: dict[str, Any] = {}
    items: list[Item] = []
    who = {"id": megan.id, "name": megan.name, "upn": megan.upn}
    scope = {
        "params": plan.params,
        "tasks": tasks,
        "run": {"id": "r", "goal": "g", "today": "2026-11-22", "initiator": who},
    }
    for name, node in plan.tasks.items():
        given = expressions.resolve(node.with_, scope)
        result: Any
        if node.approval:
            items = msgspec.convert(expressions.resolve(node.approval.items, scope), list[Item])
            result = Answered(
                choice="answer",
                by=ALEX,
                at=datetime(2026, 11, 22, tzinfo=UTC),
                choices={item.id: "warehouse" for item in items},
            )
        elif node.capability == "files.table":
            result = from_sharepoint(given)
        elif node.capability == "files.rows":
            result = {"rows": [], "month": "2026-09", "link": ""}
        elif node.capability == "people.find":
            result = ALEX
        elif node.capability == "files.upload":
            result = {"name": given["name"], "web_url": "https://contoso.example/x", "size_bytes": 1}
        else:
            worker = registry.pick(node.capability)
            task = TaskContext(run_id="r", task_id=name, attempt=1, initiator=megan)
            result = await worker.call(msgspec.convert(given, worker.input_type), task)
        tasks[name] = msgspec.json.decode(msgspec.json.encode(result))
    return tasks, msgspec.convert(expressions.resolve(msgspec.to_builtins(plan.answer), scope), Answer), items


async def planned(goal: str, registry: Registry, shipped: Path, megan: Person, now: datetime) -> Planned:
    found = await PlaybookPlanner(registry, shipped).plan(goal, megan, now)
    assert isinstance(found, Planned)
    return found


async def test_it_uses_only_what_the_reconciliation_of_invoices_uses(
    real: Registry, shipped: Path, megan: Person, now: datetime
) -> None:
    invoices = await planned("Reconcile the supplier invoices for October 2026", real, shipped, megan, now)
    receipts = await planned("Reconcile the goods receipts for October 2026", real, shipped, megan, now)
    used = [{node.capability for node in each.plan.tasks.values()} for each in (invoices, receipts)]
    assert receipts.plan.playbook.startswith("reconcile-goods-receipts@")
    assert used[1] <= used[0]


@pytest.mark.parametrize("month", ["2026-08", "2026-09", "2026-10"])
async def test_every_planted_difference_of_deliveries_is_found_and_none_is_invented(
    real: Registry, shipped: Path, megan: Person, now: datetime, month: str
) -> None:
    plan = (await planned(f"Reconcile the goods receipts for {month}", real, shipped, megan, now)).plan
    tasks, answer, items = await walk(plan, real, megan)

    with (CONTOSO / "planted-receipts.csv").open(encoding="utf-8", newline="") as file:
        truth = [row for row in csv.DictReader(file) if row["month"] == month]
    found = Counter((each["kind"], each["id"].replace("-", "|", 1)) for each in tasks["match"]["discrepancies"])
    assert len(truth) >= 6
    assert found == Counter((row["kind"], row["key"]) for row in truth)
    assert len(items) == len(truth)
    assert f"{len(truth)} discrepancies" in answer.text
    assert "delivery notes" in answer.text
    assert "Alex Wilber has decided." in answer.text


async def test_the_words_are_those_of_deliveries(real: Registry, shipped: Path, megan: Person, now: datetime) -> None:
    plan = (await planned("Reconcile the goods receipts for October 2026", real, shipped, megan, now)).plan
    tasks, answer, items = await walk(plan, real, megan)

    by_kind = {item.kind: item for item in items}
    assert by_kind["amount"].title.endswith("quantity differs")
    assert by_kind["currency"].title.endswith("unit differs")
    assert any("quantities may differ by 0" in value for _, value in by_kind["amount"].why)
    assert any("PCE" in value and ".00" not in value for _, value in by_kind["duplicate"].facts)
    made = msgspec.convert(tasks["workbook"], Workbook)
    book = openpyxl.load_workbook(io.BytesIO(made.content))
    assert book.sheetnames == ["Summary", "Discrepancies", "Warehouse", "Purchasing"]
    assert [cell.value for cell in book["Warehouse"][1]][4:7] == ["Delivery note", "Quantity", "Unit"]
    said = "\n".join(str(row) for sheet in book for row in sheet.iter_rows(values_only=True))
    assert "nvoice" not in said
    assert "different quantities" in answer.facts[2][1]
