"""September's reconciliation as it was left in SharePoint: what a month later is remembered."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from connectors.sandbox.contoso.invoices import SYSTEMS, Invoice
from connectors.sandbox.contoso.register import reproducible
from orchestration.core.question import Answered
from orchestration.core.run import Person
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, compare
from orchestration.workers.workbook import RunFacts, WorkbookInput, make

MONTH = "2026-09"
FOLDER = "sharepoint/Finance/Documents/Accounts Payable/Reconciliations"
_MEGAN = Person("a1c0de00-0001-4000-8000-000000000001", "Megan Bowen", "megan.bowen@contoso.example")
_ALEX = Person("a1c0de00-0002-4000-8000-000000000002", "Alex Wilber", "alex.wilber@contoso.example")
_PLACES = {
    "sap": "SAP {0}/2026",
    "dynamics": "Dynamics {0}",
    "register": "Supplier invoice register 2026.xlsx, {0[0]}, row {0[1]}",
}
_NAMES = {"sap": "SAP", "dynamics": "Dynamics", "register": "Register"}
_RULES = {"amount": "sap", "missing": "sap", "date": "register", "currency": "investigate", "duplicate": "investigate"}


def write_past(folder: Path, invoices: list[Invoice]) -> None:
    """Writes September's workbook, with Alex's decisions, into a tenant's folder.

    Args:
        folder: The tenant's.
        invoices: Of September; their references must be there.
    """
    ledgers: dict[str, Ledger | None] = {system: _ledger(system, invoices) for system in SYSTEMS}
    result = compare(ReconcileInput(ledgers=ledgers))
    decisions = Answered(
        choice="answer",
        by=_ALEX,
        at=datetime(2026, 10, 6, 13, 40, tzinfo=UTC),
        comment="Suppliers' statements checked.",
        rules=_RULES,
        choices={each.id: _RULES[each.kind] for each in result.discrepancies},
    )
    run = RunFacts(id="5e9c41d07ab2", goal="Reconcile the supplier invoices", initiator=_MEGAN, date=date(2026, 10, 6))
    made = make(
        WorkbookInput(
            title="Supplier invoice reconciliation",
            name=f"Supplier invoices {MONTH}.xlsx",
            reconciliation=result,
            decisions=decisions,
            run=run,
            ledgers=ledgers,
        )
    )
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / FOLDER / made.name).write_bytes(reproducible(made.content))


def _ledger(system: str, invoices: list[Invoice]) -> Ledger:
    rows = [
        Entry(
            supplier=invoice.supplier.number,
            invoice=entry.number,
            amount=entry.amount,
            currency=entry.currency,
            date=entry.date,
            supplier_name="" if system == "sap" else invoice.supplier.name,
            row=_PLACES[system].format(entry.reference.split("!") if system == "register" else entry.reference),
        )
        for invoice in invoices
        for entry in invoice.entries[system]
    ]
    rows.sort(key=lambda row: (len(row.row), row.row))
    return Ledger(source=_NAMES[system], period=MONTH, entries=rows)
