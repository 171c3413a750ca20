"""The comparison vouches for every row of every system, and says when a system is missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from orchestration.capabilities import TaskContext
from orchestration.capabilities.surroundings import Alone
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, reconcile
from tests.support.office import MEGAN


class Hearing(Alone):
    """Keeps what is vouched for."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[int, int]] = {}

    async def complete(self, part: str, done: int, of: int) -> None:
        """See `TaskContext.complete`."""
        self.parts[part] = (done, of)


def entry(number: str, amount: str) -> Entry:
    return Entry(invoice=number, supplier="Litware", amount=Decimal(amount), currency="EUR", date=date(2026, 10, 1))


async def vouched(**ledgers: Ledger | None) -> dict[str, tuple[int, int]]:
    hearing = Hearing()
    task = TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN, around=hearing)
    await reconcile.call(ReconcileInput(ledgers=ledgers), task)
    return hearing.parts


def ledger(source: str, *entries: Entry) -> Ledger:
    return Ledger(source=source, period="2026-10", entries=list(entries))


async def test_rows_that_match_differ_are_missing_or_cancel_out_are_all_accounted_for() -> None:
    sap = ledger("SAP", entry("1", "10"), entry("2", "20"), entry("3", "30"), entry("4", "5"), entry("4", "-5"))
    register = ledger("Register", entry("1", "10"), entry("2", "21"))
    assert await vouched(sap=sap, register=register) == {
        "systems": (2, 2),
        "SAP invoices": (5, 5),
        "Register invoices": (2, 2),
    }


async def test_a_system_that_was_left_out_is_not_vouched_for() -> None:
    one, two = ledger("SAP", entry("1", "10")), ledger("Register", entry("1", "10"))
    assert (await vouched(sap=one, register=two, dynamics=None))["systems"] == (2, 3)
