"""The two sheets of the reconciliation workbook: what stands where, and how it looks.

Every text is written as text: nothing that came from a ledger, a person or a goal can become a formula or a link.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import xlsxwriter

from orchestration.core.question import Answered
from orchestration.workers.discrepancy import KINDS, Discrepancy, decimals, listed, money, one_line
from orchestration.workers.ledger import Entry
from orchestration.workers.reconcile import Reconciliation, shown_system

SUMMARY, DISCREPANCIES = "Summary", "Discrepancies"
_TEXT_LIMIT = 32_000  # a cell holds 32,767 characters
_EXACT_DIGITS = 15  # an Excel number does not keep more
_FIRST_DAY = date(1900, 3, 1)  # before it, Excel's calendar is wrong
_SIGNS = ("=", "+", "-", "@", "\t", "\r")

_HEADER = {
    "bold": True,
    "font_color": "#FFFFFF",
    "bg_color": "#1F3864",
    "valign": "vcenter",
    "text_wrap": True,
    "border": 1,
    "border_color": "#BFBFBF",
}
_CELL = {"valign": "top", "border": 1, "border_color": "#D9D9D9"}
_MARKED = {"bg_color": "#FFF2CC"}
_ABSENT = {"italic": True, "font_color": "#7F7F7F", "bg_color": "#FFF2CC"}


class Book:
    """A workbook being written; its bytes are in `content` when the block ends.

    Args:
        content: Receives the .xlsx.
        title: Document property.
        author: Document property.
        day: Recorded as the day it was made, so that the same content gives the same bytes.
    """

    def __init__(self, content: io.BytesIO, *, title: str, author: str, day: date) -> None:
        self._book: Any = xlsxwriter.Workbook(
            content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self._book.set_properties(
            {"title": title, "author": one_line(author), "created": datetime.combine(day, time(), UTC)}
        )
        self._names: list[str] = []
        self._formats: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def names(self) -> list[str]:
        """The sheets, in order."""
        return list(self._names)

    def sheet(self, name: str, *, landscape: bool = False) -> Any:
        """A new sheet, set up to be printed one page wide."""
        sheet = self._book.add_worksheet(name)
        self._names.append(name)
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&F · &A&RPage &P of &N")
        if landscape:
            sheet.set_landscape()
        return sheet

    def format(self, *parts: dict[str, Any]) -> Any:
        """A cell format, each kind of which the file holds once."""
        merged = {key: value for part in parts for key, value in part.items()}
        name = repr(sorted(merged.items()))
        if name not in self._formats:
            self._formats[name] = self._book.add_format(merged)
        return self._formats[name]

    def text(self, sheet: Any, row: int, column: int, value: str, *formats: dict[str, Any]) -> None:
        """Text that stays text, also when somebody edits the cell later."""
        value = one_line(value, _TEXT_LIMIT)
        quoted = {"quote_prefix": True} if value.startswith(_SIGNS) else {}
        sheet.write_string(row, column, value, self.format(*formats, quoted))

    def amount(
        self, sheet: Any, row: int, column: int, value: Decimal, currency: str, *formats: dict[str, Any]
    ) -> None:
        """A number with as many decimals as it has; text where Excel could not keep it exactly."""
        places = decimals(value, currency)
        if len(value.normalize().as_tuple().digits) > _EXACT_DIGITS:
            self.text(sheet, row, column, f"{value:f}", *formats, {"align": "right"})
        else:
            shown = "#,##0" + ("." + "0" * places if places else "")
            sheet.write_number(row, column, float(value), self.format(*formats, {"num_format": shown}))

    def day(self, sheet: Any, row: int, column: int, value: date, *formats: dict[str, Any]) -> None:
        """A date, written the same in every country."""
        if value < _FIRST_DAY:
            self.text(sheet, row, column, value.isoformat(), *formats)
        else:
            moment = datetime.combine(value, time())
            sheet.write_datetime(
                row, column, moment, self.format(*formats, {"num_format": "yyyy-mm-dd", "align": "left"})
            )


def summary_sheet(
    book: Book,
    title: str,
    result: Reconciliation,
    decisions: Answered | None,
    decided: dict[str, str],
    origin: list[tuple[str, str]],
) -> None:
    """Write the first sheet: period, systems with totals, differences by kind, who decided, where it comes from."""
    sheet = book.sheet(SUMMARY, landscape=True)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 12, 17)
    book.text(sheet, 0, 0, title, {"bold": True, "font_size": 16, "font_color": "#1F3864"})
    book.text(sheet, 1, 0, f"{result.period_title} · {result.summary}", {"font_size": 12, "font_color": "#595959"})
    row = _systems(book, sheet, 3, result)
    row = _counts(
        book,
        sheet,
        row + 1,
        "Result",
        [
            ("Invoices in all systems together", result.figures.invoices),
            ("All systems agree", result.figures.matched),
            ("Discrepancies", len(result.discrepancies)),
        ],
    )
    row = _counts(
        book,
        sheet,
        row + 1,
        "Discrepancies by kind",
        [(KINDS[kind].capitalize(), count) for kind, count in result.figures.by_kind.items()],
    )
    if decided:
        tally: dict[str, int] = {}
        for decision in decided.values():
            tally[decision] = tally.get(decision, 0) + 1
        row = _counts(book, sheet, row + 1, "Decisions", sorted(tally.items(), key=lambda each: (-each[1], each[0])))
    facts = [*_decision_facts(result, decisions), *origin, *_rules(result)]
    row = _heading(book, sheet, row + 1, "About this reconciliation")
    for label, value in facts:
        book.text(sheet, row, 0, label, {"font_color": "#595959", "valign": "top"})
        book.text(sheet, row, 1, value)
        row += 1


def _systems(book: Book, sheet: Any, row: int, result: Reconciliation) -> int:
    currencies = sorted({currency for system in result.figures.systems for currency in system.totals})
    for column, header in enumerate(("System", "Invoices", *(f"Total {currency}" for currency in currencies))):
        book.text(sheet, row, column, header, _HEADER, {"align": "right"} if column else {})
    for system in result.figures.systems:
        row += 1
        book.text(sheet, row, 0, system.name, _CELL)
        sheet.write_number(row, 1, system.entries, book.format(_CELL, {"num_format": "#,##0"}))
        for column, currency in enumerate(currencies, 2):
            book.amount(sheet, row, column, system.totals.get(currency, Decimal(0)), currency, _CELL)
    return row + 1


def _heading(book: Book, sheet: Any, row: int, text: str) -> int:
    book.text(sheet, row, 0, text, {"bold": True, "font_size": 12, "font_color": "#1F3864"})
    return row + 1


def _counts(book: Book, sheet: Any, row: int, heading: str, counts: list[tuple[str, int]]) -> int:
    row = _heading(book, sheet, row, heading)
    for label, count in counts:
        book.text(sheet, row, 0, label, _CELL, {"text_wrap": True})
        sheet.write_number(row, 1, count, book.format(_CELL, {"num_format": "#,##0"}))
        row += 1
    return row


def _decision_facts(result: Reconciliation, decisions: Answered | None) -> list[tuple[str, str]]:
    if decisions is None:
        return [("Decided by", "nobody: there was nothing to decide" if not result.discrepancies else "nobody yet")]
    facts = [
        ("Decided by", f"{decisions.by.name} ({decisions.by.upn})" if decisions.by.upn else decisions.by.name),
        ("Decided at", f"{decisions.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
    ]
    return [*facts, ("Comment", decisions.comment)] if decisions.comment else facts


def _rules(result: Reconciliation) -> list[tuple[str, str]]:
    days = f"{result.tolerance_days} day{'' if result.tolerance_days == 1 else 's'}"
    rules = [("Tolerances", f"dates {days}, amounts {result.tolerance_amount:f}")]
    if result.left_out:
        rules.insert(0, ("Left out", listed(map(shown_system, result.left_out))))
    return [*rules, ("Compared by", "supplier number and supplier's invoice number, letters and digits only")]


def discrepancies_sheet(
    book: Book, result: Reconciliation, decisions: Answered | None, decided: dict[str, str]
) -> None:
    """Write the second sheet: one row for each discrepancy, each system's four columns side by side."""
    sheet = book.sheet(DISCREPANCIES, landscape=True)
    columns: list[tuple[str, float]] = [
        ("No.", 6),
        ("Kind", 22),
        ("Supplier", 30),
        ("Supplier no.", 13),
        ("Invoice", 20),
    ]
    for system in result.figures.systems:
        columns += [
            (f"{system.name} amount", 15),
            (f"{system.name} currency", 10),
            (f"{system.name} date", 12),
            (f"{system.name} source row", 34),
        ]
    columns += [("Difference", 14), ("Decision", 24), ("Decided", 14), ("Comment", 30)]
    for column, (header, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        book.text(sheet, 0, column, header, _HEADER)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 5)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(1, len(result.discrepancies)), len(columns) - 1)
    for row, each in enumerate(result.discrepancies, 1):
        _discrepancy(book, sheet, row, each, result.compared)
        last = len(columns)
        _difference(book, sheet, row, last - 4, each)
        book.text(sheet, row, last - 3, decided.get(each.id, ""), _CELL, {"text_wrap": True})
        how = "" if decisions is None else "singly" if each.id in decisions.exceptions else "by rule"
        book.text(sheet, row, last - 2, how if each.id in decided else "", _CELL)
        book.text(sheet, row, last - 1, decisions.comment if decisions else "", _CELL, {"text_wrap": True})
    if not result.discrepancies:
        book.text(sheet, 1, 0, "There are no discrepancies.", {"italic": True})


