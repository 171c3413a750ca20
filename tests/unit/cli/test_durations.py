"""Spans of time as people type them."""

from __future__ import annotations

import pytest

from bot.cli.durations import seconds_of
from bot.cli.trouble import Trouble


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5 s", 1.5), ("45", 45), ("1h", 3600)]
)
def test_a_span_is_understood(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-3s", "0s", "3 weeks", "1e3"])
def test_what_is_no_span_is_named(text: str) -> None:
    with pytest.raises(Trouble, match="is not a span of time"):
        seconds_of(text)
