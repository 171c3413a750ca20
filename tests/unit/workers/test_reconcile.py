"""`ledger.reconcile` finds every difference, invents none, and says what each system says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.question import Item
from orchestration.errors import Invalid, InvalidContent
from orchestration.workers.keys import invoice_key, normal
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, Reconciliation, compare, reconcile

MONTHS = ("2026-08", "2026-09", "2026-10")


def entry(**given: Any) -> Entry:
    fields: dict[str, Any] = {
        "supplier": "100234",
        "invoice": "INV-2026-0042",
        "amount": Decimal("1250.00"),
        "currency": "EUR",
        "date": date(2026, 10, 4),
        "supplier_name": "Northwind GmbH",
    }
    return Entry(**{**fields, **given})


def ledger(source: str, *entries: Entry, period: str = "2026-10") -> Ledger:
    rows = [msgspec.structs.replace(each, row=each.row or f"{source} row {n}") for n, each in enumerate(entries, 2)]
    return Ledger(source=source, period=period, entries=rows)


def compared(
    sap: list[Entry] | None, dynamics: list[Entry] | None, register: list[Entry] | None, **more: Any
) -> Reconciliation:
    given = {"sap": ("SAP", sap), "dynamics": ("Dynamics", dynamics), "register": ("Register", register)}
    return compare(
        ReconcileInput(
            ledgers={key: None if rows is None else ledger(name, *rows) for key, (name, rows) in given.items()}, **more
        )
    )


@pytest.mark.parametrize("month", MONTHS)
def test_every_planted_discrepancy_is_found_and_none_is_invented(
    month: str, contoso: Callable[[str], dict[str, Ledger | None]], planted: Callable[[str], list[Any]]
) -> None:
    result = compare(ReconcileInput(ledgers=contoso(month)))

    found = Counter((each.kind, each.supplier, normal(each.invoice)) for each in result.discrepancies)
    truth = Counter((each.kind, normal(each.supplier), normal(each.invoice)) for each in planted(month))
    assert truth
    assert found == truth


@pytest.mark.parametrize("month", MONTHS)
def test_the_deviating_system_is_the_planted_one(
    month: str, contoso: Callable[[str], dict[str, Ledger | None]], planted: Callable[[str], list[Any]]
) -> None:
    truth = {(normal(each.supplier), normal(each.invoice)): each for each in planted(month)}
    for each in compare(ReconcileInput(ledgers=contoso(month))).discrepancies:
        expected = truth[each.supplier, normal(each.invoice)]
        if each.kind in ("missing", "duplicate"):
            odd = {system for system, rows in each.entries.items() if len(rows) != 1}
        else:
            field = {"amount": "amount", "currency": "currency", "date": "date"}[each.kind]
            values = {system: getattr(rows[0], field) for system, rows in each.entries.items()}
            if each.kind == "date":  # the others may lie days apart themselves
                middle = sorted(values.values())[1]
                odd = {max(values, key=lambda system: abs(values[system] - middle))}
            else:
                odd = {system for system, value in values.items() if list(values.values()).count(value) == 1}
        assert odd == expected.systems, each.title


def test_the_same_invoice_written_differently_matches() -> None:
    result = compared(
        [entry(supplier="0000100234", invoice="INV-2026/0042")],
        [entry(invoice="inv 2026 0042", date=date(2026, 10, 7))],
        [entry(invoice="Inv.2026.0042 ", currency="eur", amount=Decimal(1250))],
    )
    assert result.discrepancies == []
    assert result.figures.matched == 1
    assert result.summary == "no discrepancies in 1 invoice"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("0000040", "40", True),
        ("A-1-01", "A-11", False),
        ("ＩＮＶ-１", "inv1", True),
        ("0", "00", True),
        ("INV-7", "INV-07", False),
    ],
)
def test_keys_ignore_notation_but_not_content(left: str, right: str, same: bool) -> None:
    assert (invoice_key(entry(invoice=left)) == invoice_key(entry(invoice=right))) is same


def test_rows_without_an_invoice_number_match_nothing_and_are_no_duplicates() -> None:
    result = compared([entry(invoice="-"), entry(invoice="")], [], None)
    assert [each.kind for each in result.discrepancies] == ["missing", "missing"]
    assert len({each.id for each in result.discrepancies}) == 2
    assert "(no invoice number)" in result.discrepancies[1].title + result.discrepancies[0].title


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"amount": Decimal("1250.01")}, "amount", "amount differs"),
        ({"currency": "USD"}, "currency", "currency differs"),
        ({"date": date(2026, 10, 8)}, "date", "dates 4 days apart"),
        ({"date": date(2026, 9, 30)}, "date", "dates 4 days apart"),
    ],
)
def test_each_kind_of_difference_is_named(changed: dict[str, Any], kind: str, said: str) -> None:
    result = compared([entry()], [entry(**changed)], [entry()])
    assert [(each.kind, each.title) for each in result.discrepancies] == [
        (kind, f"Northwind GmbH INV-2026-0042: {said}")
    ]


def test_a_missing_invoice_says_where() -> None:
    (each,) = compared([entry()], [], []).discrepancies
    assert each.title == "Northwind GmbH INV-2026-0042: missing in Dynamics and Register"
    assert each.facts == [("SAP", "1,250.00 EUR · 2026-10-04"), ("Dynamics", "missing"), ("Register", "missing")]


def test_a_duplicate_says_where_and_keeps_both_rows() -> None:
    (each,) = compared([entry(), entry(invoice="INV 2026 0042")], [entry()], [entry()]).discrepancies
    assert each.title == "Northwind GmbH INV-2026-0042: more than once in SAP"
    assert [row.row for row in each.entries["sap"]] == ["SAP row 2", "SAP row 3"]
    assert each.facts[0] == ("SAP", "1,250.00 EUR · 2026-10-04 and 1,250.00 EUR · 2026-10-04")


@pytest.mark.parametrize(
    ("sap", "dynamics", "register", "kind"),
    [
        ([entry(), entry()], [], [entry(amount=Decimal(1))], "duplicate"),
        ([entry()], [], [entry(amount=Decimal(1), currency="USD")], "missing"),
        ([entry()], [entry(amount=Decimal(1), currency="USD")], [entry()], "currency"),
        ([entry()], [entry(amount=Decimal(1), date=date(2026, 10, 31))], [entry()], "amount"),
    ],
)
def test_an_invoice_with_several_differences_counts_once_as_the_gravest(
    sap: list[Entry], dynamics: list[Entry], register: list[Entry], kind: str
) -> None:
    assert [each.kind for each in compared(sap, dynamics, register).discrepancies] == [kind]


def test_what_lies_within_the_tolerances_is_no_difference() -> None:
    near = entry(amount=Decimal("1250.05"), date=date(2026, 10, 7))
    assert compared([entry()], [near], None, tolerance_amount=Decimal("0.05")).discrepancies == []
    assert compared([entry()], [near], None, tolerance_amount=Decimal("0.04")).discrepancies
    assert compared([entry()], [near], None, tolerance_amount=Decimal("0.05"), tolerance_days=2).discrepancies


def test_amounts_are_compared_exactly() -> None:
    left, right = Decimal("100000000000000000.01"), Decimal("100000000000000000.02")
    (each,) = compared([entry(amount=left)], [entry(amount=right)], None).discrepancies
    assert each.facts[0][1].startswith("100,000,000,000,000,000.01 EUR")


def test_yen_have_no_decimals_and_do_not_outweigh_euros() -> None:
    yen = [entry(invoice=f"J{n}", currency="JPY", amount=Decimal(800_000)) for n in range(3)]
    euros = [entry(invoice=f"E{n}", amount=Decimal(100)) for n in range(3)]
    big = entry(invoice="E9", amount=Decimal(5000))
    result = compared([*yen, *euros, big], [*yen[1:], *euros], None)
    assert [each.invoice for each in result.discrepancies] == ["E9", "J0"]
    assert result.discrepancies[1].facts[0] == ("SAP", "800,000 JPY · 2026-10-04")


def test_a_system_that_was_left_out_is_said_and_not_missed() -> None:
    result = compared([entry()], None, [entry()])
    assert result.discrepancies == []
    assert (result.compared, result.left_out) == (["sap", "register"], ["dynamics"])
    assert result.compared_text == "SAP and Register; left out: Dynamics"


@pytest.mark.parametrize("only", [0, 1])
def test_fewer_than_two_systems_cannot_be_compared(only: int) -> None:
    with pytest.raises(Invalid, match="At least two systems are needed"):
        compared([entry()] if only else None, None, None)


def test_ledgers_of_different_months_cannot_be_compared() -> None:
    given = {"sap": ledger("SAP", entry()), "register": ledger("Register", entry(), period="2026-09")}
    with pytest.raises(InvalidContent, match="SAP 2026-10 and Register 2026-09"):
        compare(ReconcileInput(ledgers=given))


def test_an_amount_that_is_no_number_is_named_by_its_row() -> None:
    with pytest.raises(InvalidContent, match="SAP row 2"):
        compared([entry(amount=Decimal("NaN"))], [entry()], None)


def test_a_month_without_data_has_no_discrepancies() -> None:
    result = compared([], [], [])
    assert result.summary == "no invoices in any system"
    assert result.kinds_text == "none"


def test_text_from_outside_stays_on_one_line_and_short() -> None:
    nasty = entry(supplier_name="Evil\u202e\u200b\r\nCorp " + "x" * 500, invoice="A\n1")
    (each,) = compared([nasty], [], None).discrepancies
    assert "\n" not in each.title
    assert "\u202e" not in each.title
    assert len(each.title) < 200
    assert each.entries["sap"] == [msgspec.structs.replace(nasty, row="SAP row 2")]


def test_a_discrepancy_can_be_asked_about_as_an_item() -> None:
    result = compared([entry()], [], None)
    plain = msgspec.json.decode(msgspec.json.encode(result))
    (item,) = msgspec.convert(plain["discrepancies"], list[Item])
    assert item == Item(
        id="100234-INV20260042",
        kind="missing",
        title="Northwind GmbH INV-2026-0042: missing in Dynamics",
        facts=[("SAP", "1,250.00 EUR · 2026-10-04"), ("Dynamics", "missing")],
        weight=1.0,
        why=[("Rule", "every invoice must be in all systems"), ("SAP", "row 2, INV-2026-0042")],
    )
    assert msgspec.convert(plain, Reconciliation) == result


_entries = st.builds(
    entry,
    invoice=st.sampled_from(["A-1", "a1", "A 2", "B/3", "", "?"]),
    amount=st.decimals(-1000, 1000, places=2),
    currency=st.sampled_from(["EUR", "USD"]),
    date=st.dates(date(2026, 10, 1), date(2026, 10, 9)),
)
_lists = st.lists(_entries, max_size=8)


@given(_lists, _lists, _lists)
def test_matched_and_differing_invoices_are_all_invoices(
    sap: list[Entry], dynamics: list[Entry], register: list[Entry]
) -> None:
    result = compared(sap, dynamics, register)
    assert result.figures.matched + len(result.discrepancies) == result.figures.invoices
    assert sum(result.figures.by_kind.values()) == len(result.discrepancies)
    assert len({each.id for each in result.discrepancies}) == len(result.discrepancies)


@given(_lists, _lists)
def test_the_order_of_rows_changes_no_kind(sap: list[Entry], dynamics: list[Entry]) -> None:
    forwards = compared(sap, dynamics, None)
    backwards = compared(sap[::-1], dynamics[::-1], None)
    assert _known(forwards) == _known(backwards)


def _known(result: Reconciliation) -> Counter[tuple[str, str]]:
    """Kinds by invoice; a row without a number is known by its place alone, which is what the test changes."""
    return Counter(
        (each.kind, each.id if normal(each.invoice) and not each.invoice.startswith("(") else "")
        for each in result.discrepancies
    )


def test_thirty_thousand_rows_take_less_than_two_seconds() -> None:
    rows = [
        entry(supplier=f"0000{100000 + n % 300}", invoice=f"INV-2026/{n:05}", amount=Decimal(n) / 100, row=f"row {n}")
        for n in range(10_000)
    ]
    other = [msgspec.structs.replace(each, amount=each.amount + 1) for each in rows]
    given = {
        name: Ledger(source=name, period="2026-10", entries=each)
        for name, each in (("a", rows), ("b", other), ("c", rows))
    }
    started = time.process_time()
    result = compare(ReconcileInput(ledgers=given))
    assert len(result.discrepancies) == 10_000
    assert time.process_time() - started < 2.0


def test_the_worker_says_its_figures_in_one_line() -> None:
    assert reconcile.summarize is not None
    assert reconcile.summarize(compared([entry()], [], None)) == "1 discrepancy in 1 invoice"
    assert reconcile.capability.effect == "read"


def test_a_system_that_was_not_read_itself_is_told_wherever_the_outcome_is() -> None:
    old = msgspec.structs.replace(ledger("SAP", entry()), note="from last night's export, 14 hours old")
    result = compare(ReconcileInput(ledgers={"sap": old, "register": ledger("Register", entry())}))
    assert result.compared_text == "SAP (from last night's export, 14 hours old) and Register"
    assert result.notes_text == "SAP: from last night's export, 14 hours old."
    assert [each.note for each in result.figures.systems] == ["from last night's export, 14 hours old", ""]
