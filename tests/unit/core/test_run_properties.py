"""What holds of every run, whatever its plan and whatever happens to it.

`HYPOTHESIS_PROFILE=deep pytest tests/unit/core/test_run_properties.py` looks for some twenty minutes.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from orchestration.core import commands as c
from orchestration.core.attempts import backoff
from orchestration.core.decide import decide
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.structure import structural_problems
from orchestration.errors import InvalidPlan, TandemError
from tests.support.clock import START
from tests.support.office import ALEX, MEGAN
from tests.unit.core.plans import any_plan, by_lot, drawn
from tests.unit.core.story import Story

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
STORIES = 60_000 if DEEP else 1_500
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
HOUR_SECONDS = 3_600


class AnyRun(RuleBasedStateMachine):
    """A random plan, and whatever can happen to its run in any order; `Story` looks at every state that it passes."""

    story: Story | None = None

    @initialize(data=st.data())
    def a_plan_is_proposed(self, data: Any) -> None:
        self.story = Story(any_plan(drawn(data)))

    def _with(self, data: Any) -> Story:
        assert self.story is not None
        self.story.pick = drawn(data)
        return self.story

    @rule(data=st.data(), times=st.sampled_from([1, 2, 4, 8]))
    def some_of_what_is_due_is_done(self, data: Any, times: int) -> None:
        for _ in range(times):
            self._with(data).effect()

    @rule(data=st.data())
    def people_answer(self, data: Any) -> None:
        self._with(data).people()

    @rule(data=st.data())
    def time_passes(self, data: Any) -> None:
        self._with(data).time()

    @rule(data=st.data())
    def the_initiator_takes_a_hand(self, data: Any) -> None:
        self._with(data).control()

    @rule(data=st.data())
    def the_process_dies(self, data: Any) -> None:
        self._with(data).restart()

    @rule(data=st.data())
    def something_comes_late(self, data: Any) -> None:
        self._with(data).late()

    @rule(data=st.data())
    def somebody_tries_what_is_not_theirs(self, data: Any) -> None:
        story = self._with(data)
        story.refused_answers()
        story.out_of_turn()
        story.writes_unasked()

    def teardown(self) -> None:
        """Whatever has happened: the run ends once everybody does what leads on."""
        if self.story is not None:
            self.story.finish()


AnyRun.TestCase.settings = settings(
    max_examples=10_000 if DEEP else 300,
    stateful_step_count=80 if DEEP else 40,
    deadline=None,
    suppress_health_check=QUIET,
)


@pytest.mark.timeout(HOUR_SECONDS if DEEP else 120)
class TestAnyRun(AnyRun.TestCase):  # type: ignore[misc,name-defined]
    """Replay is the live state, nothing begins before its turn or twice, and every run can end."""


@pytest.mark.timeout(HOUR_SECONDS if DEEP else 120)
def test_stories_drawn_by_lot_hold_too() -> None:
    """The same without Hypothesis, which gets through many more: a seed that fails is in the error."""
    for seed in range(STORIES):
        pick = by_lot(seed)
        story = Story(any_plan(pick), pick)
        try:
            for _ in range(seed % 150):
                story.step()
            story.finish()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


@given(st.integers(1, 40), st.floats(0, 1), st.none() | st.floats(0, 900))
def test_backoff_is_bounded_and_never_shorter_than_asked_for(
    attempt: int, jitter: float, retry_after: float | None
) -> None:
    asked = timedelta(seconds=retry_after) if retry_after is not None else None
    delay = backoff(attempt, jitter, asked)
    assert timedelta(seconds=1) <= delay <= max(timedelta(seconds=60), asked or timedelta())
    assert asked is None or delay >= asked


def test_a_plan_that_cannot_work_is_refused_with_every_problem_at_once() -> None:
    plan = Plan(
        title="bad",
        answer=Answer(text=""),
        tasks={
            "a": Node(capability="x", needs=["b", "nobody"]),
            "b": Node(capability="x", needs=["c"]),
            "c": Node(capability="x", needs=["a"], optional=["b"]),
            "Bad Name": Node(),
        },
    )
    problems = structural_problems(plan)
    assert len(problems) == 5, problems
    with pytest.raises(InvalidPlan) as caught:
        decide(None, c.ProposeRun(run_id="r", plan=plan, goal="", initiator=MEGAN), START)
    assert caught.value.problems == problems
    assert any("a -> b -> c -> a" in problem or "-> a" in problem for problem in problems)


def test_only_the_named_people_may_command_a_run() -> None:
    story = Story(Plan(title="t", tasks={"a": Node(capability="do")}, answer=Answer(text="")))
    for command in (c.StartRun(by=ALEX), c.CancelRun(by=ALEX), c.ConfirmSignIn(by=ALEX)):
        with pytest.raises(TandemError, match="Only Megan Bowen can"):
            story.apply(command)
    assert len(story.history) == 1
