"""Slots lie in everybody's working hours, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.graph.calendar.openings import Hours, Span, both, spread, starts, without, working
from connectors.graph.calendar.zones import zone_named, zone_of
from orchestration.errors import Invalid

BERLIN, NEW_YORK, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")
WEEK = frozenset(range(5))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_working_hours_move_with_the_clocks() -> None:
    hours = Hours(days=frozenset(range(7)), start=time(9), end=time(17), zone=BERLIN)
    found = list(working(hours, at("2026-10-24T00:00"), at("2026-10-26T23:00")))
    assert [span[0] for span in found] == [at("2026-10-24T07:00"), at("2026-10-25T08:00"), at("2026-10-26T08:00")]
    assert all(stop - start == timedelta(hours=8) for start, stop in found)


def test_a_shift_over_the_missing_hour_is_an_hour_shorter() -> None:
    night = Hours(days=frozenset({5}), start=time(22), end=time(6), zone=BERLIN)
    found = list(working(night, at("2026-03-27T00:00"), at("2026-03-30T00:00")))
    assert found == [(at("2026-03-28T21:00"), at("2026-03-29T04:00"))]


def test_weekends_are_free_of_work() -> None:
    hours = Hours(days=WEEK, start=time(9), end=time(17), zone=BERLIN)
    assert list(working(hours, at("2026-11-21T00:00"), at("2026-11-22T23:00"))) == []


def test_people_far_apart_meet_where_their_days_overlap() -> None:
    begin, end = at("2026-11-24T00:00"), at("2026-11-25T00:00")
    here = working(Hours(days=WEEK, start=time(9), end=time(17), zone=BERLIN), begin, end)
    there = working(Hours(days=WEEK, start=time(8), end=time(16), zone=NEW_YORK), begin, end)
    assert both(here, there) == [(at("2026-11-24T13:00"), at("2026-11-24T16:00"))]


def test_between_two_changes_of_the_clocks_the_overlap_is_another() -> None:
    begin, end = at("2026-10-29T00:00"), at("2026-10-30T00:00")  # Europe has changed, America has not
    here = working(Hours(days=WEEK, start=time(9), end=time(17), zone=BERLIN), begin, end)
    there = working(Hours(days=WEEK, start=time(8), end=time(16), zone=NEW_YORK), begin, end)
    assert both(here, there) == [(at("2026-10-29T12:00"), at("2026-10-29T16:00"))]


def test_meetings_begin_on_the_half_hours_of_the_clock_on_the_wall() -> None:
    free = [(at("2026-11-24T03:20"), at("2026-11-24T05:00"))]
    assert [
        each.astimezone(KATHMANDU).strftime("%H:%M") for each in starts(free, timedelta(minutes=30), KATHMANDU)
    ] == [
        "09:30",
        "10:00",
    ]


def test_a_choice_is_spread_over_the_days() -> None:
    days = [at(f"2026-11-{day}T{hour}:00") for day in (24, 25) for hour in ("09", "10", "11")]
    assert spread(days, 3, BERLIN) == [days[0], days[1], days[3]]
    assert spread(days, 10, BERLIN) == days


MINUTES = st.integers(0, 600)
SPANS = st.lists(st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] < pair[1]), max_size=6)


def spans(pairs: list[tuple[int, int]]) -> list[Span]:
    origin = at("2026-11-24T00:00")
    return [(origin + timedelta(minutes=a), origin + timedelta(minutes=b)) for a, b in pairs]


@given(busy=SPANS, length=st.sampled_from([30, 45, 60]))
def test_no_slot_overlaps_anything_in_a_calendar(busy: list[tuple[int, int]], length: int) -> None:
    taken, whole = spans(busy), spans([(0, 600)])
    found = starts(without(whole, taken), timedelta(minutes=length), BERLIN)
    for start in found:
        end = start + timedelta(minutes=length)
        assert whole[0][0] <= start
        assert end <= whole[0][1]
        assert all(end <= begin or start >= stop for begin, stop in taken)
    assert all(later - earlier >= timedelta(minutes=length) for earlier, later in pairwise(found))


@given(busy=SPANS)
def test_every_minute_is_either_busy_or_left(busy: list[tuple[int, int]]) -> None:
    left = without(spans([(0, 600)]), spans(busy))
    for minute in range(600):
        now = at("2026-11-24T00:00") + timedelta(minutes=minute)
        is_busy = any(a <= minute < b for a, b in busy)
        assert is_busy != any(start <= now < stop for start, stop in left)


def test_zones_go_by_either_name() -> None:
    assert zone_named("W. Europe Standard Time") == BERLIN
    assert zone_named(" Europe/Berlin ") == BERLIN
    for wrong in ("Middle Earth", "", "../etc/passwd"):
        with pytest.raises(Invalid, match="is not a time zone"):
            zone_named(wrong)


def test_a_zone_of_somebodys_own_making_is_taken_by_its_offset() -> None:
    found = zone_of({"timeZone": {"name": "Customized Time Zone", "bias": -345}})
    assert found is not None
    assert found.utcoffset(None) == timedelta(hours=5, minutes=45)
    assert zone_of({"timeZone": {"name": "Nowhere"}}) is None
    assert zone_of({}) is None
