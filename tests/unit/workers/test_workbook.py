"""`report.workbook` makes a workbook that an accountant can use, and that says exactly what was found."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from orchestration.core.question import Answered
from orchestration.core.run import Person
from orchestration.errors import Invalid
from orchestration.workers import ledger_sheets
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, Reconciliation, compare
from orchestration.workers.workbook import RunFacts, WorkbookInput, make

MEGAN = Person("m", "Megan Bowen", "megan.bowen@contoso.example")
ALEX = Person("a", "Alex Wilber", "alex.wilber@contoso.example")
RUN = RunFacts(id="run-7", goal="Reconcile October", initiator=MEGAN, date=date(2026, 11, 22))


def build(result: Reconciliation, decisions: Answered | None = None, **more: Any) -> Any:
    given: dict[str, Any] = {
        "title": "Supplier invoice reconciliation",
        "name": "Supplier invoices 2026-10.xlsx",
        "run": RUN,
    }
    made = make(WorkbookInput(reconciliation=result, decisions=decisions, **{**given, **more}))
    return openpyxl.load_workbook(io.BytesIO(made.content))


def answered(result: Reconciliation, choice: str, **more: Any) -> Answered:
    return Answered(
        choice="answer",
        by=ALEX,
        at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        choices={each.id: choice for each in result.discrepancies},
        **more,
    )


def table(sheet: Worksheet) -> list[dict[str, Any]]:
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def facts(sheet: Worksheet) -> dict[str, Any]:
    return {str(row[0].value): row[1].value for row in sheet.iter_rows() if row[0].value}


def one(**changed: Any) -> Reconciliation:
    fields: dict[str, Any] = {
        "supplier": "100234",
        "invoice": "INV-1",
        "amount": Decimal("1250.00"),
        "currency": "EUR",
        "date": date(2026, 10, 4),
        "supplier_name": "Northwind GmbH",
        "row": "SAP 5105/2026",
    }
    sap = Ledger(source="SAP", period="2026-10", entries=[Entry(**{**fields, **changed})])
    register = Ledger(
        source="Register",
        period="2026-10",
        entries=[Entry(**{**fields, "amount": Decimal("1520.00"), "row": "Register row 2"})],
    )
    return compare(ReconcileInput(ledgers={"sap": sap, "dynamics": None, "register": register}))


def test_the_workbook_holds_every_discrepancy_with_the_decision(
    contoso: Callable[[str], dict[str, Ledger | None]],
) -> None:
    result = compare(ReconcileInput(ledgers=contoso("2026-10")))
    exception = result.discrepancies[0].id
    decisions = answered(result, "sap", exceptions={exception: "sap"}, comment="Checked by phone")

    book = build(result, decisions)
    rows = table(book["Discrepancies"])

    assert book.sheetnames == ["Summary", "Discrepancies"]
    assert [(row["Supplier no."], row["Invoice"]) for row in rows] == [
        (each.supplier, each.invoice) for each in result.discrepancies
    ]
    assert {row["Decision"] for row in rows} == {"SAP is right"}
    assert [row["Decided"] for row in rows] == ["singly"] + ["by rule"] * (len(rows) - 1)
    assert {row["Comment"] for row in rows} == {"Checked by phone"}
    for row, each in zip(rows, result.discrepancies, strict=True):
        for system, name in (("sap", "SAP"), ("dynamics", "Dynamics"), ("register", "Register")):
            entries = each.entries[system]
            if not entries:
                assert row[f"{name} amount"] == ("reversed" if each.reversed else "missing")
                continue
            assert Decimal(str(row[f"{name} amount"])) == entries[0].amount
            assert row[f"{name} date"] == datetime.combine(entries[0].date, datetime.min.time())
            assert all(entry.row in row[f"{name} source row"] for entry in entries)


def test_the_summary_says_what_was_compared_and_who_decided(contoso: Callable[[str], dict[str, Ledger | None]]) -> None:
    ledgers = contoso("2026-10")
    result = compare(ReconcileInput(ledgers=ledgers))
    sheet = build(result, answered(result, "investigate", comment="See mail"))["Summary"]
    said = facts(sheet)

    assert sheet["A1"].value == "Supplier invoice reconciliation"
    assert sheet["A2"].value == f"October 2026 · {result.summary}"
    assert said["Decided by"] == "Alex Wilber (alex.wilber@contoso.example)"
    assert said["Decided at"] == "2026-11-22 09:30 UTC"
    assert said["On behalf of"] == "Megan Bowen (megan.bowen@contoso.example)"
    assert said["Run"] == "run-7"
    assert said["Comment"] == "See mail"
    assert said["Investigate"] == len(result.discrepancies)
    header = [cell.value for cell in sheet[4] if cell.value]
    sap = dict(zip(header, (cell.value for cell in sheet[5]), strict=False))
    assert sap["System"] == "SAP"
    assert ledgers["sap"] is not None
    euros = sum(entry.amount for entry in ledgers["sap"].entries if entry.currency == "EUR")
    assert Decimal(str(sap["Total EUR"])) == euros


def test_the_table_is_ready_to_work_with() -> None:
    sheet = build(one())["Discrepancies"]
    assert sheet.freeze_panes == "F2"
    assert sheet.auto_filter.ref == "A1:R2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet["F2"].number_format == "#,##0.00"
    assert sheet["H2"].number_format == "yyyy-mm-dd"
    assert sheet.column_dimensions["C"].width > 20


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        '=HYPERLINK("http://x","y")',
        "\t=1",
        "＝1+1",
        "-2+3+cmd|' /C calc'!A0",
        " =1",
        "https://example.com",
    ],
)
def test_text_never_becomes_a_formula_or_a_link(text: str) -> None:
    result = one(supplier_name=text, invoice=f"{text} INV-1", row=text)
    book = build(
        result,
        answered(result, "sap", comment=text),
        title=text,
        run=RunFacts(id="r", goal=text, initiator=MEGAN, date=RUN.date),
    )
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    holding = [cell for cell in cells if isinstance(cell.value, str) and text.strip() in cell.value]
    assert len(holding) >= 5
    assert {cell.data_type for cell in holding} == {"s"}
    assert all(cell.hyperlink is None for cell in cells)
    assert all(cell.quotePrefix for cell in holding if cell.value.startswith(("=", "+", "-", "@")))


def test_yen_have_no_decimals_in_the_sheet() -> None:
    sheet = build(one(currency="JPY", amount=Decimal("806329.00")))["Discrepancies"]
    assert (sheet["F2"].value, sheet["F2"].number_format) == (806329, "#,##0")


def test_an_amount_that_excel_cannot_hold_stays_exact_as_text() -> None:
    sheet = build(one(amount=Decimal("1234567890123456.78")))["Discrepancies"]
    assert sheet["F2"].value == "1234567890123456.78"


def test_a_date_before_excels_calendar_stays_readable() -> None:
    assert build(one(date=date(1899, 12, 31)))["Discrepancies"]["H2"].value == "1899-12-31"


def test_a_choice_of_a_system_that_was_left_out_is_to_be_investigated() -> None:
    result = one()
    row = table(build(result, answered(result, "dynamics"))["Discrepancies"])[0]
    assert row["Decision"] == "Investigate: Dynamics was chosen, but was left out"
    assert facts(build(result)["Summary"])["Left out"] == "Dynamics"


def test_where_rows_come_from_is_said_if_not_from_the_system_itself() -> None:
    result = one()
    figures = result.figures
    old = [
        msgspec.structs.replace(each, note="from last night's export, 14 hours old" if each.system == "sap" else "")
        for each in figures.systems
    ]
    changed = msgspec.structs.replace(result, figures=msgspec.structs.replace(figures, systems=old))
    assert facts(build(changed)["Summary"])["SAP"] == "Read from last night's export, 14 hours old."


def test_no_discrepancy_is_said_in_words() -> None:
    result = one(amount=Decimal("1520.00"))
    book = build(result)
    assert book["Discrepancies"]["A2"].value == "There are no discrepancies."
    assert facts(book["Summary"])["Decided by"] == "nobody: there was nothing to decide"


def test_the_same_arguments_give_the_same_bytes() -> None:
    arguments = WorkbookInput(title="T", name="a.xlsx", reconciliation=one(), decisions=None, run=RUN)
    first = make(arguments)
    assert first == make(arguments)
    assert first.size_bytes == len(first.content)
    assert zipfile.ZipFile(io.BytesIO(first.content)).testzip() is None


@pytest.mark.parametrize("name", ["a.xls", "a/b.xlsx", " a.xlsx", ".xlsx", "a:b.xlsx", "a\n.xlsx", "x" * 300 + ".xlsx"])
def test_a_file_name_that_sharepoint_refuses_is_refused_at_once(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be"):
        make(WorkbookInput(title="T", name=name, reconciliation=one(), decisions=None, run=RUN))


def test_control_characters_do_not_break_the_file() -> None:
    result = one(supplier_name="A\x00\x0b\x1fB\ufffe", row="r" * 40_000)
    sheet = build(result)["Discrepancies"]
    assert sheet["C2"].value.startswith("A B")
    assert len(sheet["I2"].value) <= 32_767


def test_every_system_has_a_sheet_of_its_rows_with_what_became_of_them(
    contoso: Callable[[str], dict[str, Ledger | None]],
) -> None:
    ledgers = contoso("2026-10")
    result = compare(ReconcileInput(ledgers=ledgers))
    book = build(result, ledgers=ledgers)
    assert book.sheetnames == ["Summary", "Discrepancies", "SAP", "Dynamics", "Register"]
    numbers = {each.id: number for number, each in enumerate(result.discrepancies, 1)}
    for system, name in (("sap", "SAP"), ("dynamics", "Dynamics"), ("register", "Register")):
        ledger = ledgers[system]
        assert ledger is not None
        rows = table(book[name])
        assert [Decimal(str(row["Amount"])) for row in rows] == [entry.amount for entry in ledger.entries]
        assert [row["Source row"] for row in rows] == [entry.row for entry in ledger.entries]
        found = {row["Source row"]: (row["No."], row["Result"]) for row in rows}
        kinds = result.terms.kinds()
        for each in result.discrepancies:
            for entry in each.entries[system]:
                assert found[entry.row] == (numbers[each.id], kinds[each.kind].capitalize())
        assert {entry.row for entry in result.reversed.get(system, [])} == {
            place for place, (_, said) in found.items() if said == "Reversed"
        }
        assert sum(said == "In order" for _, said in found.values()) > 380


def test_a_ledger_too_long_for_a_sheet_lists_only_what_is_not_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_sheets, "MOST_ROWS", 3)
    same = [_entry(f"A{number}", "1.00") for number in range(5)]
    ledgers: dict[str, Ledger | None] = {
        "sap": Ledger(source="SAP", period="2026-10", entries=[*same, _entry("B", "1.00")]),
        "register": Ledger(source="Register", period="2026-10", entries=[*same, _entry("B", "2.00")]),
    }
    book = build(compare(ReconcileInput(ledgers=ledgers)), ledgers=ledgers)
    said = [[cell for cell in row if cell] for row in book["SAP"].iter_rows(min_row=2, values_only=True)]
    assert said[0][:2] == ["Different amounts", 1]
    assert said[-1] == ["Only what differs or was reversed is listed here; SAP has 6 rows."]
    assert len([row for row in said if row]) == 2


def test_sheets_of_systems_get_names_that_excel_takes() -> None:
    names = ["Summary", "A/B: [old]*?" + "x" * 40, "History", "'"]
    ledgers: dict[str, Ledger | None] = {
        f"s{place}": Ledger(source=name, period="2026-10", entries=[]) for place, name in enumerate(names)
    }
    book = build(compare(ReconcileInput(ledgers=ledgers)), ledgers=ledgers)
    made = book.sheetnames[2:]
    assert made[0] == "Summary (2)"
    assert made[1].startswith("A B old x")
    assert len(made[1]) <= 31
    assert made[2:] == ["History (2)", "System"]
    assert book[made[0]]["A2"].value == "Summary has no invoices."


def test_the_chart_shows_the_discrepancies_by_kind() -> None:
    made = make(
        WorkbookInput(
            reconciliation=one(), decisions=None, title="T", name="Supplier invoices.xlsx", run=RUN, ledgers={}
        )
    )
    summary = openpyxl.load_workbook(io.BytesIO(made.content))["Summary"]
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()
    ranges = re.findall(r"<c:f>Summary!\$([A-Z])\$(\d+):\$[A-Z]\$(\d+)</c:f>", chart)
    (label, first, last), (value, *same) = ranges
    assert same == [first, last]
    shown = {summary[f"{label}{row}"].value: summary[f"{value}{row}"].value for row in range(int(first), int(last) + 1)}
    assert shown == {
        "Missing in a system": 0,
        "Different amounts": 1,
        "Different currencies": 0,
        "Different dates": 0,
        "Booked twice": 0,
    }


def test_without_discrepancies_there_is_no_chart() -> None:
    ledgers: dict[str, Ledger | None] = {
        name: Ledger(source=name, period="2026-10", entries=[_entry("A", "1.00")]) for name in ("one", "two")
    }
    made = make(
        WorkbookInput(
            reconciliation=compare(ReconcileInput(ledgers=ledgers)), decisions=None, title="T", name="T.xlsx", run=RUN
        )
    )
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert not [name for name in archive.namelist() if "chart" in name]


def _entry(invoice: str, amount: str) -> Entry:
    return Entry(
        supplier="1",
        invoice=invoice,
        amount=Decimal(amount),
        currency="EUR",
        date=date(2026, 10, 4),
        row=f"row {invoice} {amount}",
    )
