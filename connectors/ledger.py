"""What every reader of ledgers says about its result."""

from __future__ import annotations

from orchestration.workers.ledger import Ledger


def counted(ledger: Ledger) -> str:
    """How many documents a ledger has: "1,412 invoices", "no delivery notes"."""
    number, many = len(ledger.entries), ledger.documents or "invoices"
    return f"{number:,} {many.removesuffix('s') if number == 1 else many}" if number else f"no {many}"
