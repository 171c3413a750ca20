"""Notices are delivered at least once, without haste and without being forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.core.plan import Node, Question
from orchestration.core.question import Shown
from orchestration.core.run import ENDED, Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Unavailable
from tests.support.office import ALEX, MEGAN, Office, Surface, opened, plan
from tests.unit.engines.test_embedded import add, decision

MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def settle() -> None:
    """Let everything that can happen now happen; the log's thread needs real moments."""
    for _ in range(30):
        await asyncio.sleep(0.002)


class Counting(Surface):
    """Counts attempts to ask."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        self.tries += 1
        return await super().ask(run, approval, shown, person)


async def test_who_appears_while_their_card_is_on_its_way_and_fails_is_tried_again(office: Office) -> None:
    sending, go = asyncio.Event(), asyncio.Event()

    class Slow(Surface):
        async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
            if not sending.is_set():
                sending.set()
                await go.wait()
                raise Unavailable("the channel said no")
            return await super().ask(run, approval, shown, person)

    office.surface = Slow()
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await sending.wait()
        office.engine.nudge(ALEX.id)
        await settle()
        go.set()
        await settle()
        office.clock.advance(MINUTE)
        await office.until(run_id, lambda r: bool(office.surface.asked))


async def test_nudges_do_not_multiply_what_is_tried_again(office: Office) -> None:
    office.surface = surface = Counting()
    surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(surface.tries))
        for _ in range(5):
            office.engine.nudge(ALEX.id)
            await settle()
        before = surface.tries
        office.clock.advance(MINUTE / 2)
        await settle()
        assert surface.tries - before <= 1


async def test_who_stays_away_is_tried_less_and_less_often(office: Office) -> None:
    office.surface = surface = Counting()
    surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(surface.tries))
        for _ in range(2 * 60):
            office.clock.advance(MINUTE)
            for _ in range(6):
                await asyncio.sleep(0.001)
        assert 5 < surface.tries < 30, "not every half minute"
        surface.away.clear()
        office.clock.advance(timedelta(hours=1))
        await office.until(run_id, lambda r: bool(surface.asked))


async def test_one_approver_who_cannot_be_reached_does_not_keep_a_run_in_memory(office: Office) -> None:
    office.surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(plan("${tasks.b.n}", a=add(1), ask=decision(), b=add("${tasks.a.n}", "a", "ask")))
        await office.until(run_id, lambda r: bool(r.approvals))
        await settle()
        assert run_id not in office.engine._writer._live
        await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"})
        assert (await office.finish(run_id)).status == "succeeded"


async def test_a_surface_that_never_answers_is_given_up_and_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(Surface):
        async def report(self, run: RunView, answer: object) -> str:
            if not self.sign_ins:
                self.sign_ins.append("stuck")
                await asyncio.Event().wait()
            return await super().report(run, answer)  # type: ignore[arg-type]

    monkeypatch.setattr("orchestration.engines.delivery.LONGEST_SECONDS", 0.15)
    office.surface = Stuck()
    async with opened(office):
        run_id = await office.run(plan(a=add()))
        await office.until(run_id, lambda r: r.status in ENDED)
        for _ in range(20):
            if office.surface.reports:
                break
            await asyncio.sleep(0.2)
            office.clock.advance(MINUTE)
        await office.finish(run_id)


async def test_what_cannot_be_read_now_is_delivered_later(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    store = office.store()
    entries, failures = store.entries, iter([True])

    async def entries_once_broken(run_id: str, wanted: object) -> dict[str, bytes]:
        if next(failures, False):
            raise OSError("the disk did not answer")
        return await entries(run_id, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(office, "store", lambda: store)
    office.surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.approvals))
        await settle()
        monkeypatch.setattr(store, "entries", entries_once_broken)
        office.surface.away.clear()
        office.engine.nudge(ALEX.id)
        await settle()
        office.clock.advance(timedelta(hours=2))
        await office.until(run_id, lambda r: bool(office.surface.asked))


async def test_two_thousand_questions_at_once_do_not_block_the_loop(office: Office) -> None:
    """One look at the run serves them all."""
    asks = {f"t{n}": Node(approval=Question(approver="${run.initiator}", title="?")) for n in range(2000)}
    async with opened(office):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        run_id = await office.run(plan(**asks))
        await office.until(run_id, lambda r: len(office.surface.asked) == 2000)
        assert loop.time() - begun < 5
        assert {person for _, _, person in office.surface.asked} == {MEGAN}
