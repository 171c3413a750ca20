"""SharePoint and the directory in the sandbox, through msgraph-sdk."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import openpyxl
import pytest

from connectors.graph import GraphClient, workers
from orchestration.capabilities.descriptor import Done, NotDone, Worker
from orchestration.errors import (
    Conflict,
    Invalid,
    InvalidContent,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    TandemError,
    Unavailable,
)
from tests.integration.connectors.conftest import CONTOSO, Sandbox

REGISTER = "Accounts Payable/Supplier invoice register 2026.xlsx"
COLUMNS = {
    "supplier": "Supplier no.",
    "supplier_name": "Supplier",
    "invoice": "Invoice no.",
    "amount": "Gross amount",
    "currency": "Currency",
    "date": "Invoice date",
}


@pytest.fixture
def offered(graph: GraphClient) -> dict[str, Worker]:
    return {each.capability.name: each for each in workers(graph)}


async def call(worker: Worker, sandbox: Sandbox, arguments: dict[str, Any], by: str = "megan", **task: Any) -> Any:
    """As the engine calls: arguments are JSON, checked against the worker's type."""
    plain = msgspec.json.decode(msgspec.json.encode(arguments))
    return await worker.call(msgspec.convert(plain, worker.input_type), sandbox.task(by, **task))


def table(**changes: Any) -> dict[str, Any]:
    return {"site": "Finance", "path": REGISTER, "sheet": "2026-10", "columns": COLUMNS, **changes}


def upload(name: str, **changes: Any) -> dict[str, Any]:
    book = openpyxl.Workbook()
    content = io.BytesIO()
    book.save(content)
    place = {"site": "Finance", "folder": "Accounts Payable/Reconciliations"}
    return {**place, "name": name, "content": content.getvalue(), **changes}


def rows_of_register(month: str) -> int:
    book = openpyxl.load_workbook(CONTOSO / "sharepoint/Finance/Documents" / REGISTER, read_only=True)
    try:
        return sum(1 for row in book[month].iter_rows(min_row=2, values_only=True) if any(row))
    finally:
        book.close()


@pytest.mark.parametrize("month", ["2026-08", "2026-09", "2026-10"])
async def test_the_register_becomes_a_ledger(sandbox: Sandbox, offered: dict[str, Worker], month: str) -> None:
    worker = offered["files.table"]
    ledger = await call(worker, sandbox, table(sheet=month, source="Register", period=month))
    rows = rows_of_register(month)
    assert len(ledger.entries) == rows > 300
    assert (ledger.source, ledger.period) == ("Register", month)
    assert ledger.link.endswith("Supplier%20invoice%20register%202026.xlsx")
    assert ledger.entries[0].row == f"Supplier invoice register 2026.xlsx, {month}, row 2"
    assert worker.summarize is not None
    assert worker.summarize(ledger) == f"{rows} invoices"
    # What the engine stores and hands on is JSON: amounts and dates survive it.
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=type(ledger)) == ledger


@pytest.mark.parametrize(
    ("changes", "by", "expected", "said"),
    [
        (
            {"sheet": "2026-12"},
            "megan",
            NotFound,
            r"no data for that month\. Its sheets are: 2026-08, 2026-09, 2026-10",
        ),
        ({"path": "Nope.xlsx"}, "megan", NotFound, r"no workbook Nope\.xlsx in the site Finance"),
        ({"path": "Accounts Payable"}, "megan", NotFound, "no workbook Accounts Payable"),
        ({"path": "Accounts Payable/Reconciliations/Read me.txt"}, "megan", InvalidContent, "not an Excel workbook"),
        ({"columns": {**COLUMNS, "amount": "Total"}}, "megan", InvalidContent, "no column Total. Its columns are: Inv"),
        ({"site": "Marketing"}, "megan", NotFound, "no SharePoint site Marketing that you may open"),
        ({"site": "https://contoso.sharepoint.com/sites/Nope"}, "megan", NotFound, "no SharePoint site at https"),
        ({}, "diego", NotFound, "Finance that you may open"),
        ({"site": "https://contoso.sharepoint.com/sites/Finance"}, "diego", NotPermitted, "You may not open"),
    ],
)
async def test_a_table_that_cannot_be_read_says_why(
    sandbox: Sandbox,
    offered: dict[str, Worker],
    changes: dict[str, Any],
    by: str,
    expected: type[TandemError],
    said: str,
) -> None:
    with pytest.raises(expected, match=said):
        await call(offered["files.table"], sandbox, table(**changes), by)


async def test_a_site_may_be_named_by_its_address(sandbox: Sandbox, offered: dict[str, Worker]) -> None:
    address = "https://contoso.sharepoint.com/sites/Finance"
    assert (await call(offered["files.table"], sandbox, table(site=address))).entries


