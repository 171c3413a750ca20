"""A run's plan is changed: before it starts, while it runs, and after it failed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import TaskContext
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.commands import CancelRun, PauseRun, StartRun
from orchestration.core.evolve import fold
from orchestration.core.plan import Answer, ForEach, Node, Plan, Question
from orchestration.core.run import OPERATOR, Person, effects, wake_at
from orchestration.core.snapshot import freeze, thaw
from orchestration.core.view import RunView, TaskView
from orchestration.errors import AlreadyDecided, Conflict, Invalid, InvalidPlan, NotPermitted, NotRunning, Outdated
from orchestration.planning.compiler import with_needs
from orchestration.ports import EventRow
from tests.support.office import ALEX, MEGAN, Number, Office, opened


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.register("write", _echo, write=True, dedupe="target")
    return made


async def _echo(number: Number, _: TaskContext) -> Number:
    return number


def read(n: Any, **more: Any) -> Node:
    return Node(capability="add", with_={"n": n}, **more)


def write(n: Any, **more: Any) -> Node:
    return Node(capability="write", with_={"n": n}, **more)


def plan(answer: str = "done", params: dict[str, Any] | None = None, **tasks: Node) -> Plan:
    return with_needs(Plan(title="Test", tasks=tasks, answer=Answer(text=answer), params=params or {}))


def of(run: RunView, name: str) -> TaskView:
    return next(task for task in run.tasks if task.name == name)


async def proposed(office: Office, plan: Plan) -> str:
    applied = await office.engine.propose(plan, goal="do it", initiator=MEGAN, origin="", command_id="")
    return applied.run.run_id


async def amended(office: Office, run_id: str, plan: Plan, revision: int = 0) -> RunView:
    return (await office.engine.amend(run_id, plan, by=MEGAN, revision=revision)).run


async def history(office: Office, run_id: str) -> list[e.Event]:
    return [decode(row.body) for row in await office.engine._store.events(run_id)]


async def value(office: Office, run: RunView, name: str) -> Any:
    return (await office.engine.value(run.run_id, of(run, name).entry))["n"]


def hold(office: Office, name: str = "slow", *, write: bool = False) -> tuple[asyncio.Event, asyncio.Event]:
    """A worker that waits; (it has begun, let it go)."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def wait(number: Number, _: TaskContext) -> Number:
        begun.set()
        await gate.wait()
        return number

    office.register(name, wait, write=write, dedupe="target" if write else "none")
    return begun, gate


async def allow(office: Office, run_id: str, task: str, which: str = "approve") -> RunView:
    """Answer the open question about a task."""

    def asks(run: RunView) -> bool:
        return any(each.task == task and each.open for each in run.approvals)

    run = await office.until(run_id, asks, f"nothing is asked about {task}")
    approval = next(each.id for each in run.approvals if each.task == task and each.open)
    return await office.decide(run_id, approval, MEGAN, which)


# --- before it starts


async def test_before_its_start_a_run_simply_gets_the_other_plan(office: Office) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1), b=read("${tasks.a.n}")))
        other = plan("made: ${tasks.c.n}", a=read(5), c=read("${tasks.a.n}"))
        foreseen = await office.engine.foresee_amendment(run_id, other, by=MEGAN)
        run = await amended(office, run_id, other)
        assert (run.status, run.revision, [task.name for task in run.tasks]) == ("proposed", 1, ["a", "c"])
        await office.send(run_id, StartRun(by=MEGAN, revision=1))
        run = await office.finish(run_id)
        assert await value(office, run, "c") == 7
    assert [step.task for step in foreseen.added] == ["c"]
    assert [step.task for step in foreseen.removed] == ["b"]
    assert [step.task for step in foreseen.changed] == ["a"]
    assert office.surface.reports[0][1] == Answer(text="made: 7")


async def test_a_plan_that_was_changed_since_it_was_shown_is_not_started(office: Office) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        await amended(office, run_id, plan(a=read(2)))
        with pytest.raises(Outdated, match="changed since you saw it"):
            await office.send(run_id, StartRun(by=MEGAN, revision=0))
        assert (await office.engine.view(run_id)).status == "proposed"


async def test_only_the_initiator_changes_a_plan_and_not_even_the_operator(office: Office) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        for by in (ALEX, Person(OPERATOR, "Operator")):
            with pytest.raises(NotPermitted, match="Only Megan Bowen"):
                await office.engine.amend(run_id, plan(a=read(2)), by=by, revision=0)
            with pytest.raises(NotPermitted):
                await office.engine.foresee_amendment(run_id, plan(a=read(2)), by=by)


