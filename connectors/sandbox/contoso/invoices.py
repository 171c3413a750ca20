"""Invoices of one month, as three systems know them, with the differences that are planted in them."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import msgspec

from connectors.sandbox.contoso.suppliers import SUPPLIERS, Supplier

SYSTEMS = ("sap", "dynamics", "register")
TOLERANCE_DAYS = 3
CENT = Decimal("0.01")


class Entry(msgspec.Struct):
    """One invoice as one system says it.

    Attributes:
        amount: Negative for a credit memo, and for an entry that takes another back.
        reference: That system's own name of the row.
        pair: The entry that takes this one back, or that this one takes back.
    """

    number: str
    date: date
    currency: str
    amount: Decimal
    reference: str = ""
    pair: Entry | None = None

    def said(self) -> str:
        """The entry in one line, for planted.csv."""
        return f"{self.reference} [{self.number}] {self.date.isoformat()} {self.currency} {self.amount}"


class Invoice(msgspec.Struct):
    """One invoice in all systems: normally one entry each; a planted difference changes that.

    Attributes:
        kind: What is planted, or "".
        deviating: The system in which it is planted.
    """

    supplier: Supplier
    number: str
    entries: dict[str, list[Entry]]
    kind: str = ""
    deviating: str = ""

    @property
    def key(self) -> str:
        """The natural key by which the systems' entries belong together."""
        return natural_key(self.supplier.number, self.number)


def natural_key(supplier: str, number: str) -> str:
    """The key that all systems share: vendor number and invoice number, normalised.

    Normalised: upper case, letters and digits only; what is digits alone loses its leading zeros.
    """
    return f"{_normal(supplier)}|{_normal(number)}"


def _normal(text: str) -> str:
    kept = re.sub(r"[^A-Z0-9]", "", text.upper())
    return kept.lstrip("0") or "0" if kept.isdigit() else kept


class Month:
    """Makes one month's invoices and plants its differences; the same seed gives the same month."""

    def __init__(self, year: int, month: int, sequences: dict[str, int]) -> None:
        self.random = Random(f"contoso {year}-{month:02}")
        self.first = date(year, month, 1)
        self.last = date(year, month, calendar.monthrange(year, month)[1])
        self.sequences = sequences

    def invoices(self, count: int, planted: list[tuple[str, str]]) -> list[Invoice]:
        """Returns `count` invoices by date, the given (kind, system) differences among them."""
        days = sorted(self.random.randint(1, self.last.day) for _ in range(count))
        weights = [supplier.weight for supplier in SUPPLIERS]
        made = [self._invoice(self.random.choices(SUPPLIERS, weights)[0], self.first.replace(day=day)) for day in days]
        chosen = self.random.sample(range(count), len(planted))
        for index, (kind, system) in zip(chosen, planted, strict=True):
            self._plant(made[index], kind, system)
        for invoice in made:
            if not invoice.kind and self.random.random() < 0.12:
                self._shift_within_tolerance(invoice)
        return made

    def _invoice(self, supplier: Supplier, day: date) -> Invoice:
        step = self.random.randint(1, 6)
        sequence = self.sequences[supplier.number] = self.sequences.get(supplier.number, step * 7) + step
        digits = supplier.pattern.count("#")
        number = re.sub("#+", str(sequence).zfill(digits), supplier.pattern)
        amount = self._amount(supplier)
        entries = {
            system: [Entry(written(self.random, number, system), day, supplier.currency, amount)] for system in SYSTEMS
        }
        return Invoice(supplier, number, entries)

    def _amount(self, supplier: Supplier) -> Decimal:
        value = Decimal(repr(supplier.typical * self.random.lognormvariate(0, 0.6)))
        if supplier.currency == "JPY":
            return value.quantize(Decimal(1), ROUND_HALF_UP)
        if self.random.random() < 0.15:
            return (value / 10).quantize(Decimal(1), ROUND_HALF_UP) * 10 + Decimal("0.00")
        return value.quantize(CENT, ROUND_HALF_UP)

    def _shift_within_tolerance(self, invoice: Invoice) -> None:
        entry = invoice.entries[self.random.choice(SYSTEMS)][0]
        shifted = entry.date + timedelta(days=self.random.choice((-3, -2, -1, 1, 2, 3)))
        if self.first <= shifted <= self.last:
            entry.date = shifted

    def _plant(self, invoice: Invoice, kind: str, system: str) -> None:
        invoice.kind, invoice.deviating = kind, system
        entries = invoice.entries[system]
        if kind == "missing":
            entries.clear()
        elif kind == "amount":
            entries[0].amount = self._wrong_amount(entries[0])
        elif kind == "currency":
            entries[0].currency = self.random.choice(
                [c for c in ("EUR", "USD", "GBP", "CHF") if c != entries[0].currency]
            )
        elif kind == "date":
            early = entries[0].date.day <= self.last.day // 2
            entries[0].date += timedelta(days=self.random.randint(5, 12) * (1 if early else -1))
        elif kind == "duplicate":
            ways = [written(self.random, invoice.number, system) for _ in range(8)]
            other = next((way for way in ways if way != entries[0].number), entries[0].number)
            entries.append(msgspec.structs.replace(entries[0], number=other))
        else:
            raise ValueError(f"unknown kind of difference {kind!r}")

    def _wrong_amount(self, entry: Entry) -> Decimal:
        """What people get wrong: two digits swapped, the tax forgotten, a discount taken, or a cent."""
        exact = Decimal(1) if entry.currency == "JPY" else CENT
        text = str(entry.amount)
        swaps = [i for i in range(len(text) - 1) if (text[i] + text[i + 1]).isdigit() and text[i] != text[i + 1]]
        swaps = [i for i in swaps if i or text[1] != "0"]
        way = self.random.choice(("swap", "net", "discount", "cent") if swaps else ("net", "discount", "cent"))
        if way == "swap":
            i = self.random.choice(swaps)
            return Decimal(text[:i] + text[i + 1] + text[i] + text[i + 2 :])
        if way == "net":
            return (entry.amount / Decimal("1.19")).quantize(exact, ROUND_HALF_UP)
        if way == "discount":
            return (entry.amount * Decimal("0.98")).quantize(exact, ROUND_HALF_UP)
        return entry.amount + exact


def written(random: Random, number: str, system: str) -> str:
    """The same number as another hand writes it: other separators and case, never other characters."""
    dashed = re.sub(r"[^A-Za-z0-9]", "-", number)
    spaced = re.sub(r"[^A-Za-z0-9]", " ", number)
    if system == "sap":
        return random.choice((number, number, dashed)).upper()
    if system == "dynamics":
        return random.choice((dashed, dashed, number))
    if number.isdigit():
        return random.choice((number, number.lstrip("0")))
    return random.choice((number, number, spaced, spaced.lower(), number.lower(), dashed))
