"""Reads vendor invoices from Dynamics 365 Finance (OData V4)."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.http import clipped
from connectors.identity import Identity
from connectors.odata import ODataReader, month, quoted
from orchestration.core.run import Person
from orchestration.errors import Invalid, InvalidContent
from orchestration.workers.ledger import Entry, Ledger

SYSTEM = "Dynamics"


@dataclass(frozen=True, kw_only=True)
class DynamicsFields:
    """Which field of the entity set means what; the defaults are those of `VendorInvoiceHeaders`.

    `VendorInvoiceHeaders` holds pending invoices. Posted ones are in another entity set, often the deployment's own,
    so entity set and fields are settings.

    Attributes:
        reference: Names the row for people.
        supplier: Vendor account.
        supplier_name: Vendor's name; empty if the entity set has none.
        invoice: The vendor's own invoice number.
        date: Invoice date.
        currency: ISO code.
        amount: Gross amount.
    """

    reference: str = "HeaderReference"
    supplier: str = "InvoiceAccount"
    supplier_name: str = "VendorName"
    invoice: str = "InvoiceNumber"
    date: str = "InvoiceDate"
    currency: str = "Currency"
    amount: str = "ImportedAmount"


@dataclass(frozen=True, kw_only=True)
class DynamicsSettings:
    """Where Dynamics 365 Finance is.

    Attributes:
        url: Of the environment; `/data` is added.
        scope: `https://{environment}.operations.dynamics.com/.default`.
        entity: Entity set.
        fields: What its fields mean.
        timeout_seconds: Longest wait for one page.
    """

    url: str
    scope: str
    entity: str = "VendorInvoiceHeaders"
    fields: DynamicsFields = field(default_factory=DynamicsFields)
    timeout_seconds: float = 25.0


class DynamicsClient:
    """Reads as the person whose token it gets from `identity`."""

    def __init__(self, settings: DynamicsSettings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity
        self._reader = ODataReader(SYSTEM, settings.url, timeout_seconds=settings.timeout_seconds)

    async def invoices(self, period: str, company: str, person: Person) -> Ledger:
        """The invoices of a legal entity whose date is in a month, in Dynamics' order; possibly none.

        Args:
            period: `YYYY-MM`.
            company: Legal entity (dataAreaId).
            person: Who is acted for.

        Raises:
            Invalid: The month or the legal entity is none.
            SignInNeeded, NotPermitted, Refused, NotFound, Unavailable: As `connectors.http.failure` says.
            InvalidContent: A row lacks what an invoice must have; it is named.
        """
        first, after = month(period)
        if not company.strip():
            raise Invalid("Dynamics needs a legal entity (dataAreaId), such as 1010.")
        names = self._settings.fields
        conditions = (
            f"dataAreaId eq {quoted(company.strip())}",
            f"{names.date} ge {first}T00:00:00Z",
            f"{names.date} lt {after}T00:00:00Z",
        )
        params = {
            "cross-company": "true",
            "$filter": " and ".join(conditions),
            "$select": ",".join(name for name in astuple(names) if name),
        }
        pages = self._reader.pages(
            f"{self._reader.url}/data/{self._settings.entity}",
            self._identity.bearer(person, self._settings.scope),
            what=f"read {self._settings.entity} of legal entity {clipped(company, 20)}",
            params=params,
            following=_following,
        )
        entries = [self._entry(row) async for page in pages for row in _rows(page)]
        return Ledger(source=SYSTEM, period=period, entries=entries)

    def _entry(self, row: Any) -> Entry:
        names, values = self._settings.fields, row if isinstance(row, dict) else {}
        name = f"Dynamics {_text(values, names.reference) or '?'}"
        problems = [
            f"{field} is missing"
            for field in (names.supplier, names.invoice, names.currency)
            if not _text(values, field)
        ]
        amount, when = values.get(names.amount), _date(values.get(names.date))
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            problems.append(f"{names.amount} is not a number")
            amount = 0
        if when is None:
            problems.append(f"{names.date} is not a date")
        if problems or when is None:
            message = f"{name}: {', '.join(problems)}. Correct the invoice in Dynamics, or go on without Dynamics."
            raise InvalidContent(message)
        return Entry(
            supplier=_text(values, names.supplier),
            invoice=_text(values, names.invoice),
            amount=Decimal(amount),
            currency=_text(values, names.currency),
            date=when,
            supplier_name=_text(values, names.supplier_name),
            row=name,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()


def _rows(page: Any) -> list[Any]:
    match page:
        case {"value": list(rows)}:
            return rows
    raise InvalidContent("Dynamics' answer is not a list of invoices: check TANDEM_DYNAMICS_URL.")


def _following(page: Any) -> str | None:
    match page:
        case {"@odata.nextLink": str(link)}:
            return link
    return None


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name) if name else ""
    return value.strip() if isinstance(value, str) else ""


def _date(value: object) -> date | None:
    """Midnight UTC stands for the day; 1900-01-01 is how Dynamics writes "no date"."""
    if not isinstance(value, str):
        return None
    try:
        day = datetime.fromisoformat(value).date()
    except ValueError:
        return None
    return None if day == date(1900, 1, 1) else day