async def test_a_change_that_was_drawn_up_for_an_older_plan_is_refused(office: Office) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        await amended(office, run_id, plan(a=read(2)))
        with pytest.raises(Outdated):
            await amended(office, run_id, plan(a=read(3)), revision=0)


async def test_the_same_command_twice_changes_once(office: Office) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        first = await office.engine.amend(run_id, plan(a=read(2)), by=MEGAN, revision=0, command_id="c1")
        again = await office.engine.amend(run_id, plan(a=read(2)), by=MEGAN, revision=0, command_id="c1")
    assert (first.duplicate, again.duplicate, again.run.revision) == (False, True, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Plan(title="x", tasks={"a": Node(capability="nobody")}, answer=Answer(text="")), "nobody offers 'nobody'"),
        (Plan(title="x", tasks={"a": read(1, needs=["b"]), "b": read(1, needs=["a"])}, answer=Answer(text="")), "wait"),
        (Plan(title="x", tasks={"a": read("${tasks.z.n}")}, answer=Answer(text="")), "no task 'z'"),
        (Plan(title="x", tasks={}, answer=Answer(text="")), "there is no task"),
    ],
    ids=["unknown capability", "cycle", "unknown task", "nothing"],
)
async def test_a_wrong_plan_changes_nothing_and_every_problem_is_named(office: Office, wrong: Plan, said: str) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        with pytest.raises(InvalidPlan, match=said):
            await amended(office, run_id, wrong)
        assert (await office.engine.view(run_id)).revision == 0


# --- while it runs


async def test_what_is_in_both_plans_is_not_done_again(office: Office) -> None:
    begun, gate = hold(office)
    async with opened(office):
        slow = Node(capability="slow", with_={"n": 1})
        run_id = await office.run(plan(a=read(1), s=slow, b=read("${tasks.s.n}")))
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "a").status == "succeeded")
        await amended(office, run_id, plan("${tasks.c.n}", a=read(1), s=slow, c=read("${tasks.a.n + tasks.s.n}")))
        gate.set()
        run = await office.finish(run_id)
        assert await value(office, run, "c") == 4
    assert office.calls.count(("s", 1)) == 1
    assert [task.attempt for task in run.tasks] == [1, 1, 1]
    assert "b" not in {task for task, _ in office.calls}


async def test_a_changed_read_is_done_again_with_all_that_was_made_from_it(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        before = plan(a=read(1), b=read("${tasks.a.n}"), other=read(7), s=last)
        run_id = await office.run(before)
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "b").status == of(run, "other").status == "succeeded")
        after = plan(a=read(10), b=read("${tasks.a.n}"), other=read(7), s=last)
        foreseen = await office.engine.foresee_amendment(run_id, after, by=MEGAN)
        await amended(office, run_id, after)
        gate.set()
        run = await office.finish(run_id)
        assert (await value(office, run, "b"), await value(office, run, "other")) == (12, 8)
    assert [step.task for step in foreseen.again] == ["a", "b"]
    assert [(step.attempts, step.status) for step in foreseen.again] == [(1, "succeeded")] * 2
    assert [each for each in office.calls if each[0] == "other"] == [("other", 1)]
    assert [each for each in office.calls if each[0] == "b"] == [("b", 1), ("b", 2)]


async def test_a_parameter_touches_just_what_reads_it(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    tasks: dict[str, Any] = {"a": read("${params.n}"), "b": read("${tasks.a.n}"), "c": read(3), "s": last}
    async with opened(office):
        run_id = await office.run(plan(params={"n": 1, "m": 1}, **tasks))
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "b").status == of(run, "c").status == "succeeded")
        foreseen = await office.engine.foresee_amendment(run_id, plan(params={"n": 5, "m": 1}, **tasks), by=MEGAN)
        nothing = await office.engine.foresee_amendment(run_id, plan(params={"n": 1, "m": 9}, **tasks), by=MEGAN)
        await amended(office, run_id, plan(params={"n": 5, "m": 1}, **tasks))
        gate.set()
        run = await office.finish(run_id)
        assert await value(office, run, "b") == 7
    assert [step.task for step in foreseen.again] == ["a", "b"]
    assert foreseen.params == [("n", 1, 5)]
    assert (nothing.again, nothing.changed, nothing.params) == ([], [], [("m", 1, 9)])


async def test_a_read_under_way_that_is_left_out_is_given_up_and_its_late_result_is_not_used(office: Office) -> None:
    begun, gate = hold(office)
    async with opened(office):
        run_id = await office.run(plan(s=Node(capability="slow", with_={"n": 1}), a=read(1)))
        await begun.wait()
        await amended(office, run_id, plan(a=read(1)))
        gate.set()
        run = await office.finish(run_id)
    assert (run.status, [task.name for task in run.tasks]) == ("succeeded", ["a"])


