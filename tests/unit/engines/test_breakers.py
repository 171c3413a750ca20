"""A worker whose system does not answer is passed over; a write is never switched behind anybody's back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import NotDone, Preview, TaskContext, worker
from orchestration.capabilities.breaker import COOLDOWN, FAILURES
from orchestration.capabilities.descriptor import Done, Outcome
from orchestration.core.commands import CancelRun
from orchestration.core.plan import Node
from orchestration.core.view import RunView, TaskView
from orchestration.errors import Busy, NotFound, OutcomeUnknown, Unavailable
from tests.support.office import MEGAN, Number, Office, opened, plan


class Text(msgspec.Struct):
    """What the second worker takes: the same argument in a type of its own."""

    n: str | int
    unit: str = "pieces"


class Elsewhere(msgspec.Struct, forbid_unknown_fields=True):
    """What a worker takes that is for something else."""

    place: str


class System:
    """What several workers reach: each of those named in `down` does not answer."""

    def __init__(self, office: Office, *names: str, write: bool = False, unknown: bool = False) -> None:
        self.down: set[str] = set(names[:1])
        self.calls: list[str] = []
        self.done: set[str] = set()
        for cost, name in enumerate(names):
            self._offer(office, name, float(cost), write=write, unknown=unknown)

    def _offer(self, office: Office, name: str, cost: float, *, write: bool, unknown: bool) -> None:
        async def call(number: Number, _: TaskContext) -> Number:
            return self._called(name, unknown=unknown)

        async def other(text: Text, _: TaskContext) -> Number:
            assert text.unit == "pieces"
            return self._called(name, unknown=unknown)

        async def look(_: Number, __: TaskContext) -> Outcome:
            return Done(Number(1)) if name in self.done else NotDone()

        declared = worker(
            "reach",
            title="Reach",
            system="Test",
            name=name,
            cost=cost,
            attempts=9,
            effect="write" if write else "read",
            dedupe="target" if write else "none",
            preview=(lambda _: Preview("Reach", [("By", name)])) if write else None,
            reconcile=look if write else None,
        )
        office.registry.add(declared(other if cost and not write else call))

    def _called(self, name: str, *, unknown: bool) -> Number:
        self.calls.append(name)
        if name in self.down:
            raise OutcomeUnknown("Test broke off.") if unknown else Unavailable("Test does not answer.")
        return Number(1)


REACH = Node(capability="reach", with_={"n": 1})


def reach(run: RunView) -> TaskView:
    return next(each for each in run.tasks if each.name == "reach")


def is_(status: str, attempt: int = 0) -> Callable[[RunView], bool]:
    return lambda run: reach(run).status == status and (not attempt or reach(run).attempt == attempt)


async def workers_of(office: Office, run_id: str) -> Sequence[str]:
    rows = await office.engine._store.events(run_id)
    return [msgspec.json.decode(row.body)["worker"] for row in rows if row.type == "TaskStarted"]


async def fail(office: Office, run_id: str, times: int) -> None:
    for attempt in range(1, times + 1):
        await office.until(run_id, is_("backing_off", attempt))
        office.clock.advance(timedelta(seconds=20))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_retry_goes_to_the_second_worker_which_takes_arguments_of_its_own_type(office: Office) -> None:
    System(office, "own", "spare")
    async with opened(office):
        run_id = await office.run(plan(reach=REACH))
        await fail(office, run_id, FAILURES)
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert await workers_of(office, run_id) == ["own", "own", "own", "spare"]


async def test_another_run_goes_to_the_second_worker_at_once_and_back_when_the_first_is_up(office: Office) -> None:
    system = System(office, "own", "spare")
    async with opened(office):
        first = await office.run(plan(reach=REACH))
        await fail(office, first, FAILURES - 1)
        await office.until(first, is_("backing_off", FAILURES))
        second = await office.run(plan(reach=REACH))
        await office.until(second, is_("succeeded"))
        assert await workers_of(office, second) == ["spare"]
        system.down.clear()
        office.clock.advance(COOLDOWN)
        third = await office.run(plan(reach=REACH))
        await office.until(third, is_("succeeded"))
        assert await workers_of(office, third) == ["own"]


async def test_while_the_only_worker_is_down_attempts_fail_fast_and_wait_for_the_trial(office: Office) -> None:
    system = System(office, "own")
    async with opened(office):
        first = await office.run(plan(reach=REACH))
        await fail(office, first, FAILURES - 1)
        await office.until(first, is_("backing_off", FAILURES))
        calls = len(system.calls)
        second = await office.run(plan(reach=REACH))
        run = await office.until(second, is_("backing_off", 1))
        assert len(system.calls) == calls
        assert reach(run).message == "Test has not answered 3 times in a row, so it was not asked again just now."
        retry_at = reach(run).retry_at
        assert retry_at is not None
        assert retry_at - office.clock.now() == COOLDOWN
        system.down.clear()
        office.clock.advance(COOLDOWN)
        await office.until(second, is_("succeeded"))


async def test_of_many_that_wait_one_tries_after_the_cooldown(office: Office) -> None:
    system = System(office, "own")
    async with opened(office):
        first = await office.run(plan(reach=REACH))
        await fail(office, first, FAILURES - 1)
        await office.until(first, is_("backing_off", FAILURES))
        office.clock.advance(COOLDOWN)
        await office.until(first, is_("backing_off", FAILURES + 1))
        calls = len(system.calls)
        runs = [await office.run(plan(reach=REACH)) for _ in range(10)]
        for run_id in runs:
            await office.until(run_id, is_("backing_off", 1))
        office.clock.advance(COOLDOWN)
        for run_id in runs:
            await office.until(run_id, is_("backing_off", 2))
        assert len(system.calls) == calls + 1


async def test_where_another_worker_is_up_only_one_of_many_tries_the_first_again(office: Office) -> None:
    system = System(office, "own", "spare")
    for _ in range(FAILURES):
        office.registry.failed(office.registry.by_name("own"), "unavailable")
    office.clock.advance(COOLDOWN)
    async with opened(office):
        run_id = await office.run(plan(**{f"t{n}": REACH for n in range(20)}))
        await office.until(run_id, lambda run: sum(each.status == "succeeded" for each in run.tasks) == 19)
        assert Counter(system.calls) == {"own": 1, "spare": 19}
        assert sorted(each.attempt for each in (await office.engine.view(run_id)).tasks) == [1] * 20


async def test_an_answer_that_says_no_is_an_answer(office: Office) -> None:
    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("There is no such thing.")

    office.register("find", missing)
    async with opened(office):
        for _ in range(FAILURES + 1):
            run_id = await office.run(plan(find=Node(capability="find", with_={"n": 1})))
            await office.until(run_id, lambda run: run.status == "failed")
        assert {each.state for each in office.registry.health()} == {"up"}


async def test_one_callers_mailbox_that_has_had_enough_is_no_outage(office: Office) -> None:
    async def throttled(_: Number, __: TaskContext) -> Number:
        raise Busy("Outlook is busy.")

    office.register("find", throttled, attempts=9)
    async with opened(office):
        run_id = await office.run(plan(reach=Node(capability="find", with_={"n": 1})))
        await fail(office, run_id, FAILURES + 1)
        assert {each.state for each in office.registry.health()} == {"up"}


async def test_calls_that_nothing_comes_back_from_count_as_failures(office: Office) -> None:
    async def never(number: Number, _: TaskContext) -> Number:
        await asyncio.Event().wait()
        return number

    office.register("hang", never, attempts=9)
    async with opened(office):
        run_id = await office.run(plan(reach=Node(capability="hang", with_={"n": 1}, timeout_seconds=5)))
        for attempt in range(1, FAILURES + 1):
            await office.until(run_id, is_("running", attempt))
            office.clock.advance(timedelta(seconds=5))
            await office.until(run_id, is_("backing_off", attempt))
            if attempt < FAILURES:
                office.clock.advance(timedelta(seconds=20))
        health = next(each for each in office.registry.health() if each.capability == "hang")
        assert (health.state, health.code) == ("down", "timeout")


async def test_a_cancelled_call_says_nothing_about_the_worker(office: Office) -> None:
    async def never(number: Number, _: TaskContext) -> Number:
        await asyncio.Event().wait()
        return number

    office.register("hang", never)
    async with opened(office):
        for _ in range(FAILURES):
            run_id = await office.run(plan(hang=Node(capability="hang", with_={"n": 1})))
            await office.until(run_id, lambda r: r.tasks[0].status == "running")
            await office.send(run_id, CancelRun(by=MEGAN))
        assert {each.state for each in office.registry.health()} == {"up"}


async def test_another_worker_for_a_write_asks_again_and_keeps_what_was_allowed(office: Office) -> None:
    system = System(office, "own", "spare", write=True)
    async with opened(office):
        run_id = await office.run(plan(reach=REACH))
        await office.until(run_id, is_("asking"))
        await office.decide(run_id, "reach.1", MEGAN, "approve")
        await fail(office, run_id, FAILURES)
        await office.until(run_id, lambda run: len(run.approvals) == 2)
        await office.until(run_id, lambda _: len(office.surface.asked) == 2)
        assert [shown.facts for _, shown, _ in office.surface.asked] == [[("By", "own")], [("By", "spare")]]
        system.down.clear()
        office.clock.advance(COOLDOWN)  # the first worker may be tried again, but the second one was allowed
        await office.decide(run_id, "reach.2", MEGAN, "approve")
        run = await office.finish(run_id)
        assert (run.status, len(run.approvals)) == ("succeeded", 2)
        assert await workers_of(office, run_id) == ["own", "own", "own", "spare"]


async def test_a_write_in_doubt_is_looked_for_where_it_was_made_whoever_is_up(office: Office) -> None:
    system = System(office, "own", "spare", write=True, unknown=True)
    async with opened(office):
        for _ in range(FAILURES - 1):
            office.registry.failed(office.registry.by_name("own"), "unavailable")
        run_id = await office.run(plan(reach=REACH))
        await office.until(run_id, is_("asking"))
        system.done.add("own")
        await office.decide(run_id, "reach.1", MEGAN, "approve")
        await office.until(run_id, lambda run: reach(run).status in ("in_doubt", "succeeded"))
        office.clock.advance(timedelta(seconds=1))
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert await workers_of(office, run_id) == ["own"]
        assert system.calls == ["own"]


async def test_a_stand_in_that_cannot_take_the_arguments_does_not_stand_in(office: Office) -> None:
    system = System(office, "own")

    async def other(_: Elsewhere, __: TaskContext) -> Number:
        return Number(2)

    office.registry.add(worker("reach", title="Reach", system="Test", name="spare", cost=9.0)(other))
    async with opened(office):
        run_id = await office.run(plan(reach=REACH))
        await fail(office, run_id, FAILURES)
        await office.until(run_id, is_("backing_off", FAILURES + 1))
        system.down.clear()
        office.clock.advance(COOLDOWN)
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert set(await workers_of(office, run_id)) == {"own"}
