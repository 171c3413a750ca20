"""Who may send next, as the clock goes on; nothing here waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.traffic import LONGEST_WAIT_SECONDS, OF_CONVERSATION, OF_TENANT, Budget, Rank, Ticket, Traffic


def run(traffic: Traffic, until: float, start: float = 0.0) -> list[tuple[float, Ticket]]:
    """Let everything leave at its time; each request takes no time at all."""
    left, now = [], start
    while now <= until:
        for ticket in traffic.due(now):
            left.append((now, ticket))
            traffic.leave(ticket)
        at = traffic.wake_at()
        if at is None:
            break
        now = max(at, now)
    return left


def test_a_conversation_gets_what_teams_takes_and_no_more() -> None:
    traffic = Traffic()
    for _ in range(70):
        traffic.join("a", Rank.MESSAGE, 0.0)
    times = [at for at, _ in run(traffic, 100.0)]
    for most, seconds in OF_CONVERSATION:
        assert all(later - earlier >= seconds for earlier, later in zip(times, times[most:], strict=False))
    assert len(times) == 70


def test_conversations_do_not_wait_for_each_other_but_for_the_tenant() -> None:
    traffic = Traffic()
    for number in range(120):
        traffic.join(f"c{number}", Rank.MESSAGE, 0.0)
    times = [at for at, _ in run(traffic, 10.0)]
    assert times.count(0.0) == OF_TENANT[0][0]
    assert max(times) == 2.0


def test_messages_of_a_conversation_leave_in_order_and_updates_give_way() -> None:
    traffic = Traffic()
    update = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    first, second = traffic.join("a", Rank.MESSAGE, 0.0), traffic.join("a", Rank.MESSAGE, 0.0)
    assert [ticket for _, ticket in run(traffic, 1.0)] == [first, second, update]


def test_messages_of_anybody_go_before_updates_of_anybody() -> None:
    traffic = Traffic()
    updates = [traffic.join(f"u{n}", Rank.UPDATE, 0.0, "m") for n in range(60)]
    messages = [traffic.join(f"m{n}", Rank.MESSAGE, 0.0) for n in range(30)]
    at_once = [ticket for at, ticket in run(traffic, 3.0) if at == 0.0]
    assert at_once[:30] == messages
    assert len(at_once) == 40, "a fifth of the tenant's budget is kept for messages"
    assert set(at_once[30:]) <= set(updates)


def test_a_typing_sign_leaves_at_once_and_what_follows_waits_for_it() -> None:
    traffic = Traffic()
    for number in range(50):
        traffic.join(f"m{number}", Rank.MESSAGE, 0.0)
    run(traffic, 0.0)
    sign = traffic.join("a", Rank.SIGN, 0.5)
    assert traffic.due(0.5) == [sign]
    later = [traffic.join(f"n{number}", Rank.MESSAGE, 0.5) for number in range(50)]
    assert [at for at, _ in run(traffic, 9.0, 0.5)] == [1.0] * 49 + [1.5]
    assert len(later) == 50


def test_one_request_of_a_conversation_is_under_way_at_a_time() -> None:
    traffic = Traffic()
    first, second = traffic.join("a", Rank.MESSAGE, 0.0), traffic.join("a", Rank.MESSAGE, 0.0)
    assert traffic.due(0.0) == [first]
    assert traffic.due(0.0) == []
    assert traffic.wake_at() is None
    traffic.leave(first)
    assert traffic.due(0.0) == [second]


def test_of_two_updates_of_a_message_only_the_newer_one_leaves_in_the_place_of_the_older() -> None:
    traffic = Traffic()
    old, other = traffic.join("a", Rank.UPDATE, 0.0, "m1"), traffic.join("a", Rank.UPDATE, 0.0, "m2")
    new = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    assert old.heir is new
    assert [ticket for _, ticket in run(traffic, 1.0)] == [new, other]


def test_an_update_under_way_is_followed_by_the_newer_one() -> None:
    traffic = Traffic()
    old = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    assert traffic.due(0.0) == [old]
    new = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    assert old.heir is None
    traffic.leave(old)
    assert traffic.due(0.0) == [new]


def test_a_throttled_message_leaves_first_and_no_sooner_than_asked() -> None:
    traffic = Traffic()
    first, second = traffic.join("a", Rank.MESSAGE, 0.0), traffic.join("a", Rank.MESSAGE, 0.0)
    traffic.due(0.0)
    traffic.again(first, 5.0)
    assert traffic.due(4.9) == []
    assert traffic.wake_at() == 5.0
    assert [(at, ticket) for at, ticket in run(traffic, 9.0, 5.0)] == [(5.0, first), (5.0, second)]


def test_a_throttled_update_that_was_overtaken_does_not_come_again() -> None:
    traffic = Traffic()
    old = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    traffic.due(0.0)
    new = traffic.join("a", Rank.UPDATE, 0.0, "m1")
    traffic.again(old, 2.0)
    assert old.heir is new
    assert [ticket for _, ticket in run(traffic, 9.0)] == [new]


def test_a_chat_near_its_hourly_limit_takes_questions_but_no_progress() -> None:
    traffic, now = Traffic(), 0.0
    for _ in range(1440):  # what updates may use of an hour
        for ticket in [traffic.join("a", Rank.MESSAGE, now)]:
            assert traffic.due(now) == [ticket]
            traffic.leave(ticket)
        now += 1.0
    update = traffic.join("a", Rank.UPDATE, now, "m1")
    assert traffic.due(now) == []
    assert update.overdue == 3600.0, "it is left to the caller, who comes again then"
    question = traffic.join("a", Rank.MESSAGE, now)
    assert traffic.due(now) == [question]


def test_what_would_wait_too_long_is_given_up_and_says_until_when() -> None:
    traffic = Traffic()
    first, second = traffic.join("a", Rank.MESSAGE, 0.0), traffic.join("a", Rank.MESSAGE, 0.0)
    traffic.due(0.0)
    traffic.again(first, LONGEST_WAIT_SECONDS + 1)
    traffic.due(0.0)
    assert (first.overdue, second.overdue) == (61.0, 61.0)
    assert traffic.wake_at() is None


def test_whoever_does_not_want_to_send_any_more_holds_nobody_up() -> None:
    traffic = Traffic()
    first, second = traffic.join("a", Rank.MESSAGE, 0.0), traffic.join("a", Rank.MESSAGE, 0.0)
    traffic.leave(first)
    assert traffic.due(0.0) == [second]


def test_chats_that_are_silent_for_an_hour_are_forgotten() -> None:
    traffic = Traffic()
    for number in range(1000):
        traffic.join(f"c{number}", Rank.MESSAGE, 0.0)
    run(traffic, 100.0)
    assert len(traffic) == 1000
    for _ in range(300):
        traffic.leave(traffic.join("late", Rank.MESSAGE, 4000.0))
    assert len(traffic) == 1


@given(st.lists(st.floats(0, 5), max_size=40), st.integers(1, 5), st.floats(0.1, 3))
def test_a_budget_is_never_overdrawn(pauses: list[float], most: int, seconds: float) -> None:
    budget, now, spent = Budget(((most, seconds),)), 0.0, []
    for pause in pauses:
        now = max(now + pause, budget.free_at())
        budget.spend(now)
        spent.append(now)
    assert all(later - earlier >= seconds * 0.999 for earlier, later in zip(spent, spent[most:], strict=False))


@pytest.mark.parametrize("share", [0.8, 1.0])
def test_an_empty_budget_is_free(share: float) -> None:
    assert Budget(OF_CONVERSATION).free_at(share) < 0
