"""Months as people say them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.planning.months import Month, find_months

TODAY = date(2026, 11, 22)


def found(text: str, *, alone: bool = False, today: date = TODAY) -> list[str]:
    result = find_months(text, today, alone=alone)
    assert not result.unclear, result.unclear
    return [str(month) for month in result.months]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("October 2026", "2026-10"),
        ("Oct 2026", "2026-10"),
        ("oct. 2026", "2026-10"),
        ("2026-10", "2026-10"),
        ("10/2026", "2026-10"),
        ("10.2026", "2026-10"),
        ("2026/10", "2026-10"),
        ("31.10.2026", "2026-10"),
        ("2026-10-31", "2026-10"),
        ("5 October 2026", "2026-10"),
        ("October of 2025", "2025-10"),
        ("October, 2025", "2025-10"),
        ("2025 October", "2025-10"),
        ("Oct '25", "2025-10"),
        ("October last year", "2025-10"),
        ("last month", "2026-10"),
        ("the previous month", "2026-10"),
        ("last month's invoices", "2026-10"),
        ("this month", "2026-11"),
        ("the month before last", "2026-09"),
        ("two months ago", "2026-09"),
        ("3 months ago", "2026-08"),
        ("October", "2026-10"),
        ("november", "2026-11"),
        ("December", "2025-12"),
        ("for May", "2026-05"),
        ("Oktober 2026", "2026-10"),
        ("März 2026", "2026-03"),
        ("Maerz 2026", "2026-03"),
        ("im Mai", "2026-05"),
        ("Dezember 2025", "2025-12"),
        ("Jänner 2026", "2026-01"),
        ("letzten Monat", "2026-10"),
        ("vom Vormonat", "2026-10"),
        ("diesen Monat", "2026-11"),
        ("vorletzten Monat", "2026-09"),
        ("vor zwei Monaten", "2026-09"),
    ],
)
def test_one_month_is_understood_inside_a_sentence_and_alone(text: str, month: str) -> None:
    assert found(text, alone=True) == [month]
    assert found(f"Reconcile the supplier invoices {text} please") == [month]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("13/2026", "13/2026"),
        ("2026-13", "2026-13"),
        ("00/2026", "00/2026"),
        ("Octember", "Octember"),
        ("Octember 2026", "Octember 2026"),
        ("for Septembr", "Septembr"),
        ("10/05/2026", "10/05/2026"),
        ("10/26", "10/26"),
        ("Q3 2026", "Q3 2026"),
        ("the third quarter", "third quarter"),
        ("the whole year 2026", "whole year"),
        ("next month", "next month"),
        ("December 2026", "December 2026"),
        ("2027-01", "2027-01"),
        ("October 1926", "October 1926"),
    ],
)
def test_what_is_no_usable_month_is_named_and_never_dropped(text: str, named: str) -> None:
    for sentence in (text, f"Reconcile the supplier invoices {text}"):
        result = find_months(sentence, TODAY)
        assert result.months == []
        assert len(result.unclear) == 1
        assert named in result.unclear[0]


@pytest.mark.parametrize(
    "text",
    [
        "May I reconcile the supplier invoices?",
        "march on with the reconciliation",
        "match supplier invoices",
        "remember every member",
        "the monthly reconciliation of 2026",
        "every month",
        "Jan asked me to reconcile",
        "invoices 4711/12345 and 5105600123",
    ],
)
def test_ordinary_words_are_no_months(text: str) -> None:
    assert found(text) == []


def test_a_word_of_two_meanings_is_a_month_where_it_answers_the_question() -> None:
    assert found("may", alone=True) == ["2026-05"]
    assert found("May I see the invoices for May") == ["2026-05"]


def test_several_months_are_all_found_in_order() -> None:
    assert found("September and October 2026, then 2026-08") == ["2026-09", "2026-10", "2026-08"]


def test_the_rest_is_the_sentence_without_its_months() -> None:
    assert find_months("Reconcile October 2026 in SAP", TODAY).rest == "Reconcile in SAP"


def test_last_month_crosses_the_year() -> None:
    assert found("last month", today=date(2027, 1, 3)) == ["2026-12"]


@given(st.dates(date(2001, 1, 1), date(2099, 12, 31)), st.integers(0, 11))
def test_a_bare_name_is_the_latest_such_month_that_is_not_in_the_future(today: date, index: int) -> None:
    month = Month.of(today).before(index)
    name = month.title.split()[0]
    assert found(f"for {name}", today=today) == [str(month)]


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    for alone in (False, True):
        result = find_months(text, TODAY, alone=alone)
        assert all(month <= Month.of(TODAY) for month in result.months)
