"""The process dies at every point of every scenario: the next life ends the run as if nothing had happened.

An image of the log and of the world outside is taken at each point of one life, which is all that a death leaves
behind; from each image that differs a new engine is started and driven to the end. Some of these second lives die as
well, at a point drawn by lot, and a third one ends the run.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.faults.log import outcome
from tests.faults.medium import STORES, medium
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import survive, walk
from tests.faults.world import World

POINTS = {"append:before", "append:after", "effect:before", "effect:after", "notice:before", "notice:after", "told"}
DIE_AGAIN = 0.3


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("store", STORES)
def test_a_death_at_any_point_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, name: str
) -> None:
    # Lives after a death begin with a snapshot and what came after it; what they end with is compared to all events.
    monkeypatch.setattr("orchestration.core.snapshot.due", lambda seq, before: seq - before >= 3)
    scenario, random = SCENARIOS[name], Random(name)
    with medium(store, tmp_path) as kept:
        log, camera = walk(kept, World(), scenario)
        expected = outcome(log, scenario.either)
        commits = {"commit:before", "commit:after"} if store == "sqlite" else set()
        assert set(camera.points) >= POINTS | commits | ({"pressed"} if expected["decided"] else set())
        for image in camera.images:
            survive(kept, image, scenario, expected, random if random.random() < DIE_AGAIN else None)
