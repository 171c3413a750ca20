"""Who is chosen for a capability, and who is passed over because nobody answers there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.capabilities import Registry, TaskContext, Worker, worker
from orchestration.capabilities.breaker import COOLDOWN, FAILURES
from orchestration.errors import Invalid, NoWorker, Unavailable
from tests.support.clock import FakeClock
from tests.support.office import Number

A_MOMENT = timedelta(seconds=1)


def made(name: str, cost: float = 1.0) -> Worker:
    async def call(number: Number, _: TaskContext) -> Number:
        return number

    return worker("look", title="Look", system="Test", name=name, cost=cost)(call)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def own() -> Worker:
    return made("own")


@pytest.fixture
def spare() -> Worker:
    return made("spare", cost=5)


@pytest.fixture
def registry(clock: FakeClock, own: Worker, spare: Worker) -> Registry:
    return Registry([spare, own], now=clock.now)


def down(registry: Registry, *workers: Worker) -> None:
    for each in workers:
        for _ in range(FAILURES):
            registry.failed(each, "unavailable")


def states(registry: Registry) -> dict[str, str]:
    return {each.worker: each.state for each in registry.health()}


def test_the_cheapest_is_picked_whatever_the_order_of_registration(registry: Registry, own: Worker) -> None:
    assert registry.pick("look") is own
    with pytest.raises(NoWorker, match="nope"):
        registry.pick("nope")
    with pytest.raises(Invalid, match="twice"):
        registry.add(made("own"))


def test_after_several_failures_in_a_row_the_next_worker_is_picked(
    registry: Registry, own: Worker, spare: Worker
) -> None:
    for _ in range(FAILURES - 1):
        registry.failed(own, "unavailable")
    assert registry.pick("look") is own
    assert states(registry) == {"own": "failing", "spare": "up"}
    registry.failed(own, "unavailable")
    assert registry.pick("look") is spare
    assert states(registry) == {"own": "down", "spare": "up"}


def test_a_success_in_between_begins_the_count_anew(registry: Registry, own: Worker) -> None:
    for _ in range(5):
        registry.failed(own, "unavailable")
        registry.succeeded(own)
    assert registry.pick("look") is own
    assert states(registry)["own"] == "up"


def test_after_the_cooldown_one_caller_tries_and_the_others_keep_away(
    registry: Registry, clock: FakeClock, own: Worker, spare: Worker
) -> None:
    down(registry, own)
    clock.advance(COOLDOWN - A_MOMENT)
    assert registry.pick("look") is spare
    clock.advance(A_MOMENT)
    assert registry.pick("look") is own
    registry.begin(own, "first")
    assert registry.pick("look") is spare
    assert states(registry)["own"] == "trying"
    registry.admit(own, "first")
    with pytest.raises(Unavailable):
        registry.admit(own, "second")
    registry.succeeded(own)
    assert registry.pick("look") is own


def test_a_trial_that_fails_means_another_cooldown(
    registry: Registry, clock: FakeClock, own: Worker, spare: Worker
) -> None:
    down(registry, own)
    clock.advance(COOLDOWN)
    registry.begin(own, "first")
    registry.failed(own, "unavailable")
    assert registry.pick("look") is spare
    clock.advance(COOLDOWN)
    assert registry.pick("look") is own


def test_a_trial_that_tells_nothing_is_anothers_at_once(registry: Registry, clock: FakeClock, own: Worker) -> None:
    down(registry, own)
    clock.advance(COOLDOWN)
    registry.begin(own, "first")
    registry.undecided(own, "somebody else")
    with pytest.raises(Unavailable):
        registry.admit(own, "second")
    registry.undecided(own, "first")
    registry.admit(own, "second")


def test_a_trial_that_nobody_hears_of_again_does_not_last_for_ever(
    registry: Registry, clock: FakeClock, own: Worker, spare: Worker
) -> None:
    down(registry, own)
    clock.advance(COOLDOWN)
    registry.begin(own, "lost")
    assert registry.pick("look") is spare
    clock.advance(2 * own.timeout)
    assert registry.pick("look") is own


def test_when_all_are_down_the_first_is_picked_and_fails_fast(
    registry: Registry, clock: FakeClock, own: Worker, spare: Worker
) -> None:
    down(registry, spare, own)
    clock.advance(timedelta(seconds=10))
    assert registry.pick("look") is own
    with pytest.raises(Unavailable, match="Test has not answered 3 times in a row") as refused:
        registry.admit(own, "anybody")
    assert refused.value.retry_after == COOLDOWN - timedelta(seconds=10)
    clock.advance(COOLDOWN)
    registry.admit(own, "anybody")
    registry.admit(spare, "somebody")
    with pytest.raises(Unavailable) as refused:
        registry.admit(own, "another")
    assert refused.value.retry_after == COOLDOWN  # not as long as the trial may take


def test_who_comes_too_late_for_the_first_worker_need_not_wait_for_the_second(registry: Registry, own: Worker) -> None:
    down(registry, own)
    with pytest.raises(Unavailable) as refused:
        registry.admit(own, "picked before it was down")
    assert refused.value.retry_after is None


def test_health_tells_since_when_and_until_when(registry: Registry, clock: FakeClock, own: Worker) -> None:
    begun = clock.now()
    registry.failed(own, "unavailable")
    clock.advance(A_MOMENT)
    registry.failed(own, "unavailable")
    registry.failed(own, "timeout")
    told = registry.health()[0]
    assert (told.capability, told.worker, told.failures, told.since) == ("look", "own", 3, begun)
    assert told.code == "timeout"
    assert told.try_at == clock.now() + COOLDOWN
