"""The key by which invoices of different systems belong together."""

from __future__ import annotations

import unicodedata

from orchestration.workers.ledger import Entry

Key = tuple[str, str]


def invoice_key(entry: Entry) -> Key:
    """(supplier, invoice) as every system would write them, whatever its hand.

    Both are brought to NFKC and upper case and keep letters and digits only; what is digits alone loses its leading
    zeros. So `0000100234` is `100234`, `INV-2026/0042` is `inv 2026 0042`, and `0000040` is `40`. Zeros inside a number
    stay: `A-1-01` and `A-11` are two invoices. An invoice number without any letter or digit identifies nothing; its
    key holds the row, so that it matches no other.
    """
    number = normal(entry.invoice)
    return normal(entry.supplier), number or f"?{entry.row}"


def normal(text: str) -> str:
    """Letters and digits of a text in upper case; leading zeros dropped where it is digits alone."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isalnum():
        text = "".join(filter(str.isalnum, text))
    text = text.upper()
    return (text.lstrip("0") or "0") if text.isdigit() else text