async def test_an_upload_happens_once(sandbox: Sandbox, offered: dict[str, Worker]) -> None:
    worker, name, before = offered["files.upload"], f"Über & 100% #1 {uuid.uuid4()}.xlsx", len(sandbox.uploads())
    assert worker.reconcile is not None
    wanted = msgspec.convert(upload(name), worker.input_type)
    mine = sandbox.task(idempotency_key="run/upload", not_after=datetime.now(UTC) + timedelta(minutes=1))
    assert await worker.reconcile(wanted, mine) == NotDone()
    first = await worker.call(wanted, mine)
    assert await worker.call(wanted, mine) == first
    assert await worker.reconcile(wanted, mine) == Done(output=first)
    accepted = sandbox.uploads()[before:]
    assert [(each["person"], each["size"]) for each in accepted] == [("megan", first.size_bytes)]
    assert accepted[0]["path"].endswith(name)
    assert first.name == name
    assert first.etag
    assert worker.summarize is not None
    assert worker.summarize(first) == f"{name}, 5 KB"
    other = sandbox.task(idempotency_key="another/upload")
    with pytest.raises(Conflict, match="Rename or move it"):
        await worker.call(wanted, other)
    assert await worker.reconcile(wanted, other) == NotDone()
    assert len(sandbox.uploads()) == before + 1


async def test_who_may_only_read_cannot_upload(sandbox: Sandbox, offered: dict[str, Worker]) -> None:
    before = len(sandbox.uploads())
    with pytest.raises(NotPermitted, match=r"save Report\.xlsx in Finance"):
        await call(offered["files.upload"], sandbox, upload("Report.xlsx"), "adele", idempotency_key="k")
    assert len(sandbox.uploads()) == before


@pytest.mark.parametrize(("status", "expected"), [(503, Unavailable), (429, Unavailable), (500, Unavailable)])
async def test_graph_that_is_down_is_unavailable(
    sandbox: Sandbox, offered: dict[str, Worker], status: int, expected: type[TandemError]
) -> None:
    sandbox.control("break", system="graph", seconds=60, status=status)
    with pytest.raises(expected):  # the look before the write fails: surely nothing was done
        await call(offered["files.upload"], sandbox, upload("Down.xlsx"), idempotency_key="k")
    with pytest.raises(Unavailable):
        await call(offered["files.table"], sandbox, table())


async def test_an_upload_whose_answer_is_lost_is_found_by_its_key(
    sandbox: Sandbox, graph: GraphClient, offered: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = offered["files.upload"]
    assert worker.reconcile is not None
    wanted = msgspec.convert(upload(f"Lost {uuid.uuid4()}.xlsx"), worker.input_type)
    mine = sandbox.task(idempotency_key="lost/upload")
    adapter = graph.sdk.request_adapter
    really = adapter.send_async

    async def lose_the_answer(info: Any, *given: Any) -> Any:
        answer = await really(info, *given)
        if info.http_method.value == "PUT":
            raise httpx.ReadError("connection reset")
        return answer

    monkeypatch.setattr(adapter, "send_async", lose_the_answer)
    with pytest.raises(OutcomeUnknown):
        await worker.call(wanted, mine)
    found = await worker.reconcile(wanted, mine)
    assert isinstance(found, Done)
    monkeypatch.undo()
    assert await worker.call(wanted, mine) == found.output
    assert sum(each["path"].endswith(wanted.name) for each in sandbox.uploads()) == 1


@pytest.mark.parametrize(
    "who", ["Alex Wilber <alex.wilber@contoso.example>", "ALEX.wilber@contoso.example", " alex  wilber"]
)
async def test_a_person_is_found(sandbox: Sandbox, offered: dict[str, Worker], who: str) -> None:
    found = await call(offered["people.find"], sandbox, {"who": who})
    alex = sandbox.tenant.people["alex"]
    assert (found.id, found.name, found.upn, found.mail, found.title) == (
        alex.id, "Alex Wilber", alex.upn, alex.upn, "Accounts Payable Accountant"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("who", "expected", "said"),
    [
        ("Alex", InvalidContent, r"Perhaps Alex Wilber \(alex\.wilber@contoso\.example\)"),
        ("Nobody", NotFound, "nobody named Nobody"),
        ("x') or startswith(displayName,'Alex", NotFound, "nobody named"),
        ("nobody@contoso.example", NotFound, r"address nobody@contoso\.example"),
        ("Alex <../groups/x@y>", Invalid, "not an address"),
        ("Alex <>", Invalid, "not an address"),
        ("  ", Invalid, "Who is meant"),
    ],
)
async def test_a_person_is_never_guessed(
    sandbox: Sandbox, offered: dict[str, Worker], who: str, expected: type[TandemError], said: str
) -> None:
    with pytest.raises(expected, match=said):
        await call(offered["people.find"], sandbox, {"who": who})
