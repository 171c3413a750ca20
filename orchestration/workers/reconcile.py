"""`ledger.reconcile`: what several systems say about the same invoices, and where they disagree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from statistics import median_low

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.errors import Invalid, InvalidContent
from orchestration.workers.discrepancy import Discrepancy, Found, Rules, describe, listed
from orchestration.workers.keys import Key, invoice_key
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.months import period_title
from orchestration.workers.netting import SEVERAL, balance, is_double, net
from orchestration.workers.reconciliation import Figures, Reconciliation, SystemFigures, shown_system
from orchestration.workers.remembered import AS_IN, Memory, Remembered
from orchestration.workers.terms import Kind, Terms

Rows = dict[Key, tuple[list[Entry], ...]]
Gone = dict[Key, dict[str, list[Entry]]]


class ReconcileInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare.

    Attributes:
        ledgers: System => its invoices of the period; null for one that was left out.
        tolerance_days: Dates so many days apart are still the same.
        tolerance_amount: Amounts so far apart are still the same.
        terms: What the documents and their figures are called.
        remembered: What was decided last time; null or without rows if nothing is known.
    """

    ledgers: dict[str, Ledger | None]
    tolerance_days: int = 3
    tolerance_amount: Decimal = Decimal("0.00")
    terms: Terms = Terms()
    remembered: Remembered | None = None


@worker(
    "ledger.reconcile",
    title="Compare the invoices",
    attempts=1,
    summarize=lambda result: result.summary,
)
async def reconcile(arguments: ReconcileInput, task: TaskContext) -> Reconciliation:
    """Compare ledgers invoice by invoice, and vouch for each system that every row of it is accounted for.

    Raises:
        Invalid: Fewer than two systems, a negative tolerance, or two systems of one name.
        InvalidContent: The ledgers are of different periods.
    """
    made = await asyncio.to_thread(compare, arguments)  # seconds of work for large ledgers, and others wait their turn
    await task.complete("systems", len(made.compared), len(arguments.ledgers))
    for each in made.figures.systems:
        await task.complete(f"{each.name} {arguments.terms.documents}", each.accounted, each.entries)
    return made


def compare(arguments: ReconcileInput) -> Reconciliation:
    """What `reconcile` promises, without waiting for anything."""
    ledgers = {system: ledger for system, ledger in arguments.ledgers.items() if ledger is not None}
    left_out = [system for system, ledger in arguments.ledgers.items() if ledger is None]
    names = {system: ledger.source or system for system, ledger in ledgers.items()}
    period = _checked(arguments, ledgers, left_out, names)

    terms = arguments.terms
    rows = _grouped(ledgers)
    gone = _netted(rows, list(ledgers))
    kept = {key: groups for key, groups in rows.items() if any(groups)}
    found = _found(kept, gone, arguments, ledgers, names)

    by_kind = dict.fromkeys(terms.kinds(), 0)
    for each in found:
        by_kind[each.kind] += 1
    reversed_ = {
        system: [row for by_system in gone.values() for row in by_system.get(system, [])] for system in ledgers
    }
    pairs = sum(map(len, reversed_.values())) // 2
    figures = Figures(
        systems=[
            SystemFigures(
                system=system,
                name=names[system],
                entries=len(ledger.entries),
                totals=_totals(ledger.entries),
                link=ledger.link,
                note=ledger.note,
                accounted=sum(len(groups[place]) for groups in kept.values()) + len(reversed_[system]),
            )
            for place, (system, ledger) in enumerate(ledgers.items())
        ],
        invoices=len(kept),
        matched=len(kept) - len(found),
        by_kind=by_kind,
        reversed=pairs,
    )
    counts = [f"{names[system]} {len(ledger.entries):,}" for system, ledger in ledgers.items()]
    counted = terms.counted()
    told = [f"{names[system]} ({ledger.note})" if ledger.note else names[system] for system, ledger in ledgers.items()]
    notes = [f"{names[system]}: {ledger.note}." for system, ledger in ledgers.items() if ledger.note]
    return Reconciliation(
        period=period,
        period_title=period_title(period),
        compared=list(ledgers),
        left_out=left_out,
        figures=figures,
        discrepancies=found,
        tolerance_days=arguments.tolerance_days,
        tolerance_amount=arguments.tolerance_amount,
        summary=_summary(len(found), len(kept), terms),
        compared_text=listed(told) + (f"; left out: {listed(map(shown_system, left_out))}" if left_out else ""),
        counts_text=" · ".join([*counts, *([f"{pairs:,} reversed"] if pairs else [])]),
        kinds_text=", ".join(f"{count:,} {counted[kind]}" for kind, count in by_kind.items() if count) or "none",
        reversed={system: rows_ for system, rows_ in reversed_.items() if rows_},
        remembered=sum(any(label.startswith(AS_IN) for label, _ in each.why) for each in found),
        terms=terms,
        notes_text=" ".join(notes),
    )


