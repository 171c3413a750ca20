"""The sheets about the outcome: the summary with its chart, and the discrepancies."""

from __future__ import annotations

import math
from datetime import UTC
from decimal import Decimal
from typing import Any

from orchestration.core.question import Answered
from orchestration.workers.book import ABSENT, CELL, HEADER, MARKED, Book
from orchestration.workers.discrepancy import RULE, Discrepancy, listed, money
from orchestration.workers.ledger import Entry
from orchestration.workers.netting import balance, is_double
from orchestration.workers.reconciliation import Reconciliation, shown_system

SUMMARY, DISCREPANCIES = "Summary", "Discrepancies"
_WIDE = 50  # in letters
_LINE = 15  # height of a line, in points


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
    terms = result.terms
    row = _systems(book, sheet, 3, result)
    beside = row + 1
    row = _counts(
        book,
        sheet,
        row + 1,
        "Result",
        [
            (f"{terms.documents.capitalize()} in all systems together", result.figures.invoices),
            ("All systems agree", result.figures.matched),
            ("Discrepancies", len(result.discrepancies)),
            *([("Reversed pairs", result.figures.reversed)] if result.figures.reversed else []),
        ],
    )
    by_kind = [(title.capitalize(), result.figures.by_kind[kind]) for kind, title in terms.kinds().items()]
    row = _counts(book, sheet, row + 1, "Discrepancies by kind", by_kind)
    if result.discrepancies:
        bars = range(row - len(by_kind), row)
        book.bars(sheet, (beside, 3), title="Discrepancies by kind", labels=bars, label=0, value=1)
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
    for column, header in enumerate(
        ("System", result.terms.documents.capitalize(), *(f"Total {currency}" for currency in currencies))
    ):
        book.text(sheet, row, column, header, HEADER, {"align": "right"} if column else {})
    for system in result.figures.systems:
        row += 1
        book.text(sheet, row, 0, system.name, CELL)
        sheet.write_number(row, 1, system.entries, book.format(CELL, {"num_format": "#,##0"}))
        for column, currency in enumerate(currencies, 2):
            book.amount(sheet, row, column, system.totals.get(currency, Decimal(0)), currency, CELL)
    return row + 1


def _heading(book: Book, sheet: Any, row: int, text: str) -> int:
    book.text(sheet, row, 0, text, {"bold": True, "font_size": 12, "font_color": "#1F3864"})
    return row + 1


def _counts(book: Book, sheet: Any, row: int, heading: str, counts: list[tuple[str, int]]) -> int:
    row = _heading(book, sheet, row, heading)
    for label, count in counts:
        book.text(sheet, row, 0, label, CELL, {"text_wrap": True})
        sheet.write_number(row, 1, count, book.format(CELL, {"num_format": "#,##0"}))
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
    rules = [("Tolerances", f"dates {days}, {result.terms.amounts} {result.tolerance_amount:f}")]
    if result.remembered:
        rules.append(
            ("Decided before", f"{result.remembered:,} of the discrepancies were offered last time's decision")
        )
    rules = [(system.name, f"Read {system.note}.") for system in result.figures.systems if system.note] + rules
    if result.left_out:
        rules.insert(0, ("Left out", listed(map(shown_system, result.left_out))))
    compared = f"supplier number and the supplier's {result.terms.document} number, letters and digits only"
    return [*rules, ("Compared by", compared)]


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
        (result.terms.document.capitalize(), 20),
    ]
    for system in result.figures.systems:
        columns += [
            (f"{system.name} {result.terms.amount}", 15),
            (f"{system.name} {result.terms.currency}", 10),
            (f"{system.name} date", 12),
            (f"{system.name} source row", _WIDE),
        ]
    columns += [("Difference", 14), ("Rule", _WIDE), ("Decision", 24), ("Decided", 14), ("Comment", 30)]
    for column, (header, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        book.text(sheet, 0, column, header, HEADER)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 5)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(1, len(result.discrepancies)), len(columns) - 1)
    for row, each in enumerate(result.discrepancies, 1):
        sheet.set_row(row, _LINE * _lines(each))  # not every program makes room for wrapped text by itself
        _discrepancy(book, sheet, row, each, result)
        last = len(columns)
        _difference(book, sheet, row, last - 5, each)
        rule = next((said for label, said in each.why if label == RULE), "")
        book.text(sheet, row, last - 4, rule, CELL, {"text_wrap": True})
        book.text(sheet, row, last - 3, decided.get(each.id, ""), CELL, {"text_wrap": True})
        how = "" if decisions is None else "singly" if each.id in decisions.exceptions else "by rule"
        book.text(sheet, row, last - 2, how if each.id in decided else "", CELL)
        book.text(sheet, row, last - 1, decisions.comment if decisions else "", CELL, {"text_wrap": True})
    if not result.discrepancies:
        book.text(sheet, 1, 0, "There are no discrepancies.", {"italic": True})


def _discrepancy(book: Book, sheet: Any, row: int, each: Discrepancy, result: Reconciliation) -> None:
    sheet.write_number(row, 0, row, book.format(CELL))
    kind = result.terms.kinds()[each.kind].capitalize()
    for column, text in enumerate((kind, each.supplier_name, each.supplier, each.invoice), 1):
        book.text(sheet, row, column, text, CELL)
    for index, system in enumerate(result.compared):
        column = 5 + 4 * index
        entries, gone = each.entries.get(system, []), each.reversed.get(system, [])
        if not entries:
            book.text(sheet, row, column, "reversed" if gone else "missing", CELL, ABSENT)
            for further, text in enumerate(("", "", _rows(gone)), 1):
                book.text(sheet, row, column + further, text, CELL, {"text_wrap": True}, MARKED)
            continue
        code, amount, day = balance(entries)
        if is_double(entries):
            code, amount, day = balance(entries[:1])  # the others are among the source rows
        book.amount(sheet, row, column, amount, code, CELL, MARKED if each.kind == "amount" else {})
        book.text(sheet, row, column + 1, code, CELL, MARKED if each.kind == "currency" else {})
        book.day(sheet, row, column + 2, day, CELL, MARKED if each.kind == "date" else {})
        source, several = _rows([*entries, *gone]), len(entries) > 1
        book.text(sheet, row, column + 3, source, CELL, {"text_wrap": True}, MARKED if several else {})


def _lines(each: Discrepancy) -> int:
    """How many lines the longest of a discrepancy's source rows takes."""
    sources = [_rows([*rows, *each.reversed.get(system, [])]) for system, rows in each.entries.items()]
    return max(1, *(math.ceil(len(source) / (_WIDE + 4)) for source in sources))


def _rows(entries: list[Entry]) -> str:
    """Where the entries stand; with more than one, what each says."""
    if len(entries) == 1:
        return f"{entries[0].row} ({entries[0].note})" if entries[0].note else entries[0].row
    return "; ".join(
        f"{entry.row} ({money(entry.amount, entry.currency)}, {entry.date.isoformat()}"
        f"{', ' + entry.note if entry.note else ''})"
        for entry in entries
    )


def _difference(book: Book, sheet: Any, row: int, column: int, each: Discrepancy) -> None:
    """The largest difference of amounts, where they can be compared at all."""
    if each.kind == "amount":
        balances = [balance(rows) for rows in each.entries.values() if rows]
        amounts = [each.amount for each in balances]
        book.amount(sheet, row, column, max(amounts) - min(amounts), balances[0].currency, CELL)
    else:
        book.text(sheet, row, column, "", CELL)
