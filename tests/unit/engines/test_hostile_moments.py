"""Commands that come at awkward moments: nobody is forgotten, nothing is begun that is not ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.capabilities.descriptor import Outcome
from orchestration.core.commands import DecideApproval, ForkRun, RetractEntry, RetryTask, StartRun
from orchestration.core.decide import decide
from orchestration.core.events import RunProposed
from orchestration.core.evolve import evolve
from orchestration.core.plan import Answer, Node, Plan, Question
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.engines.rounds import Request
from orchestration.errors import Invalid, NotFound, OutcomeUnknown
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add

ADELE = {"id": "oid-adele", "name": "Adele Vance", "upn": "adele@contoso.example"}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def questioned(hours: float) -> Plan:
    alex = {"id": ALEX.id, "name": ALEX.name, "upn": ALEX.upn}
    asked = Question(title="Well?", approver="${params.alex}", due_hours=hours, escalate_to="${params.adele}")
    made = plan("done", ask=Node(approval=asked))
    return msgspec.structs.replace(made, params={"alex": alex, "adele": ADELE})


def test_a_copy_of_a_run_that_was_not_started_yet_starts(office: Office) -> None:
    now = office.clock.now()
    made = plan("done", a=add(1))
    run = evolve(None, RunProposed(at=now, run_id="r", plan=made, goal="", initiator=MEGAN))
    for event in decide(run, ForkRun(of="q", upto=2, by=MEGAN), now):
        evolve(run, event)
    assert run.status == "running"
    assert run.due


@pytest.mark.parametrize("hours", [0.9, 1, 1.1])
async def test_whoever_is_asked_because_another_did_not_answer_is_asked_at_once(office: Office, hours: float) -> None:
    office.surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(questioned(hours))
        await office.until(run_id, lambda r: bool(r.approvals))
        escalated = False
        while not escalated:  # Alex is tried again ever less often
            office.clock.advance(timedelta(minutes=1))
            for _ in range(20):
                await asyncio.sleep(0)
            escalated = (await office.engine.view(run_id)).approvals[0].escalated_to is not None
        for _ in range(50):
            await asyncio.sleep(0)
        assert [person.id for _, _, person in office.surface.asked] == [ADELE["id"]]


async def test_whoever_is_asked_later_is_asked_though_asking_the_first_took_long(office: Office) -> None:
    asking, ask = asyncio.Event(), office.surface.ask

    async def slow(run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        if person.id == ALEX.id:
            await asking.wait()
        return await ask(run, approval, shown, person)

    office.surface.ask = slow  # type: ignore[method-assign]
    async with opened(office):
        run_id = await office.run(questioned(1))
        await office.until(run_id, lambda r: bool(r.approvals))
        office.clock.advance(timedelta(hours=1, minutes=1))
        await office.until(run_id, lambda r: r.approvals[0].escalated_to is not None)
        asking.set()
        await office.until(run_id, lambda _: len(office.surface.asked) > 1)
        assert [person.id for _, _, person in office.surface.asked] == [ALEX.id, ADELE["id"]]


async def test_the_second_end_of_a_run_is_told_though_telling_the_first_took_long(office: Office) -> None:
    telling, told = asyncio.Event(), office.surface.report
    held: list[RunView] = []

    async def report(run: RunView, answer: Answer | None) -> str:
        if not held:
            held.append(run)
            await telling.wait()
        return await told(run, answer)

    office.surface.report = report  # type: ignore[method-assign]

    async def gone(_: Number, __: TaskContext) -> Number:
        raise NotFound("it is gone")

    office.register("gone", gone)
    async with opened(office):
        run_id = await office.run(plan("done", a=Node(capability="gone")))
        await office.until(run_id, lambda r: r.status == "failed" and bool(held))
        await office.send(run_id, RetryTask(task="a", by=MEGAN))
        await office.until(run_id, lambda r: r.status == "failed" and r.reopened == 1)
        telling.set()
        await office.until(run_id, lambda _: len(office.surface.reports) > 1)
        assert [run.reopened for run, _ in office.surface.reports] == [0, 1]


async def test_what_is_allowed_while_tandem_stops_is_begun_after_the_next_start(office: Office) -> None:
    # A write that is noted as begun, and is not, would be in doubt: with nobody to look, a person is asked.
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow(number: Number, _: TaskContext) -> Number:
        begun.set()
        await go.wait()
        return number

    async def put(number: Number, _: TaskContext) -> Number:
        return number

    office.register("slow", slow, write=True)
    office.register("put", put, write=True)
    made = plan("done", slow=Node(capability="slow"), put=Node(capability="put", with_={"n": 3}))
    await office.start()
    run_id = await office.run(made)
    await office.until(run_id, lambda r: len(r.approvals) == 2)
    await office.decide(run_id, "slow.1", MEGAN, "approve")
    await begun.wait()
    shown = next(a.entry for a in (await office.engine.view(run_id)).approvals if a.id == "put.1")
    stopping = asyncio.create_task(office.engine.stop())
    await asyncio.sleep(0)
    await office.engine._writer.read(run_id)
    command = DecideApproval(approval="put.1", by=MEGAN, choice="approve", shown=shown)
    await office.engine._writer.submit(Request(run_id, command))
    go.set()
    await stopping
    async with opened(office):
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert [approval.kind for approval in run.approvals] == ["write", "write"]


async def test_one_unreadable_command_id_does_not_spoil_the_round_for_others(office: Office) -> None:
    async with opened(office):
        made = plan("done", a=add(1))
        mine = office.engine.propose(made, goal="", initiator=MEGAN, origin="", command_id="mine")
        bad = office.engine.propose(made, goal="", initiator=MEGAN, origin="", command_id="\ud800")
        good, refused = await asyncio.gather(mine, bad, return_exceptions=True)
        assert not isinstance(good, BaseException)
        assert isinstance(refused, Invalid)
        assert (await office.engine.send(good.run.run_id, StartRun(by=MEGAN))).run.status == "running"


async def test_a_look_with_other_arguments_than_were_written_proves_nothing(office: Office) -> None:
    # What a write in doubt was made from was taken back: that the new one is not there says nothing of the old one.
    read, written, looked = iter([1, 2]), list[int](), list[int]()
    reading = asyncio.Event()

    async def source(_: Number, task: TaskContext) -> Number:
        if task.attempt > 1:
            await reading.wait()
        return Number(next(read))

    async def put(number: Number, _: TaskContext) -> Number:
        written.append(number.n)
        raise OutcomeUnknown("the connection broke")

    async def look(number: Number, _: TaskContext) -> Outcome:
        looked.append(number.n)
        return Done(number) if number.n in written else NotDone()

    office.register("source", source)
    office.register("put", put, write=True, dedupe="two_step", reconcile=look)
    needed = {"n": "${tasks.source.n}"}
    async with opened(office):
        run_id = await office.run(
            plan("done", source=Node(capability="source"), put=Node(capability="put", needs=["source"], with_=needed))
        )
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "put.1", MEGAN, "approve")
        run = await office.until(run_id, lambda r: r.tasks[1].status == "in_doubt")
        await office.send(run_id, RetractEntry(entry=run.tasks[0].entry, by=MEGAN))
        reading.set()
        await office.until(run_id, lambda r: r.tasks[0].status == "succeeded")
        office.clock.advance(timedelta(minutes=5))
        run = await office.until(run_id, lambda r: len(r.approvals) > 1)
        assert looked == []
        assert run.approvals[1].kind == "in_doubt"


async def test_what_is_being_done_is_not_taken_up_a_second_time(office: Office) -> None:
    # Such as a run that is started while the engine takes up what it found in its log.
    go = asyncio.Event()

    async def slow(number: Number, _: TaskContext) -> Number:
        await go.wait()
        return number

    office.register("slow", slow)
    async with opened(office):
        run_id = await office.run(plan("done", slow=Node(capability="slow")))
        await office.until(run_id, lambda _: bool(office.calls))
        office.engine._writer.put(Request(run_id, resume=True))
        go.set()
        assert (await office.finish(run_id)).status == "succeeded"
        assert office.calls == [("slow", 1)]
