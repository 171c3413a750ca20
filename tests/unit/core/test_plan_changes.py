"""What changing a plan does to single tasks."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from orchestration.core import commands as c
from orchestration.core.amendment import Amendment, Step, foresee_amendment
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve
from orchestration.core.plan import Node
from orchestration.core.run import ApplyAmendment, Conclude, Prepare
from orchestration.core.usage import Usage
from orchestration.errors import Conflict
from tests.support.office import MEGAN
from tests.unit.core.tale import Tale, each, read, write


def foreseen(tale: Tale, **tasks: Node) -> Amendment:
    plan = msgspec.structs.replace(tale.run.plan, tasks=tasks)
    return foresee_amendment(tale.run, plan, titles={}, effects={})


def names(steps: list[Step]) -> list[str]:
    return [step.task for step in steps]


def writing() -> Tale:
    """A run whose only write is under way."""
    tale = Tale(put=write())
    tale.begins("put")
    tale.accepted[tale.run.tasks["put"].key] = "put"
    return tale


def written(tale: Tale) -> None:
    tale.apply(c.CompleteTask(task="put", attempt=1, entry="e"))


def dropped(tale: Tale) -> None:
    [event] = decide(tale.run, c.DropAmendment(code="internal", message="m"), tale.now)
    tale.history.append(event)
    evolve(tale.run, event)


def test_a_run_does_not_end_while_a_change_of_it_waits() -> None:
    tale = writing()
    tale.amends(put=write(), more=read())
    written(tale)
    assert {Conclude(), ApplyAmendment()} <= set(tale.run.due)
    assert tale.apply(c.ConcludeRun(answer="a")) == []
    assert tale.apply(c.FailRun(code="expression", message="m")) == []
    tale.apply(c.ApplyAmendment())
    assert (tale.run.status, tale["more"], Conclude() in tale.run.due) == ("running", "ready", False)


def test_a_change_that_is_dropped_lets_the_run_go_on_as_it_was() -> None:
    tale = writing()
    tale.amends(put=write(), more=read())
    written(tale)
    dropped(tale)
    assert Conclude() in tale.run.fresh
    assert (tale.run.revision, tale.run.amending, list(tale.run.tasks)) == (0, None, ["put"])
    tale.ends()


def test_what_is_ready_begins_once_a_change_is_dropped() -> None:
    tale = Tale(put=write(), a=read())
    tale.begins("put")
    tale.amends(put=write(), b=read())
    start = c.StartTask(task="a", worker="w", version="1", inputs="i", timeout=timedelta(minutes=1))
    assert tale.apply(start) == []
    dropped(tale)
    assert Prepare("a") in tale.run.fresh
    assert tale.apply(start)


def test_a_second_change_is_refused_while_the_first_waits() -> None:
    tale = writing()
    tale.amends(put=write(), more=read())
    with pytest.raises(Conflict, match="waits for a write"):
        tale.amends(put=write())


def test_arguments_that_a_person_edited_are_forgotten_with_what_they_were_arguments_of() -> None:
    tale = Tale(put=write(), last=read())
    tale.perform(Prepare("put"))
    asked = tale.run.approvals["put.1"]
    tale.apply(c.EditArguments(approval="put.1", by=MEGAN, shown=asked.entry, entry="edits"))
    tale.goes_well(but=("last",))
    assert (tale["put"], tale.run.tasks["put"].edits) == ("succeeded", "edits")
    tale.amends(put=write(when="x"), last=read())
    assert (tale.run.tasks["put"].stale, tale.run.tasks["put"].edits) == (True, "")


def test_what_was_edited_and_is_changed_before_it_was_allowed_is_prepared_as_it_is_planned_now() -> None:
    tale = Tale(put=write())
    tale.perform(Prepare("put"))
    asked = tale.run.approvals["put.1"]
    tale.apply(c.EditArguments(approval="put.1", by=MEGAN, shown=asked.entry, entry="edits"))
    tale.amends(put=write(when="x"))
    assert (tale["put"], tale.run.tasks["put"].edits) == ("ready", "")


def test_another_capability_is_a_change_of_what_has_not_begun_and_replaces_what_has() -> None:
    tale = Tale(a=read(), b=read("a"))
    found = foreseen(tale, a=write(), b=write("a"))
    assert (names(found.changed), names(found.added), names(found.removed)) == (["a", "b"], [], [])
    tale.goes_well()
    found = foreseen(tale, a=write(), b=read("a"))
    assert (names(found.removed), names(found.added), names(found.again)) == (["a"], ["a"], ["b"])


def test_what_could_do_without_a_skipped_task_is_done_again_once_that_is_done() -> None:
    tale = Tale(a=read(when="x"), b=read("a", optional=["a"]), last=read())
    tale.apply(c.SkipTask(task="a"))
    tale.goes_well(but=("last",))
    assert (tale["a"], tale["b"]) == ("skipped", "succeeded")
    tale.amends(a=read(), b=read("a", optional=["a"]), last=read())
    assert (tale["a"], tale["b"]) == ("ready", "pending")


def test_what_was_skipped_for_want_of_something_is_done_once_it_does_without() -> None:
    tale = Tale(a=read(when="x"), c=read("b"), b=read("a"), last=read())
    tale.apply(c.SkipTask(task="a"))
    assert (tale["b"], tale["c"]) == ("skipped", "skipped")
    tale.amends(a=read(when="x"), c=read("b"), b=read("a", optional=["a"]), last=read())
    assert (tale["a"], tale["b"], tale["c"]) == ("skipped", "ready", "pending")


def test_a_new_task_that_needs_what_was_skipped_is_skipped_with_it() -> None:
    tale = Tale(a=read(when="x"), last=read())
    tale.apply(c.SkipTask(task="a"))
    tale.amends(a=read(when="x"), last=read(), more=read("a"))
    assert tale["more"] == "skipped"
    tale.ends()


def test_tasks_of_a_failed_run_that_never_began_are_not_said_to_be_done_again() -> None:
    tale = Tale(a=read(), b=read("a"), bad=read())
    tale.goes_well(but=("b", "bad"))
    tale.fails("bad")
    assert tale["b"] == "cancelled"
    found = foreseen(tale, a=read(), b=read("a", when="x"))
    assert (names(found.changed), names(found.again), names(found.removed)) == (["b"], [], ["bad"])


def test_a_plan_with_another_deadline_moves_it_from_now_and_one_without_takes_it_away() -> None:
    tale = Tale(deadline_hours=4, a=read())
    begun = tale.now
    for hours, deadline in ((4.0, begun + timedelta(hours=4)), (9.0, begun + timedelta(hours=10)), (0.0, None)):
        tale.now = begun + timedelta(hours=1)
        plan = msgspec.structs.replace(tale.run.plan, title=f"{hours}", deadline_hours=hours)
        tale.apply(c.AmendPlan(plan=plan, by=MEGAN, revision=tale.run.revision))
        assert tale.run.deadline == deadline


def test_the_steps_of_a_change_say_what_was_spent() -> None:
    tale = Tale(a=read(), last=read())
    tale.begins("a")
    tale.now += timedelta(seconds=30)
    tale.apply(c.CompleteTask(task="a", attempt=1, entry="e"))
    [step] = foreseen(tale, a=read(when="x"), last=read()).again
    assert (step.task, step.status, step.attempts, step.seconds) == ("a", "succeeded", 1, 30.0)


def test_another_rule_for_failures_is_shown_and_what_is_under_way_goes_on() -> None:
    tale = Tale(a=read(), b=read("a"))
    tale.begins("a")
    otherwise = {"a": read(on_failure="skip"), "b": read("a", optional=["a"])}
    found = foreseen(tale, **otherwise)
    assert (names(found.changed), names(found.again)) == (["a", "b"], [])
    tale.amends(**otherwise)
    assert (tale["a"], tale.run.tasks["a"].attempt) == ("running", 1)
    tale.fails("a")
    assert (tale["a"], tale["b"]) == ("skipped", "ready")


def test_a_step_that_is_new_has_cost_nothing_and_a_group_costs_what_is_in_it() -> None:
    group = each({"one": read()})
    tale = Tale(a=read(), all=group, last=read())
    tale.goes_well(but=("last",))
    for name in ("a", "all.1.one"):
        tale.apply(c.RecordUsage(task=name, attempt=1, usage=Usage(model="m", input_tokens=3, output_tokens=4)))
    found = foreseen(tale, a=write(), all=each({"one": read(when="x")}), last=read())
    assert [(step.task, step.status, step.tokens) for step in found.added] == [("a", "pending", 0)]
    assert [(step.task, step.tokens) for step in found.removed + found.again] == [("a", 7), ("all", 7)]
