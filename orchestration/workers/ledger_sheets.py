"""One sheet for each system: every row that was read, and what the comparison made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.workers.book import CELL, HEADER, MARKED, Book
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconciliation import Reconciliation, SystemFigures

MOST_ROWS = 20_000
_QUIET = {"font_color": "#7F7F7F"}


def ledger_sheets(book: Book, result: Reconciliation, ledgers: Mapping[str, Ledger | None]) -> None:
    """Write a sheet for each compared system whose ledger is given.

    A ledger of more than `MOST_ROWS` rows would make a workbook that nobody can open quickly: only its rows that are
    not simply in order are listed, and the sheet says so.
    """
    for system in result.figures.systems:
        ledger = ledgers.get(system.system)
        if ledger is not None:
            _sheet(book, result, system, ledger)


def _sheet(book: Book, result: Reconciliation, system: SystemFigures, ledger: Ledger) -> None:
    terms = result.terms
    columns: list[tuple[str, float]] = [
        ("Result", 24),
        ("No.", 6),
        ("Supplier", 30),
        ("Supplier no.", 13),
        (terms.document.capitalize(), 22),
        (terms.amount.capitalize(), 15),
        (terms.currency.capitalize(), 10),
        ("Date", 12),
        ("Note", 28),
        ("Source row", 44),
    ]
    sheet = book.sheet(system.name, landscape=True)
    for column, (header, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        book.text(sheet, 0, column, header, HEADER)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    outcome = _outcomes(result, system.system)
    entries = ledger.entries
    if len(entries) > MOST_ROWS:
        entries = [entry for entry in entries if entry in outcome]
    for row, entry in enumerate(entries, 1):
        said, number = outcome.get(entry, ("", 0))
        _row(book, sheet, row, entry, said, number)
    last = max(1, len(entries))
    sheet.autofilter(0, 0, last, len(columns) - 1)
    if not ledger.entries:
        book.text(sheet, 1, 0, f"{system.name} has no {terms.documents}.", {"italic": True})
    elif len(entries) < len(ledger.entries):
        note = f"Only what differs or was reversed is listed here; {system.name} has {len(ledger.entries):,} rows."
        book.text(sheet, last + 2, 0, note, {"italic": True})


def _outcomes(result: Reconciliation, system: str) -> dict[Entry, tuple[str, int]]:
    """Row => what became of it and its number on the sheet of discrepancies; rows that are in order are left out."""
    kinds = result.terms.kinds()
    found = dict.fromkeys(result.reversed.get(system, []), ("Reversed", 0))
    for number, each in enumerate(result.discrepancies, 1):
        found |= {entry: (kinds[each.kind].capitalize(), number) for entry in each.entries.get(system, [])}
    return found


def _row(book: Book, sheet: Any, row: int, entry: Entry, said: str, number: int) -> None:
    mark = MARKED if number else {}
    book.text(sheet, row, 0, said or "In order", CELL, mark, {} if said else _QUIET)
    if number:
        sheet.write_number(row, 1, number, book.format(CELL, mark))
    else:
        book.text(sheet, row, 1, "", CELL)
    for column, text in ((2, entry.supplier_name), (3, entry.supplier), (4, entry.invoice)):
        book.text(sheet, row, column, text, CELL)
    book.amount(sheet, row, 5, entry.amount, entry.currency, CELL)
    book.text(sheet, row, 6, entry.currency, CELL)
    book.day(sheet, row, 7, entry.date, CELL)
    book.text(sheet, row, 8, entry.note, CELL)
    book.text(sheet, row, 9, entry.row, CELL)
