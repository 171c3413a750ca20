"""Reads supplier invoices from SAP's `API_SUPPLIERINVOICE_PROCESS_SRV` (OData V2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.http import clipped
from connectors.identity import Identity
from connectors.odata import ODataReader, month, quoted
from connectors.sap.invoice import FIELDS, entry
from orchestration.core.run import Person
from orchestration.errors import Invalid, InvalidContent
from orchestration.workers.ledger import Entry, Ledger

SYSTEM = "SAP"
SERVICE = "opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV"

_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SapSettings:
    """Where SAP is.

    Attributes:
        url: Up to and with `/sap`; the service's path is added.
        timeout_seconds: Longest wait for one page.
    """

    url: str
    timeout_seconds: float = 25.0


class SapClient:
    """Reads as the person whose token it gets from `identity`."""

    def __init__(self, settings: SapSettings, identity: Identity) -> None:
        self._identity = identity
        self._reader = ODataReader(SYSTEM, settings.url, timeout_seconds=settings.timeout_seconds)

    async def invoices(self, period: str, company: str, person: Person) -> Ledger:
        """The invoices and credit memos of a company code whose document date is in a month, in SAP's order.

        SAP writes every amount without a sign. Here a credit memo's is negative, and so is that of a document that
        reverses an invoice: the reversed and the reversing one cancel out.

        Args:
            period: `YYYY-MM`.
            company: Company code, `1010`.
            person: Who is acted for.

        Raises:
            Invalid: The month or the company code is none.
            SignInNeeded, NotPermitted, Refused, NotFound, Unavailable: As `connectors.http.failure` says.
            InvalidContent: A row lacks what an invoice must have; it is named.
        """
        first, after = month(period)
        if not company.strip():
            raise Invalid("SAP needs a company code, such as 1010.")
        conditions = (
            f"CompanyCode eq {quoted(company.strip())}",
            f"DocumentDate ge datetime'{first}T00:00:00'",
            f"DocumentDate lt datetime'{after}T00:00:00'",
        )
        params = {"$filter": " and ".join(conditions), "$select": ",".join(FIELDS), "$format": "json"}
        pages = self._reader.pages(
            f"{self._reader.url}/{SERVICE}/A_SupplierInvoice",
            self._identity.sap_bearer(person),
            what=f"read supplier invoices of company {clipped(company, 20)}",
            params=params,
            following=_following,
        )
        entries = [_entry(row) async for page in pages for row in _rows(page)]
        return Ledger(source=SYSTEM, period=period, entries=entries)

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()


def _rows(page: Any) -> list[Any]:
    match page:
        case {"d": {"results": list(rows)}}:
            return rows
        case {"d": list(rows)}:  # gateways before OData V2's `results`
            return rows
    raise InvalidContent("SAP's answer is not a list of invoices: check TANDEM_SAP_URL.")


def _following(page: Any) -> str | None:
    match page:
        case {"d": {"__next": str(link)}}:
            return link
    return None


def _entry(row: Any) -> Entry:
    fields = row if isinstance(row, dict) else {}
    return entry(fields, _date(fields.get("DocumentDate")), way_out="Correct the invoice in SAP, or go on without SAP.")


def _date(value: object) -> date | None:
    """`/Date(ms)/`: milliseconds of UTC; the offset that some services add does not change the instant."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        return (_EPOCH + timedelta(milliseconds=int(found[1]))).date()
    except OverflowError:
        return None