def _discrepancy(book: Book, sheet: Any, row: int, each: Discrepancy, systems: list[str]) -> None:
    sheet.write_number(row, 0, row, book.format(_CELL))
    for column, text in enumerate((KINDS[each.kind].capitalize(), each.supplier_name, each.supplier, each.invoice), 1):
        book.text(sheet, row, column, text, _CELL)
    for index, system in enumerate(systems):
        column = 5 + 4 * index
        entries = each.entries.get(system, [])
        if not entries:
            book.text(sheet, row, column, "missing", _CELL, _ABSENT)
            for further in range(1, 4):
                book.text(sheet, row, column + further, "", _CELL, _MARKED)
            continue
        first = entries[0]
        book.amount(sheet, row, column, first.amount, first.currency, _CELL, _MARKED if each.kind == "amount" else {})
        book.text(sheet, row, column + 1, first.currency, _CELL, _MARKED if each.kind == "currency" else {})
        book.day(sheet, row, column + 2, first.date, _CELL, _MARKED if each.kind == "date" else {})
        book.text(
            sheet, row, column + 3, _rows(entries), _CELL, {"text_wrap": True}, _MARKED if len(entries) > 1 else {}
        )


def _rows(entries: list[Entry]) -> str:
    """Where the entries stand; with more than one, what each says."""
    if len(entries) == 1:
        return entries[0].row
    return "; ".join(
        f"{entry.row} ({money(entry.amount, entry.currency)}, {entry.date.isoformat()})" for entry in entries
    )


def _difference(book: Book, sheet: Any, row: int, column: int, each: Discrepancy) -> None:
    """The largest difference of amounts, where they can be compared at all."""
    entries = [entry for group in each.entries.values() for entry in group]
    if each.kind == "amount":
        amounts = [entry.amount for entry in entries]
        book.amount(sheet, row, column, max(amounts) - min(amounts), entries[0].currency, _CELL)
    else:
        book.text(sheet, row, column, "", _CELL)
