"""The committed data against an independent reading of it: planted.csv is the truth that other tests rely on."""

import csv
import shutil
from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.contoso.generate import PLANTED, REGISTER, generate
from connectors.sandbox.contoso.invoices import natural_key

SYSTEMS = ("sap", "dynamics", "register")
Said = tuple[str, str, Decimal, date]  # reference, currency, amount, date
Ledger = dict[str, dict[str, dict[str, list[Said]]]]  # month -> key -> system -> entries


def rows(name: str) -> list[dict[str, str]]:
    with (CONTOSO / name).open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    found: Ledger = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows("sap/A_SupplierInvoice.csv"):
        key = natural_key(row["InvoicingParty"], row["SupplierInvoiceIDByInvcgParty"])
        said = (
            row["SupplierInvoice"],
            row["DocumentCurrency"],
            Decimal(row["InvoiceGrossAmount"]) * (-1 if row["SupplierInvoiceIsCreditMemo"] == "X" else 1),
            row["DocumentDate"],
        )
        found[row["DocumentDate"][:7]][key]["sap"].append((*said[:3], date.fromisoformat(said[3])))
    for row in rows("dynamics/VendorInvoiceHeaders.csv"):
        key = natural_key(row["InvoiceAccount"], row["InvoiceNumber"])
        day = date.fromisoformat(row["InvoiceDate"])
        said_there = (row["HeaderReference"], row["Currency"], Decimal(row["ImportedAmount"]), day)
        found[row["InvoiceDate"][:7]][key]["dynamics"].append(said_there)
    for sheet in openpyxl.load_workbook(CONTOSO / REGISTER).worksheets:
        for number, cells in enumerate(sheet.iter_rows(min_row=2, values_only=True), start=2):
            invoice, _, supplier, day, currency, amount = cells[:6]
            assert isinstance(day, datetime)
            assert day.strftime("%Y-%m") == sheet.title
            key = natural_key(str(supplier), str(invoice))
            exact = Decimal(str(amount).replace(",", ""))
            found[sheet.title][key]["register"].append((f"{sheet.title}!{number}", str(currency), exact, day.date()))
    return found


def netted(entries: list[Said]) -> list[Said]:
    """Without an entry and the one that takes it back."""
    left: list[Said] = []
    for entry in entries:
        back = next((other for other in left if other[2] == -entry[2]), None)
        if back:
            left.remove(back)
        else:
            left.append(entry)
    return left


def differences(ledger: Ledger) -> set[tuple[str, str, str]]:
    found = set()
    for month, keys in ledger.items():
        for key, read in keys.items():
            said = {system: left for system, entries in read.items() if (left := netted(entries))}
            if not said:
                continue
            everything = [entry for entries in said.values() for entry in entries]
            days = [entry[3] for entry in everything]
            if any(len(entries) > 1 for entries in said.values()):
                found.add((month, "duplicate", key))
            elif set(said) != set(SYSTEMS):
                found.add((month, "missing", key))
            elif len({entry[1] for entry in everything}) > 1:
                found.add((month, "currency", key))
            elif len({entry[2] for entry in everything}) > 1:
                found.add((month, "amount", key))
            elif (max(days) - min(days)).days > 3:
                found.add((month, "date", key))
    return found


def test_the_planted_discrepancies_are_exactly_those_in_the_data(ledger: Ledger) -> None:
    planted = {(row["month"], row["kind"], row["key"]) for row in rows("planted.csv")}
    assert differences(ledger) == planted
    assert Counter(month for month, _, _ in planted) == {"2026-08": 12, "2026-09": 12, "2026-10": 20}
    assert {kind for month, kind, _ in planted if month == "2026-10"} == {
        "missing", "amount", "currency", "date", "duplicate"
    }  # fmt: skip


def test_planted_rows_say_what_each_system_says(ledger: Ledger) -> None:
    for row in rows("planted.csv"):
        said = ledger[row["month"]][row["key"]]
        for system in SYSTEMS:
            lines = [line for line in row[system].split(" & ") if line]
            assert len(lines) == len(said.get(system, []))
            for line in lines:
                reference, currency = line.split(" [")[0], line.split()[-2]
                found = next(entry for entry in said[system] if entry[0] == reference)
                assert (currency, Decimal(line.split()[-1])) == (found[1], found[2])
        assert row["systems"] in SYSTEMS


def test_every_month_has_300_to_500_invoices_in_each_system(ledger: Ledger) -> None:
    for keys in ledger.values():
        for system in SYSTEMS:
            assert 300 <= sum(len(said.get(system, [])) for said in keys.values()) <= 500


def test_credit_memos_and_reversals_are_there_and_name_each_other() -> None:
    documents = {row["SupplierInvoice"]: row for row in rows("sap/A_SupplierInvoice.csv")}
    memos = [row for row in documents.values() if row["SupplierInvoiceIsCreditMemo"] and not row["ReverseDocument"]]
    reversals = [row for row in documents.values() if row["IsReversal"] == "true"]
    assert len(memos) >= 18
    assert len(reversals) >= 12
    for row in reversals:
        taken = documents[row["ReverseDocument"]]
        assert taken["ReverseDocument"] == row["SupplierInvoice"]
        assert int(taken["SupplierInvoice"]) < int(row["SupplierInvoice"])
        assert (taken["IsReversed"], taken["InvoiceGrossAmount"]) == ("true", row["InvoiceGrossAmount"])
        assert row["SupplierInvoiceIsCreditMemo"] == "X"


def test_near_misses_are_there(ledger: Ledger) -> None:
    shifted = 0
    for keys in ledger.values():
        for said in keys.values():
            days = {entry[3] for entries in said.values() for entry in entries}
            shifted += len(days) > 1 and (max(days) - min(days)).days <= 3
    assert shifted > 50
    sheet = openpyxl.load_workbook(CONTOSO / REGISTER)["2026-10"]
    cells = list(sheet.iter_rows(min_row=2, values_only=True))
    assert sum(isinstance(row[5], str) and "," in row[5] for row in cells) > 5
    assert sum(isinstance(row[0], int) for row in cells) > 0
    assert sum(isinstance(row[2], str) for row in cells) > 50


def test_invoice_numbers_fit_into_sap() -> None:
    for row in rows("sap/A_SupplierInvoice.csv"):
        assert len(row["SupplierInvoiceIDByInvcgParty"]) <= 16
        assert row["SupplierInvoiceIDByInvcgParty"] == row["SupplierInvoiceIDByInvcgParty"].upper()
        assert len(row["InvoicingParty"]) == 10
        assert row["PostingDate"][:7] == row["DocumentDate"][:7]


def test_the_generator_gives_the_committed_bytes_again(tmp_path: Path) -> None:
    generate(tmp_path)
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 8
    for file in written:
        assert (tmp_path / file).read_bytes() == (CONTOSO / file).read_bytes(), str(file)
    shutil.rmtree(tmp_path)


def test_the_plan_of_differences_covers_every_system() -> None:
    for month, plan in PLANTED.items():
        missing = {system for kind, system in plan if kind == "missing"}
        assert missing == set(SYSTEMS), month
