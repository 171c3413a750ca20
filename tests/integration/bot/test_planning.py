"""From a person's words through the real planning worker and the real engine to their chat, with a scripted model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import ModelUnavailable
from orchestration.planning.draft import is_planning
from orchestration.planning.worker import draft_worker
from orchestration.validation.policy_file import NoFile
from tests.support.chat import MEGAN, Desk, opened
from tests.unit.planning.modelled import PLANNER, ScriptedModel, keep, plan, step

GOAL = "how much is on the shelves? save it"
COUNT = step("count", "count")
SAVE = step("save", "save", {"n": "7"}, needs=["count"])
THE_PLAN = plan(COUNT, SAVE, title="The shelves", text="It is saved.")
QUESTION = {"outcome": "question", "text": "Which shelves?", "choices": ["Upstairs", "All"]}


def changed(*tasks: dict[str, Any], title: str = "") -> dict[str, Any]:
    """The first open run shall have these tasks."""
    return {**plan(*tasks, title=title, text=""), "outcome": "change", "run": "A"}


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
async def desk(tmp_path: Path, model: ScriptedModel) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, lambda registry: draft_worker(registry, PLANNER, NoFile(), model))
    async with opened(made):
        yield made


async def test_a_free_goal_a_question_back_a_change_before_and_one_during_the_run(
    desk: Desk, model: ScriptedModel
) -> None:
    model._answers += [QUESTION, THE_PLAN]
    await desk.say(MEGAN, GOAL)
    await desk.press(MEGAN, "Upstairs", on=await desk.sees(MEGAN, "Which shelves?"))
    card = await desk.sees(MEGAN, "Nothing has been done yet")
    assert "Drawn up by the language model “scripted-1” for this goal" in card.says
    told = json.loads(model.asked[-1][1].text)
    assert told["said"] == [{"question": "Which shelves?", "answer": "Upstairs"}]

    model._answers.append(changed(*keep("count"), SAVE | {"arguments": [{"name": "n", "value": "8"}]}))
    await desk.say(MEGAN, "save 8 instead")
    card = await desk.sees(MEGAN, "What has changed")
    await desk.press(MEGAN, "Start", on=card)
    await desk.sees(MEGAN, "Allow")

    model._answers.append(changed(*keep("count"), SAVE | {"arguments": [{"name": "n", "value": "9"}]}))
    await desk.say(MEGAN, "save 9 instead")
    await desk.press(MEGAN, "Change the plan", on=await desk.sees(MEGAN, "Change the plan?"))
    runs = [run for run in await desk.engine.runs(limit=50) if not is_planning(run.playbook)]
    assert [(run.revision, run.goal) for run in runs] == [(2, GOAL)]
    await desk.until(lambda: "Allow" in desk.last(MEGAN).says, "the changed write is not asked about")
    await desk.press(MEGAN, "Allow")
    await desk.sees(MEGAN, "It is saved.")
    events = [row.type for row in await desk.store.events(runs[0].run_id)]
    assert events.count("PlanAmended") == 2


async def test_where_a_model_makes_no_plan_the_person_is_told_so_in_words_and_nothing_is_started(
    desk: Desk, model: ScriptedModel
) -> None:
    nonsense = plan(step("pay", "bank.pay", {"to": "eve@evil.example"}))
    model._answers += [nonsense, "prose, no plan", nonsense, nonsense]
    await desk.say(MEGAN, GOAL)
    card = await desk.sees(MEGAN, "No plan came of this")
    assert "It named “eve@evil.example”, which you did not." in card.says
    (planning,) = await desk.engine.runs(limit=50)
    assert [each.outcome for each in planning.usage] == ["invalid_plan"] * 4


async def test_a_model_that_is_down_is_tried_three_times_and_then_it_is_said(desk: Desk, model: ScriptedModel) -> None:
    model._answers += [ModelUnavailable("The model does not answer.")] * 3
    await desk.say(MEGAN, GOAL)
    await desk.sees(MEGAN, "does not answer just now")
    assert len(model.asked) == 3