def _found(
    rows: Rows,
    gone: Gone,
    arguments: ReconcileInput,
    ledgers: Mapping[str, Ledger],
    names: dict[str, str],
) -> list[Discrepancy]:
    """Every discrepancy, the heaviest first."""
    scale = _typical_amounts(ledgers)
    memory = Memory(arguments.remembered, arguments.terms)
    rules = Rules(arguments.tolerance_days, arguments.tolerance_amount)
    found: list[Discrepancy] = []
    for key, groups in rows.items():
        if kind := _kind(groups, rules):
            by_system = dict(zip(ledgers, groups, strict=True))
            weight = _weight(kind, groups, scale)
            each = describe(Found(kind, key, by_system, gone.get(key, {}), weight), names, rules, arguments.terms)
            lacking = [names[system] for system, group in by_system.items() if not group]
            as_before = memory.of(each.supplier, kind, lacking)
            found.append(msgspec.structs.replace(each, why=[*as_before, *each.why]) if as_before else each)
    return sorted(found, key=lambda each: (-each.weight, each.id))


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


def _grouped(ledgers: Mapping[str, Ledger]) -> Rows:
    """Invoice => its rows in each system, in the order of the systems; empty where a system lacks it."""
    rows: Rows = {}
    count = len(ledgers)
    for index, ledger in enumerate(ledgers.values()):
        for entry in ledger.entries:
            key = invoice_key(entry)
            groups = rows.get(key)
            if groups is None:
                groups = rows[key] = tuple([] for _ in range(count))
            groups[index].append(entry)
    return rows


def _netted(rows: Rows, systems: list[str]) -> Gone:
    """Takes rows that cancel out of `rows`; returns them by invoice and system."""
    gone: Gone = {}
    for key, groups in rows.items():
        for index, group in enumerate(groups):
            if len(group) > 1:
                left, cancelled = net(group)
                if cancelled:
                    groups[index][:] = left
                    gone.setdefault(key, {})[systems[index]] = cancelled
    return gone


def _kind(groups: tuple[list[Entry], ...], rules: Rules) -> Kind | None:
    """What differs about one invoice: the first of duplicate, missing, currency, amount, date; None if nothing does."""
    missing = False
    for group in groups:
        if len(group) > 1 and is_double(group):
            return "duplicate"
        if not group:
            missing = True
    if missing:
        return "missing"
    first = balance(groups[0])
    low = high = first.amount
    early = late = first.date
    for group in groups:
        code, amount, day = balance(group)
        if code != first.currency or code == SEVERAL:
            return "currency"
        low, high = min(low, amount), max(high, amount)
        early, late = min(early, day), max(late, day)
    if low != high and high - low > rules.amount:
        return "amount"
    if early != late and (late - early).days > rules.days:
        return "date"
    return None


def _typical_amounts(ledgers: Mapping[str, Ledger]) -> dict[str, float]:
    """Currency => its median invoice, at least 1: a yardstick that needs no exchange rate."""
    amounts: dict[str, list[Decimal]] = {}
    for ledger in ledgers.values():
        for entry in ledger.entries:
            amounts.setdefault(entry.currency, []).append(abs(entry.amount))
    return {currency: max(1.0, float(median_low(each))) for currency, each in amounts.items()}


def _weight(kind: Kind, groups: tuple[list[Entry], ...], scale: dict[str, float]) -> float:
    """Money at stake: the difference of amounts; else the whole invoice, of which a date moves only the booking."""
    entries = [entry for group in groups for entry in group]
    if kind == "amount":
        amounts = [balance(group).amount for group in groups]
        stake = float(max(amounts) - min(amounts)) / scale[entries[0].currency]
    else:
        stake = max(abs(float(entry.amount)) / scale[entry.currency] for entry in entries)
    return round(stake / 100 if kind == "date" else stake, 6)


def _totals(entries: list[Entry]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for entry in entries:
        totals[entry.currency] = totals.get(entry.currency, Decimal(0)) + entry.amount
    return dict(sorted(totals.items()))


def _summary(found: int, invoices: int, terms: Terms) -> str:
    if not invoices:
        return f"no {terms.documents} in any system"
    differing = f"{found:,} {'discrepancy' if found == 1 else 'discrepancies'}" if found else "no discrepancies"
    return f"{differing} in {invoices:,} {terms.document if invoices == 1 else terms.documents}"
