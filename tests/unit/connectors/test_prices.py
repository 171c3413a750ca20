"""What a language model costs."""

from __future__ import annotations

import pytest

from connectors.prices import Prices, read_prices


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("2.50/10.00/1.25 EUR", Prices(2.5, 10.0, 1.25, "EUR")),
        (" 2.50 / 10 USD ", Prices(2.5, 10.0, 2.5, "USD")),
        ("0/0 EUR", Prices(0.0, 0.0, 0.0, "EUR")),
    ],
)
def test_prices_are_read(text: str, prices: Prices) -> None:
    assert read_prices(text) == prices


@pytest.mark.parametrize(
    "text", ["", "2.50 EUR", "2.50/10.00", "2,50/10,00 EUR", "2.5/10 €", "1.2.3/4 EUR", "-1/2 EUR"]
)
def test_what_is_no_price_is_none(text: str) -> None:
    assert read_prices(text) is None


def test_cached_tokens_are_part_of_what_was_read() -> None:
    prices = Prices(2.0, 10.0, 1.0, "EUR")
    assert prices.cost(read=1_000_000, written=100_000, cached=500_000) == pytest.approx(1.0 + 0.5 + 1.0)
