"""A supplier invoice as SAP's own fields tell of it, whether they come from OData or from an export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestration.errors import InvalidContent
from orchestration.workers.ledger import Entry

FIELDS = (
    "SupplierInvoice",
    "FiscalYear",
    "CompanyCode",
    "InvoicingParty",
    "SupplierInvoiceIDByInvcgParty",
    "DocumentDate",
    "InvoiceGrossAmount",
    "DocumentCurrency",
    "SupplierInvoiceIsCreditMemo",
    "ReverseDocument",
    "ReverseDocumentFiscalYear",
)

_YES = ("X", "Y", "TRUE")  # the field is a flag of one letter; what is not set is empty or N


def entry(fields: Mapping[str, Any], when: date | None, *, way_out: str) -> Entry:
    """The entry of an invoice, a credit memo or a reversal.

    SAP writes every amount without a sign. Here a credit memo's is negative, and so is that of a document that
    reverses an invoice: the reversed and the reversing one cancel out.

    Args:
        fields: Field => value, as SAP calls them; amounts as text.
        when: Its document date, None if that cannot be read.
        way_out: What people may do about a row that lacks something.

    Raises:
        InvalidContent: The row lacks what an invoice must have; it is named.
    """
    name = f"SAP {_text(fields, 'SupplierInvoice') or '?'}/{_text(fields, 'FiscalYear') or '?'}"
    problems = [
        f"{field} is missing"
        for field in ("InvoicingParty", "SupplierInvoiceIDByInvcgParty", "DocumentCurrency")
        if not _text(fields, field)
    ]
    amount = _decimal(fields.get("InvoiceGrossAmount"))
    if amount is None:
        problems.append("InvoiceGrossAmount is not a number")
    if when is None:
        problems.append("DocumentDate is not a date")
    if problems or amount is None or when is None:
        raise InvalidContent(f"{name}: {', '.join(problems)}. {way_out}")
    return Entry(
        supplier=_text(fields, "InvoicingParty"),
        invoice=_text(fields, "SupplierInvoiceIDByInvcgParty"),
        amount=-abs(amount) if _lowers(fields) else amount,
        currency=_text(fields, "DocumentCurrency"),
        date=when,
        row=name,
        note=_note(fields),
    )


def _lowers(fields: Mapping[str, Any]) -> bool:
    """Whether a document lowers what is owed. The reversal of an invoice is posted as a credit memo, and marked so."""
    return _text(fields, "SupplierInvoiceIsCreditMemo").upper() in _YES


def _note(fields: Mapping[str, Any]) -> str:
    """What else SAP says: "credit memo", "reversed with 5105600125/2026".

    Both documents of a reversal name each other; `IsReversal` and `IsReversed` would say which is which, but not every
    release has them.
    """
    if number := _text(fields, "ReverseDocument"):
        return f"reversed with {number}/{_text(fields, 'ReverseDocumentFiscalYear') or '?'}"
    return "credit memo" if _lowers(fields) else ""


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field)
    return value.strip() if isinstance(value, str) else ""


def _decimal(value: object) -> Decimal | None:
    """SAP writes decimals as strings, lest somebody reads them as floats."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
