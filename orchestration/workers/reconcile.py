"""`ledger.reconcile`: what several systems say about the same invoices, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from statistics import median_low

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.errors import Invalid, InvalidContent
from orchestration.workers.discrepancy import KINDS, Discrepancy, Kind, describe, listed
from orchestration.workers.keys import Key, invoice_key
from orchestration.workers.ledger import Entry, Ledger

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


class ReconcileInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare.

    Attributes:
        ledgers: System => its invoices of the period; null for one that was left out.
        tolerance_days: Dates so many days apart are still the same.
        tolerance_amount: Amounts so far apart are still the same.
    """

    ledgers: dict[str, Ledger | None]
    tolerance_days: int = 3
    tolerance_amount: Decimal = Decimal("0.00")


class SystemFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One system's part in a comparison.

    Attributes:
        system: Its key in the input.
        name: For people.
        entries: Number of its rows.
        totals: Currency => sum of its rows.
        link: Where a person finds it, if anywhere.
    """

    system: str
    name: str
    entries: int
    totals: dict[str, Decimal]
    link: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a comparison.

    Attributes:
        systems: Of every compared system.
        invoices: Different invoices in all systems together.
        matched: Invoices about which all systems agree.
        by_kind: Kind => discrepancies, every kind named.
    """

    systems: list[SystemFigures]
    invoices: int
    matched: int
    by_kind: dict[Kind, int]


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a comparison.

    Attributes:
        period: `YYYY-MM`.
        period_title: "October 2026".
        compared: Systems compared, as in the input.
        left_out: Systems named in the input that had no ledger.
        discrepancies: One for each invoice that differs, the heaviest first.
        summary: "19 discrepancies in 437 invoices".
        compared_text: "SAP, Dynamics and Register", and what was left out.
        counts_text: "SAP 431 · Dynamics 429 · Register 433".
        kinds_text: "6 missing in a system, 5 with different amounts".
    """

    period: str
    period_title: str
    compared: list[str]
    left_out: list[str]
    figures: Figures
    discrepancies: list[Discrepancy]
    tolerance_days: int
    tolerance_amount: Decimal
    summary: str
    compared_text: str
    counts_text: str
    kinds_text: str


@worker(
    "ledger.reconcile",
    title="Compare the invoices",
    attempts=1,
    summarize=lambda result: result.summary,
)
async def reconcile(arguments: ReconcileInput, task: TaskContext) -> Reconciliation:
    """Compare ledgers invoice by invoice.

    Raises:
        Invalid: Fewer than two systems, a negative tolerance, or two systems of one name.
        InvalidContent: The ledgers are of different periods.
    """
    del task
    return compare(arguments)


def compare(arguments: ReconcileInput) -> Reconciliation:
    """What `reconcile` promises, without waiting for anything."""
    ledgers = {system: ledger for system, ledger in arguments.ledgers.items() if ledger is not None}
    left_out = [system for system, ledger in arguments.ledgers.items() if ledger is None]
    names = {system: ledger.source or system for system, ledger in ledgers.items()}
    period = _checked(arguments, ledgers, left_out, names)

    rows = _grouped(ledgers)
    scale = _typical_amounts(ledgers)
    found: list[Discrepancy] = []
    for key, groups in rows.items():
        if kind := _kind(groups, arguments.tolerance_days, arguments.tolerance_amount):
            found.append(
                describe(kind, key, dict(zip(ledgers, groups, strict=True)), names, _weight(kind, groups, scale))
            )
    found.sort(key=lambda each: (-each.weight, each.id))

    by_kind = dict.fromkeys(KINDS, 0)
    for each in found:
        by_kind[each.kind] += 1
    figures = Figures(
        systems=[
            SystemFigures(
                system=system,
                name=names[system],
                entries=len(ledger.entries),
                totals=_totals(ledger.entries),
                link=ledger.link,
            )
            for system, ledger in ledgers.items()
        ],
        invoices=len(rows),
        matched=len(rows) - len(found),
        by_kind=by_kind,
    )
    return Reconciliation(
        period=period,
        period_title=_period_title(period),
        compared=list(ledgers),
        left_out=left_out,
        figures=figures,
        discrepancies=found,
        tolerance_days=arguments.tolerance_days,
        tolerance_amount=arguments.tolerance_amount,
        summary=_summary(len(found), len(rows)),
        compared_text=listed(names.values())
        + (f"; left out: {listed(map(shown_system, left_out))}" if left_out else ""),
        counts_text=" · ".join(f"{names[system]} {len(ledger.entries):,}" for system, ledger in ledgers.items()),
        kinds_text=", ".join(f"{count:,} {_COUNTED[kind]}" for kind, count in by_kind.items() if count) or "none",
    )


def _checked(
    arguments: ReconcileInput, ledgers: Mapping[str, Ledger], left_out: list[str], names: dict[str, str]
) -> str:
    """The common period of ledgers that can be compared."""
    if len(ledgers) < 2:
        there = f"only {listed(names.values())} was read" if ledgers else "none was read"
        missing = f" ({listed(map(shown_system, left_out))} left out)" if left_out else ""
        raise Invalid(
            f"At least two systems are needed for a comparison; {there}{missing}. Start again when they can be reached."
        )
    if arguments.tolerance_days < 0 or not arguments.tolerance_amount.is_finite() or arguments.tolerance_amount < 0:
        raise Invalid("The tolerances for days and amounts must be zero or more.")
    if len(set(names.values())) < len(names):
        raise Invalid(f"Two systems have the same name ({listed(names.values())}); give each its own.")
    for ledger in ledgers.values():
        if bad := [entry for entry in ledger.entries if not entry.amount.is_finite()]:
            raise InvalidContent(f"{bad[0].row or bad[0].invoice}: the amount is not a number.")
    periods = {ledger.period for ledger in ledgers.values()}
    if len(periods) > 1:
        read = listed(f"{names[system]} {ledger.period}" for system, ledger in ledgers.items())
        raise InvalidContent(f"The systems were read for different periods: {read}.")
    return periods.pop()


def _grouped(ledgers: Mapping[str, Ledger]) -> dict[Key, tuple[list[Entry], ...]]:
    """Invoice => its rows in each system, in the order of the systems; empty where a system lacks it."""
    rows: dict[Key, tuple[list[Entry], ...]] = {}
    count = len(ledgers)
    for index, ledger in enumerate(ledgers.values()):
        for entry in ledger.entries:
            key = invoice_key(entry)
            groups = rows.get(key)
            if groups is None:
                groups = rows[key] = tuple([] for _ in range(count))
            groups[index].append(entry)
    return rows


def _kind(groups: tuple[list[Entry], ...], days: int, tolerance: Decimal) -> Kind | None:
    """What differs about one invoice: the first of duplicate, missing, currency, amount, date; None if nothing does."""
    missing = False
    for group in groups:
        if len(group) > 1:
            return "duplicate"
        if not group:
            missing = True
    if missing:
        return "missing"
    first = groups[0][0]
    low = high = first.amount
    early: date = first.date
    late: date = first.date
    for group in groups:
        entry = group[0]
        if entry.currency != first.currency and entry.currency.strip().upper() != first.currency.strip().upper():
            return "currency"
        low, high = min(low, entry.amount), max(high, entry.amount)
        early, late = min(early, entry.date), max(late, entry.date)
    if low != high and high - low > tolerance:
        return "amount"
    if early != late and (late - early).days > days:
        return "date"
    return None


def _typical_amounts(ledgers: Mapping[str, Ledger]) -> dict[str, float]:
    """Currency => its median invoice, at least 1: a yardstick that needs no exchange rate."""
    amounts: dict[str, list[Decimal]] = {}
    for ledger in ledgers.values():
        for entry in ledger.entries:
            amounts.setdefault(entry.currency, []).append(entry.amount)
    return {currency: max(1.0, abs(float(median_low(each)))) for currency, each in amounts.items()}


def _weight(kind: Kind, groups: tuple[list[Entry], ...], scale: dict[str, float]) -> float:
    """Money at stake: the difference of amounts; else the whole invoice, of which a date moves only the booking."""
    entries = [entry for group in groups for entry in group]
    if kind == "amount":
        stake = (
            float(max(entry.amount for entry in entries) - min(entry.amount for entry in entries))
            / scale[entries[0].currency]
        )
    else:
        stake = max(abs(float(entry.amount)) / scale[entry.currency] for entry in entries)
    return round(stake / 100 if kind == "date" else stake, 6)


def _totals(entries: list[Entry]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for entry in entries:
        totals[entry.currency] = totals.get(entry.currency, Decimal(0)) + entry.amount
    return dict(sorted(totals.items()))


def _summary(found: int, invoices: int) -> str:
    if not invoices:
        return "no invoices in any system"
    differing = f"{found:,} {'discrepancy' if found == 1 else 'discrepancies'}" if found else "no discrepancies"
    return f"{differing} in {invoices:,} {'invoice' if invoices == 1 else 'invoices'}"


_COUNTED: dict[Kind, str] = {
    "missing": "missing in a system",
    "amount": "with different amounts",
    "currency": "with different currencies",
    "date": "with different dates",
    "duplicate": "booked twice",
}


def shown_system(system: str) -> str:
    """A name for people of a system of which only the key is known: `sap` is SAP, `register` is Register."""
    return system.upper() if len(system) <= 3 else system.replace("_", " ").capitalize()


def _period_title(period: str) -> str:
    year, _, month = period.partition("-")
    return f"{_MONTHS[int(month) - 1]} {year}" if month.isdigit() and 1 <= int(month) <= 12 else period
