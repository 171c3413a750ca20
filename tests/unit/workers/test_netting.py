"""Credit memos lower, reversals cancel out, and neither is taken for what it is not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.netting import SEVERAL, balance, net
from orchestration.workers.reconcile import ReconcileInput, compare
from orchestration.workers.reconciliation import Reconciliation


def row(amount: str, **more: Any) -> Entry:
    fields: dict[str, Any] = {"supplier": "1", "invoice": "A-1", "currency": "EUR", "date": date(2026, 10, 4)}
    return Entry(**{**fields, "amount": Decimal(amount), **more})


def compared(sap: list[Entry], register: list[Entry]) -> Reconciliation:
    given = {"sap": ("SAP", sap), "register": ("Register", register)}
    ledgers: dict[str, Ledger | None] = {
        key: Ledger(source=name, period="2026-10", entries=rows) for key, (name, rows) in given.items()
    }
    return compare(ReconcileInput(ledgers=ledgers))


def test_an_invoice_and_its_reversal_net_to_nothing_and_are_no_discrepancy() -> None:
    result = compared([row("100"), row("-100")], [])
    assert result.discrepancies == []
    assert (result.figures.invoices, result.figures.reversed) == (0, 1)
    assert [each.amount for each in result.reversed["sap"]] == [100, -100]
    assert result.counts_text == "SAP 2 · Register 0 · 1 reversed"


def test_an_invoice_booked_again_after_its_reversal_counts_once() -> None:
    result = compared([row("84.03"), row("-84.03"), row("100")], [row("100")])
    assert result.discrepancies == []
    assert (result.figures.invoices, result.figures.matched, result.figures.reversed) == (1, 1, 1)


def test_an_invoice_that_only_one_system_took_back_is_missing_there_and_says_why() -> None:
    (each,) = compared(
        [row("100", row="SAP 1"), row("-100", row="SAP 2", note="reversed with 1")], [row("100")]
    ).discrepancies
    assert (each.kind, each.title) == ("missing", "Supplier 1 A-1: reversed in SAP")
    assert each.facts[0] == ("SAP", "reversed: 100.00 EUR booked and taken back")
    assert each.entries["sap"] == []
    assert [entry.row for entry in each.reversed["sap"]] == ["SAP 1", "SAP 2"]
    assert ("SAP", "2, A-1, -100.00 EUR, 2026-10-04, reversed with 1") in each.why
    assert ("SAP", "opposite rows cancel out and do not count") in each.why


def test_a_credit_memo_matches_a_credit_memo() -> None:
    assert compared([row("-20")], [row("-20.00")]).discrepancies == []


def test_a_credit_memo_entered_without_its_sign_is_a_difference_of_twice_its_amount() -> None:
    (each,) = compared([row("-20")], [row("20")]).discrepancies
    assert (each.kind, each.title) == ("amount", "Supplier 1 A-1: amount with opposite signs")
    assert each.why[0] == ("Rule", "amounts may differ by 0.00 EUR, here it is 40.00 EUR")


def test_an_invoice_and_a_partial_credit_under_its_number_are_taken_together_and_are_no_duplicate() -> None:
    assert compared([row("100"), row("-30")], [row("-30"), row("100")]).discrepancies == []
    (each,) = compared([row("100"), row("-30")], [row("100")]).discrepancies
    assert each.kind == "amount"
    assert each.why[0][1].endswith("here it is 30.00 EUR")


@pytest.mark.parametrize("rows", [["100", "100"], ["-30", "-30", "100"], ["100", "100", "-30"]])
def test_the_same_sign_twice_is_a_duplicate(rows: list[str]) -> None:
    (each,) = compared([row(amount) for amount in rows], [row("100")]).discrepancies
    assert each.kind == "duplicate"


def test_opposite_amounts_of_different_currencies_do_not_cancel_out() -> None:
    (each,) = compared([row("100"), row("-100", currency="USD")], [row("100")]).discrepancies
    assert each.kind == "currency"
    assert balance([row("1"), row("-1", currency="USD")]).currency == SEVERAL


def test_opposite_amounts_of_different_invoices_do_not_cancel_out() -> None:
    result = compared([row("100"), row("-100", invoice="A-2")], [])
    assert [each.kind for each in result.discrepancies] == ["missing", "missing"]


@given(st.lists(st.decimals(-50, 50, places=0), max_size=12))
def test_netting_loses_nothing_and_keeps_the_sum(amounts: list[Decimal]) -> None:
    rows = [row(str(amount), row=str(place)) for place, amount in enumerate(amounts)]
    left, gone = net(rows)
    assert sorted(entry.row for entry in [*left, *gone]) == sorted(entry.row for entry in rows)
    assert sum((entry.amount for entry in gone), Decimal(0)) == 0
    assert len(gone) % 2 == 0
    assert not {entry.amount for entry in left if entry.amount} & {-entry.amount for entry in left}


def test_the_outcome_survives_json() -> None:
    result = compared([row("100"), row("-100")], [row("100")])
    assert msgspec.json.decode(msgspec.json.encode(result), type=Reconciliation) == result