async def test_a_question_of_a_task_that_is_left_out_is_withdrawn(office: Office) -> None:
    question = Node(approval=Question(approver="${run.initiator}", title="Shall I?"))
    async with opened(office):
        run_id = await office.run(plan(q=question, a=read(1, needs=["q"])))
        run = await office.until(run_id, lambda run: bool(run.approvals))
        which = run.approvals[0]
        await amended(office, run_id, plan(a=read(1)))
        run = await office.finish(run_id)
        assert not run.approvals[0].open
        with pytest.raises(AlreadyDecided):
            await office.engine.decide(run_id, which.id, by=MEGAN, shown=which.entry, choice="approve")
    assert run.status == "succeeded"


async def test_a_question_that_is_changed_is_asked_anew(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(q=Node(approval=Question(approver="${run.initiator}", title="Shall I?"))))
        await office.until(run_id, lambda run: bool(run.approvals))
        await amended(office, run_id, plan(q=Node(approval=Question(approver="${run.initiator}", title="Really?"))))
        run = await office.until(run_id, lambda run: len(run.approvals) == 2)
        assert [(each.title, each.open) for each in run.approvals] == [("Shall I?", False), ("Really?", True)]
        await allow(office, run_id, "q")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_nothing_new_begins_until_a_write_under_way_is_settled(office: Office) -> None:
    begun, gate = hold(office, "save", write=True)
    save = Node(capability="save", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=save, a=read("${tasks.w.n}")))
        await allow(office, run_id, "w")
        await begun.wait()
        after = plan(w=save, b=read(3))
        foreseen = await office.engine.foresee_amendment(run_id, after, by=MEGAN)
        run = await amended(office, run_id, after)
        assert (run.amending, run.revision, [task.name for task in run.tasks]) == (True, 0, ["w", "a"])
        with pytest.raises(Conflict, match="waits for a write"):
            await amended(office, run_id, plan(a=read(9)))
        gate.set()
        run = await office.finish(run_id)
    assert foreseen.waits_for == ["Save"]
    assert (run.status, run.amending, run.revision) == ("succeeded", False, 1)
    assert [task.name for task in run.tasks] == ["w", "b"]
    assert office.calls == [("w", 1), ("b", 1)]


async def test_a_change_that_waits_goes_with_a_cancelled_run(office: Office) -> None:
    begun, gate = hold(office, "save", write=True)
    async with opened(office):
        run_id = await office.run(plan(w=Node(capability="save", with_={"n": 1})))
        await allow(office, run_id, "w")
        await begun.wait()
        await amended(office, run_id, plan(b=read(3)))
        await office.send(run_id, CancelRun(by=MEGAN))
        gate.set()
        run = await office.finish(run_id)
    assert (run.status, run.amending, run.revision) == ("cancelled", False, 0)


async def test_what_was_written_stands_when_it_is_left_out_and_is_told(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=write(1), s=last))
        await allow(office, run_id, "w")
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "w").status == "succeeded")
        foreseen = await office.engine.foresee_amendment(run_id, plan(s=last), by=MEGAN)
        await amended(office, run_id, plan(s=last))
        gate.set()
        run = await office.finish(run_id)
    assert [step.task for step in foreseen.stands] == ["w"]
    assert run.left_behind == ["Write"]
    assert run.status == "succeeded"


async def test_a_write_that_was_made_is_asked_about_before_it_is_made_otherwise(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=write(1), s=last))
        await allow(office, run_id, "w")
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "w").status == "succeeded")
        await amended(office, run_id, plan(w=write(2), s=last))
        run = await office.until(run_id, lambda run: any(each.open for each in run.approvals))
        assert [each.kind for each in run.approvals if each.open] == ["stale"]
        assert office.calls.count(("w", 1)) == 1
        assert len([call for call in office.calls if call[0] == "w"]) == 1
        gate.set()


async def test_a_name_that_comes_back_never_uses_an_idempotency_key_twice(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=write(1), s=last))
        await allow(office, run_id, "w")
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "w").status == "succeeded")
        await amended(office, run_id, plan(s=last))
        await amended(office, run_id, plan(w=write(1), s=last), revision=1)
        await allow(office, run_id, "w")
        gate.set()
        await office.finish(run_id)
        keys = [each.key for each in await history(office, run_id) if isinstance(each, e.TaskStarted) and each.key]
    assert len(keys) == 2
    assert len(set(keys)) == 2


