"""The machine's clock: neither early nor long asleep."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.engines.clock import SystemClock


class Moved(SystemClock):
    """A clock that somebody sets, or that went on while the machine slept."""

    by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Moved:
    monkeypatch.setattr("orchestration.engines.clock.LONGEST_SECONDS", 0.01)
    return Moved()


async def test_what_became_due_while_the_machine_slept_is_called_soon(clock: Moved) -> None:
    called = asyncio.Event()
    clock.call_at(clock.now() + timedelta(hours=8), called.set)
    await asyncio.sleep(0.03)
    assert not called.is_set()
    clock.by = timedelta(hours=9)
    await asyncio.wait_for(called.wait(), 5)


async def test_a_clock_that_goes_back_calls_nothing_early(clock: Moved) -> None:
    called = asyncio.Event()
    clock.call_at(clock.now() + timedelta(seconds=0.05), called.set)
    clock.by = timedelta(hours=-1)
    await asyncio.sleep(0.1)
    assert not called.is_set()
    clock.by = timedelta(0)
    await asyncio.wait_for(called.wait(), 5)


async def test_what_is_taken_back_is_not_called(clock: Moved) -> None:
    called = asyncio.Event()
    cancel = clock.call_at(clock.now() + timedelta(seconds=0.05), called.set)
    await asyncio.sleep(0.03)
    cancel()
    await asyncio.sleep(0.05)
    assert not called.is_set()
