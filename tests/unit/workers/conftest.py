"""Contoso's invoices as the connectors would read them, straight from the data files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import openpyxl
import pytest

import connectors.sandbox
from orchestration.workers.ledger import Entry, Ledger

FOLDER = Path(connectors.sandbox.__file__).parent / "contoso"

Ledgers = dict[str, Ledger | None]


class Planted(msgspec.Struct, frozen=True):
    month: str
    kind: str
    supplier: str
    invoice: str
    systems: frozenset[str]


@pytest.fixture(scope="session")
def planted() -> Callable[[str], list[Planted]]:
    """The truth: what was planted in a month."""

    def of(month: str) -> list[Planted]:
        return [
            Planted(
                row["month"],
                row["kind"],
                row["supplier_no"],
                row["invoice_no"],
                frozenset(re.findall(r"\w+", row["systems"])),
            )
            for row in _rows("planted.csv")
            if row["month"] == month
        ]

    return of


@pytest.fixture(scope="session")
def contoso() -> Callable[[str], Ledgers]:
    """Each system's invoices of a month."""

    def of(month: str) -> Ledgers:
        return {
            "sap": Ledger(source="SAP", period=month, entries=_sap(month)),
            "dynamics": Ledger(source="Dynamics", period=month, entries=_dynamics(month)),
            "register": Ledger(source="Register", period=month, entries=_register(month)),
        }

    return of


def _rows(path: str) -> list[dict[str, str]]:
    with (FOLDER / path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _sap(month: str) -> list[Entry]:
    return [
        Entry(
            supplier=row["InvoicingParty"],
            invoice=row["SupplierInvoiceIDByInvcgParty"],
            amount=Decimal(row["InvoiceGrossAmount"]) * (-1 if row["SupplierInvoiceIsCreditMemo"] else 1),
            currency=row["DocumentCurrency"],
            date=date.fromisoformat(row["DocumentDate"]),
            row=f"SAP {row['SupplierInvoice']}/{row['FiscalYear']}",
        )
        for row in _rows("sap/A_SupplierInvoice.csv")
        if row["DocumentDate"].startswith(month)
    ]


def _dynamics(month: str) -> list[Entry]:
    return [
        Entry(
            supplier=row["InvoiceAccount"],
            invoice=row["InvoiceNumber"],
            amount=Decimal(row["ImportedAmount"]),
            currency=row["Currency"],
            date=date.fromisoformat(row["InvoiceDate"]),
            supplier_name=row["VendorName"],
            row=f"Dynamics {row['HeaderReference']}",
        )
        for row in _rows("dynamics/VendorInvoiceHeaders.csv")
        if row["InvoiceDate"].startswith(month)
    ]


def _register(month: str) -> list[Entry]:
    file = FOLDER / "sharepoint/Finance/Documents/Accounts Payable/Supplier invoice register 2026.xlsx"
    book = openpyxl.load_workbook(file, read_only=True)
    header, *rows = [[cell.value for cell in row] for row in book[month].iter_rows()]
    book.close()
    entries = []
    for number, values in enumerate(rows, 2):
        row = dict(zip(header, values, strict=True))
        if not row["Invoice no."]:
            continue
        amount, day = row["Gross amount"], row["Invoice date"]
        entries.append(
            Entry(
                supplier=str(row["Supplier no."]),
                invoice=str(row["Invoice no."]),
                amount=Decimal(str(amount).replace(",", "")),
                currency=row["Currency"],
                date=day.date() if hasattr(day, "date") else date.fromisoformat(str(day)),
                supplier_name=row["Supplier"],
                row=f"{file.name}, {month}, row {number}",
            )
        )
    return entries
