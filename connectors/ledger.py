"""What every reader of ledgers says about its result."""

from __future__ import annotations

from orchestration.workers.ledger import Ledger


def counted(ledger: Ledger) -> str:
    """How many invoices a ledger has: "1,412 invoices", "no invoices"."""
    number = len(ledger.entries)
    return f"{number:,} invoice{'' if number == 1 else 's'}" if number else "no invoices"
