"""A whole reconciliation against the sandbox's systems: read as the playbook says, compared, nothing invented."""

from __future__ import annotations

import csv
from collections import Counter
from typing import Any

import msgspec
import pytest

from connectors.dynamics import DynamicsClient
from connectors.graph import GraphClient
from connectors.graph import workers as graph_workers
from connectors.sap import SapClient
from orchestration.capabilities.descriptor import Worker
from orchestration.errors import Invalid, NotFound, NotPermitted
from orchestration.workers.keys import normal
from orchestration.workers.reconcile import ReconcileInput, compare
from orchestration.workers.remembered import Remembered
from tests.integration.connectors.conftest import CONTOSO, Sandbox

PLACE = "Accounts Payable/Reconciliations/Supplier invoices {previous_month}.xlsx"
DECISIONS = {"supplier": "Supplier no.", "kind": "Kind", "decision": "Decision"}


@pytest.fixture
def offered(graph: GraphClient) -> dict[str, Worker]:
    return {each.capability.name: each for each in graph_workers(graph)}


async def call(worker: Worker, sandbox: Sandbox, by: str = "megan", **arguments: Any) -> Any:
    return await worker.call(msgspec.convert(arguments, worker.input_type), sandbox.task(by))


def rows(**changes: Any) -> dict[str, Any]:
    given = {"site": "Finance", "path": PLACE, "month": "2026-10", "sheet": "Discrepancies", "columns": DECISIONS}
    return {**given, **changes}


async def test_october_read_from_all_systems_has_exactly_the_planted_discrepancies(
    sandbox: Sandbox, sap: SapClient, dynamics: DynamicsClient, offered: dict[str, Worker]
) -> None:
    megan = sandbox.person("megan")
    columns = {
        "supplier": "Supplier no.",
        "invoice": "Invoice no.",
        "amount": "Gross amount",
        "currency": "Currency",
        "date": "Invoice date",
        "note": "Note",
    }
    register = await call(
        offered["files.table"],
        sandbox,
        site="Finance",
        path="Accounts Payable/Supplier invoice register 2026.xlsx",
        sheet="2026-10",
        columns=columns,
    )
    before = await call(offered["files.rows"], sandbox, **rows())
    ledgers = {
        "sap": await sap.invoices("2026-10", "1010", megan),
        "dynamics": await dynamics.invoices("2026-10", "1010", megan),
        "register": register,
    }
    remembered = msgspec.convert(msgspec.to_builtins(before), Remembered)
    result = compare(ReconcileInput(ledgers=ledgers, remembered=remembered))

    with (CONTOSO / "planted.csv").open(encoding="utf-8", newline="") as file:
        truth = [row for row in csv.DictReader(file) if row["month"] == "2026-10"]
    assert Counter((each.kind, each.supplier, normal(each.invoice)) for each in result.discrepancies) == Counter(
        (row["kind"], row["supplier_no"], normal(row["invoice_no"])) for row in truth
    )
    assert result.figures.reversed == 6
    assert result.remembered >= 3
    assert {entry.note for entry in result.reversed["register"]} == {"entered by mistake, taken back", ""}
    assert {each.why[0] for each in result.discrepancies if each.why[0][0].startswith("As in")} >= {
        ("As in September", "SAP is right")
    }


async def test_last_months_decisions_are_read_from_its_workbook(sandbox: Sandbox, offered: dict[str, Worker]) -> None:
    read = await call(offered["files.rows"], sandbox, **rows())
    assert read.month == "2026-09"
    assert len(read.rows) == 12
    assert {"Different amounts", "Missing in a system"} <= {row["kind"] for row in read.rows}
    assert read.link


@pytest.mark.parametrize(
    ("changes", "by", "error"),
    [
        ({"month": "2026-08"}, "megan", NotFound),  # nobody reconciled July here
        ({"sheet": "Decisions"}, "megan", NotFound),
        ({}, "diego", NotPermitted),
    ],
)
async def test_where_there_is_nothing_to_remember_nothing_is_and_only_if_the_playbook_allows_it(
    sandbox: Sandbox, offered: dict[str, Worker], changes: dict[str, Any], by: str, error: type[Exception]
) -> None:
    found = await call(offered["files.rows"], sandbox, by, **rows(**changes, optional=True))
    assert (found.rows, found.link) == ([], "")
    with pytest.raises((error, NotFound)):
        await call(offered["files.rows"], sandbox, by, **rows(**changes))


async def test_a_month_is_needed_to_know_the_one_before(sandbox: Sandbox, offered: dict[str, Worker]) -> None:
    with pytest.raises(Invalid, match="is not a month"):
        await call(offered["files.rows"], sandbox, **rows(month="", optional=True))


async def test_goods_receipts_are_read_from_one_sheet_for_the_whole_year(
    sandbox: Sandbox, offered: dict[str, Worker]
) -> None:
    columns = {"supplier": "Vendor no.", "invoice": "Delivery note", "amount": "Quantity", "date": "Date"}
    given = {"site": "Finance", "path": "Goods receipts/Warehouse book 2026.xlsx", "sheet": "Goods in 2026"}
    ledger = await call(
        offered["files.table"],
        sandbox,
        **given,
        columns={**columns, "currency": "Unit"},
        period="2026-10",
        only_period=True,
        documents="receipts",
    )
    assert 120 < len(ledger.entries) < 150
    assert {f"{entry.date:%Y-%m}" for entry in ledger.entries} == {"2026-10"}
    assert ledger.documents == "receipts"
    with pytest.raises(Invalid, match="either a column for the currency, or one currency"):
        await call(offered["files.table"], sandbox, **given, columns=columns)
