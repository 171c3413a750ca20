"""What was decided last month about the same supplier and kind is offered again, and nothing else is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, compare
from orchestration.workers.remembered import Decided, Memory, Remembered
from orchestration.workers.terms import Terms

RECEIPTS = Terms(amounts="quantities")


def decided(**changed: str) -> Decided:
    return Decided(**{"supplier": "100234", "kind": "Different amounts", "decision": "SAP is right", **changed})


def memory(*rows: Decided, terms: Terms | None = None, month: str = "2026-09") -> Memory:
    return Memory(Remembered(rows=list(rows), month=month), terms or Terms())


def test_the_decision_is_offered_with_its_month() -> None:
    assert memory(decided(supplier="0000100234")).of("100234", "amount") == [("As in September", "SAP is right")]


@pytest.mark.parametrize(("supplier", "kind"), [("100235", "amount"), ("100234", "missing")])
def test_another_supplier_or_kind_remembers_nothing(supplier: str, kind: str) -> None:
    assert memory(decided()).of(supplier, kind) == []  # type: ignore[arg-type]


def test_decisions_that_differed_are_not_remembered() -> None:
    both = memory(decided(), decided(decision="Investigate"))
    assert both.of("100234", "amount") == []
    assert memory(decided(), decided()).of("100234", "amount") == [("As in September", "SAP is right")]


@pytest.mark.parametrize(
    "row", [decided(decision=" "), decided(supplier=""), decided(kind="Different colours"), Decided()]
)
def test_rows_without_a_decision_supplier_or_known_kind_are_passed_by(row: Decided) -> None:
    assert memory(row).of("100234", "amount") == []


def test_the_kind_is_known_by_the_words_of_the_reconciliation() -> None:
    row = decided(kind="Different quantities")
    assert memory(row).of("100234", "amount") == []
    assert memory(row, terms=RECEIPTS).of("100234", "amount")


def test_a_system_that_lacks_the_document_now_is_not_offered_as_the_one_that_is_right() -> None:
    known = memory(decided(kind="Missing in a system"))
    assert known.of("100234", "missing", ["Dynamics"]) == [("As in September", "SAP is right")]
    assert known.of("100234", "missing", ["SAP", "Register"]) == []


def test_nothing_known_is_nothing_offered() -> None:
    assert Memory(None, Terms()).of("100234", "amount") == []


def test_a_discrepancy_carries_the_decision_before_its_reasons() -> None:
    def ledger(name: str, amount: str) -> Ledger:
        entry = Entry(
            supplier="100234",
            invoice="A",
            amount=Decimal(amount),
            currency="EUR",
            date=date(2026, 10, 1),
            row=f"{name} 7",
        )
        return Ledger(source=name, period="2026-10", entries=[entry])

    remembered = Remembered(rows=[decided()], month="2026-09")
    result = compare(
        ReconcileInput(ledgers={"sap": ledger("SAP", "1"), "register": ledger("Register", "2")}, remembered=remembered)
    )
    assert result.remembered == 1
    assert result.discrepancies[0].why == [
        ("As in September", "SAP is right"),
        ("Rule", "amounts may differ by 0.00 EUR, here it is 1.00 EUR"),
        ("SAP", "7, A"),
        ("Register", "7, A"),
    ]
