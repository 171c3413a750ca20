"""Lives and the deaths in them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from orchestration.core.view import view
from tests.faults.images import Camera, Image
from tests.faults.life import Life
from tests.faults.log import Log, nothing_ahead, outcome, whole
from tests.faults.medium import Medium, Point, nowhere
from tests.faults.scenario import Scenario
from tests.faults.world import World
from tests.support.office import opened
from tests.support.transitions import undrawn


async def live(medium: Medium, world: World, scenario: Scenario, point: Point = nowhere) -> Log:
    """Begin the run, or go on with it, to the end; returns what the log then says."""
    return await lived(Life(medium, world, point), scenario)


async def lived(life: Life, scenario: Scenario) -> Log:
    """The same, with a life of one's own making."""
    scenario.workers(life)
    async with opened(life):
        last = await life.drive(scenario.plan, scenario.choose, scenario.act)
        titles, effects = life.engine._titles, life.engine._effects
    log = life.medium.read()
    assert log is not None
    assert last == view(log.run, titles=titles, effects=effects), "what people saw is not what the log says"
    whole(log, life.world)
    assert not (moves := undrawn(log.events)), f"docs/states.md does not draw {moves}"
    return log


def walk(medium: Medium, world: World, scenario: Scenario) -> tuple[Log, Camera]:
    """One life with an image of every point."""
    camera = Camera(medium.image, world)
    return asyncio.run(live(medium, world, scenario, camera)), camera


def survive(medium: Medium, image: Image, scenario: Scenario, expected: dict[str, Any], again: Random | None) -> None:
    """The life after a death ends as it should, and so does the one after a death in that life, drawn by lot.

    Args:
        medium: Where the log is laid.
        image: What the death left.
        scenario: What is run.
        expected: How it ends.
        again: Draws the second death; None for a life without one.
    """
    try:
        medium.restore(image.files)
        world = World.thaw(image.world)
        nothing_ahead(medium.read(), world)
        camera = Camera(medium.image, world)
        log = asyncio.run(live(medium, world, scenario, camera if again else nowhere))
        assert outcome(log, scenario.either) == expected
        if again and camera.images:  # at the last points all was over
            survive(medium, again.choice(camera.images), scenario, expected, None)
    except BaseException as error:
        error.add_note(f"died at {image.point}")
        raise
