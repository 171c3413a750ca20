"""Cells mean what the clerk meant, or are refused with a reason."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.graph.cells import Unreadable, amount, currency, day, identifier


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (1250, "1250.00"),
        (1250.1, "1250.10"),
        (0.1 + 0.2, "0.30"),
        (-12.5, "-12.50"),
        (1.2345, "1.2345"),
        ("1250", "1250.00"),
        ("1,250.00", "1250.00"),
        ("1.250,00", "1250.00"),
        ("1 250,00", "1250.00"),
        ("1\u00a0250,00", "1250.00"),
        ("1'250.00", "1250.00"),
        ("1,250", "1250.00"),
        ("1.250", "1250.00"),
        ("389,819", "389819.00"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567", "1234567.00"),
        ("0,123", "0.123"),
        ("12,5", "12.50"),
        ("-3.10", "-3.10"),
        ("3.10-", "-3.10"),
        ("(3.10)", "-3.10"),
        ("\u22123.10", "-3.10"),
    ],
)
def test_amounts_are_read_exactly(cell: object, expected: str) -> None:
    assert str(amount(cell)) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "12.34.5",
        "1,23,456.00",
        "1.250,00,0",
        "1,250.00.00",
        "--1",
        "€ 12",
        "#N/A",
        True,
        date(2026, 1, 1),
        "1e5",
        "-",
    ],
)
def test_what_is_no_amount_is_refused(cell: object) -> None:
    with pytest.raises(Unreadable, match="not a number"):
        amount(cell)


def test_three_decimals_are_asked_about_only_where_money_has_them() -> None:
    with pytest.raises(Unreadable, match="two ways"):
        amount("1,250", "KWD")
    assert amount("1,250.500", "KWD") == Decimal("1250.5")


@given(st.integers(-(10**11), 10**11))
def test_every_amount_in_cents_survives_a_workbooks_double(cents: int) -> None:
    exact = Decimal(cents) / 100
    assert amount(float(exact)) == exact


@given(st.integers(0, 10**10))
def test_both_ways_of_writing_an_amount_give_it_back(cents: int) -> None:
    exact = (Decimal(cents) / 100).quantize(Decimal("0.01"))
    english = f"{exact:,}"
    assert amount(english) == exact
    assert amount(english.translate(str.maketrans(",.", ".,"))) == exact


@pytest.mark.parametrize(
    "cell",
    [
        date(2026, 10, 4),
        datetime(2026, 10, 4, 13, 0),  # noqa: DTZ001  # a workbook knows no time zones
        "2026-10-04",
        "2026-10-4",
        "2026-10-04 00:00:00",
        "04.10.2026",
        "4. 10. 2026",
        " 4 Oct 2026 ",
        "4. Oktober 2026",
        "October 4, 2026",
        "Oct 4 2026",
    ],
)
def test_dates_are_read_however_they_are_written(cell: object) -> None:
    assert day(cell) == date(2026, 10, 4)


@pytest.mark.parametrize(("cell", "expected"), [("10/25/2026", 25), ("25/10/2026", 25), ("10/10/2026", 10)])
def test_slashes_are_read_where_only_one_reading_is_possible(cell: str, expected: int) -> None:
    assert day(cell) == date(2026, 10, expected)


def test_a_date_with_two_readings_is_refused() -> None:
    with pytest.raises(Unreadable, match="two ways"):
        day("10/04/2026")


@pytest.mark.parametrize(
    "cell", ["soon", "31.02.2026", "2026-13-01", "4 Octember 2026", True, "31/02/2026", "0.0.2026"]
)
def test_what_is_no_date_is_refused(cell: object) -> None:
    with pytest.raises(Unreadable, match="not a date"):
        day(cell)


def test_a_number_in_a_date_column_is_explained() -> None:
    with pytest.raises(Unreadable, match="format the cell as a date"):
        day(46299)


def test_identifiers_that_excel_made_numbers_are_identifiers_again() -> None:
    assert identifier(100234) == identifier(100234.0) == "100234"
    assert identifier("0000100234 ") == "0000100234"
    assert identifier("INV\n2026 / 7") == "INV 2026 / 7"
    with pytest.raises(Unreadable):
        identifier(1.5)


def test_currencies_are_codes() -> None:
    assert currency(" eur ") == "EUR"
    for cell in ("€", "Euro", 3, ""):
        with pytest.raises(Unreadable, match="code of three letters"):
            currency(cell)
