"""SAP's and Dynamics' rows become entries exactly, and a row that cannot is named."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from connectors import dynamics, sap
from connectors.dynamics import DynamicsClient, DynamicsFields, DynamicsSettings
from connectors.ledger import counted
from connectors.sap import SapClient, SapSettings
from orchestration.errors import Invalid, InvalidContent, NotPermitted, Refused
from orchestration.workers.ledger import Entry, Ledger, Period
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve, task

SAP_ROW = {
    "SupplierInvoice": "5105600123",
    "FiscalYear": "2026",
    "CompanyCode": "1010",
    "InvoicingParty": "0000100234",
    "SupplierInvoiceIDByInvcgParty": "INV-2026/0042",
    "DocumentDate": "/Date(1791072000000)/",
    "InvoiceGrossAmount": "1250.10",
    "DocumentCurrency": "EUR",
}
DYNAMICS_ROW = (
    '{"HeaderReference": "VIN-7", "InvoiceAccount": "100234", "VendorName": "Northwind", "InvoiceNumber": "inv 42",'
    ' "InvoiceDate": "2026-10-04T12:00:00Z", "Currency": "EUR", "ImportedAmount": 1250.10}'
)


async def from_sap(serve: Serve, identity: FakeIdentity, *rows: Any, body: Any = None) -> Ledger:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"d": {"results": rows}} if body is None else body)

    client = SapClient(SapSettings(url=await serve(answer)), identity)  # type: ignore[arg-type]
    try:
        return await client.invoices("2026-10", "1010", MEGAN)
    finally:
        await client.close()


async def from_dynamics(serve: Serve, identity: FakeIdentity, *rows: str, **settings: Any) -> Ledger:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f'{{"value": [{",".join(rows)}]}}', content_type="application/json")

    made = DynamicsSettings(url=await serve(answer), scope="x/.default", **settings)
    client = DynamicsClient(made, identity)  # type: ignore[arg-type]
    try:
        return await client.invoices("2026-10", "1010", MEGAN)
    finally:
        await client.close()


async def test_a_row_of_sap_is_an_entry(serve: Serve, identity: FakeIdentity) -> None:
    assert await from_sap(serve, identity, SAP_ROW) == Ledger(
        source="SAP",
        period="2026-10",
        entries=[
            Entry(
                supplier="0000100234",
                invoice="INV-2026/0042",
                amount=Decimal("1250.10"),
                currency="EUR",
                date=date(2026, 10, 4),
                row="SAP 5105600123/2026",
            )
        ],
    )


@pytest.mark.parametrize(
    ("fields", "amount", "note"),
    [
        ({"SupplierInvoiceIsCreditMemo": "X"}, "-1250.10", "credit memo"),
        ({"SupplierInvoiceIsCreditMemo": "X", "InvoiceGrossAmount": "-1250.10"}, "-1250.10", "credit memo"),
        ({"SupplierInvoiceIsCreditMemo": "N"}, "1250.10", ""),
        (
            {"ReverseDocument": "5105600125", "ReverseDocumentFiscalYear": "2026"},
            "1250.10",
            "reversed with 5105600125/2026",
        ),
        (
            {"SupplierInvoiceIsCreditMemo": "X", "ReverseDocument": "5105600123", "ReverseDocumentFiscalYear": "2026"},
            "-1250.10",
            "reversed with 5105600123/2026",
        ),
        ({"ReverseDocument": "", "ReverseDocumentFiscalYear": "0000"}, "1250.10", ""),
    ],
)
async def test_credit_memos_and_reversals_of_sap_carry_their_sign(
    serve: Serve, identity: FakeIdentity, fields: dict[str, str], amount: str, note: str
) -> None:
    ledger = await from_sap(serve, identity, {**SAP_ROW, **fields})
    assert [(str(entry.amount), entry.note) for entry in ledger.entries] == [(amount, note)]


async def test_a_row_of_dynamics_is_an_entry(serve: Serve, identity: FakeIdentity) -> None:
    ledger = await from_dynamics(serve, identity, DYNAMICS_ROW)
    assert ledger.entries == [
        Entry(
            supplier="100234",
            invoice="inv 42",
            amount=Decimal("1250.10"),
            currency="EUR",
            date=date(2026, 10, 4),
            supplier_name="Northwind",
            row="Dynamics VIN-7",
        )
    ]
    assert str(ledger.entries[0].amount) == "1250.10"


async def test_what_is_asked_of_sap_is_the_month_of_the_company(serve: Serve, identity: FakeIdentity) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"d": {"results": []}})

    client = SapClient(SapSettings(url=await serve(answer) + "/sap/"), identity)  # type: ignore[arg-type]
    await client.invoices("2026-12", "10'10", MEGAN)
    await client.close()
    assert asked[0].path == "/sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
    assert asked[0].query["$filter"] == (
        "CompanyCode eq '10''10' and DocumentDate ge datetime'2026-12-01T00:00:00'"
        " and DocumentDate lt datetime'2027-01-01T00:00:00'"
    )
    assert "InvoiceGrossAmount" in asked[0].query["$select"].split(",")


async def test_what_is_asked_of_dynamics_crosses_companies(serve: Serve, identity: FakeIdentity) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"value": []})

    fields = DynamicsFields(amount="TotalInvoiceAmount", supplier_name="")
    settings = DynamicsSettings(url=await serve(answer), scope="x/.default", entity="PostedInvoices", fields=fields)
    client = DynamicsClient(settings, identity)  # type: ignore[arg-type]
    await client.invoices("2026-10", "usmf", MEGAN)
    await client.close()
    assert asked[0].path == "/data/PostedInvoices"
    assert asked[0].query["cross-company"] == "true"
    assert asked[0].query["$filter"] == (
        "dataAreaId eq 'usmf' and InvoiceDate ge 2026-10-01T00:00:00Z and InvoiceDate lt 2026-11-01T00:00:00Z"
    )
    assert asked[0].query["$select"].split(",") == [
        "HeaderReference", "InvoiceAccount", "InvoiceNumber", "InvoiceDate", "Currency", "TotalInvoiceAmount"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("InvoicingParty", "", "InvoicingParty is missing"),
        ("SupplierInvoiceIDByInvcgParty", None, "SupplierInvoiceIDByInvcgParty is missing"),
        ("InvoiceGrossAmount", "1,250.10", "InvoiceGrossAmount is not a number"),
        ("InvoiceGrossAmount", "NaN", "InvoiceGrossAmount is not a number"),
        ("DocumentDate", "2026-10-04", "DocumentDate is not a date"),
        ("DocumentDate", "/Date(99999999999999999999)/", "DocumentDate is not a date"),
        ("DocumentCurrency", 3, "DocumentCurrency is missing"),
    ],
)
async def test_a_row_of_sap_that_is_no_invoice_is_named(
    serve: Serve, identity: FakeIdentity, field: str, value: Any, said: str
) -> None:
    with pytest.raises(InvalidContent, match=rf"SAP 5105600123/2026: {said}\. Correct"):
        await from_sap(serve, identity, {**SAP_ROW, field: value})


async def test_saps_dates_are_days_of_utc(serve: Serve, identity: FakeIdentity) -> None:
    rows = [{**SAP_ROW, "DocumentDate": text} for text in ("/Date(1791072000000+0120)/", "/Date(-86400000)/")]
    assert [entry.date for entry in (await from_sap(serve, identity, *rows)).entries] == [
        date(2026, 10, 4),
        date(1969, 12, 31),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ImportedAmount": "1250.10"}, "ImportedAmount is not a number"),
        ({"ImportedAmount": True}, "ImportedAmount is not a number"),
        ({"InvoiceDate": "1900-01-01T12:00:00Z"}, "InvoiceDate is not a date"),
        ({"InvoiceDate": None}, "InvoiceDate is not a date"),
        ({"InvoiceAccount": " "}, "InvoiceAccount is missing"),
    ],
)
async def test_a_row_of_dynamics_that_is_no_invoice_is_named(
    serve: Serve, identity: FakeIdentity, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidContent, match=f"Dynamics VIN-7: {said}"):
        await from_dynamics(serve, identity, json.dumps({**json.loads(DYNAMICS_ROW), **change}))


@pytest.mark.parametrize("body", [{"d": {}}, {"value": []}, [], {"d": {"results": "x"}}])
async def test_an_answer_of_another_shape_is_said(serve: Serve, identity: FakeIdentity, body: Any) -> None:
    with pytest.raises(InvalidContent, match="not a list of invoices"):
        await from_sap(serve, identity, body=body)


async def test_saps_own_words_reach_the_person(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        status = 403 if "1010" in request.query["$filter"] else 400
        said = {"code": "X", "message": {"lang": "en", "value": "No authorization for company code"}}
        return web.json_response({"error": said}, status=status)

    client = SapClient(SapSettings(url=await serve(answer)), identity)  # type: ignore[arg-type]
    with pytest.raises(NotPermitted, match="invoices of company 1010: No authorization for company code"):
        await client.invoices("2026-10", "1010", MEGAN)
    with pytest.raises(Refused, match=r"\(400\): No authorization"):
        await client.invoices("2026-10", "2020", MEGAN)
    await client.close()


async def test_nothing_is_asked_for_a_month_or_company_that_is_none(identity: FakeIdentity) -> None:
    client = SapClient(SapSettings(url="http://127.0.0.1:9"), identity)  # type: ignore[arg-type]
    for month, company in (("October", "1010"), ("2026-10", " ")):
        with pytest.raises(Invalid):
            await client.invoices(month, company, MEGAN)
    await client.close()
    assert identity.claims == []


async def test_the_workers_declare_what_playbooks_ask_for(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [], "d": {"results": []}})

    url = await serve(answer)
    s = SapClient(SapSettings(url=url), identity)  # type: ignore[arg-type]
    d = DynamicsClient(DynamicsSettings(url=url, scope="x/.default"), identity)  # type: ignore[arg-type]
    found = [*sap.workers(s), *dynamics.workers(d)]
    assert [each.capability.name for each in found] == ["ledger.sap.entries", "ledger.dynamics.entries"]
    for each in found:
        ledger = await each.call(Period(month="2026-10", company="1010"), task())
        assert each.capability.effect == "read"
        assert each.summarize is not None
        assert each.summarize(ledger) == "no invoices"
    await s.close()
    await d.close()


def test_summaries_count_in_plain_words() -> None:
    entry = Entry(supplier="1", invoice="1", amount=Decimal(1), currency="EUR", date=date(2026, 10, 1))

    def of(number: int) -> str:
        return counted(Ledger(source="SAP", period="2026-10", entries=[entry] * number))

    assert (of(0), of(1), of(412), of(1412)) == ("no invoices", "1 invoice", "412 invoices", "1,412 invoices")
