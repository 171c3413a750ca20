"""Periods as people say them."""

from __future__ import annotations

_NAMES = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def period_title(period: str) -> str:
    """A month such as `2026-10` as "October 2026"; anything else as it is."""
    year, _, month = period.partition("-")
    return f"{_NAMES[int(month) - 1]} {year}" if month.isdigit() and 1 <= int(month) <= 12 else period
