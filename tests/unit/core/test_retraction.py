"""What taking a result back would lead to is what then happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.capabilities import TaskContext
from orchestration.core.commands import RetractEntry
from orchestration.core.plan import Node, Question, Repeat
from orchestration.core.run import OPERATOR, Person
from orchestration.errors import Invalid, NotPermitted
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan

ROOT = Person(OPERATOR, "root")


async def write(number: Number, _: TaskContext) -> Number:
    return number


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.register("write", write, write=True)
    return made


async def entry(office: Office, run_id: str, task: str) -> str:
    return next(each.entry for each in (await office.engine.view(run_id)).tasks if each.name == task)


async def test_what_is_done_again_asked_again_and_was_written(office: Office) -> None:
    asking = Question(approver="${run.initiator}", title="Go on?")
    goal = plan(
        other=Node(capability="add"),
        first=Node(capability="add", with_={"n": 5}),
        ask=Node(approval=asking, needs=["first"]),
        save=Node(capability="write", with_={"n": "${tasks.first.n}"}, needs=["first", "ask"]),
    )
    async with opened(office):
        run_id = await office.run(goal)
        await office.until(run_id, lambda run: any(each.open for each in run.approvals))
        await office.decide(run_id, "ask.1", MEGAN, "approve")
        await office.until(run_id, lambda run: any(each.open for each in run.approvals))
        await office.decide(run_id, "save.1", MEGAN, "approve")
        before = await office.finish(run_id)
        command = RetractEntry(entry=await entry(office, run_id, "first"), task="first", by=ROOT)
        foreseen = await office.engine.foresee(run_id, command)
        assert (foreseen.source, foreseen.again) == (["first"], ["first", "ask"])
        assert (foreseen.asked, foreseen.writes, foreseen.left_behind) == (["ask"], ["save"], [])
        assert await office.engine.view(run_id) == before
        with pytest.raises(NotPermitted):
            await office.engine.foresee(run_id, RetractEntry(entry=command.entry, by=ALEX))
        with pytest.raises(Invalid):
            await office.engine.foresee(run_id, RetractEntry(entry="nope", by=ROOT))
        await office.send(run_id, command)
        run = await office.until(run_id, lambda run: any(each.open for each in run.approvals))
        assert [task.status for task in run.tasks] == ["succeeded", "succeeded", "asking", "pending"]


async def test_writes_of_a_loop_that_begins_anew_are_left_behind(office: Office) -> None:
    rounds = Repeat(
        tasks={"send": Node(capability="write", with_={"n": "${tasks.first.n + repeat.round}"})},
        gives="${tasks.send.n}",
        until="repeat.round >= 2",
        at_most=2,
    )
    goal = plan(first=Node(capability="add"), loop=Node(repeat=rounds, title="Send it twice", needs=["first"]))
    async with opened(office):
        run_id = await office.run(goal)
        for number in (1, 2):
            await office.until(run_id, lambda run: any(each.open for each in run.approvals))
            await office.decide(run_id, f"loop.{number}.send.1", MEGAN, "approve")
        await office.finish(run_id)
        command = RetractEntry(entry=await entry(office, run_id, "first"), by=ROOT)
        foreseen = await office.engine.foresee(run_id, command)
        assert (foreseen.again, foreseen.writes) == (["first", "loop"], [])
        assert foreseen.left_behind == ["loop.1.send", "loop.2.send"]
        after = await office.send(run_id, command)
        assert after.left_behind == ["Write", "Write"]


async def test_a_round_that_is_done_again_takes_those_after_it_along(office: Office) -> None:
    rounds = Repeat(
        tasks={"step": Node(capability="add", with_={"n": "${repeat.round}"})},
        gives="${tasks.step.n}",
        until="repeat.round >= 3",
        at_most=3,
    )
    async with opened(office):
        run_id = await office.run(plan(loop=Node(repeat=rounds)))
        await office.finish(run_id)
        live = await office.engine._writer.read(run_id)
        second = live.run.tasks["loop.2.step"].entry
        foreseen = await office.engine.foresee(run_id, RetractEntry(entry=second, by=ROOT))
        assert foreseen.again == ["loop.2.step"]
