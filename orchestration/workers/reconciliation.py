"""The outcome of a comparison, as the workbook and the answer read it."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestration.workers.discrepancy import Discrepancy
from orchestration.workers.ledger import Entry
from orchestration.workers.terms import Kind, Terms


class SystemFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One system's part in a comparison.

    Attributes:
        system: Its key in the input.
        name: For people.
        entries: Number of its rows.
        totals: Currency => sum of its rows.
        link: Where a person finds it, if anywhere.
        note: Where its rows come from, if not from the system itself.
        accounted: Number of its rows that were matched, reported as a discrepancy, or cancelled out.
    """

    system: str
    name: str
    entries: int
    totals: dict[str, Decimal]
    link: str
    note: str = ""
    accounted: int = 0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a comparison.

    Attributes:
        systems: Of every compared system.
        invoices: Different invoices in all systems together.
        matched: Invoices about which all systems agree.
        reversed: Pairs of rows in one system that cancel out: they count nowhere else.
        by_kind: Kind => discrepancies, every kind named.
    """

    systems: list[SystemFigures]
    invoices: int
    matched: int
    by_kind: dict[Kind, int]
    reversed: int = 0


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a comparison.

    Attributes:
        period: `YYYY-MM`.
        period_title: "October 2026".
        compared: Systems compared, as in the input.
        left_out: Systems named in the input that had no ledger.
        discrepancies: One for each invoice that differs, the heaviest first.
        reversed: System => its rows that cancel out.
        remembered: Discrepancies for which a decision is remembered.
        terms: As in the input.
        summary: "19 discrepancies in 437 invoices".
        compared_text: "SAP, Dynamics and Register", and what was left out.
        counts_text: "SAP 431 · Dynamics 429 · Register 433".
        kinds_text: "6 missing in a system, 5 with different amounts".
        notes_text: What a reader must know about the systems: "SAP: from last night's export, 14 hours old."
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
    reversed: dict[str, list[Entry]] = {}
    remembered: int = 0
    terms: Terms = Terms()
    notes_text: str = ""


def shown_system(system: str) -> str:
    """A name for people of a system of which only the key is known: `sap` is SAP, `register` is Register."""
    return system.upper() if len(system) <= 3 else system.replace("_", " ").capitalize()
