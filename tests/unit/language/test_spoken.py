"""Texts, numbers and dates are in the language of whoever reads them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.cards import moments
from bot.cards.wording import either, listed
from bot.language import language_of, moment, month, number, say, say_count, speaking, spoken


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-DE", "de"), ("de_AT", "de"), ("DE", "de"), ("en-GB", "en"), ("fr-FR", "en"), ("", "en"), ("../de", "en")],
)
def test_a_locale_is_served_in_its_language_or_in_english(locale: str, language: str) -> None:
    assert language_of(locale) == language


def test_numbers_are_written_as_the_language_does() -> None:
    assert [number(1234.56), number(Decimal("1234.50"), digits=2), number(1200)] == ["1,234.56", "1,234.50", "1,200"]
    with speaking("de-DE"):
        assert [number(1234.56), number(Decimal("1234.50"), digits=2), number(1200)] == [
            "1.234,56",
            "1.234,50",
            "1.200",
        ]
        assert say("and {count} more", count=1200) == "und 1.200 weitere"


def test_one_and_many_are_told_apart() -> None:
    with speaking("de-DE"):
        said = [say_count("{count} item", "{count} items", each) for each in (0, 1, 2)]
    assert said == ["0 Einträge", "1 Eintrag", "2 Einträge"]


def test_months_times_and_durations() -> None:
    at = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
    lengths = [timedelta(seconds=each) for each in (0.42, 65, 7380, 3 * 86_400)]
    assert [month(2026, 3), moment(at, "d. MMMM y")] == ["March 2026", "26. November 2026"]
    with speaking("de-DE"):
        assert [month(2026, 3), moments.month_name("2026-10")] == ["März 2026", "Oktober 2026"]
        assert [moments.duration(each) for each in lengths] == ["0,4 s", "1 Min. 5 s", "2 Std. 3 Min.", "3 Tage"]
        assert [moments.countdown(each) for each in (timedelta(0), timedelta(seconds=12))] == ["jetzt", "in 12 s"]


def test_lists() -> None:
    with speaking("de-DE"):
        assert [listed(["A", "B", "C"]), either(["A", "B"]), listed(["A"]), listed([])] == [
            "A, B und C",
            "A oder B",
            "A",
            "",
        ]


def test_values_from_outside_are_no_templates() -> None:
    with speaking("de-DE"):
        assert say("{run}: running", run="{person.__class__} {0}") == "{person.__class__} {0}: läuft"


def test_a_text_without_a_translation_is_english() -> None:
    with speaking("de-DE"):
        assert say("{what} of tomorrow", what="A text") == "A text of tomorrow"


async def test_people_who_are_served_at_the_same_time_each_get_their_own_language() -> None:
    both = asyncio.Barrier(2)

    async def serve(locale: str) -> str:
        with speaking(locale):
            await both.wait()
            return say("Your runs")

    assert await asyncio.gather(serve("de-DE"), serve("en-US")) == ["Ihre Vorgänge", "Your runs"]
    assert spoken() == "en"
