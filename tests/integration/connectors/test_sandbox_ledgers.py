"""SAP and Dynamics in the sandbox: what the connectors read is what the tables hold."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from connectors.dynamics import DynamicsClient, DynamicsSettings
from connectors.identity import Identity
from connectors.sap import SapClient, SapSettings
from orchestration.errors import NotFound, NotPermitted, Refused, Unavailable
from orchestration.workers.ledger import Entry
from tests.integration.connectors.conftest import Sandbox

MONTHS = ("2026-08", "2026-09", "2026-10")


def sap_truth(sandbox: Sandbox, month: str) -> set[Entry]:
    return {
        Entry(
            supplier=str(row["InvoicingParty"]),
            invoice=str(row["SupplierInvoiceIDByInvcgParty"]),
            amount=Decimal(str(row["InvoiceGrossAmount"])) * (-1 if row["SupplierInvoiceIsCreditMemo"] == "X" else 1),
            currency=str(row["DocumentCurrency"]),
            date=row["DocumentDate"],
            row=f"SAP {row['SupplierInvoice']}/{row['FiscalYear']}",
            note=(
                f"reversed with {row['ReverseDocument']}/{row['ReverseDocumentFiscalYear']}"
                if row["ReverseDocument"]
                else "credit memo"
                if row["SupplierInvoiceIsCreditMemo"]
                else ""
            ),
        )
        for row in sandbox.tenant.sap["A_SupplierInvoice"].rows
        if isinstance(row["DocumentDate"], date) and f"{row['DocumentDate']:%Y-%m}" == month
    }


def dynamics_truth(sandbox: Sandbox, month: str) -> set[Entry]:
    return {
        Entry(
            supplier=str(row["InvoiceAccount"]),
            invoice=str(row["InvoiceNumber"]),
            amount=Decimal(str(row["ImportedAmount"])),
            currency=str(row["Currency"]),
            date=row["InvoiceDate"],
            supplier_name=str(row["VendorName"]),
            row=f"Dynamics {row['HeaderReference']}",
        )
        for row in sandbox.tenant.dynamics["VendorInvoiceHeaders"].rows
        if isinstance(row["InvoiceDate"], date) and f"{row['InvoiceDate']:%Y-%m}" == month
    }


@pytest.mark.parametrize("month", MONTHS)
async def test_saps_ledger_is_the_whole_table_of_the_month(sandbox: Sandbox, sap: SapClient, month: str) -> None:
    ledger = await sap.invoices(month, "1010", sandbox.person("megan"))
    truth = sap_truth(sandbox, month)
    assert len(ledger.entries) > 300  # more than one page of 200
    assert len(ledger.entries) == len(set(ledger.entries)) == len(truth)
    assert set(ledger.entries) == truth


@pytest.mark.parametrize("month", MONTHS)
async def test_dynamics_ledger_is_the_whole_table_of_the_month(
    sandbox: Sandbox, dynamics: DynamicsClient, month: str
) -> None:
    ledger = await dynamics.invoices(month, "1010", sandbox.person("megan"))
    truth = dynamics_truth(sandbox, month)
    assert len(ledger.entries) > 300
    assert len(ledger.entries) == len(set(ledger.entries)) == len(truth)
    assert set(ledger.entries) == truth


async def test_a_month_without_invoices_is_an_empty_ledger(
    sandbox: Sandbox, sap: SapClient, dynamics: DynamicsClient
) -> None:
    person = sandbox.person("megan")
    assert (await sap.invoices("2027-01", "1010", person)).entries == []
    assert (await dynamics.invoices("2027-01", "1010", person)).entries == []
    assert (await sap.invoices("2026-10", "9999", person)).entries == []
    assert (await dynamics.invoices("2026-10", "usmf", person)).entries == []


async def test_who_has_no_rights_in_sap_is_told(sandbox: Sandbox, sap: SapClient) -> None:
    with pytest.raises(NotPermitted, match="No authorization to access service"):
        await sap.invoices("2026-10", "1010", sandbox.person("adele"))


def requests(sandbox: Sandbox, status: int) -> int:
    """How many requests SAP has answered like this."""
    counted = sandbox.control("requests")["requests"]
    return sum(each["count"] for each in counted if (each["system"], each["status"]) == ("sap", status))


@pytest.mark.parametrize(
    ("status", "said"), [(503, "SAP does not answer"), (500, "SAP does not answer"), (429, "busy")]
)
async def test_sap_that_is_down_is_unavailable_and_back_when_mended(
    sandbox: Sandbox, sap: SapClient, status: int, said: str
) -> None:
    person = sandbox.person("megan")
    await sap.invoices("2026-10", "1010", person)  # the token is there; what fails is SAP's data
    sandbox.control("break", system="sap", seconds=60, status=status)
    before = requests(sandbox, status)
    with pytest.raises(Unavailable, match=rf"{said}.*\({status}\)") as caught:
        await sap.invoices("2026-10", "1010", person)
    for _ in range(200):  # a request is counted once its answer has gone out, which may be after it came in here
        if requests(sandbox, status) > before:
            break
        await asyncio.sleep(0.01)
    assert requests(sandbox, status) - before == 1  # tried once: retries are the engine's
    assert (caught.value.retry_after is not None) == (status in (429, 503))
    sandbox.control("mend", system="sap")
    assert (await sap.invoices("2026-10", "1010", person)).entries


async def test_a_fault_in_the_middle_of_the_pages_gives_no_half_ledger(sandbox: Sandbox, identity: Identity) -> None:
    dynamics = DynamicsClient(
        DynamicsSettings(url=sandbox.settings["TANDEM_DYNAMICS_URL"], scope=sandbox.settings["TANDEM_DYNAMICS_SCOPE"]),
        identity,
    )
    pages = 0
    read = dynamics._reader.get

    async def counting(*given: object, **more: object) -> object:
        nonlocal pages
        pages += 1
        if pages == 2:
            sandbox.control("break", system="dynamics", seconds=60, status=504)
        return await read(*given, **more)  # type: ignore[arg-type]

    dynamics._reader.get = counting  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match=r"Dynamics does not answer \(504\)"):
        await dynamics.invoices("2026-10", "1010", sandbox.person("megan"))
    assert pages == 2
    await dynamics.close()


async def test_latency_is_borne_up_to_the_limit(sandbox: Sandbox, identity: Identity) -> None:
    sap = SapClient(SapSettings(url=sandbox.settings["TANDEM_SAP_URL"], timeout_seconds=0.2), identity)
    person = sandbox.person("megan")
    await identity.sap_token(person)
    sandbox.control("break", system="sap", seconds=60, latency_seconds=5)
    with pytest.raises(Unavailable, match=r"SAP did not answer within 0\.2 s"):
        await sap.invoices("2026-10", "1010", person)
    await sap.close()


async def test_an_entity_set_that_does_not_exist_is_named(sandbox: Sandbox, identity: Identity) -> None:
    found = sandbox.settings
    made = DynamicsClient(
        DynamicsSettings(url=found["TANDEM_DYNAMICS_URL"], scope=found["TANDEM_DYNAMICS_SCOPE"], entity="Invoices"),
        identity,
    )
    with pytest.raises(NotFound, match="Invoices"):
        await made.invoices("2026-10", "1010", sandbox.person("megan"))
    await made.close()


async def test_a_field_that_does_not_exist_is_named(sandbox: Sandbox, identity: Identity) -> None:
    from connectors.dynamics import DynamicsFields

    found = sandbox.settings
    made = DynamicsClient(
        DynamicsSettings(
            url=found["TANDEM_DYNAMICS_URL"],
            scope=found["TANDEM_DYNAMICS_SCOPE"],
            fields=DynamicsFields(amount="TotalAmount"),
        ),
        identity,
    )
    with pytest.raises(Refused, match="TotalAmount"):
        await made.invoices("2026-10", "1010", sandbox.person("megan"))
    await made.close()
