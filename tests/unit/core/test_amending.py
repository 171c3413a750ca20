"""What holds of every run whose plan is changed, at whatever moment."""

from __future__ import annotations

import os

import pytest

from orchestration.core import events as e
from orchestration.core.run import ENDED, SETTLED
from tests.unit.core.plans import any_plan, by_lot
from tests.unit.core.story import Story

STORIES = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 600
STEPS = 60


def told(seed: int) -> Story:
    """A story in which the plan is changed now and then, brought to its end."""
    pick = by_lot(seed)
    story = Story(any_plan(pick), pick)
    for _ in range(STEPS):
        if pick([False] * 7 + [True]):
            before = story.run.revision
            happened = story.amend()
            assert story.run.revision == before + any(isinstance(each, e.PlanAmended) for each in happened)
        else:
            story.step()
        story.pick = pick
    story.restart()
    story.finish()
    return story


@pytest.mark.parametrize("tenth", range(10))
def test_a_run_whose_plan_is_changed_keeps_every_promise_and_ends(tenth: int) -> None:
    amended = 0
    for seed in range(tenth, STORIES, 10):
        story = told(seed)
        run = story.run
        assert run.status in ENDED, seed
        assert all(task.status in SETTLED for task in run.tasks.values()) or run.status != "succeeded", seed
        assert run.amending is None, seed
        keys = [each.key for each in story.history if isinstance(each, e.TaskStarted) and each.key]
        assert len(story.accepted) == len(set(story.accepted) & set(keys)), seed
        story.restart()
        amended += sum(isinstance(each, e.PlanAmended) for each in story.history)
    assert amended > STORIES / 10
