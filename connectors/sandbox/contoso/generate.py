"""Writes Contoso's ledgers, the register and the list of planted differences.

`python -m connectors.sandbox.contoso.generate`; seeded: running it again gives the same bytes.
People, groups, sites and the other documents are kept by hand.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

from connectors.sandbox.contoso.credits import Credits
from connectors.sandbox.contoso.invoices import SYSTEMS, Entry, Invoice, Month
from connectors.sandbox.contoso.past import MONTH, write_past
from connectors.sandbox.contoso.receipts import write_receipts
from connectors.sandbox.contoso.register import write_register

COMPANY = "1010"
REGISTER = "sharepoint/Finance/Documents/Accounts Payable/Supplier invoice register 2026.xlsx"
MONTHS = {(2026, 8): 338, (2026, 9): 367, (2026, 10): 412}
_THREE = [("missing", "sap"), ("missing", "dynamics"), ("missing", "register")]
_QUIET_MONTH = [
    *_THREE,
    ("amount", "sap"),
    ("amount", "dynamics"),
    ("currency", "register"),
    ("date", "sap"),
    ("date", "dynamics"),
    ("date", "register"),
    ("duplicate", "dynamics"),
    ("duplicate", "register"),
]
PLANTED = {
    (2026, 8): _QUIET_MONTH,
    (2026, 9): [
        *_QUIET_MONTH[:5],
        ("currency", "dynamics"),
        *_QUIET_MONTH[6:9],
        ("duplicate", "register"),
    ],
    (2026, 10): [
        *_THREE,
        ("missing", "register"),
        ("amount", "sap"),
        ("amount", "dynamics"),
        ("amount", "dynamics"),
        ("amount", "register"),
        ("currency", "dynamics"),
        ("currency", "register"),
        ("date", "sap"),
        ("date", "dynamics"),
        ("date", "register"),
        ("date", "register"),
        ("duplicate", "sap"),
        ("duplicate", "dynamics"),
        ("duplicate", "register"),
    ],
}
# Differences in credit memos and reversals: an `amount`, a `missing` in Dynamics, a `missing` in SAP.
CREDITS = {(2026, 8): ["sign"], (2026, 9): ["sign", "memo"], (2026, 10): ["sign", "memo", "reversed"]}
SAP_COLUMNS = [
    "SupplierInvoice",
    "FiscalYear",
    "CompanyCode",
    "DocumentDate",
    "PostingDate",
    "CreationDate",
    "SupplierInvoiceIDByInvcgParty",
    "InvoicingParty",
    "DocumentCurrency",
    "InvoiceGrossAmount",
    "DocumentHeaderText",
    "PaymentTerms",
    "DueCalculationBaseDate",
    "NetPaymentDays",
    "PaymentBlockingReason",
    "AccountingDocumentType",
    "SupplierInvoiceStatus",
    "SupplierInvoiceIsCreditMemo",
    "InvoiceReference",
    "InvoiceReferenceFiscalYear",
    "SupplierInvoiceOrigin",
    "ReverseDocument",
    "ReverseDocumentFiscalYear",
    "IsReversal",
    "IsReversed",
]
DYNAMICS_COLUMNS = [
    "dataAreaId",
    "HeaderReference",
    "InvoiceNumber",
    "InvoiceAccount",
    "VendorAccount",
    "VendorName",
    "InvoiceDate",
    "Date",
    "DueDate",
    "Currency",
    "ImportedAmount",
    "InvoiceDescription",
    "PurchaseOrderNumber",
    "TermsOfPayment",
    "IsApproved",
    "IsOnHold",
]
EXPORT = "sharepoint/Finance/Documents/SAP exports/Supplier invoices.csv"
EXPORT_COLUMNS = [  # of SAP's, those that the nightly job writes
    "SupplierInvoice",
    "FiscalYear",
    "CompanyCode",
    "DocumentDate",
    "SupplierInvoiceIDByInvcgParty",
    "InvoicingParty",
    "DocumentCurrency",
    "InvoiceGrossAmount",
    "SupplierInvoiceIsCreditMemo",
    "ReverseDocument",
    "ReverseDocumentFiscalYear",
]
PLANTED_COLUMNS = ("month", "kind", "key", "supplier_no", "supplier", "invoice_no", "systems", *SYSTEMS)


def generate(folder: Path) -> dict[str, int]:
    """Writes all generated files into `folder`; returns rows by file."""
    sequences: dict[str, int] = {}
    months: dict[str, list[Invoice]] = {}
    for (year, month), count in MONTHS.items():
        made = Month(year, month, sequences)
        invoices = made.invoices(count, PLANTED[year, month])
        invoices += Credits(made.first, made.last).documents(CREDITS[year, month])
        months[f"{year}-{month:02}"] = invoices
    keys = [invoice.key for invoices in months.values() for invoice in invoices]
    if len(set(keys)) != len(keys):
        raise RuntimeError("two invoices share a natural key; change a supplier's pattern")
    sap = list(_sap_rows(months))
    dynamics = list(_dynamics_rows(months))
    entered = {month: _entered(invoices, "register", month) for month, invoices in months.items()}
    (folder / REGISTER).parent.mkdir(parents=True, exist_ok=True)
    (folder / REGISTER).write_bytes(write_register(entered, COMPANY))
    planted = [_planted_row(month, i) for month, invoices in months.items() for i in invoices if i.kind]
    _write(folder / "sap/A_SupplierInvoice.csv", SAP_COLUMNS, sap)
    places = [SAP_COLUMNS.index(column) for column in EXPORT_COLUMNS]
    _write(folder / EXPORT, EXPORT_COLUMNS, ([row[place] for place in places] for row in sap))
    _write(folder / "dynamics/VendorInvoiceHeaders.csv", DYNAMICS_COLUMNS, dynamics)
    _write(folder / "planted.csv", PLANTED_COLUMNS, planted)
    receipts = write_receipts(folder)
    write_past(folder, months[MONTH])
    register = sum(len(entries) for entries in entered.values())
    written = {"sap": len(sap), "dynamics": len(dynamics), "register": register, "planted": len(planted)}
    return {**written, "receipts": receipts}


def _entered(invoices: list[Invoice], system: str, month: str) -> list[tuple[Invoice, Entry]]:
    """The entries of one system in the order in which its people entered them: by date, with some disorder."""
    random = Random(f"{system} {month}")
    entries = [(invoice, entry) for invoice in invoices for entry in invoice.entries[system]]
    entries.sort(key=lambda pair: (pair[1].date.toordinal() + random.randint(0, 3), random.random()))
    # What takes an entry back, or books it again, comes after it.
    for invoice in invoices:
        several = invoice.entries[system]
        if any(entry.pair for entry in several):
            places = [place for place, (_, entry) in enumerate(entries) if any(entry is each for each in several)]
            for place, entry in zip(places, several, strict=True):
                entries[place] = (invoice, entry)
    return entries


def _sap_rows(months: dict[str, list[Invoice]]) -> Iterable[Sequence[object]]:
    number = 5105600100
    for month, invoices in months.items():
        random = Random(f"sap rows {month}")
        last = max(invoice.entries[s][0].date for invoice in invoices for s in SYSTEMS if invoice.entries[s])
        entered = _entered(invoices, "sap", month)
        for _, entry in entered:  # first all numbers, since the two documents of a reversal name each other
            number += random.randint(1, 3)
            entry.reference = str(number)
        for invoice, entry in entered:
            posted = min(entry.date + timedelta(days=random.randint(0, 3)), last)
            terms, days = random.choice((("0001", 0), ("0002", 14), ("NT30", 30), ("NT30", 30)))
            block = "R" if random.random() < 0.03 else ""
            yield (
                (
                    entry.reference,
                    entry.date.year,
                    COMPANY,
                    entry.date,
                    posted,
                    posted,
                    entry.number,
                    invoice.supplier.number.zfill(10),
                    entry.currency,
                    abs(entry.amount),
                    invoice.supplier.goods,
                    terms,
                    entry.date,
                    days,
                    block,
                    "RE",
                    "5",
                    "X" if entry.amount < 0 else "",
                    "",
                    "0000",
                    "6",
                    entry.pair.reference if entry.pair else "",
                    entry.date.year if entry.pair else "0000",
                    "true" if entry.pair and entry.amount < 0 else "false",
                    "true" if entry.pair and entry.amount > 0 else "false",
                )
            )


def _dynamics_rows(months: dict[str, list[Invoice]]) -> Iterable[Sequence[object]]:
    number = 48210
    for month, invoices in months.items():
        random = Random(f"dynamics rows {month}")
        for invoice, entry in _entered(invoices, "dynamics", month):
            number += random.randint(1, 2)
            entry.reference = f"VIN-{number:07}"
            order = f"PO-{random.randint(20000, 39999):06}" if random.random() < 0.7 else ""
            hold = "Yes" if random.random() < 0.03 else "No"
            yield (
                (
                    COMPANY,
                    entry.reference,
                    entry.number,
                    invoice.supplier.number,
                    invoice.supplier.number,
                    invoice.supplier.name,
                    entry.date,
                    entry.date,
                    entry.date + timedelta(days=30),
                    entry.currency,
                    entry.amount,
                    invoice.supplier.goods,
                    order,
                    "Net30",
                    "Yes",
                    hold,
                )
            )


def _planted_row(month: str, invoice: Invoice) -> Sequence[object]:
    supplier = invoice.supplier
    said = (" & ".join(entry.said() for entry in invoice.entries[system]) for system in SYSTEMS)
    return (month, invoice.kind, invoice.key, supplier.number, supplier.name, invoice.number, invoice.deviating, *said)


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.getvalue().encode())


def main() -> None:
    """Writes into Contoso's own folder, or into --into."""
    parser = argparse.ArgumentParser(description="Write Contoso's ledgers, register and planted differences.")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    for name, rows in generate(parser.parse_args().into).items():
        sys.stdout.write(f"{name}: {rows} rows\n")


if __name__ == "__main__":
    main()
