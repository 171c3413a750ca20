"""What differs about one invoice, in figures and in words."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from orchestration.workers.keys import Key
from orchestration.workers.ledger import Entry
from orchestration.workers.netting import Balance, balance, is_double
from orchestration.workers.terms import Kind, Terms

# No minor unit: currencies of ISO 4217, and units that are counted in pieces.
_WHOLE = frozenset(
    {"JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "PYG", "UGX"} | {"PCE", "PCS", "C62", "SET", "BOX", "PAL", "ROL"}
)
RULE = "Rule"
_NAME_LENGTH = 60
_ID_LENGTH = 80
_MOST_ROWS = 3


class Rules(NamedTuple):
    """How exact a comparison is."""

    days: int
    amount: Decimal


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice about which the systems disagree; `id` to `why` are those of `core.question.Item`.

    Attributes:
        id: Made of the invoice's key, so the same in every comparison.
        kind: Exactly one; what comes first of duplicate, missing, currency, amount, date.
        title: One line for people.
        facts: (system, what it says) for every system compared.
        weight: Money at stake in multiples of the currency's median invoice, so that yen do not outweigh euros.
        why: Which rule was broken, and where each system's rows stand.
        supplier: Supplier number, normalised.
        supplier_name: As the first system that has one writes it.
        invoice: As the first system that has it writes it.
        entries: System => its rows for this invoice that count, as they were read; none where it is missing.
        reversed: System => its rows for this invoice that cancel out.
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
    reversed: dict[str, list[Entry]] = {}
    why: list[tuple[str, str]] = []


class Found(NamedTuple):
    """What is known of one invoice when a difference was found; systems are in the order of the comparison."""

    kind: Kind
    key: Key
    rows: dict[str, list[Entry]]
    reversed: dict[str, list[Entry]]
    weight: float


def describe(found: Found, names: dict[str, str], rules: Rules, terms: Terms) -> Discrepancy:
    """The discrepancy about one invoice, in words.

    Args:
        found: What differs.
        names: System => its name for people.
        rules: What counted as the same.
        terms: What things are called.
    """
    entries = [entry for group in (*found.rows.values(), *found.reversed.values()) for entry in group]
    supplier_name = next((line for entry in entries if (line := one_line(entry.supplier_name))), "")
    invoice = one_line(entries[0].invoice) or f"(no {terms.document} number)"
    supplier = supplier_name or f"Supplier {one_line(entries[0].supplier)}"
    gone = {system: rows for system, rows in found.reversed.items() if rows}
    return Discrepancy(
        id=_id(found.key),
        kind=found.kind,
        title=f"{supplier} {invoice}: {_what(found, names, terms)}",
        facts=[(names[system], _said(group, gone.get(system, []))) for system, group in found.rows.items()],
        weight=found.weight,
        why=_why(found, names, rules, terms),
        supplier=found.key[0],
        supplier_name=supplier_name,
        invoice=invoice,
        entries=found.rows,
        reversed=gone,
    )


def _balances(found: Found) -> list[Balance]:
    return [balance(group) for group in found.rows.values() if group]


def _what(found: Found, names: dict[str, str], terms: Terms) -> str:
    rows = found.rows
    match found.kind:
        case "missing":
            lacking = [system for system, group in rows.items() if not group]
            taken_back = all(found.reversed.get(system) for system in lacking)
            return f"{'reversed' if taken_back else 'missing'} in {listed(names[system] for system in lacking)}"
        case "duplicate":
            return f"more than once in {listed(names[system] for system, group in rows.items() if is_double(group))}"
        case "date":
            return f"dates {_days(found)} days apart"
        case "amount":
            amounts = [each.amount for each in _balances(found)]
            opposite = min(amounts) == -max(amounts)
            return f"{terms.amount} with opposite signs" if opposite else f"{terms.amount} differs"
        case "currency":
            return f"{terms.currency} differs"


def _why(found: Found, names: dict[str, str], rules: Rules, terms: Terms) -> list[tuple[str, str]]:
    """The rule, and every row: with what it says where the facts cannot tell."""
    lines = [(RULE, _rule(found, rules, terms))]
    for system, group in found.rows.items():
        name, gone = names[system], found.reversed.get(system, [])
        told = [*group, *gone]
        lines += [(name, _row(entry, name, whole=len(told) > 1)) for entry in told[:_MOST_ROWS]]
        if len(told) > _MOST_ROWS:
            lines.append((name, f"and {len(told) - _MOST_ROWS} more rows"))
        if gone:
            lines.append((name, "opposite rows cancel out and do not count"))
    return lines


def _rule(found: Found, rules: Rules, terms: Terms) -> str:
    match found.kind:
        case "missing":
            return f"every {terms.document} must be in all systems"
        case "duplicate":
            return f"no {terms.document} may be there twice"
        case "currency":
            return f"the {terms.currency} must be the same"
        case "amount":
            balances = _balances(found)
            amounts, code = [each.amount for each in balances], balances[0].currency
            apart = money(max(amounts) - min(amounts), code)
            return f"{terms.amounts} may differ by {money(rules.amount, code)}, here it is {apart}"
        case "date":
            return f"dates may be {rules.days} day{'' if rules.days == 1 else 's'} apart, here it is {_days(found)}"


def _days(found: Found) -> int:
    days = [each.date for each in _balances(found)]
    return (max(days) - min(days)).days


def _row(entry: Entry, system: str, *, whole: bool) -> str:
    """Where a row stands and how it writes the number; with amount and date unless the facts have them."""
    parts = [one_line(entry.row, 100).removeprefix(f"{system} "), one_line(entry.invoice)]
    if whole:
        parts += [money(entry.amount, entry.currency), entry.date.isoformat()]
    return ", ".join(part for part in (*parts, one_line(entry.note)) if part)


def _said(group: list[Entry], gone: list[Entry]) -> str:
    if not group:
        return f"reversed: {money(abs(gone[0].amount), gone[0].currency)} booked and taken back" if gone else "missing"
    first = " and ".join(
        f"{money(entry.amount, entry.currency)} · {entry.date.isoformat()}" for entry in group[:_MOST_ROWS]
    )
    return first if len(group) <= _MOST_ROWS else f"{first} and {len(group) - _MOST_ROWS} more"


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
