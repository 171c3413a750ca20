"""Credit memos and reversals of one month: mostly in order, some with a planted difference."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import msgspec

from connectors.sandbox.contoso.invoices import CENT, SYSTEMS, Entry, Invoice, written
from connectors.sandbox.contoso.suppliers import SUPPLIERS, Supplier

IN_ORDER = 6
REBOOKED = 3
SIGN_FORGOTTEN = "100241"  # the same supplier each month: last month's decision fits again
NOT_ENTERED = "100403"
_EUROS = [supplier for supplier in SUPPLIERS if supplier.currency == "EUR"]


class Credits:
    """Makes one month's credit memos and reversals; the same month gives the same ones."""

    def __init__(self, first: date, last: date) -> None:
        self._random = Random(f"contoso credits {first:%Y-%m}")
        self._first, self._last = first, last
        self._number = first.month * 100

    def documents(self, planted: list[str]) -> list[Invoice]:
        """Credit memos and reversals that are in order, and one with each of the planted differences.

        Args:
            planted: `sign` (a credit memo in the register without its minus), `memo` (a credit memo that Dynamics
                lacks), `reversed` (an invoice that only SAP has taken back).
        """
        made = [self._memo(self._random.choice(_EUROS)) for _ in range(IN_ORDER)]
        made += [self._rebooked() for _ in range(REBOOKED)]
        made += [self._taken_back("sap"), self._taken_back("register")]
        return made + [self._planted(kind) for kind in planted]

    def _planted(self, kind: str) -> Invoice:
        if kind == "sign":
            memo = self._memo(_supplier(SIGN_FORGOTTEN))
            memo.kind, memo.deviating = "amount", "register"
            memo.entries["register"][0].amount *= -1
            return memo
        if kind == "memo":
            memo = self._memo(_supplier(NOT_ENTERED))
            memo.kind, memo.deviating = "missing", "dynamics"
            memo.entries["dynamics"].clear()
            return memo
        if kind == "reversed":
            invoice = self._invoice(self._random.choice(_EUROS), "R")
            invoice.kind, invoice.deviating = "missing", "sap"
            _reverse(invoice.entries["sap"], 0)
            return invoice
        raise ValueError(f"unknown kind of credit {kind!r}")

    def _memo(self, supplier: Supplier) -> Invoice:
        memo = self._invoice(supplier, "C")
        for entries in memo.entries.values():
            entries[0].amount *= -1
        return memo

    def _rebooked(self) -> Invoice:
        """Booked in SAP with a wrong amount, taken back, and booked again."""
        invoice = self._invoice(self._random.choice(_EUROS), "R")
        right = invoice.entries["sap"][0]
        wrong = msgspec.structs.replace(right, amount=(right.amount / Decimal("1.19")).quantize(CENT))
        invoice.entries["sap"] = [wrong]
        _reverse(invoice.entries["sap"], 0)
        invoice.entries["sap"].append(right)
        return invoice

    def _taken_back(self, system: str) -> Invoice:
        """Another company's invoice: entered in one system, and taken back there."""
        invoice = self._invoice(self._random.choice(_EUROS), "X")
        invoice.entries = {each: invoice.entries[each] if each == system else [] for each in SYSTEMS}
        _reverse(invoice.entries[system], 0)
        return invoice

    def _invoice(self, supplier: Supplier, letter: str) -> Invoice:
        self._number += self._random.randint(1, 3)
        number = f"{letter}{supplier.name[0]}-26-{self._number:05}"
        day = self._first + timedelta(days=self._random.randint(2, (self._last - self._first).days - 2))
        value = supplier.typical * self._random.uniform(0.05, 0.6)
        amount = Decimal(repr(value)).quantize(CENT)
        entries = {
            system: [Entry(written(self._random, number, system), day, supplier.currency, amount)] for system in SYSTEMS
        }
        return Invoice(supplier, number, entries)


def _reverse(entries: list[Entry], index: int) -> None:
    """Adds the entry that takes another back."""
    taken = entries[index]
    back = msgspec.structs.replace(taken, amount=-taken.amount, pair=taken)
    taken.pair = back
    entries.append(back)


def _supplier(number: str) -> Supplier:
    return next(supplier for supplier in SUPPLIERS if supplier.number == number)
