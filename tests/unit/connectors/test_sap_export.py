"""SAP's nightly export: what a file may look like, what it may not, and how its age is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.ledger import SharedFile
from connectors.sap import ExportSettings
from connectors.sap.export import SapExport
from orchestration.capabilities import TaskContext
from orchestration.core.label import Label
from orchestration.errors import NotFound, NotPermitted, TandemError, Unavailable
from orchestration.workers.ledger import Ledger, Period
from tests.unit.connectors.conftest import MEGAN, task

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
HEADER = (
    "SupplierInvoice,FiscalYear,CompanyCode,DocumentDate,SupplierInvoiceIDByInvcgParty,InvoicingParty,DocumentCurrency,"
    "InvoiceGrossAmount,SupplierInvoiceIsCreditMemo,ReverseDocument,ReverseDocumentFiscalYear"
)
ROWS = (
    "5105600102,2026,1010,2026-10-01,IMP-1,0000100575,EUR,1274.24,,,0000",
    "5105600103,2026,1010,2026-10-31,IMP-2,0000100575,EUR,10.00,X,,0000",
    "5105600104,2026,1010,2026-09-30,IMP-3,0000100575,EUR,1.00,,,0000",
    "5105600105,2026,2020,2026-10-02,IMP-4,0000100575,EUR,1.00,,,0000",
)


class Files:
    def __init__(
        self, text: str | bytes = "", modified: datetime | None = NOW, error: TandemError | None = None
    ) -> None:
        self._content = text.encode() if isinstance(text, str) else text
        self._modified, self._error = modified, error

    async def fetch(self, site: str, path: str, task: TaskContext, *, at_least: Label = "public") -> SharedFile:
        assert (site, path, task.initiator) == ("Finance", "SAP/invoices.csv", MEGAN)
        assert at_least == "confidential"
        if self._error:
            raise self._error
        return SharedFile(name="invoices.csv", link="https://there", content=self._content, modified=self._modified)


async def read(files: Files) -> Ledger:
    export = SapExport(ExportSettings(site="Finance", path="SAP/invoices.csv"), files, lambda: NOW)
    return await export.read(Period(month="2026-10", company="1010"), task())


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows))


@pytest.mark.parametrize("text", [lines(*ROWS), lines(*ROWS).replace(",", ";"), "\ufeff" + lines(*ROWS) + "\n"])
async def test_only_the_companys_invoices_of_the_month_are_taken(text: str) -> None:
    ledger = await read(Files(text))
    assert [(each.invoice, each.amount, each.note) for each in ledger.entries] == [
        ("IMP-1", Decimal("1274.24"), ""),
        ("IMP-2", Decimal("-10.00"), "credit memo"),
    ]
    assert (ledger.source, ledger.period, ledger.link) == ("SAP", "2026-10", "https://there")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (Files(lines(*ROWS[2:])), "no invoices of company 1010 in 2026-10"),
        (Files(lines(header=HEADER.replace("DocumentDate,", ""))), "has no column DocumentDate"),
        (Files(""), "has no column SupplierInvoice, "),
        (Files(b"\xff\xfe\x00S"), "is not a CSV file in UTF-8"),
        (Files(lines(ROWS[0].replace("2026-10-01", "1.10.2026"))), "row 2: DocumentDate '1.10.2026' is not a day"),
        (Files(lines(ROWS[0].replace("1274.24", "a lot"))), "InvoiceGrossAmount is not a number"),
        (Files(lines("5105600102,2026,1010")), "row 2: DocumentDate '' is not a day"),
        (Files(error=NotFound("There is no file.")), "There is no file"),
        (Files(error=NotPermitted("You may not.")), "You may not"),
    ],
)
async def test_what_cannot_be_used_is_named_and_sap_may_be_tried_again(files: Files, why: str) -> None:
    with pytest.raises(Unavailable, match=why) as refused:
        await read(files)
    assert refused.value.message.startswith("SAP's nightly export cannot be used instead of SAP.")


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(minutes=-5), "from last night's export, less than an hour old"),
        (timedelta(minutes=30), "from last night's export, less than an hour old"),
        (timedelta(hours=1), "from last night's export, 1 hour old"),
        (timedelta(hours=14, minutes=50), "from last night's export, 14 hours old"),
        (timedelta(hours=30), "from the export of Sat 21 Nov, 30 hours old"),
        (timedelta(days=3), "from the export of Thu 19 Nov, 3 days old"),
        (None, "from an export of unknown age"),
    ],
)
async def test_people_are_told_how_old_it_is(age: timedelta | None, said: str) -> None:
    ledger = await read(Files(lines(*ROWS), modified=None if age is None else NOW - age))
    assert ledger.note == said
