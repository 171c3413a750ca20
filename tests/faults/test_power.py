"""The power fails at every point of every scenario: what is outside is never ahead of what the disk surely holds."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.faults.drive import drive
from tests.faults.images import Camera
from tests.faults.log import outcome
from tests.faults.medium import File
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import live, survive
from tests.faults.world import World


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_loss_of_power_at_any_point_changes_nothing(tmp_path: Path, name: str) -> None:
    scenario, world = SCENARIOS[name], World()

    def point(where: str) -> None:
        synced(where)
        if disk.pending:
            torn(where)

    with drive(point) as disk:
        synced = Camera(disk.synced, world)
        torn = Camera(partial(disk.torn, Random(name)), world)
        log = asyncio.run(live(File(tmp_path / "first", connect=disk.connect), world, scenario, point))
    expected = outcome(log, scenario.either)
    assert synced.points["sync:before"] == synced.points["sync:after"] >= synced.points["commit:after"]
    assert len(synced.images) > synced.points["commit:after"], "every commit is another image"
    assert torn.points["sync:before"] >= synced.points["commit:after"], "every commit can be torn"
    kept = File(tmp_path / "again")
    for image in [*synced.images, *torn.images]:
        kept.restore(image.files)
        with closing(sqlite3.connect(kept.path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], image.point
        survive(kept, image, scenario, expected, None)
