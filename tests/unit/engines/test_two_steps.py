"""A write in two steps: what finds the first one again is on disk before the second one is made."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.core.codec import decode
from orchestration.core.commands import RetractEntry
from orchestration.core.events import StepJournaled
from orchestration.core.plan import Node
from orchestration.errors import OutcomeUnknown, Unavailable
from tests.support.office import MEGAN, Number, Office, opened, plan

SEND = plan("sent", send=Node(capability="send", with_={"n": 7}))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def allowed(office: Office) -> str:
    run_id = await office.run(SEND)
    await office.until(run_id, lambda r: bool(r.approvals))
    await office.decide(run_id, "send.1", MEGAN, "approve")
    return run_id


async def journaled(office: Office, run_id: str) -> list[str]:
    store = office.engine._store
    events = [decode(row.body) for row in await store.events(run_id)]
    return [each.note for each in events if isinstance(each, StepJournaled)]


async def test_the_note_is_on_disk_when_the_second_step_is_made_and_a_look_and_a_next_attempt_know_it(
    office: Office,
) -> None:
    seen: list[tuple[str, str]] = []

    async def send(number: Number, context: TaskContext) -> Number:
        seen.append(("send", context.journaled))
        if context.attempt == 1:
            await context.journal("draft-1")
            assert await journaled(office, context.run_id) == ["draft-1"]
            raise OutcomeUnknown("the connection broke")
        return number

    async def look(_: Number, context: TaskContext) -> NotDone:
        seen.append(("look", context.journaled))
        return NotDone()

    office.register("send", send, write=True, dedupe="two_step", reconcile=look)
    async with opened(office):
        run_id = await allowed(office)
        await office.until(run_id, lambda r: r.tasks[0].status == "in_doubt")
        while "send" not in [step for step, _ in seen[1:]]:
            office.clock.advance(timedelta(minutes=1))
            await asyncio.sleep(0.001)
        assert (await office.finish(run_id)).status == "succeeded"
        assert seen == [("send", ""), ("look", "draft-1"), ("send", "draft-1")]


async def test_the_note_is_known_after_a_restart(office: Office) -> None:
    begun = asyncio.Event()

    async def send(_: Number, context: TaskContext) -> Number:
        await context.journal("draft-1")
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def look(number: Number, context: TaskContext) -> Done:
        assert context.journaled == "draft-1"
        return Done(number)

    office.register("send", send, write=True, dedupe="two_step", reconcile=look)
    async with opened(office):
        run_id = await allowed(office)
        await begun.wait()
        office.engine._work.grace_seconds = 0.01
    async with opened(office):
        for _ in range(60):
            office.clock.advance(timedelta(minutes=1))
            await asyncio.sleep(0.001)
        assert (await office.finish(run_id)).status == "succeeded"


async def test_an_attempt_that_was_given_up_cannot_go_on_with_its_second_step(office: Office) -> None:
    go, refused = asyncio.Event(), asyncio.Event()

    async def send(number: Number, context: TaskContext) -> Number:
        try:
            await go.wait()
        except asyncio.CancelledError:
            with pytest.raises(Unavailable, match="was given up"):
                await context.journal("draft-1")
            refused.set()
            raise
        return number

    async def look(_: Number, __: TaskContext) -> NotDone:
        return NotDone()

    office.register("send", send, write=True, dedupe="two_step", reconcile=look)
    async with opened(office):
        run_id = await allowed(office)
        await office.until(run_id, lambda _: bool(office.calls))
        office.clock.advance(timedelta(minutes=2))
        await asyncio.wait_for(refused.wait(), 5)
        assert await journaled(office, run_id) == []


async def test_what_was_allowed_anew_is_another_effect_than_the_first_step_of_what_was_taken_back(
    office: Office,
) -> None:
    # Else the second step sends the draft of the old content, under the allowance for the new one.
    seen: list[tuple[int, str, str]] = []
    read = iter([1, 2])

    async def source(_: Number, __: TaskContext) -> Number:
        return Number(next(read))

    async def send(number: Number, context: TaskContext) -> Number:
        seen.append((number.n, context.idempotency_key, context.journaled))
        if len(seen) == 1:
            await context.journal("draft-1")
            raise Unavailable("not sent")
        return number

    async def look(_: Number, __: TaskContext) -> NotDone:
        return NotDone()

    office.register("source", source)
    office.register("send", send, write=True, dedupe="two_step", reconcile=look)
    chain = plan("sent", source=Node(capability="source"), send=Node(capability="send", needs=["source"],
                 with_={"n": "${tasks.source.n}"}))  # fmt: skip
    async with opened(office):
        run_id = await office.run(chain)
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "send.1", MEGAN, "approve")
        run = await office.until(run_id, lambda r: r.tasks[1].status == "backing_off")
        await office.send(run_id, RetractEntry(entry=run.tasks[0].entry, by=MEGAN))
        await office.until(run_id, lambda r: r.approvals[-1].id == "send.2")
        await office.decide(run_id, "send.2", MEGAN, "approve")
        assert (await office.finish(run_id)).status == "succeeded"
    (first, old, _), (second, new, journaled_before) = seen
    assert (first, second) == (1, 2)
    assert old != new
    assert journaled_before == ""
