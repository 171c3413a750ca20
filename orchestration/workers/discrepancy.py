"""What differs about one invoice, in figures and in words."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from orchestration.workers.keys import Key
from orchestration.workers.ledger import Entry

Kind = Literal["duplicate", "missing", "currency", "amount", "date"]

KINDS: dict[Kind, str] = {
    "missing": "missing in a system",
    "amount": "different amounts",
    "currency": "different currencies",
    "date": "different dates",
    "duplicate": "booked twice",
}
_WHOLE = frozenset({"JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "PYG", "UGX"})  # ISO 4217: no minor unit
_NAME_LENGTH = 60
_ID_LENGTH = 80


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice about which the systems disagree; `id` to `weight` are those of `core.question.Item`.

    Attributes:
        id: Made of the invoice's key, so the same in every comparison.
        kind: Exactly one; what comes first of duplicate, missing, currency, amount, date.
        title: One line for people.
        facts: (system, what it says) for every system compared.
        weight: Money at stake in multiples of the currency's median invoice, so that yen do not outweigh euros.
        supplier: Supplier number, normalised.
        supplier_name: As the first system that has one writes it.
        invoice: As the first system that has it writes it.
        entries: System => its rows for this invoice, as they were read; none where it is missing.
    """

    id: str
    kind: Kind
    title: str
    facts: list[tuple[str, str]]
    weight: float
    supplier: str
    supplier_name: str
    invoice: str
    entries: dict[str, list[Entry]]


def describe(kind: Kind, key: Key, rows: dict[str, list[Entry]], names: dict[str, str], weight: float) -> Discrepancy:
    """The discrepancy of `kind` about one invoice.

    Args:
        kind: What differs.
        key: The invoice's.
        rows: System => its rows; every compared system is there.
        names: System => its name for people.
        weight: What is at stake.
    """
    entries = [entry for group in rows.values() for entry in group]
    supplier_name = next((line for entry in entries if (line := one_line(entry.supplier_name))), "")
    invoice = one_line(entries[0].invoice) or "(no invoice number)"
    supplier = supplier_name or f"Supplier {one_line(entries[0].supplier)}"
    return Discrepancy(
        id=_id(key),
        kind=kind,
        title=f"{supplier} {invoice}: {_what(kind, rows, names)}",
        facts=[(names[system], _said(group)) for system, group in rows.items()],
        weight=weight,
        supplier=key[0],
        supplier_name=supplier_name,
        invoice=invoice,
        entries=rows,
    )


def _what(kind: Kind, rows: dict[str, list[Entry]], names: dict[str, str]) -> str:
    match kind:
        case "missing":
            return f"missing in {listed(names[system] for system, group in rows.items() if not group)}"
        case "duplicate":
            return f"more than once in {listed(names[system] for system, group in rows.items() if len(group) > 1)}"
        case "date":
            days = [group[0].date for group in rows.values() if group]
            return f"dates {(max(days) - min(days)).days} days apart"
        case _:
            return f"{kind} differs"


def _said(group: list[Entry]) -> str:
    if not group:
        return "missing"
    first = " and ".join(f"{money(entry.amount, entry.currency)} · {entry.date.isoformat()}" for entry in group[:3])
    return first if len(group) <= 3 else f"{first} and {len(group) - 3} more"


def _id(key: Key) -> str:
    text = f"{key[0]}-{key[1]}"
    if len(text) <= _ID_LENGTH and text.isascii() and text.replace("-", "").isalnum():
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def money(amount: Decimal, currency: str) -> str:
    """Such as "1,250.00 EUR", "806,329 JPY": exact, with the currency's decimals or as many as there are."""
    return f"{amount.quantize(Decimal(1).scaleb(-decimals(amount, currency))):,f} {one_line(currency, 8)}"


def decimals(amount: Decimal, currency: str) -> int:
    """Decimals that an exact amount is written with."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0 if currency.strip().upper() in _WHOLE else 2, -exponent if isinstance(exponent, int) else 0)


def one_line(text: str, length: int = _NAME_LENGTH) -> str:
    """A text from outside on one line: no control or invisible characters, runs of blanks made one, clipped."""
    clean = "".join(
        " " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    clean = " ".join(clean.split())
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """Such as "SAP, Dynamics and Register"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
