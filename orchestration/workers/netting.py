"""What is left of one invoice in one system when reversals and credit memos are taken into account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from orchestration.workers.ledger import Entry

SEVERAL = "(several)"


class Balance(NamedTuple):
    """One system's rows for one invoice, taken together.

    Attributes:
        currency: Upper case; `SEVERAL` if the rows are in several.
        amount: Sum of the rows: an invoice less what was credited under the same number.
        date: Of the invoice; of the credit memo if that is all there is.
    """

    currency: str
    amount: Decimal
    date: date


def net(rows: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The rows that count, and the pairs that cancel out: the same amount and currency with opposite signs.

    A reversal is such a pair: what was booked and what took it back. Which of several equal rows is taken back cannot
    matter: the first one is.
    """
    if len(rows) < 2 or all(row.amount > 0 for row in rows):
        return rows, []
    left: list[Entry] = []
    gone: list[Entry] = []
    for row in rows:
        pair = next(
            (other for other in left if other.amount == -row.amount and row.amount and _code(other) == _code(row)), None
        )
        if pair is None:
            left.append(row)
        else:
            left.remove(pair)
            gone += [pair, row]
    return left, gone


def is_double(rows: list[Entry]) -> bool:
    """Whether an invoice, or a credit memo, stands there more than once; one of each is an invoice partly credited."""
    return len(rows) > 1 and (sum(row.amount >= 0 for row in rows) > 1 or sum(row.amount < 0 for row in rows) > 1)


def balance(rows: list[Entry]) -> Balance:
    """The rows taken together; there is at least one."""
    first = rows[0]
    if len(rows) == 1:
        return Balance(_code(first), first.amount, first.date)
    invoice = max(rows, key=lambda row: row.amount)
    codes = {_code(row) for row in rows}
    return Balance(
        codes.pop() if len(codes) == 1 else SEVERAL, sum((row.amount for row in rows), Decimal(0)), invoice.date
    )


def _code(row: Entry) -> str:
    return row.currency.strip().upper()
