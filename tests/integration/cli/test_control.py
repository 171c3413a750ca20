"""The operator's commands against a real engine, over the real socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.cli.running import Running
from orchestration.capabilities import TaskContext
from orchestration.core.plan import Node, Plan, Question
from orchestration.errors import InvalidContent
from tests.support.office import MEGAN, Number, Office, plan
from tests.support.operator import Console, console, short_folder


@pytest.fixture
def gate() -> asyncio.Event:
    """Reading waits for it."""
    return asyncio.Event()


@pytest.fixture
async def desk(gate: asyncio.Event) -> AsyncIterator[Console]:
    async def read(number: Number, _: TaskContext) -> Number:
        await gate.wait()
        return Number(number.n + 1)

    async def write(number: Number, _: TaskContext) -> Number:
        return number

    async def fail(number: Number, _: TaskContext) -> Number:
        raise InvalidContent("The sheet is not there.")

    async with short_folder() as path:
        office = Office(path)
        office.register("read", read)
        office.register("write", write, write=True)
        office.register("fail", fail, attempts=1)
        async with console(office) as made:
            yield made


def story() -> Plan:
    """Read, calculate, write."""
    return plan(
        first=Node(capability="read", title="Read it", with_={"n": 1}),
        second=Node(capability="add", title="Calculate", with_={"n": "${tasks.first.n}"}, needs=["first"]),
        save=Node(capability="write", title="Save it", with_={"n": "${tasks.second.n}"}, needs=["second"]),
    )


@pytest.fixture
async def written(desk: Console, gate: asyncio.Event) -> str:
    """A run of the story that has written and ended."""
    office = desk.office
    run_id = await office.run(story())
    office.clock.advance(timedelta(seconds=1))
    gate.set()
    await office.until(run_id, lambda run: any(each.open for each in run.approvals), "nobody was asked")
    await office.decide(run_id, "save.1", MEGAN, "approve")
    await office.finish(run_id)
    return run_id


async def entry(desk: Console, run_id: str, task: str) -> str:
    run = await desk.office.engine.view(run_id)
    return next(each.entry for each in run.tasks if each.name == task)


async def test_a_run_is_paused_and_goes_on(desk: Console, gate: asyncio.Event) -> None:
    run_id = await desk.office.run(story())
    said = await desk.run("pause", run_id)
    assert said.startswith("Paused: Test. Nothing new is begun. What is under way ends: Read it.")
    assert f"tandem resume {run_id}" in said
    gate.set()
    await desk.office.until(run_id, lambda run: run.tasks[0].status == "succeeded", "the read did not end")
    assert (await desk.office.engine.view(run_id)).tasks[1].status == "ready"
    assert await desk.run("resume", "last") == "Test goes on.\n"
    await desk.office.until(run_id, lambda run: run.tasks[1].status == "succeeded", "it did not go on")
    told = await desk.run("history", run_id)
    assert re.search(r"paused by \w+: nothing new is begun", told)
    assert "let go on by" in told


async def test_cancelling_says_what_was_and_what_was_not_done(desk: Console) -> None:
    run_id = await desk.office.run(story())
    said = await desk.run("cancel", run_id)
    assert said == "Cancelled: Test.\nNothing was written.\nNot done:\n  Read it\n  Calculate\n  Save it\n"
    assert "has ended (cancelled)" in await desk.trouble("pause", run_id)


async def test_what_failed_is_tried_again_or_left_out(desk: Console, gate: asyncio.Event) -> None:
    gate.set()
    steps = {
        "a": Node(capability="fail", title="Open the sheet"),
        "b": Node(capability="add", with_={"n": "${tasks.a.n}"}, needs=["a"], optional=[]),
    }
    run_id = await desk.office.run(plan(**steps))
    await desk.office.finish(run_id)
    assert f"tandem retry {run_id}" in await desk.run("history", run_id)
    assert "has no step 'x': these failed:\n  a  Open the sheet: The sheet is not there." in await desk.trouble(
        "retry", run_id, "x"
    )
    assert (await desk.run("retry", run_id)).startswith("Open the sheet (a) is tried again. Test goes on")
    await desk.office.until(run_id, lambda run: run.status == "failed" and run.reopened == 1, "it did not fail again")
    assert (await desk.run("skip", run_id, "a")).startswith("Open the sheet (a) is left out.")
    run = await desk.office.until(run_id, lambda run: run.status == "succeeded", "it did not go on without")
    assert [task.status for task in run.tasks] == ["skipped", "skipped"]
    told = await desk.run("history", run_id)
    assert "taken up again by" in told
    assert "Try again" not in told
    assert f"Nothing has failed in run {run_id}: it is succeeded." in await desk.trouble("retry", run_id)


async def test_a_result_is_taken_back_after_saying_what_that_leads_to(desk: Console, written: str) -> None:
    first = await entry(desk, written, "first")
    assert first[:12] in await desk.run("history", written)
    said = await desk.run("retract", first[:8], "--reason", "a wrong list", typed="y\n")
    assert "Taken back: Read it" in said
    assert "Done again: Read it, Calculate" in said
    assert "Was already written: Save it" in said
    assert "Megan Bowen is asked about each" in said
    assert f"Test goes on: tandem history {written}" in said
    await desk.office.until(written, lambda run: run.status == "succeeded" and run.reopened == 1, "it did not end")
    told = await desk.run("history", written)
    assert f"took back the result {first[:12]} “a wrong list”. Done again: Read it, Calculate." in told
    assert "what was written stays" in told


async def test_without_a_yes_nothing_is_taken_back(desk: Console, written: str) -> None:
    before = (await desk.office.engine.view(written)).seq
    with pytest.raises(AssertionError, match="Aborted"):
        await desk.run("retract", await entry(desk, written, "first"), typed="n\n")
    assert (await desk.office.engine.view(written)).seq == before


async def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(desk: Console, written: str) -> None:
    calls = len(desk.office.calls)
    said = await desk.run("replay", written, "--from", "2", "--dry-run")
    assert f"began a dry run from here, event 2 of run {written}: nothing is written" in said
    assert "Would have been written\n  Save it: Write (Number: 3)" in said
    assert "The dry run of Test has ended: succeeded." in said
    assert [task for task, _ in desk.office.calls[calls:]] == ["first", "second"]
    listed = await desk.run("runs")
    assert "succeeded, dry run" in listed
    dry = said.split()[-1]
    assert dry != written
    assert "A dry run: it shows what would happen, and writes nothing." in await desk.run("history", dry)
    # Its results are those of the run that it was copied from, which is the one that is meant.
    assert written in await desk.run("retract", (await entry(desk, written, "second"))[:10], "--yes")


async def test_a_dry_run_stops_at_its_first_question(desk: Console, gate: asyncio.Event) -> None:
    gate.set()
    asking = Question(approver="${run.initiator}", title="Go on?")
    run_id = await desk.office.run(plan(a=Node(capability="add"), ask=Node(approval=asking, needs=["a"])))
    await desk.office.until(run_id, lambda run: any(each.open for each in run.approvals), "nobody was asked")
    said = await desk.run("replay", run_id, "--from", "2", "--dry-run")
    assert "The dry run waits for Megan Bowen, who was asked: Go on?" in said
    assert "nothing so far" in said


async def test_old_runs_are_removed_by_the_bot_that_owns_the_log(desk: Console, written: str) -> None:
    export = desk.office.path / "old.jsonl"
    assert "nothing was removed" in await desk.run("prune", "--older-than", "9000d", "--export", str(export))
    said = await desk.run("prune", "--older-than", "1s", "--export", str(export))
    assert said.startswith("Removed 1 run")
    assert written in export.read_text()
    assert "exists already" in await desk.trouble("prune", "--older-than", "1s", "--export", str(export))


async def test_health_comes_from_the_running_bot(desk: Console) -> None:
    worker = desk.office.registry.pick("read")
    desk.office.registry.failed(worker, "timeout")

    health = await asyncio.to_thread(Running(desk.office.path).health)
    assert health is not None
    assert (health["read@test"].state, health["read@test"].code) == ("failing", "timeout")
    assert health["write@test"].state == "up"
