"""Somebody sets the clock while a run goes on: a day forwards, an hour back. Runs end as if nobody had."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.faults.life import Life
from tests.faults.log import Log, outcome
from tests.faults.medium import File
from tests.faults.scenario import Scenario
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import lived
from tests.faults.world import World

JUMPS = {"a day forwards": timedelta(days=1), "an hour back": -timedelta(hours=1)}
TRIES = 8


async def jumping(folder: Path, scenario: Scenario, at: int, by: timedelta) -> tuple[Log, int]:
    """A life whose clock is set right after its n-th point; also how many points it had."""
    loop, seen = asyncio.get_running_loop(), 0

    def point(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            loop.call_soon_threadsafe(life.clock.jump, by)

    life = Life(File(folder), World(), point)
    return await lived(life, scenario), seen


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, name: str, jump: str) -> None:
    scenario, random = SCENARIOS[name], Random(name)
    run = partial(jumping, scenario=scenario, by=JUMPS[jump])
    log, points = asyncio.run(run(tmp_path / "first", at=0))
    # Of a run that is given up after some hours, a day forwards finds more undone.
    either = frozenset(log.run.tasks) if scenario.plan.deadline_hours else scenario.either
    expected = outcome(log, either)
    for at in random.sample(range(1, points + 1), TRIES):
        try:
            log, _ = asyncio.run(run(tmp_path / f"{at}", at=at))
            assert outcome(log, either) == expected
        except BaseException as error:
            error.add_note(f"set at point {at} of {points}")
            raise
