"""Reads one sheet of an Excel workbook, as a ledger or as texts, or names every cell that stands in the way."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import openpyxl
from openpyxl.utils import get_column_letter

from connectors.graph.cells import Cell, Unreadable, amount, currency, day, identifier, is_blank
from connectors.http import clipped
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.ledger import Entry

LARGEST_BYTES = 50_000_000
LARGEST_UNPACKED_BYTES = 500_000_000
MOST_ROWS = 200_000
HEADER_WITHIN_ROWS = 20
NAMED_PROBLEMS = 5

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which header stands over which field of an invoice or another document, as the sheet writes it.

    Attributes:
        supplier: Supplier number.
        invoice: The supplier's own number of the document: of the invoice, of the delivery note.
        amount: Gross amount, quantity.
        date: Document date.
        currency: ISO 4217 code, or the unit as a code of three letters; empty if the sheet has no such column.
        supplier_name: Empty if the sheet has no such column.
        note: Whatever people noted beside a row; empty if the sheet has no such column.
    """

    supplier: str
    invoice: str
    amount: str
    date: str
    currency: str = ""
    supplier_name: str = ""
    note: str = ""


_PARSERS: dict[str, Callable[[Cell], Any]] = {
    "supplier": identifier,
    "invoice": identifier,
    "currency": currency,
    "date": day,
}
_FREE = ("supplier_name", "note")


def entries(content: bytes, file: str, sheet: str, columns: Columns, unit: str = "") -> list[Entry]:
    """The invoices of a sheet, in its order. CPU work: call it in a thread.

    Args:
        content: The workbook, `.xlsx`.
        file: Its name, for messages and for each entry's `row`.
        sheet: Name of the sheet.
        columns: Its headers.
        unit: What every amount is counted in, where no column says.

    Raises:
        NotFound: There is no such sheet; the message names those there are.
        InvalidContent: It is no workbook, a header is missing, or cells are wrong: up to five are named.
    """
    book = _open(content, file)
    try:
        return _read(_rows(_sheet(book, file, sheet), file), file, sheet, columns, unit)
    finally:
        book.close()


def texts(content: bytes, file: str, sheet: str, columns: dict[str, str]) -> list[dict[str, str]]:
    """The rows of a sheet as texts by field, in its order; cells that are empty are left out, and so are blank rows.

    Args:
        content: The workbook, `.xlsx`.
        file: Its name, for messages.
        sheet: Name of the sheet.
        columns: Field => header.

    Raises:
        NotFound, InvalidContent: As `entries` says.
    """
    book = _open(content, file)
    try:
        numbered = enumerate(_rows(_sheet(book, file, sheet), file), start=1)
        head = list(itertools.islice(numbered, HEADER_WITHIN_ROWS))
        header, places = _header(head, file, sheet, columns)
        found = []
        for number, row in itertools.chain(head[header:], numbered):
            _bounded(number, file, sheet)
            cells = {name: row[place] for name, place in places.items() if place < len(row)}
            if said := {name: str(value).strip() for name, value in cells.items() if not is_blank(value)}:
                found.append(said)
        return found
    finally:
        book.close()


def _rows(sheet: Any, file: str) -> Iterator[tuple[Cell, ...]]:
    try:
        yield from sheet.iter_rows(max_row=MOST_ROWS + 1, values_only=True)
    except Exception as error:  # openpyxl raises whatever it stumbles over in a damaged file
        raise _damaged(file) from error


