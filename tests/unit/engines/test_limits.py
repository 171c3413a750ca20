"""Places at workers that take only some attempts at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from orchestration.capabilities import TaskContext, Worker, worker
from orchestration.core.commands import CancelRun, PauseRun, ResumeRun
from orchestration.core.plan import Node
from orchestration.core.run import Dispatch
from orchestration.engines.limits import Holder, Limits
from orchestration.errors import Invalid
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_writer import Breaking


def made(limit: int = 0, resource_limit: int = 0, name: str = "w") -> Worker:
    async def call(number: Number, _: TaskContext) -> Number:
        return number

    resource: Callable[[Number, TaskContext], str] | None = (lambda n, _: str(n.n)) if resource_limit else None
    return worker(name, title="W", name=name, limit=limit, resource=resource, resource_limit=resource_limit)(call)


def holder(number: int, run: str = "run") -> Holder:
    return run, Dispatch(f"t{number}", 1)


@pytest.fixture
def turns() -> list[Holder]:
    return []


@pytest.fixture
def limits(turns: list[Holder]) -> Limits:
    return Limits(turns.append)


def test_without_a_limit_everybody_begins(limits: Limits) -> None:
    assert all(limits.take(made(), "", holder(n)) for n in range(100))
    assert limits.held("run") == []


def test_who_came_first_goes_first(limits: Limits, turns: list[Holder]) -> None:
    two = made(limit=2)
    assert [limits.take(two, "", holder(n)) for n in range(5)] == [True, True, False, False, False]
    limits.free(holder(1))
    limits.free(holder(0))
    assert turns == [holder(2), holder(3)]
    assert limits.waiting("run") == [holder(4)[1]]


def test_a_full_resource_keeps_only_those_who_want_it(limits: Limits, turns: list[Holder]) -> None:
    one_each = made(limit=3, resource_limit=1)
    took = [limits.take(one_each, box, holder(n)) for n, box in enumerate(["a", "a", "b", "a", "c"])]
    assert took == [True, False, True, False, True]
    limits.free(holder(4))
    assert turns == []  # there is room, but not in mailbox a
    limits.free(holder(0))
    assert turns == [holder(1)]


def test_whoever_waits_for_a_resource_is_not_passed_by_later_ones_for_ever(limits: Limits, turns: list[Holder]) -> None:
    narrow = made(limit=1, resource_limit=1)
    limits.take(narrow, "a", holder(0))
    limits.take(narrow, "a", holder(1))
    for n in range(2, 6):
        limits.take(narrow, "b", holder(n))
    limits.free(holder(0))
    assert turns == [holder(1)]


def test_asking_and_giving_back_twice_changes_nothing(limits: Limits, turns: list[Holder]) -> None:
    one = made(limit=1)
    assert limits.take(one, "", holder(0))
    assert limits.take(one, "", holder(0))
    assert not limits.take(one, "", holder(1))
    assert not limits.take(one, "", holder(1))
    limits.free(holder(0))
    limits.free(holder(0))
    limits.free(holder(9))
    assert turns == [holder(1)]
    assert limits.take(one, "", holder(1))
    assert not limits.take(one, "", holder(0))


def test_who_leaves_the_queue_does_not_get_a_turn(limits: Limits, turns: list[Holder]) -> None:
    one = made(limit=1)
    for n in range(3):
        limits.take(one, "", holder(n))
    limits.free(holder(1))
    limits.free(holder(0))
    assert turns == [holder(2)]


def test_whoever_goes_to_another_worker_leaves_the_first(limits: Limits, turns: list[Holder]) -> None:
    one, other = made(limit=1), made(limit=1, name="other")
    limits.take(one, "", holder(0))
    limits.take(one, "", holder(1))
    assert limits.take(other, "", holder(0))
    assert turns == [holder(1)]
    assert limits.take(made(name="free"), "", holder(0))
    assert limits.take(other, "", holder(2))


def test_any_order_of_coming_and_going_keeps_to_the_limits_and_starves_nobody(turns: list[Holder]) -> None:
    random, held, waits = Random(11), set[Holder](), set[Holder]()
    wants: dict[Holder, str] = {}

    def turn(who: Holder) -> None:
        waits.remove(who)
        held.add(who)

    limits, narrow = Limits(turn), made(limit=4, resource_limit=2)
    for number in range(3_000):
        who, box = holder(number), random.choice(["", "a", "b", "c"])
        wants[who] = box
        (held if limits.take(narrow, box, who) else waits).add(who)
        for _ in range(random.randrange(3)):
            if held:
                gone = random.choice(sorted(held, key=str))
                held.remove(gone)
                limits.free(gone)
        assert len(held) <= 4
        used = Counter(wants[each] for each in held)
        assert all(used[each] <= 2 for each in "abc")
        if len(held) < 4:  # room is never left while somebody could use it
            assert all(wants[each] and used[wants[each]] == 2 for each in waits)
    while held:
        gone = held.pop()
        limits.free(gone)
    assert not waits
    assert not limits._lanes
    assert not limits._where


def test_a_hundred_thousand_that_wait_cost_little_each(limits: Limits, turns: list[Holder]) -> None:
    one = made(limit=1)
    begun = time.perf_counter()
    for n in range(100_000):
        limits.take(one, "", holder(n))
    for n in range(100_000):
        limits.free(holder(n))
    assert len(turns) == 99_999
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"resource_limit": 2}, {"resource": lambda n, _: str(n)}])
def test_limits_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    async def call(number: Number, _: TaskContext) -> Number:
        return number

    with pytest.raises(Invalid, match=r"limit"):
        worker("w", title="W", **wrong)(call)  # type: ignore[arg-type]


class Busy:
    """A worker that says how many of its calls were made at once, and waits to be let go."""

    def __init__(self, office: Office, limit: int, *, resource_limit: int = 0, deaf: bool = False) -> None:
        self.now: list[str] = []
        self.most, self.calls = 0, 0
        self.open = asyncio.Event()
        self._deaf = deaf
        resource: Callable[[Number, TaskContext], str] | None = (lambda n, _: str(n.n)) if resource_limit else None
        declared = worker(
            "busy",
            title="Busy",
            system="Test",
            limit=limit,
            resource=resource,
            resource_limit=resource_limit,
            timeout=timedelta(seconds=30),
        )
        office.registry.add(declared(self.call))

    async def call(self, number: Number, task: TaskContext) -> Number:
        self.now.append(f"{task.run_id}.{task.task_id}")
        self.calls += 1
        self.most = max(self.most, len(self.now))
        try:
            while not self.open.is_set():
                try:
                    await self.open.wait()
                except asyncio.CancelledError:
                    if not self._deaf:
                        raise
        finally:
            self.now.remove(f"{task.run_id}.{task.task_id}")
        return Number(number.n + 1)


def tasks(number: int, n: int = 0) -> dict[str, Node]:
    return {f"t{each}": Node(capability="busy", with_={"n": n}) for each in range(number)}


async def seen(what: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if what():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


async def test_over_all_runs_only_so_many_attempts_are_made_at_once(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=3)
    async with opened(office):
        runs = [await office.run(plan(**tasks(5))) for _ in range(3)]
        await seen(lambda: len(busy.now) == 3)
        run = await office.engine.view(runs[2])
        assert {task.status for task in run.tasks} == {"ready"}
        busy.open.set()
        for run_id in runs:
            await office.until(run_id, lambda r: r.status == "succeeded")
        assert (busy.most, busy.calls) == (3, 15)
        assert not office.engine._limits._where


async def test_a_run_that_only_waits_for_its_turn_is_rows_and_writes_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=1)
    async with opened(office):
        first, second = await office.run(plan(**tasks(1))), await office.run(plan(**tasks(1)))
        await seen(lambda: len(busy.now) == 1)
        await office.engine.view(second)
        assert second not in office.engine._writer._live
        events = await office.engine._store.events(second)
        assert [row.type for row in events] == ["RunProposed", "RunStarted"]
        busy.open.set()
        for run_id in (first, second):
            await office.until(run_id, lambda r: r.status == "succeeded")


async def test_after_a_restart_everything_queues_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=2)
    async with opened(office):
        runs = [await office.run(plan(**tasks(2))) for _ in range(3)]
        await seen(lambda: len(busy.now) == 2)
    again = Office(tmp_path)
    busy = Busy(again, limit=2)
    async with opened(again):
        await seen(lambda: len(busy.now) == 2)
        busy.open.set()
        for run_id in runs:
            await again.until(run_id, lambda r: r.status == "succeeded")
        assert (busy.most, busy.calls) == (2, 6)


async def test_a_cancelled_run_gives_its_places_to_others(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=2)
    async with opened(office):
        first = await office.run(plan(**tasks(50)))
        await seen(lambda: len(busy.now) == 2)
        second = await office.run(plan(**tasks(2)))
        await office.send(first, CancelRun(by=MEGAN))
        await office.engine.view(first)
        assert not office.engine._limits.waiting(first)  # nobody waits for turns that are not taken
        await seen(lambda: busy.now == [f"{second}.t0", f"{second}.t1"])
        busy.open.set()
        await office.until(second, lambda r: r.status == "succeeded")
        assert not office.engine._limits._where


async def test_one_mailbox_does_not_hold_up_another(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=0, resource_limit=1)
    async with opened(office):
        runs = [await office.run(plan(**tasks(3, n=box))) for box in (1, 2)]
        await seen(lambda: len(busy.now) == 2)
        assert {each.partition(".")[0] for each in busy.now} == set(runs)
        busy.open.set()
        for run_id in runs:
            await office.until(run_id, lambda r: r.status == "succeeded")
        assert busy.most == 2


async def test_a_call_that_does_not_end_loses_its_place_after_a_while(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=1, deaf=True)
    async with opened(office):
        run_id = await office.run(plan(t0=Node(capability="busy", attempts=1, on_failure="ask")))
        await seen(lambda: len(busy.now) == 1)
        other = await office.run(plan(**tasks(1)))
        await office.engine.view(other)
        office.clock.advance(timedelta(seconds=31))
        await office.until(run_id, lambda r: r.tasks[0].status == "asking")
        assert len(busy.now) == 1  # whoever was told to stop still holds the place
        office.clock.advance(timedelta(seconds=10))
        await seen(lambda: len(busy.now) == 2)
        busy.open.set()
        await office.until(other, lambda r: r.status == "succeeded")


@pytest.mark.parametrize("written", [True, False])
async def test_a_commit_that_fails_costs_nobody_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    office = Office(tmp_path)
    busy, store = Busy(office, limit=2), Breaking(office.path / "tandem.db")
    monkeypatch.setattr(office, "store", lambda: store)
    monkeypatch.setattr("orchestration.engines.writer.PAUSE", timedelta(seconds=0.001))
    store.written = written
    async with opened(office):
        runs = [await office.run(plan(**tasks(3))) for _ in range(2)]
        await seen(lambda: len(busy.now) == 2)
        store.failures = 2
        busy.open.set()
        for run_id in runs:
            await office.until(run_id, lambda r: r.status == "succeeded")
        assert busy.most == 2
        await seen(lambda: not office.engine._limits._where)  # a place is given back just after the result is in


async def test_an_engine_that_is_stopped_and_started_again_queues_everything_anew(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=2)
    async with opened(office):
        runs = [await office.run(plan(**tasks(2))) for _ in range(2)]
        await seen(lambda: len(busy.now) == 2)
        engine = office.engine
        await engine.stop()
        await seen(lambda: not busy.now)
        await engine.start()
        await seen(lambda: len(busy.now) == 2)
        busy.open.set()
        for run_id in runs:
            await office.until(run_id, lambda r: r.status == "succeeded")
        assert busy.most == 2


async def test_a_paused_run_leaves_its_turn_to_others_and_queues_again_when_resumed(tmp_path: Path) -> None:
    office = Office(tmp_path)
    busy = Busy(office, limit=1)
    async with opened(office):
        holding, paused, other = [await office.run(plan(**tasks(1))) for _ in range(3)]
        await seen(lambda: len(busy.now) == 1)
        await office.send(paused, PauseRun(by=MEGAN))
        busy.open.set()
        for run_id in (holding, other):
            await office.until(run_id, lambda r: r.status == "succeeded")
        assert (await office.engine.view(paused)).tasks[0].status == "ready"
        await office.send(paused, ResumeRun(by=MEGAN))
        await office.until(paused, lambda r: r.status == "succeeded")
        assert not office.engine._limits._where