async def test_a_write_of_another_capability_under_the_same_name_is_another_write(office: Office) -> None:
    office.register("send", _echo, write=True, dedupe="target")
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=write(1), s=last))
        await allow(office, run_id, "w")
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "w").status == "succeeded")
        await amended(office, run_id, plan(w=Node(capability="send", with_={"n": 1}), s=last))
        run = await office.until(run_id, lambda run: any(each.open for each in run.approvals))
        assert [each.kind for each in run.approvals if each.open] == ["write"]
        await allow(office, run_id, "w")
        gate.set()
        run = await office.finish(run_id)
        keys = [each.key for each in await history(office, run_id) if isinstance(each, e.TaskStarted) and each.key]
    assert len(set(keys)) == len(keys) == 2
    assert run.left_behind == ["Write"]


async def test_a_group_that_is_changed_begins_anew_whole(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})

    def each(n: int) -> Node:
        inner = {"one": read(f"${{for_each.item + {n}}}")}
        return Node(for_each=ForEach(items="${params.ns}", tasks=inner, gives="${tasks.one.n}"))

    async with opened(office):
        run_id = await office.run(plan(params={"ns": [1, 2]}, g=each(0), s=last))
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "g").status == "succeeded")
        await amended(office, run_id, plan(params={"ns": [1, 2]}, g=each(10), s=last))
        gate.set()
        run = await office.finish(run_id)
        found = await office.engine.value(run_id, of(run, "g").entry)
    assert found["results"] == [12, 13]


async def test_a_paused_run_stays_paused(office: Office) -> None:
    begun, gate = hold(office)
    async with opened(office):
        run_id = await office.run(plan(s=Node(capability="slow", with_={"n": 1})))
        await begun.wait()
        await office.send(run_id, PauseRun(by=MEGAN))
        run = await amended(office, run_id, plan(a=read(1)))
        gate.set()
    assert (run.paused, of(run, "a").status) == (True, "ready")


async def test_a_run_whose_last_open_task_is_left_out_ends(office: Office) -> None:
    question = Node(approval=Question(approver="${run.initiator}", title="Shall I?"))
    async with opened(office):
        run_id = await office.run(plan(a=read(1), q=question))
        await office.until(run_id, lambda run: of(run, "a").status == "succeeded" and bool(run.approvals))
        await amended(office, run_id, plan("it was ${tasks.a.n}", a=read(1)))
        run = await office.finish(run_id)
    assert run.status == "succeeded"
    assert office.surface.reports[-1][1] == Answer(text="it was 2")


# --- after it failed, and when it is over


async def test_a_run_that_failed_goes_on_with_another_plan(office: Office) -> None:
    async def break_down(number: Number, _: TaskContext) -> Number:
        raise Invalid("this cannot be read")

    office.register("broken", break_down)
    async with opened(office):
        run_id = await office.run(plan(a=read(1), x=Node(capability="broken"), b=read("${tasks.x.n}", needs=["a"])))
        failed = await office.finish(run_id)
        assert failed.status == "failed"
        after = plan("${tasks.b.n}", a=read(1), b=read("${tasks.a.n}"))
        run = await amended(office, run_id, after)
        assert (run.status, run.reopened, run.revision) == ("running", 1, 1)
        run = await office.until(run_id, lambda run: run.status == "succeeded")
        assert await value(office, run, "b") == 3
    assert of(run, "a").attempt == 1


async def test_what_was_skipped_for_want_of_a_failed_task_is_done_once_that_is_replaced(office: Office) -> None:
    async def break_down(number: Number, _: TaskContext) -> Number:
        raise Invalid("this cannot be read")

    office.register("broken", break_down)
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        lost = Node(capability="broken", on_failure="skip")
        run_id = await office.run(plan(x=lost, b=read(4, needs=["x"]), s=last))
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "b").status == "skipped")
        after = plan(x=read(1), b=read(4, needs=["x"]), s=last)
        await amended(office, run_id, after)
        gate.set()
        run = await office.finish(run_id)
    assert (of(run, "x").status, of(run, "b").status) == ("succeeded", "succeeded")


async def test_a_failure_that_a_person_is_asked_about_is_answered_by_another_plan(office: Office) -> None:
    async def break_down(number: Number, _: TaskContext) -> Number:
        raise Invalid("this cannot be read")

    office.register("broken", break_down)
    async with opened(office):
        run_id = await office.run(plan(x=Node(capability="broken", on_failure="ask"), b=read("${tasks.x.n}")))
        await office.until(run_id, lambda run: any(each.kind == "failure" and each.open for each in run.approvals))
        await amended(office, run_id, plan(b=read(1)))
        run = await office.finish(run_id)
    assert run.status == "succeeded"
    assert not any(each.open for each in run.approvals)


