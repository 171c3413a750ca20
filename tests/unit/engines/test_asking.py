"""Questions with more than one answer, with a due time, a reminder, somebody else, an end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.plan import Node, Question
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.core.working_time import Absence, Availability
from orchestration.errors import AlreadyDecided, NotPermitted
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add, task

ADELE = Person("oid-adele", "Adele Vance", "adele.vance@contoso.example", "tenant")
HOUR = timedelta(hours=1)


class People(msgspec.Struct):
    """Who is asked."""

    people: list[Person]
    first: Person
    other: Person
    working: list[Availability] = []


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.working = []  # type: ignore[attr-defined]

    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE, MEGAN], ALEX, ADELE, office.working)  # type: ignore[attr-defined]

    office.registry.add(worker("people", title="People")(people))
    return office


def asking(**more: Any) -> Node:
    return Node(approval=Question(**{"title": "Pay?", "approver": "${tasks.who.first}", **more}), needs=["who"])


WHO = Node(capability="people")


async def asked(office: Office, **more: Any) -> str:
    run_id = await office.run(plan("done", who=WHO, ask=asking(**more), beside=add(1)))
    await office.until(run_id, lambda r: bool(r.approvals) and task(r, "beside")[0] == "succeeded")
    return run_id


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0.002)


async def passed(office: Office, run_id: str, by: timedelta) -> RunView:
    await settle()
    office.clock.advance(by)
    await settle()
    return await office.engine.view(run_id)


def three(**more: Any) -> dict[str, Any]:
    return {"approver": "", "approvers": "${tasks.who.people}", "quorum": 2, **more}


async def test_two_of_three_decide_and_the_third_is_told_so(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, **three())
        run = await office.decide(run_id, "ask.1", ALEX, "approve")
        assert [vote.by for vote in run.approvals[0].votes] == [ALEX]
        assert run.approvals[0].open
        with pytest.raises(AlreadyDecided, match="You have answered this already"):
            await office.decide(run_id, "ask.1", ALEX, "approve")
        await office.decide(run_id, "ask.1", ADELE, "approve")
        run = await office.finish(run_id)
        assert (run.status, run.approvals[0].choice) == ("succeeded", "approve")
        with pytest.raises(AlreadyDecided, match="Adele Vance has already decided"):
            await office.decide(run_id, "ask.1", MEGAN, "reject")


async def test_a_quorum_that_cannot_be_reached_any_more_is_a_no(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, **three())
        await office.decide(run_id, "ask.1", ALEX, "reject")
        run = await office.decide(run_id, "ask.1", ADELE, "reject", comment="too much")
        assert (run.approvals[0].choice, run.approvals[0].comment) == ("reject", "too much")


async def test_a_quorum_of_more_than_are_asked_is_an_error_that_says_so(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan("done", who=WHO, ask=asking(**three(quorum=4))))
        run = await office.finish(run_id)
        assert "needs the same answer of 4 people, but 3 are asked" in run.message


async def test_votes_survive_a_restart(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, **three())
        await office.decide(run_id, "ask.1", ALEX, "approve")
    async with opened(office):
        await office.decide(run_id, "ask.1", MEGAN, "approve")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_who_does_not_answer_is_reminded_then_somebody_else_is_asked_then_it_goes_on(
    office: Office,
) -> None:
    async with opened(office):
        run_id = await asked(office, due_hours=8, remind_hours=4, escalate_to="${tasks.who.other}", on_expiry="skip")
        await passed(office, run_id, 3 * HOUR)
        assert office.surface.reminded == []
        await passed(office, run_id, HOUR + timedelta(seconds=1))
        assert office.surface.reminded == [("ask.1", ALEX)]
        run = await passed(office, run_id, 4 * HOUR)
        assert [person for _, _, person in office.surface.asked] == [ALEX, ADELE]
        assert run.approvals[0].due_at == office.clock.now() + 8 * HOUR
        await passed(office, run_id, 8 * HOUR)
        run = await office.finish(run_id)
        assert (run.tasks[1].status, run.tasks[1].code) == ("skipped", "expired")
        assert "Alex Wilber and Adele Vance did not answer in time" in run.tasks[1].message
        with pytest.raises(AlreadyDecided, match="was due and has been closed"):
            await office.decide(run_id, "ask.1", ALEX, "approve")


async def test_an_expired_question_may_be_a_failure(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, due_hours=1, on_expiry="fail")
        await passed(office, run_id, 2 * HOUR)
        run = await office.finish(run_id)
        assert (run.status, run.code, run.message) == ("failed", "expired", "Alex Wilber did not answer in time.")


async def test_a_question_that_goes_on_waiting_can_still_be_answered(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, due_hours=1)
        run = await passed(office, run_id, 2 * HOUR)
        assert run.approvals[0].expired
        await office.decide(run_id, "ask.1", ALEX, "approve")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_an_answer_in_time_needs_no_reminder(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan("done", who=WHO, ask=asking(due_hours=8, remind_hours=4), later=asking()))
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "ask.1", ALEX, "approve")
        await passed(office, run_id, 9 * HOUR)
        assert office.surface.reminded == []


async def test_due_times_count_hours_of_work(office: Office) -> None:
    async with opened(office):
        start = office.clock.now()
        office.working = [Availability(ALEX, "UTC", (start.isoweekday(),), start.strftime("%H:%M"), "23:59")]  # type: ignore[attr-defined]
        run_id = await asked(office, due_hours=30, working="${tasks.who.working}")
        run = await office.engine.view(run_id)
        assert run.approvals[0].due_at is not None
        assert run.approvals[0].due_at - start > timedelta(days=7)


async def test_while_everybody_asked_is_away_somebody_else_is_asked_at_once(office: Office) -> None:
    async with opened(office):
        now = office.clock.now()
        office.working = [Availability(ALEX, away=[Absence(now - HOUR, now + timedelta(days=9))])]  # type: ignore[attr-defined]
        run_id = await asked(office, due_hours=8, working="${tasks.who.working}", escalate_to="${tasks.who.other}")
        await office.until(run_id, lambda _: len(office.surface.asked) == 2)
        assert {person.name for _, _, person in office.surface.asked} == {"Alex Wilber", "Adele Vance"}
        await office.decide(run_id, "ask.1", ADELE, "approve")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_somebody_who_was_not_asked_cannot_vote(office: Office) -> None:
    async with opened(office):
        run_id = await asked(office, **three())
        with pytest.raises(NotPermitted):
            await office.decide(run_id, "ask.1", Person("oid-x", "X"), "approve")


@pytest.mark.parametrize(
    ("begun", "hours", "due"),
    [
        ((20, 11), 8, (24, 10)),  # Friday noon in Berlin, away on Monday
        ((20, 16), 1, (24, 8)),  # Friday after work
        ((24, 7), 9, (24, 16)),  # a whole day
        ((24, 3), 0.5, (24, 7, 30)),  # before work begins
    ],
)
def test_hours_of_work(begun: tuple[int, ...], hours: float, due: tuple[int, ...]) -> None:
    monday = Absence(datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC))
    hours_of_alex = Availability(ALEX, "Europe/Berlin", away=[monday])
    assert hours_of_alex.after(datetime(2026, 11, *begun, tzinfo=UTC), hours) == datetime(2026, 11, *due, tzinfo=UTC)


def test_hours_of_work_across_a_change_of_the_clocks() -> None:
    berlin = Availability(ALEX, "Europe/Berlin", (1, 2, 3, 4, 5, 6, 7), "00:00", "23:59")
    night = datetime(2026, 10, 24, 22, tzinfo=UTC)  # the day has 25 hours
    assert berlin.after(night, 24.5) == night + timedelta(hours=24.5)


def test_nobody_works_never() -> None:
    idle = Availability(ALEX, "UTC", ())
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert idle.after(now, 8) == now + 8 * HOUR
