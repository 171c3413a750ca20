"""kill -9 of the real process at any moment, again and again over one log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.chaos import chaos
from tests.faults.medium import medium


@pytest.mark.parametrize(("store", "kills"), [("sqlite", 30), ("postgres", 15)])
def test_kills_at_any_moment_lose_and_double_nothing(tmp_path: Path, store: str, kills: int) -> None:
    with medium(store, tmp_path) as kept:
        toll = chaos(kept, kills=kills, seed=4)
    assert toll.runs >= 10
    assert toll.interrupted + toll.doubts >= kills / 3, "something was under way at many kills"