def _open(content: bytes, file: str) -> openpyxl.Workbook:
    if len(content) > LARGEST_BYTES:
        raise InvalidContent(f"{file} is too large ({len(content) // 1_000_000} MB): Tandem reads up to 50 MB.")
    if content.startswith(_OLD_OFFICE):
        if _ENCRYPTED in content:
            raise InvalidContent(f"{file} is protected with a password. Save it without one, then try again.")
        raise InvalidContent(f"{file} is a workbook of old Excel (.xls). Save it as .xlsx, then try again.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise InvalidContent(f"{file} is not an Excel workbook (.xlsx).") from None
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise InvalidContent(f"{file} is not an Excel workbook (.xlsx).")
    if sum(part.file_size for part in parts) > LARGEST_UNPACKED_BYTES:
        raise InvalidContent(f"{file} is too large once unpacked: Tandem reads up to 500 MB.")
    try:
        # Read-only streams the rows; data_only gives the results of formulas, as people see them.
        return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # as in `_rows`
        raise _damaged(file) from error


def _damaged(file: str) -> InvalidContent:
    return InvalidContent(f"{file} cannot be read: it is damaged. Open and save it in Excel, then try again.")


def _sheet(book: openpyxl.Workbook, file: str, name: str) -> Any:
    for sheet in book.worksheets:
        if sheet.title.strip().casefold() == name.strip().casefold():
            # Some programs write a wrong size into the file, and openpyxl would stop there.
            sheet.reset_dimensions()
            return sheet
    there = ", ".join(clipped(title, 40) for title in book.sheetnames[-12:])
    without = ", so it has no data for that month" if re.fullmatch(r"\d{4}-\d{2}", name) else ""
    raise NotFound(f"{file} has no sheet {clipped(name, 40)}{without}. Its sheets are: {there}.")


def _bounded(number: int, file: str, sheet: str) -> None:
    if number > MOST_ROWS:
        raise InvalidContent(f"{file}, sheet {sheet} has more than {MOST_ROWS:,} rows: Tandem does not read that many.")


def _read(rows: Iterable[tuple[Cell, ...]], file: str, sheet: str, columns: Columns, unit: str) -> list[Entry]:
    numbered = enumerate(rows, start=1)
    head = list(itertools.islice(numbered, HEADER_WITHIN_ROWS))
    header, places = _header(head, file, sheet, msgspec.structs.asdict(columns))
    found: list[Entry] = []
    problems: list[str] = []
    for number, row in itertools.chain(head[header:], numbered):
        _bounded(number, file, sheet)
        cells = {name: row[place] if place < len(row) else None for name, place in places.items()}
        if all(is_blank(value) for value in cells.values()):
            continue
        entry = _entry(cells, places, number, problems, unit, row_name=f"{file}, {sheet}, row {number}")
        if entry:
            found.append(entry)
    if problems:
        more = len(problems) - NAMED_PROBLEMS
        named = "; ".join(problems[:NAMED_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        them = "them" if len(problems) > 1 else "it"
        raise InvalidContent(f"{file}, sheet {sheet}, {named}. Correct {them} in the file, then try again.")
    return found


def _header(
    head: list[tuple[int, tuple[Cell, ...]]], file: str, sheet: str, columns: dict[str, str]
) -> tuple[int, dict[str, int]]:
    """How many rows the header ends, and where each field's column is (counted from 0)."""
    wanted = {name: header for name, header in columns.items() if header.strip()}
    best: tuple[int, int, list[str]] = (-1, 0, [])
    for index, (_, row) in enumerate(head, start=1):
        titles = [_title(value) for value in row]
        hits = sum(_title(header) in titles for header in wanted.values())
        if hits > best[0] and any(titles):
            best = (hits, index, titles)
    _, index, titles = best
    missing = [header for header in wanted.values() if _title(header) not in titles]
    if missing:
        there = ", ".join(
            clipped(str(value).strip(), 40) for value in (head[index - 1][1] if index else ()) if not is_blank(value)
        )
        one = len(missing) == 1
        raise InvalidContent(
            f"{file}, sheet {sheet} has no column{'' if one else 's'} {', '.join(missing)}. "
            + (f"Its columns are: {there}." if there else "The sheet is empty.")
        )
    twice = [header for header in wanted.values() if titles.count(_title(header)) > 1]
    if twice:
        raise InvalidContent(f"{file}, sheet {sheet} has several columns {', '.join(twice)}: rename all but one.")
    return index, {name: titles.index(_title(header)) for name, header in wanted.items()}


def _title(value: Cell) -> str:
    return " ".join(str(value).split()).casefold() if value is not None else ""


def _entry(
    cells: dict[str, Cell], places: dict[str, int], number: int, problems: list[str], unit: str, *, row_name: str
) -> Entry | None:
    values: dict[str, Any] = {} if "currency" in places else {"currency": unit}
    # The amount comes last: the currency says how to read it.
    for name in (*_PARSERS, "amount"):
        if name not in places:
            continue
        cell = f"cell {get_column_letter(places[name] + 1)}{number}"
        if is_blank(cells[name]):
            problems.append(f"{cell}: {name} is empty")
            continue
        try:
            parse = _PARSERS.get(name)
            values[name] = parse(cells[name]) if parse else amount(cells[name], values.get("currency", ""))
        except Unreadable as error:
            problems.append(f"{cell}: {name} {error}")
    if len(values) <= len(_PARSERS):
        return None
    free: dict[str, Any] = {name: "" if is_blank(value := cells.get(name)) else clipped(str(value)) for name in _FREE}
    return Entry(**values, **free, row=row_name)
