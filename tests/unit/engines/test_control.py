"""Pause, deadline, another try, a fallback, results that are taken back, and copies of runs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.commands import (
    CancelRun,
    Command,
    LeaveOut,
    PauseRun,
    ResumeRun,
    RetractEntry,
    RetryTask,
)
from orchestration.core.plan import Fallback, ForEach, Node, Plan, Question, Repeat
from orchestration.core.run import OPERATOR, Person
from orchestration.core.view import RunView
from orchestration.errors import Invalid, NotFound, NotPermitted, NotRunning, Unavailable
from orchestration.planning.compiler import with_needs
from tests.support.clock import FakeClock
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add, task

OPERATING = Person(OPERATOR, "root")


class Ticking(FakeClock):
    """No two decisions fall on the same instant, as with a real clock."""

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0.002)


def entry_of(run: RunView, name: str) -> str:
    return next(each.entry for each in run.tasks if each.name == name)


async def value(office: Office, run_id: str, name: str) -> Any:
    return await office.engine.value(run_id, entry_of(await office.engine.view(run_id), name))


async def once_more(office: Office, run_id: str) -> RunView:
    """The run once it has ended for the second time."""
    return await office.until(
        run_id, lambda r: r.reopened == 1 and r.status == "succeeded" and len(office.surface.reports) == 2
    )


# --- pause


async def test_a_paused_run_begins_nothing_new_and_goes_on_where_it_was(office: Office) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(number: Number, _: TaskContext) -> Number:
        begun.set()
        await go.wait()
        return number

    office.register("slow", slow)
    asked = plan("done", slow=Node(capability="slow"), after=add(1, "slow"))
    async with opened(office):
        run_id = await office.run(asked)
        await begun.wait()
        run = await office.send(run_id, PauseRun(by=MEGAN))
        assert run.paused
        go.set()
        run = await office.until(run_id, lambda r: task(r, "slow")[0] == "succeeded")
        await settle()
        assert task(await office.engine.view(run_id), "after")[0] == "ready"
    async with opened(office):  # a restart does not let it go on either
        await settle()
        assert task(await office.engine.view(run_id), "after")[0] == "ready"
        await office.send(run_id, ResumeRun(by=MEGAN))
        assert (await office.finish(run_id)).status == "succeeded"


@pytest.mark.parametrize("command", [PauseRun, ResumeRun])
async def test_only_the_initiator_and_the_operator_control_a_run(office: Office, command: type) -> None:
    async with opened(office):
        run_id = await office.run(plan("done", ask=Node(approval=Question(approver="${run.initiator}", title="?"))))
        with pytest.raises(NotPermitted, match="Only Megan Bowen can"):
            await office.send(run_id, command(by=ALEX))
        await office.send(run_id, command(by=OPERATING))


async def test_a_paused_run_can_be_cancelled_and_answers_are_taken(office: Office) -> None:
    async with opened(office):
        ask = Node(approval=Question(approver="${run.initiator}", title="?"))
        run_id = await office.run(plan("done", ask=ask, after=add(1, "ask")))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.send(run_id, PauseRun(by=MEGAN))
        await office.decide(run_id, "ask.1", MEGAN, "approve")
        await office.send(run_id, CancelRun(by=MEGAN))
        run = await office.finish(run_id)
        assert (run.status, task(run, "after")[0]) == ("cancelled", "cancelled")


# --- deadline, fallback, skip


async def test_a_run_that_takes_longer_than_its_plan_allows_fails(office: Office) -> None:
    async with opened(office):
        ask = Node(approval=Question(approver="${run.initiator}", title="?"))
        run_id = await office.run(msgspec.structs.replace(plan("done", ask=ask), deadline_hours=2))
        await office.until(run_id, lambda r: bool(r.approvals))
        await settle()
        office.clock.advance(timedelta(hours=2))
        run = await office.finish(run_id)
        assert (run.status, run.code) == ("failed", "deadline")


async def down(_: Number, __: TaskContext) -> Number:
    raise Unavailable("SAP does not answer")


async def test_a_fallback_is_used_once_every_attempt_has_failed(office: Office) -> None:
    office.register("sap", down, attempts=2)
    node = Node(capability="sap", with_={"n": 1}, fallback=Fallback("add", {"n": 41}))
    async with opened(office):
        run_id = await office.run(plan("${tasks.read.n}", read=node))
        for _ in range(40):
            office.clock.advance(timedelta(seconds=30))
            await asyncio.sleep(0.002)
        run = await office.finish(run_id)
        assert (run.status, office.calls) == ("succeeded", [("read", 1), ("read", 2), ("read", 3)])
        assert await value(office, run_id, "read") == {"n": 42}


async def test_a_fallback_that_fails_too_is_a_failure(office: Office) -> None:
    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("there is no export")

    office.register("sap", missing)
    office.register("export", missing)
    node = Node(capability="sap", fallback=Fallback("export"), on_failure="skip")
    async with opened(office):
        run_id = await office.run(plan("${tasks.read == null ? 'without' : 'with'}", read=node, after=add(1, "read")))
        run = await office.finish(run_id)
        assert (run.status, len(office.calls)) == ("succeeded", 2)
        assert [each.status for each in run.tasks] == ["skipped", "skipped"]
        assert run.tasks[0].message == "there is no export"


# --- try again, leave out


class Flaky:
    """Fails until it is mended."""

    def __init__(self) -> None:
        self.mended = False

    async def __call__(self, number: Number, _: TaskContext) -> Number:
        if not self.mended:
            raise NotFound("Register.xlsx is not there")
        return number


def failing() -> Plan:
    return plan(
        "${tasks.bad == null ? 'without' : 'with'}",
        good=add(1),
        bad=Node(capability="flaky", with_={"n": 5}),
        both=add("${tasks.bad == null ? 0 : tasks.bad.n}", "good", "bad", optional=["bad"]),
        needy=add("${tasks.bad.n}", "bad"),
    )


async def failed_run(office: Office) -> tuple[str, Flaky]:
    flaky = Flaky()
    office.register("flaky", flaky)
    run_id = await office.run(failing())
    assert (await office.finish(run_id)).status == "failed"
    return run_id, flaky


async def test_a_failed_run_goes_on_when_what_failed_is_tried_again(office: Office) -> None:
    async with opened(office):
        run_id, flaky = await failed_run(office)
        flaky.mended = True
        await office.send(run_id, RetryTask(task="bad", by=MEGAN))
        run = await once_more(office, run_id)
        assert [each.status for each in run.tasks] == ["succeeded"] * 4
        assert ("outcome:1", MEGAN.id) in run.receipts or len(office.surface.reports) == 2


async def test_a_failed_run_goes_on_without_what_failed(office: Office) -> None:
    async with opened(office):
        run_id, _ = await failed_run(office)
        await office.send(run_id, LeaveOut(task="bad", by=MEGAN))
        run = await once_more(office, run_id)
        assert [each.status for each in run.tasks] == ["succeeded", "skipped", "succeeded", "skipped"]


async def test_what_did_not_fail_cannot_be_tried_again(office: Office) -> None:
    async with opened(office):
        run_id, _ = await failed_run(office)
        refused: list[Command] = [RetryTask(task="good", by=MEGAN), LeaveOut(task="needy", by=MEGAN)]
        for command in refused:
            with pytest.raises(Invalid, match="only what failed"):
                await office.send(run_id, command)
        with pytest.raises(NotPermitted):
            await office.send(run_id, RetryTask(task="bad", by=ALEX))


# --- taking results back


class Source:
    """Reads a number that somebody may correct; remembers who was called."""

    def __init__(self, office: Office) -> None:
        self.n, self.calls = 1, []  # type: ignore[var-annotated]
        self.written: list[tuple[int, str]] = []
        office.register("source", self.read)
        office.register("double", self.double)
        office.register("upload", self.write, write=True, dedupe="target")

    async def read(self, _: Number, context: TaskContext) -> Number:
        self.calls.append(context.task_id)
        return Number(self.n)

    async def double(self, number: Number, context: TaskContext) -> Number:
        self.calls.append(context.task_id)
        return Number(2 * number.n)

    async def write(self, number: Number, context: TaskContext) -> Number:
        self.written.append((number.n, context.idempotency_key.rpartition(".")[0]))
        return number


def double(of: str) -> Node:
    return Node(capability="double", with_={"n": f"${{tasks.{of}.n}}"})


GRAPH = with_needs(
    plan(
        "${tasks.c.n}",
        a=Node(capability="source"),
        other=Node(capability="source"),
        b=double("a"),
        beside=double("other"),
        c=double("b"),
        both=Node(capability="sum", with_={"ns": ["${tasks.c.n}", "${tasks.beside.n}"]}),
    )
)


async def test_one_corrected_input_runs_exactly_its_descendants_again(office: Office) -> None:
    source = Source(office)
    async with opened(office):
        run_id = await office.run(GRAPH)
        run = await office.finish(run_id)
        source.n, before = 10, list(source.calls)
        entry = entry_of(run, "b")
        source.calls.clear()
        await office.send(run_id, RetractEntry(entry=entry, task="b", by=MEGAN, reason="wrong file"))
        run = await once_more(office, run_id)
        assert sorted(before) == ["a", "b", "beside", "c", "other"]
        assert source.calls == ["b", "c"]
        source.calls.clear()
        # The same result of two tasks is one entry: both are taken back.
        await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        run = await office.until(run_id, lambda r: r.reopened == 2 and r.status == "succeeded")
        assert sorted(source.calls) == ["a", "b", "beside", "c", "other"]
        assert await value(office, run_id, "c") == {"n": 40}
        assert await value(office, run_id, "both") == {"n": 60}
        answer = await office.engine.value(run_id, run.answer)
        assert answer["text"] == "40"


async def test_what_is_not_a_result_or_not_ones_own_cannot_be_taken_back(office: Office) -> None:
    Source(office)
    async with opened(office):
        run_id = await office.run(GRAPH)
        run = await office.finish(run_id)
        with pytest.raises(Invalid, match="has the result 'abc'"):
            await office.send(run_id, RetractEntry(entry="abc", by=MEGAN))
        with pytest.raises(NotPermitted):
            await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=ALEX))


async def test_an_answer_that_was_given_on_what_is_taken_back_is_asked_for_again(office: Office) -> None:
    source = Source(office)
    ask = Node(approval=Question(approver="${run.initiator}", title="Is ${tasks.b.n} right?"))
    async with opened(office):
        asked = with_needs(plan("done", a=Node(capability="source"), b=double("a"), ask=ask, after=double("b")))
        run_id = await office.run(asked)
        run = await office.until(run_id, lambda r: bool(r.approvals))
        assert run.approvals[0].title == "Is 2 right?"
        source.n = 4
        run = await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        run = await office.until(run_id, lambda r: len(r.approvals) == 2)
        assert [(each.title, each.open) for each in run.approvals] == [("Is 2 right?", False), ("Is 8 right?", True)]
        await office.decide(run_id, "ask.2", MEGAN, "approve")
        await office.finish(run_id)


async def written(office: Office, source: Source) -> str:
    """A run that has written what it read, which somebody has corrected meanwhile."""
    upload = Node(capability="upload", with_={"n": "${tasks.b.n}"}, needs=["b"])
    run_id = await office.run(
        with_needs(
            plan("${tasks.after.n}", a=Node(capability="source"), b=double("a"), upload=upload, after=double("upload"))
        )
    )
    await office.until(run_id, lambda r: bool(r.approvals))
    await office.decide(run_id, "upload.1", MEGAN, "approve")
    run = await office.finish(run_id)
    source.n = 5
    await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
    return run_id


async def test_a_write_made_from_what_was_taken_back_is_asked_about_and_made_anew_as_another(office: Office) -> None:
    source = Source(office)
    async with opened(office):
        run_id = await written(office, source)
        run = await office.until(run_id, lambda r: len(r.approvals) == 2)
        assert (run.approvals[1].kind, run.approvals[1].open) == ("stale", True)
        shown = await office.engine.shown(run_id, "upload.2")
        assert shown.facts == [("To be written", "Write"), ("Number", "10")]
        assert "please take it back there yourself" in shown.text
        await office.decide(run_id, "upload.2", MEGAN, "approve")
        await once_more(office, run_id)
        assert source.written == [(2, f"{run_id}.upload"), (10, f"{run_id}.upload.1")]
        assert await value(office, run_id, "after") == {"n": 20}


async def test_a_write_made_from_what_was_taken_back_may_stay_as_it_is(office: Office) -> None:
    source = Source(office)
    async with opened(office):
        run_id = await written(office, source)
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "upload.2", MEGAN, "leave")
        await once_more(office, run_id)
        assert (len(source.written), await value(office, run_id, "after")) == (1, {"n": 4})


async def test_a_write_that_would_be_the_same_again_is_not_asked_about(office: Office) -> None:
    source = Source(office)
    async with opened(office):
        run_id = await office.run(
            with_needs(
                plan(
                    "x",
                    a=Node(capability="source"),
                    b=double("a"),
                    upload=Node(capability="upload", with_={"n": "${tasks.b.n}"}),
                )
            )
        )
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        run = await office.finish(run_id)
        await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        run = await once_more(office, run_id)
        assert (len(run.approvals), len(source.written)) == (1, 1)


async def test_a_list_that_is_taken_back_begins_its_group_anew(office: Office) -> None:
    source = Source(office)
    group = ForEach(
        items="${[tasks.a.n, tasks.a.n + 1]}",
        tasks={"each": Node(capability="double", with_={"n": "${for_each.item}"})},
        gives="${tasks.each.n}",
    )
    async with opened(office):
        run_id = await office.run(
            with_needs(
                plan(
                    "x",
                    a=Node(capability="source"),
                    all=Node(for_each=group),
                    last=Node(capability="sum", with_={"ns": "${tasks.all.results}"}),
                )
            )
        )
        run = await office.finish(run_id)
        source.n = 7
        await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        await once_more(office, run_id)
        assert (await value(office, run_id, "all"))["results"] == [14, 16]
        assert await value(office, run_id, "last") == {"n": 30}


async def test_items_of_a_list_that_is_taken_back_are_written_under_keys_of_their_own_and_the_old_ones_are_told(
    office: Office,
) -> None:
    source = Source(office)
    put = Node(capability="upload", with_={"n": "${for_each.item}"})
    group = ForEach(items="${[tasks.a.n]}", tasks={"put": put}, gives="${tasks.put.n}")
    async with opened(office):
        run_id = await office.run(with_needs(plan("x", a=Node(capability="source"), all=Node(for_each=group))))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "all.1.put.1", MEGAN, "approve")
        run = await office.finish(run_id)
        source.n = 7
        await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "all.1.put.2", MEGAN, "approve")
        run = await once_more(office, run_id)
        assert source.written == [(1, f"{run_id}.all.1.put"), (7, f"{run_id}.all.1.put.1")]
        assert run.left_behind == ["Upload"]


async def test_what_is_under_way_when_its_source_is_taken_back_is_begun_anew(office: Office) -> None:
    source = Source(office)
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1:
            begun.set()
            await go.wait()
        return number

    office.register("slow", slow)
    async with opened(office):
        run_id = await office.run(
            with_needs(
                plan(
                    "${tasks.slow.n}",
                    a=Node(capability="source"),
                    slow=Node(capability="slow", with_={"n": "${tasks.a.n}"}),
                )
            )
        )
        await begun.wait()
        source.n = 3
        run = await office.engine.view(run_id)
        await office.send(run_id, RetractEntry(entry=entry_of(run, "a"), by=MEGAN))
        go.set()
        await office.finish(run_id)
        assert await value(office, run_id, "slow") == {"n": 3}


async def test_an_answer_in_a_loop_that_is_taken_back_drops_the_rounds_after_it(office: Office) -> None:
    body = {
        "draft": add("${repeat.round}"),
        "ok": Node(approval=Question(approver="${run.initiator}", title="${tasks.draft.n}")),
    }
    loop = Node(repeat=Repeat(tasks=body, gives="${tasks.draft.n}", accepted_by=["ok"], at_most=5))
    async with opened(office):
        run_id = await office.run(with_needs(plan("${tasks.loop.rounds}", loop=loop)))
        await office.until(run_id, lambda r: len(r.approvals) == 1)
        run = await office.decide(run_id, "loop.1.ok.1", MEGAN, "reject")
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "loop.2.ok.1", MEGAN, "approve")
        run = await office.finish(run_id)
        answer = next(each.answer for each in run.approvals if each.id == "loop.1.ok.1")
        await office.send(run_id, RetractEntry(entry=answer, by=MEGAN))
        run = await office.until(run_id, lambda r: any(each.open for each in r.approvals))
        assert next(each.id for each in run.approvals if each.open) == "loop.1.ok.2"
        await office.decide(run_id, "loop.1.ok.2", MEGAN, "approve")
        await once_more(office, run_id)
        assert (await value(office, run_id, "loop"))["rounds"] == 1


# --- copies


async def test_a_copy_goes_on_from_any_event_asks_only_its_initiator_and_writes_nothing(office: Office) -> None:
    office.clock = Ticking()
    source = Source(office)
    ask = Node(approval=Question(approver="${tasks.who}", title="?", not_initiator=True), needs=["b"])

    async def who(_: Number, __: TaskContext) -> Person:
        return ALEX

    office.registry.add(worker("who", title="Who")(who))
    upload = Node(capability="upload", with_={"n": "${tasks.b.n}"}, needs=["ask", "b"])
    async with opened(office):
        run_id = await office.run(
            with_needs(
                plan(
                    "${tasks.upload == null ? 'not written' : 'written'}",
                    a=Node(capability="source"),
                    who=Node(capability="who"),
                    b=double("a"),
                    ask=ask,
                    upload=upload,
                )
            )
        )
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "ask.1", ALEX, "approve")
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        first = await office.finish(run_id)
        office.surface.asked.clear()
        for upto in range(2, first.seq - 2):
            copy = (await office.engine.fork(run_id, upto, by=OPERATING)).run
            assert copy.dry
            assert copy.run_id != run_id
            while (run := await office.engine.view(copy.run_id)).status != "succeeded":
                for which in (each for each in run.approvals if each.open):
                    choice = "not_done" if which.kind == "in_doubt" else "approve"
                    await office.decide(copy.run_id, which.id, MEGAN, choice)
                await asyncio.sleep(0.001)
                office.clock.advance(timedelta(seconds=30))
            if upto < first.seq - 5:
                assert "Would have been written: Write (Number: 2)" in run.tasks[-1].message, upto
        assert source.written == [(2, f"{run_id}.upload")]
        assert {person for _, _, person in office.surface.asked} <= {MEGAN}
        assert (await office.engine.view(run_id)).seq == first.seq


async def test_a_copy_of_what_had_ended_or_was_never_there_is_refused(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan("x", a=add(1)))
        run = await office.finish(run_id)
        with pytest.raises(NotRunning, match="name an earlier one"):
            await office.engine.fork(run_id, run.seq, by=MEGAN)
        with pytest.raises(Invalid, match="no event 99"):
            await office.engine.fork(run_id, 99, by=MEGAN)
        with pytest.raises(NotPermitted):
            await office.engine.fork(run_id, 2, by=ALEX)
