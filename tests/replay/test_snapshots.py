"""A snapshot and the events after it are the same state as all of the events, wherever it was taken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.evolve import evolve, fold
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.run import Run
from orchestration.core.snapshot import VERSION, due, freeze, thaw
from tests.replay.test_histories import HISTORIES, digest, lines
from tests.support.clock import START
from tests.support.office import MEGAN
from tests.unit.core.plans import drawn, plans
from tests.unit.core.story import Story


def ordered(value: Any) -> Any:
    """A value with the order of its mappings, which `==` passes over and people see."""
    if isinstance(value, dict):
        return [(ordered(key), ordered(each)) for key, each in value.items()]
    if isinstance(value, list):
        return [ordered(each) for each in value]
    if isinstance(value, msgspec.Struct):
        return type(value).__name__, [ordered(getattr(value, name)) for name in value.__struct_fields__]
    return value


def resumed(history: list[e.Event], cut: int) -> Run:
    run = thaw(freeze(fold(history[:cut])))
    for event in history[cut:]:
        evolve(run, event)
    run.fresh.clear()
    return run


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_committed_history_can_be_cut_anywhere(path: Path) -> None:
    history = [decode(bytes(line.event)) for line in lines(path)]
    whole = fold(history)
    for cut in range(1, len(history) + 1):
        run = resumed(history, cut)
        assert run == whole, f"cut after event {cut}"
        assert ordered(run) == ordered(whole), f"cut after event {cut}"
        assert digest(run) == lines(path)[-1].state


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_any_run_can_be_cut_anywhere(plan: Plan, data: st.DataObject) -> None:
    story = Story(plan, drawn(data))
    for _ in range(data.draw(st.integers(0, 40))):
        story.step()
    cut = data.draw(st.integers(1, len(story.history)))
    assert ordered(resumed(story.history, cut)) == ordered(fold(story.history))


def proposed(**params: Any) -> Run:
    plan = Plan(title="T", tasks={"a": Node(capability="add", with_=params)}, answer=Answer(text=""), params=params)
    return fold([e.RunProposed(at=START, run_id="r", plan=plan, goal="g", initiator=MEGAN)])


def test_parameters_keep_their_values_and_types() -> None:
    run = proposed(a=1, b=1.0, c=None, d=[True, {"x": "ü\0"}], e=-(2**63), f=2**64 - 1, g=1e300, h={"1": {}})
    assert ordered(thaw(freeze(run))) == ordered(run)


def test_a_number_beyond_64_bits_has_no_snapshot() -> None:
    with pytest.raises(OverflowError):
        freeze(proposed(a=2**70))


def test_freezing_changes_nothing() -> None:
    run = proposed()
    before = ordered(run)
    freeze(run)
    assert ordered(run) == before


def test_the_nodes_of_the_plan_are_not_held_twice() -> None:
    run = thaw(freeze(proposed()))
    assert run.nodes["a"] is run.plan.tasks["a"]


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x90", b'{"run_id": 1}'])
def test_what_is_no_state_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        thaw(body)


def test_instants_keep_their_microseconds() -> None:
    run = proposed()
    run.last_at = START + timedelta(microseconds=1)
    assert thaw(freeze(run)).last_at == run.last_at


def test_the_version_is_of_the_sources_and_not_empty() -> None:
    assert len(VERSION) == 16
    int(VERSION, 16)


def test_snapshots_of_a_long_run_are_ever_rarer_and_leave_little_to_fold() -> None:
    taken, last, written = [], 0, 0
    for seq in range(1, 100_001):
        if due(seq, last):
            taken.append(seq)
            last, written = seq, written + seq
    assert taken[0] == 10_000
    assert len(taken) < 10
    assert 100_000 - last < 100_000 / 4
    assert written < 6 * 100_000, "all of them together are a few times the last"
