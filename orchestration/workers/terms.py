"""What the compared documents are called: invoices with amounts, delivery notes with quantities."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["duplicate", "missing", "currency", "amount", "date"]


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one reconciliation; the defaults are those of supplier invoices.

    Attributes:
        document: What is compared.
        documents: Several of them.
        amount: What is counted: "amount", "quantity".
        amounts: Several of them.
        currency: What it is counted in: "currency", "unit".
        currencies: Several of them.
    """

    document: str = "invoice"
    documents: str = "invoices"
    amount: str = "amount"
    amounts: str = "amounts"
    currency: str = "currency"
    currencies: str = "currencies"

    def kinds(self) -> dict[Kind, str]:
        """Kind of discrepancy => its title, in the order of reports."""
        return {
            "missing": "missing in a system",
            "amount": f"different {self.amounts}",
            "currency": f"different {self.currencies}",
            "date": "different dates",
            "duplicate": "booked twice",
        }

    def counted(self) -> dict[Kind, str]:
        """Kind of discrepancy => how a number of them reads on: "5 with different amounts"."""
        return {
            kind: title if kind in ("missing", "duplicate") else f"with {title}" for kind, title in self.kinds().items()
        }
