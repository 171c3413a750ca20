"""The shape in which every system's invoices are compared."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One invoice as one system has it; it holds nothing that could lead back to it, so the collector may pass it by.

    Attributes:
        supplier: Supplier number as written there.
        invoice: The supplier's own invoice number as written there.
        amount: Gross, exact, in `currency`; negative where it lowers what is owed (credit memo, reversal).
        currency: ISO 4217, or the unit in which `amount` counts.
        date: Document date.
        supplier_name: As written there; may be empty.
        row: Where it stands, for people: "SAP 5105600123/2026", "Register.xlsx, 2026-10, row 17".
        note: What else its system says about it: "credit memo", "reversed with 5105600123/2026".
    """

    supplier: str
    invoice: str
    amount: Decimal
    currency: str
    date: date
    supplier_name: str = ""
    row: str = ""
    note: str = ""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """One system's invoices of one period.

    Attributes:
        source: The system's name for people: "SAP".
        period: `YYYY-MM`.
        entries: In the system's order.
        link: Where a person finds it, if anywhere.
        documents: What the entries are called, in the plural; empty for invoices.
        note: Where the entries come from, if not from the system itself: "from last night's export, 14 hours old".
    """

    source: str
    period: str
    entries: list[Entry]
    link: str = ""
    documents: str = ""
    note: str = ""


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of the ledger reading workers.

    Attributes:
        month: `YYYY-MM`.
        company: Company code (SAP) or legal entity (Dynamics).
    """

    month: str
    company: str
