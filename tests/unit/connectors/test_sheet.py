"""A sheet becomes a ledger, or every obstacle is named with file, sheet and cell."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from decimal import Decimal

import msgspec
import openpyxl
import pytest

from connectors.graph.sheet import Columns, entries, texts
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.ledger import Entry

HEADER = ["Invoice no.", "Supplier", "Supplier no.", "Invoice date", "Currency", "Gross amount"]
ROW = ["INV-1", "Northwind GmbH", "0000100234", date(2026, 10, 4), "EUR", 1250.5]
COLUMNS = Columns(
    supplier="Supplier no.",
    invoice="Invoice no.",
    amount="Gross amount",
    currency="Currency",
    date="Invoice date",
    supplier_name="Supplier",
)


def book(*rows: list[object], sheet: str = "2026-10", more: tuple[str, ...] = ()) -> bytes:
    made = openpyxl.Workbook()
    first = made.active
    assert first is not None
    first.title = sheet
    for row in rows:
        first.append(row)
    for name in more:
        made.create_sheet(name)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def read(content: bytes, sheet: str = "2026-10", columns: Columns = COLUMNS) -> list[Entry]:
    return entries(content, "Register.xlsx", sheet, columns)


def test_each_row_is_an_entry_that_says_where_it_stands() -> None:
    assert read(book(HEADER, ROW, ["inv 2", "Adatum", 100300, "05.10.2026", "usd", "1.250,00"])) == [
        Entry(
            supplier="0000100234",
            invoice="INV-1",
            amount=Decimal("1250.50"),
            currency="EUR",
            date=date(2026, 10, 4),
            supplier_name="Northwind GmbH",
            row="Register.xlsx, 2026-10, row 2",
        ),
        Entry(
            supplier="100300",
            invoice="inv 2",
            amount=Decimal("1250.00"),
            currency="USD",
            date=date(2026, 10, 5),
            supplier_name="Adatum",
            row="Register.xlsx, 2026-10, row 3",
        ),
    ]


def test_titles_above_the_header_and_blank_rows_are_passed_over() -> None:
    found = read(
        book(["Register of October"], [], ["  invoice NO. ", *HEADER[1:], "Note"], ROW, [None] * 6, [" "], ROW)
    )
    assert [entry.row for entry in found] == [f"Register.xlsx, 2026-10, row {number}" for number in (4, 7)]


def test_a_sheet_with_nothing_but_a_header_has_no_entries() -> None:
    assert read(book(HEADER)) == []


def test_columns_may_stand_in_any_order_and_a_name_is_optional() -> None:
    columns = Columns(supplier="S", invoice="I", amount="A", currency="C", date="D")
    found = read(
        book(["D", "A", "x", "C", "I", "S"], [date(2026, 10, 1), 5, "note", "EUR", "I1", "S1"]), columns=columns
    )
    assert (found[0].supplier, found[0].invoice, found[0].supplier_name) == ("S1", "I1", "")


def test_a_missing_sheet_names_those_there_are() -> None:
    with pytest.raises(NotFound) as caught:
        read(book(HEADER, sheet="2026-09", more=("Notes",)))
    assert caught.value.message == (
        "Register.xlsx has no sheet 2026-10, so it has no data for that month. Its sheets are: 2026-09, Notes."
    )


def test_a_sheets_name_is_found_in_any_case() -> None:
    assert read(book(HEADER, ROW, sheet="October "), "october")


def test_missing_headers_are_named_with_those_there_are() -> None:
    with pytest.raises(InvalidContent) as caught:
        read(book(["Invoice no.", "Supplier", "Vendor", "Date", "Currency", "Gross amount"], ROW))
    assert caught.value.message == (
        "Register.xlsx, sheet 2026-10 has no columns Supplier no., Invoice date. "
        "Its columns are: Invoice no., Supplier, Vendor, Date, Currency, Gross amount."
    )


def test_an_empty_sheet_is_said_to_be_empty() -> None:
    with pytest.raises(InvalidContent, match="The sheet is empty"):
        read(book())


def test_a_header_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidContent, match=r"several columns Currency: rename"):
        read(book([*HEADER, "Currency"], [*ROW, "USD"]))


def test_every_wrong_cell_is_named_up_to_five() -> None:
    rows = [[f"I{n}", "x", "1", date(2026, 10, 1), "EUR", f"abc{n}"] for n in range(7)]
    with pytest.raises(InvalidContent) as caught:
        read(book(HEADER, *rows))
    message = caught.value.message
    assert message.startswith("Register.xlsx, sheet 2026-10, cell F2: amount 'abc0' is not a number; cell F3: amount")
    assert "'abc4'" in message
    assert "'abc5'" not in message
    assert "and 2 more" in message


def test_a_cell_of_each_kind_is_named() -> None:
    with pytest.raises(InvalidContent) as caught:
        read(book(HEADER, [None, "x", 1.5, "10/04/2026", "Euro", None]))
    for part in (
        "A2: invoice is empty",
        "C2: supplier '1.5'",
        "D2: date '10/04/2026' can be read",
        "E2: currency 'Euro'",
        "F2: amount is empty",
    ):
        assert part in caught.value.message


def test_a_formula_counts_with_its_result() -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "2026-10"
    sheet.append(HEADER)
    sheet.append([*ROW[:5], "=1000+250"])
    content = io.BytesIO()
    made.save(content)
    with pytest.raises(InvalidContent, match="F2: amount is empty"):  # openpyxl stored no result
        read(content.getvalue())


def test_what_is_no_workbook_is_said() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    for content in (b"", b"Invoice no.;Supplier", packed.getvalue()):
        with pytest.raises(InvalidContent, match=r"not an Excel workbook \(\.xlsx\)"):
            read(content)


def test_a_protected_workbook_asks_for_one_without_password() -> None:
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(InvalidContent, match="protected with a password"):
        read(locked)


def test_old_excel_asks_for_xlsx() -> None:
    with pytest.raises(InvalidContent, match=r"Save it as \.xlsx"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))


def test_a_damaged_workbook_is_said() -> None:
    good = book(HEADER, ROW)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(packed, "w") as target:
        for part in source.infolist():
            body = source.read(part)
            target.writestr(part, body[:200] if part.filename.startswith("xl/worksheets") else body)
    with pytest.raises(InvalidContent, match="damaged"):
        read(packed.getvalue())


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.graph.sheet.LARGEST_UNPACKED_BYTES", 1_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/big.xml", bytes(1_000_000))
    assert len(packed.getvalue()) < 10_000
    with pytest.raises(InvalidContent, match="too large once unpacked"):
        read(packed.getvalue())


def test_too_large_is_refused_before_it_is_opened() -> None:
    with pytest.raises(InvalidContent, match="51 MB"):
        read(bytes(51_000_000))


def test_one_currency_for_the_whole_sheet_needs_no_column() -> None:
    columns = msgspec.structs.replace(COLUMNS, currency="")
    (entry,) = entries(book(HEADER, ROW), "Register.xlsx", "2026-10", columns, "PCE")
    assert (entry.currency, entry.amount) == ("PCE", Decimal("1250.50"))


def test_a_note_beside_a_row_is_kept() -> None:
    columns = msgspec.structs.replace(COLUMNS, note="Note")
    rows = read(book([*HEADER, "Note"], [*ROW, " by\nmail "], ROW), columns=columns)
    assert [entry.note for entry in rows] == ["by mail", ""]


def test_rows_are_read_as_texts_by_field() -> None:
    content = book(
        ["Title"], [], ["Supplier no.", "Kind", "Decision"], [100234, " Booked twice ", None], [], [7, "x", "y"]
    )
    columns = {"supplier": "supplier NO.", "kind": "Kind", "decision": "Decision"}
    assert texts(content, "W.xlsx", "2026-10", columns) == [
        {"supplier": "100234", "kind": "Booked twice"},
        {"supplier": "7", "kind": "x", "decision": "y"},
    ]
    with pytest.raises(InvalidContent, match="has no column Decided"):
        texts(content, "W.xlsx", "2026-10", {**columns, "decision": "Decided"})