@pytest.mark.parametrize("how", ["succeeded", "cancelled"])
async def test_the_plan_of_a_run_that_is_over_stays(office: Office, how: str) -> None:
    async with opened(office):
        run_id = await proposed(office, plan(a=read(1)))
        await office.send(run_id, StartRun(by=MEGAN) if how == "succeeded" else CancelRun(by=MEGAN))
        run = await office.finish(run_id)
        assert run.status == how
        with pytest.raises(NotRunning, match=f"is {how}"):
            await amended(office, run_id, plan(a=read(2)))
        with pytest.raises(NotRunning, match=f"is {how}"):
            await office.engine.foresee_amendment(run_id, plan(a=read(2)), by=MEGAN)


async def test_a_run_that_people_were_erased_from_does_not_go_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(number: Number, _: TaskContext) -> Number:
        raise Invalid("this cannot be read")

    office.register("broken", break_down)
    async with opened(office):
        run_id = await office.run(plan(x=Node(capability="broken")))
        assert (await office.finish(run_id)).status == "failed"
        rows = await office.engine._store.events(run_id)

        async def erased(_: str) -> list[EventRow]:
            return [msgspec.structs.replace(rows[0], seal=b"x"), *rows[1:]]

        monkeypatch.setattr(office.engine._store, "events", erased)
        for change in (
            office.engine.foresee_amendment(run_id, plan(a=read(2)), by=MEGAN),
            office.engine.amend(run_id, plan(a=read(2)), by=MEGAN, revision=0),
        ):
            with pytest.raises(Invalid, match="people were erased"):
                await change
        assert (await office.engine.view(run_id)).revision == 0


# --- what is on disk


async def test_folding_the_events_gives_the_state_that_was_lived(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(a=read(1), w=write("${tasks.a.n}"), b=read(4), s=last))
        await allow(office, run_id, "w")
        await begun.wait()
        await office.until(run_id, lambda run: of(run, "w").status == "succeeded")
        await amended(office, run_id, plan(a=read(2), w=write("${tasks.a.n}"), c=read(1), s=last))
        await office.until(run_id, lambda run: any(a.open for a in run.approvals) and bool(run.receipts))
        await office.until(run_id, lambda run: ("approval:w.2", MEGAN.id) in run.receipts)
        live = (await office.engine._writer.read(run_id)).run
        folded = fold(await history(office, run_id))
        assert wake_at(folded) == wake_at(live)  # which leaves out the timers of what is over
        assert folded == live
        assert thaw(freeze(live)) == live
        assert effects(folded) == effects(live)
        gate.set()


async def test_an_accepted_change_takes_effect_after_a_restart(office: Office, tmp_path: Path) -> None:
    begun, gate = hold(office, "save", write=True)
    save = Node(capability="save", with_={"n": 1})
    await office.start()
    office.engine._work.grace_seconds = 0.05
    run_id = await office.run(plan(w=save, a=read("${tasks.w.n}")))
    await allow(office, run_id, "w")
    await begun.wait()
    await amended(office, run_id, plan(w=save, b=read(3)))
    await office.engine.stop()
    gate.set()
    async with opened(office):
        run = await office.until(run_id, lambda run: of(run, "w").status == "in_doubt" or run.status == "succeeded")
        assert run.amending or run.revision == 1
        for _ in range(3):  # a look that finds nothing, then the next attempt
            office.clock.advance(timedelta(hours=1))
            await office.until(run_id, lambda run: of(run, "w").status not in ("in_doubt", "running"))
        run = await office.until(run_id, lambda run: run.status == "succeeded")
    assert [task.name for task in run.tasks] == ["w", "b"]


async def test_what_need_not_be_asked_again_is_asked_again_under_another_plan(office: Office) -> None:
    begun, gate = hold(office)
    last = Node(capability="slow", with_={"n": 1})
    async with opened(office):
        run_id = await office.run(plan(w=write(1), s=last))
        run = await office.until(run_id, lambda run: bool(run.approvals))
        await office.decide(run_id, run.approvals[0].id, MEGAN, "approve", grant=bool(run.approvals[0].scope))
        await begun.wait()
        live = (await office.engine._writer.read(run_id)).run
        live.grants["of before"] = MEGAN  # this little write has no recipients that a grant could be bound to
        await amended(office, run_id, plan(w=write(1), more=write(1), s=last))
        assert (await office.engine._writer.read(run_id)).run.grants == {}
        gate.set()
