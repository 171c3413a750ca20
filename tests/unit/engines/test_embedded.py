"""What the embedded engine promises, over a real log and a clock of the test's own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import Done, TaskContext, Unknown
from orchestration.core.codec import decode
from orchestration.core.commands import CancelRun, ConfirmSignIn, SkipApproval, StartRun
from orchestration.core.events import AnswerRefused
from orchestration.core.plan import Choice, Node, Plan, Question
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.errors import (
    AlreadyDecided,
    Invalid,
    InvalidPlan,
    NotFound,
    NotPermitted,
    NotRunning,
    OutcomeUnknown,
    Outdated,
    OwnerLocked,
    SignInNeeded,
    Unavailable,
    UnknownRun,
)
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan

SECOND = timedelta(seconds=1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def add(n: object = 1, *needs: str, **more: object) -> Node:
    return Node(capability="add", with_={"n": n}, needs=list(needs), **more)  # type: ignore[arg-type]


def task(run: RunView, name: str) -> tuple[str, int]:
    found = next(each for each in run.tasks if each.name == name)
    return found.status, found.attempt


async def test_results_flow_along_references_and_the_answer_is_told(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            plan(
                "the sum is ${tasks.total.n}",
                a=add(1),
                b=add("${tasks.a.n}", "a"),
                c=add(10),
                total=Node(capability="sum", with_={"ns": ["${tasks.b.n}", "${tasks.c.n}"]}, needs=["b", "c"]),
            )
        )
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert office.surface.reports[0][1].text == "the sum is 14"
        assert next(each.summary for each in run.tasks if each.name == "b") == "got 3"


async def test_independent_tasks_run_at_the_same_time(office: Office) -> None:
    together = asyncio.Barrier(3)

    async def meet(number: Number, _: TaskContext) -> Number:
        await together.wait()
        return number

    office.register("meet", meet)
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="meet"), b=Node(capability="meet"), c=Node(capability="meet")))
        assert (await office.finish(run_id)).status == "succeeded"


async def test_a_failing_read_is_tried_again_with_growing_pauses_then_fails_the_run(office: Office) -> None:
    async def down(_: Number, __: TaskContext) -> Number:
        raise Unavailable("SAP does not answer (503)")

    office.register("sap", down, attempts=3)
    async with opened(office):
        run_id = await office.run(plan(sap=Node(capability="sap"), after=add(1, "sap")))
        pauses = []
        for attempt in (1, 2):
            run = await office.until(run_id, lambda r, n=attempt: task(r, "sap") == ("backing_off", n))
            pauses.append(run.tasks[0].retry_at - office.clock.now())
            office.clock.advance(pauses[-1] - SECOND / 1000)
            assert task(await office.engine.view(run_id), "sap") == ("backing_off", attempt), "too early"
            office.clock.advance(SECOND / 1000)
        run = await office.finish(run_id)
        assert (run.status, run.code, run.message) == ("failed", "unavailable", "SAP does not answer (503)")
        assert task(run, "after") == ("cancelled", 0)
        assert pauses[0] < pauses[1]
        assert office.calls == [("sap", 1), ("sap", 2), ("sap", 3)]


async def test_retry_after_is_respected(office: Office) -> None:
    async def busy(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1:
            raise Unavailable("too many requests", retry_after=timedelta(seconds=97.5))
        return number

    office.register("busy", busy)
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="busy")))
        run = await office.until(run_id, lambda r: task(r, "a")[0] == "backing_off")
        assert run.tasks[0].retry_at - office.clock.now() == timedelta(seconds=97.5)
        office.clock.advance(timedelta(seconds=97.5))
        assert (await office.finish(run_id)).status == "succeeded"


async def test_an_attempt_out_of_time_is_stopped_and_tried_again(office: Office) -> None:
    stopped = asyncio.Event()

    async def slow(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stopped.set()
                raise
        return number

    office.register("slow", slow)
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="slow", timeout_seconds=5)))
        await office.until(run_id, lambda r: bool(office.calls))
        office.clock.advance(5 * SECOND)
        await asyncio.wait_for(stopped.wait(), 5)
        run = await office.until(run_id, lambda r: task(r, "a")[0] == "backing_off")
        assert run.tasks[0].code == "timeout"
        office.clock.advance(timedelta(minutes=1))
        assert (await office.finish(run_id)).status == "succeeded"


@pytest.mark.parametrize(
    ("choice", "status", "answer"),
    [("retry", "succeeded", "got 2"), ("skip", "succeeded", "got nothing"), ("cancel", "cancelled", None)],
)
async def test_a_failure_that_asks_lets_the_initiator_choose(
    office: Office, choice: str, status: str, answer: str | None
) -> None:
    async def once_missing(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1:
            raise NotFound("Register.xlsx is not there")
        return number

    office.register("register", once_missing)
    async with opened(office):
        run_id = await office.run(
            plan(
                "got ${tasks.a == null ? 'nothing' : string(tasks.a.n)}",
                a=Node(capability="register", with_={"n": 2}, on_failure="ask"),
                needy=add(1, "a"),
                easy=Node(
                    capability="sum",
                    with_={"ns": ["${tasks.a == null ? null : tasks.a.n}"]},
                    needs=["a"],
                    optional=["a"],
                ),
            )
        )
        await office.until(run_id, lambda r: bool(office.surface.asked))
        _, shown, person = office.surface.asked[0]
        assert (person, shown.text) == (MEGAN, "Register.xlsx is not there")
        assert ("Without it", "these are left out too: Add") in shown.facts
        await office.decide(run_id, "a.1", MEGAN, choice)
        run = await office.finish(run_id)
        assert run.status == status
        told = office.surface.reports[0][1]
        assert (told.text if told else None) == answer
        if choice == "skip":
            assert [task(run, name)[0] for name in ("a", "needy", "easy")] == ["skipped", "skipped", "succeeded"]


async def test_a_false_condition_skips_a_task_and_what_needs_it(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            plan(a=add(1), b=add(1, "a", when="tasks.a.n > 5"), c=add(1, "b"), d=add(1, "b", optional=["b"]))
        )
        run = await office.finish(run_id)
        assert [each.status for each in run.tasks] == ["succeeded", "skipped", "skipped", "succeeded"]
        assert [each.code for each in run.tasks[1:3]] == ["condition", "need"]


async def test_a_condition_that_cannot_be_evaluated_fails_and_never_skips(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(a=add(1), b=add(1, "a", when="tasks.a.total > 5")))
        run = await office.finish(run_id)
        assert (run.status, run.code) == ("failed", "invalid_expression")
        assert "'total'" in run.message


async def test_arguments_that_do_not_fit_name_the_field(office: Office) -> None:
    async with opened(office):
        run = await office.finish(await office.run(plan(a=add("many"))))
        assert run.code == "invalid_arguments"
        assert "$.n" in run.message


def decision(**more: object) -> Node:
    question = Question(
        approver="${ {'id': '" + ALEX.id + "', 'name': 'Alex Wilber'} }",
        title="Which?",
        items="${ [{'id': 'i1', 'kind': 'amount', 'title': 'One'}, {'id': 'i2', 'kind': 'amount', 'title': 'Two'}] }",
        choices=[Choice("sap", "SAP"), Choice("dynamics", "Dynamics")],
        **more,  # type: ignore[arg-type]
    )
    return Node(approval=question)


async def test_a_decision_by_rule_and_exception_becomes_the_output(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            plan("${tasks.ask.choices.i1} ${tasks.ask.choices.i2} ${tasks.ask.by.name}", ask=decision())
        )
        await office.until(run_id, lambda r: bool(office.surface.asked))
        await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"}, exceptions={"i2": "dynamics"})
        await office.finish(run_id)
        assert office.surface.reports[0][1].text == "sap dynamics Alex Wilber"


async def test_an_answer_that_does_not_fit_changes_nothing_and_says_why(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        run = await office.until(run_id, lambda r: bool(r.receipts))
        shown = run.approvals[0].entry
        with pytest.raises(NotPermitted, match="for Alex Wilber"):
            await office.decide(run_id, "ask.1", MEGAN, "answer", rules={"amount": "sap"})
        with pytest.raises(Invalid, match="not decided yet: One, Two"):
            await office.decide(run_id, "ask.1", ALEX, "answer")
        with pytest.raises(Invalid, match="no item 'i9'"):
            await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"}, exceptions={"i9": "sap"})
        with pytest.raises(Invalid, match="not one of the choices"):
            await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "magic"})
        with pytest.raises(Invalid, match="not an answer"):
            await office.decide(run_id, "ask.1", ALEX, "approve")
        with pytest.raises(Outdated):
            await office.engine.decide(
                run_id, "ask.1", by=ALEX, shown="something else", choice="answer", rules={"amount": "sap"}
            )
        with pytest.raises(Invalid, match="no question"):
            await office.engine.decide(run_id, "nope.1", by=ALEX, shown=shown, choice="answer")
        refused = [decode(row.body) for row in await office.engine._store.events(run_id, after=run.seq)]
        assert {type(each) for each in refused} == {AnswerRefused}
        await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"})
        with pytest.raises(AlreadyDecided, match="Alex Wilber has already decided"):
            await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "dynamics"})


async def test_items_that_cannot_be_told_apart_are_not_asked_about(office: Office) -> None:
    node = decision()
    assert node.approval is not None
    twice = msgspec.structs.replace(node.approval, items=node.approval.items.replace("i2", "i1"))
    async with opened(office):
        run = await office.finish(await office.run(plan(ask=Node(approval=twice))))
        assert run.status == "failed"
        assert "'i1'" in run.message


async def test_an_answer_to_the_whole_cannot_carry_rules_for_items_that_nobody_saw(office: Office) -> None:
    whole = msgspec.structs.replace(decision().approval, items="")  # type: ignore[type-var]
    async with opened(office):
        run_id = await office.run(plan(ask=Node(approval=whole)))
        await office.until(run_id, lambda r: bool(r.approvals))
        with pytest.raises(Invalid, match="no kind 'amount'"):
            await office.decide(run_id, "ask.1", ALEX, "sap", rules={"amount": "sap"})


async def test_the_same_command_id_gets_the_first_outcome(office: Office) -> None:
    async with opened(office):
        first = await office.engine.propose(plan(a=add()), goal="g", initiator=MEGAN, origin="", command_id="m1")
        second = await office.engine.propose(plan(a=add()), goal="g", initiator=MEGAN, origin="", command_id="m1")
        assert (second.run.run_id, second.duplicate) == (first.run.run_id, True)
        both = await asyncio.gather(
            *(office.engine.send(first.run.run_id, StartRun(by=MEGAN), command_id="press") for _ in range(2))
        )
        assert sorted(applied.duplicate for applied in both) == [False, True]
        await office.finish(first.run.run_id)
        assert office.calls == [("a", 1)]


async def test_the_initiator_goes_on_without_an_answer_where_the_plan_allows(office: Office) -> None:
    go_on = plan(
        "${tasks.ask == null ? 'without Alex' : 'with Alex'}",
        ask=decision(may_skip=True),
        b=add(1, "ask", optional=["ask"]),
    )
    async with opened(office):
        run_id = await office.run(go_on)
        run = await office.until(run_id, lambda r: bool(r.receipts))
        assert next(each.may_skip for each in run.tasks if each.name == "ask")
        with pytest.raises(NotPermitted, match="Only Megan Bowen"):
            await office.send(run_id, SkipApproval(approval="ask.1", by=ALEX))
        with pytest.raises(Invalid, match="no question"):
            await office.send(run_id, SkipApproval(approval="ask.7", by=MEGAN))
        await office.send(run_id, SkipApproval(approval="ask.1", by=MEGAN))
        run = await office.finish(run_id)
        assert office.surface.reports[0][1].text == "without Alex"
        assert [each.status for each in run.tasks] == ["skipped", "succeeded"]
        assert run.tasks[0].message == "Megan Bowen went on without the answer of Alex Wilber"
        assert await office.engine._store.open_approvals(ALEX.id) == []
        with pytest.raises(AlreadyDecided, match="withdrawn"):
            await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"})


async def test_nobody_goes_on_without_an_answer_that_the_plan_needs(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        with pytest.raises(NotPermitted, match="does not go on without"):
            await office.send(run_id, SkipApproval(approval="ask.1", by=MEGAN))
        assert (await office.engine.view(run_id)).approvals[0].open


async def test_a_write_cannot_be_let_through_by_skipping_its_question(office: Office) -> None:
    async def write(number: Number, _: TaskContext) -> Number:
        return number

    office.register("upload", write, write=True, dedupe="target")
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload")))
        await office.until(run_id, lambda r: bool(r.approvals))
        with pytest.raises(NotPermitted):
            await office.send(run_id, SkipApproval(approval="upload.1", by=MEGAN))
        assert not office.calls


async def test_what_an_answer_gets_wrong_is_not_told_to_who_was_not_asked(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.receipts))
        with pytest.raises(NotPermitted) as caught:
            await office.decide(run_id, "ask.1", MEGAN, "answer")
        assert "One" not in caught.value.message


async def test_a_command_id_of_another_run_is_refused(office: Office) -> None:
    async with opened(office):
        first = await office.engine.propose(plan(a=add()), goal="g", initiator=MEGAN, origin="", command_id="p1")
        second = await office.engine.propose(plan(a=add()), goal="g", initiator=MEGAN, origin="", command_id="p2")
        await office.engine.send(first.run.run_id, StartRun(by=MEGAN), command_id="press")
        with pytest.raises(Invalid, match="another run"):
            await office.engine.send(second.run.run_id, StartRun(by=MEGAN), command_id="press")
        assert (await office.engine.view(second.run.run_id)).status == "proposed"


async def test_the_initiator_may_not_decide_where_duties_are_separate(office: Office) -> None:
    node = decision(not_initiator=True)
    own = Node(approval=Question(approver="${run.initiator}", title="May I?", not_initiator=True))
    async with opened(office):
        run = await office.finish(await office.run(plan(ask=own)))
        assert (run.status, run.code) == ("failed", "invalid")
        assert "Megan Bowen may not decide 'May I?'" in run.message
        run_id = await office.run(plan(ask=node))
        await office.until(run_id, lambda r: bool(r.approvals))


async def test_a_write_waits_for_its_initiator_and_a_no_skips_it(office: Office) -> None:
    async def write(number: Number, context: TaskContext) -> Number:
        assert context.idempotency_key.startswith(f"{context.run_id}.upload.")
        assert context.not_after is not None
        return number

    office.register("upload", write, write=True, dedupe="target")
    async with opened(office):
        for choice, status, calls in (("reject", "skipped", 0), ("approve", "succeeded", 1)):
            run_id = await office.run(plan(upload=Node(capability="upload", with_={"n": 5})))
            run = await office.until(run_id, lambda r: bool(r.approvals))
            assert run.approvals[0].kind == "write"
            assert not office.calls
            shown = await office.engine.shown(run_id, "upload.1")
            assert shown.facts == [("Number", "5")]
            with pytest.raises(NotPermitted):
                await office.decide(run_id, "upload.1", ALEX, choice)
            await office.decide(run_id, "upload.1", MEGAN, choice)
            run = await office.until(run_id, lambda r: r.status in ENDED)
            assert task(run, "upload")[0] == status
            assert len(office.calls) == calls


async def test_no_sign_in_waits_and_goes_on_when_the_person_signs_in(office: Office) -> None:
    signed_in = False

    async def personal(number: Number, _: TaskContext) -> Number:
        if not signed_in:
            raise SignInNeeded("nobody is signed in")
        return number

    office.register("mail", personal)
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="mail"), b=Node(capability="mail")))
        run = await office.until(run_id, lambda r: bool(office.surface.sign_ins) and r.awaiting_sign_in)
        assert office.surface.sign_ins == [run_id], "one card for both tasks"
        assert run.status == "running"
        with pytest.raises(NotPermitted):
            await office.send(run_id, ConfirmSignIn(by=ALEX))
        signed_in = True
        await office.send(run_id, ConfirmSignIn(by=MEGAN))
        assert (await office.finish(run_id)).status == "succeeded"


async def test_cancel_stops_reads_and_withdraws_questions(office: Office) -> None:
    stopped = asyncio.Event()

    async def forever(number: Number, _: TaskContext) -> Number:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return number

    office.register("forever", forever)
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="forever"), ask=decision()))
        await office.until(run_id, lambda r: bool(office.calls) and bool(r.approvals))
        with pytest.raises(NotPermitted):
            await office.send(run_id, CancelRun(by=ALEX))
        await office.send(run_id, CancelRun(by=MEGAN))
        run = await office.finish(run_id)
        await asyncio.wait_for(stopped.wait(), 5)
        assert run.status == "cancelled"
        assert not run.approvals[0].open
        with pytest.raises(AlreadyDecided, match="withdrawn"):
            await office.decide(run_id, "ask.1", ALEX, "answer")
        with pytest.raises(NotRunning):
            await office.send(run_id, CancelRun(by=MEGAN))


async def test_cancel_waits_for_a_write_under_way(office: Office) -> None:
    go = asyncio.Event()

    async def write(number: Number, _: TaskContext) -> Number:
        await go.wait()
        return number

    office.register("upload", write, write=True, dedupe="target")
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload"), after=add(1, "upload")))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await office.until(run_id, lambda r: bool(office.calls))
        run = await office.send(run_id, CancelRun(by=MEGAN))
        assert run.status == "closing"
        go.set()
        run = await office.finish(run_id)
        assert (run.status, task(run, "upload")[0], task(run, "after")[0]) == ("cancelled", "succeeded", "cancelled")


@pytest.mark.parametrize("found", ["done", "not_done", "asked_done", "asked_not_done"])
async def test_a_write_in_doubt_is_looked_at_and_never_repeated_blindly(office: Office, found: str) -> None:
    async def lost(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1:
            raise OutcomeUnknown("the connection broke after the file was sent")
        return number

    async def look(number: Number, _: TaskContext) -> object:
        if found == "done":
            return Done(Number(42))
        if found == "not_done":
            from orchestration.capabilities import NotDone

            return NotDone()
        return Unknown("The library cannot be searched.")

    office.register("upload", lost, write=True, dedupe="target", reconcile=look)  # type: ignore[arg-type]
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload", with_={"n": 7})))
        await office.until(run_id, lambda r: bool(r.approvals))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await office.until(run_id, lambda r: bool(office.calls))
        await office.until(run_id, lambda r: task(r, "upload")[0] != "running")
        office.clock.advance(timedelta(0))
        if found.startswith("asked"):
            run = await office.until(run_id, lambda r: len(r.approvals) == 2)
            assert len(office.calls) == 1, "a human is asked before anything is tried again"
            await office.decide(run_id, run.approvals[1].id, MEGAN, found.removeprefix("asked_"))
        if found == "not_done":
            await office.until(run_id, lambda r: task(r, "upload")[0] == "backing_off")
            office.clock.advance(timedelta(minutes=1))
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert len(office.calls) == (1 if found.endswith("done") and "not" not in found else 2)


async def test_a_restart_goes_on_by_itself(tmp_path: Path) -> None:
    first = Office(tmp_path)
    hang = asyncio.Event()

    async def slow(number: Number, _: TaskContext) -> Number:
        await hang.wait()
        return number

    first.register("slow", slow)
    async with opened(first):
        run_id = await first.run(
            plan("${tasks.b.n}", a=add(1), b=Node(capability="slow", with_={"n": "${tasks.a.n}"}, needs=["a"]))
        )
        await first.until(run_id, lambda r: task(r, "b")[0] == "running")

    second = Office(tmp_path)

    async def quick(number: Number, _: TaskContext) -> Number:
        return number

    second.register("slow", quick)
    async with opened(second):
        run = await second.finish(run_id)
        assert run.status == "succeeded", run.message
        assert second.calls == [("b", 2)], "what was finished is not done again"
        assert second.surface.reports[0][1].text == "2"


async def test_a_restart_waits_out_a_backoff_that_began_before(tmp_path: Path) -> None:
    first, second = Office(tmp_path), Office(tmp_path)

    async def down(_: Number, __: TaskContext) -> Number:
        raise Unavailable("down", retry_after=timedelta(minutes=10))

    async def up(number: Number, _: TaskContext) -> Number:
        return number

    first.register("sap", down)
    second.register("sap", up)
    async with opened(first):
        run_id = await first.run(plan(a=Node(capability="sap")))
        await first.until(run_id, lambda r: task(r, "a")[0] == "backing_off")
    async with opened(second):
        second.clock.advance(timedelta(minutes=9))
        assert task(await second.engine.view(run_id), "a")[0] == "backing_off"
        second.clock.advance(timedelta(minutes=1))
        assert (await second.finish(run_id)).status == "succeeded"


async def test_who_cannot_be_reached_is_asked_when_they_appear(office: Office) -> None:
    office.surface.away.add(ALEX.id)
    async with opened(office):
        run_id = await office.run(plan(ask=decision()))
        await office.until(run_id, lambda r: bool(r.approvals))
        office.clock.advance(timedelta(minutes=2))
        assert not office.surface.asked
        office.surface.away.clear()
        office.engine.nudge(ALEX.id)
        await office.until(run_id, lambda r: bool(office.surface.asked))
        assert (await office.engine.view(run_id)).receipts[("approval:ask.1", ALEX.id)] == f"receipt-{ALEX.id}"


async def test_one_process_owns_the_log(office: Office, tmp_path: Path) -> None:
    async with opened(office):
        other = Office(tmp_path)
        with pytest.raises(OwnerLocked, match="belongs to a running Tandem"):
            await other.start()


async def test_unknown_runs_and_wrong_plans_are_named(office: Office) -> None:
    async with opened(office):
        with pytest.raises(UnknownRun, match="'nope'"):
            await office.engine.view("nope")
        with pytest.raises(InvalidPlan, match="no task 'x'"):
            await office.engine.propose(plan(a=add(1, "x")), goal="", initiator=MEGAN, origin="", command_id="")
        assert await office.engine.runs() == []


async def test_a_worker_that_stops_unexpectedly_fails_its_task_and_nothing_else(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Number, __: TaskContext) -> Number:
        raise ZeroDivisionError("oops")

    office.register("broken", broken)
    async with opened(office):
        bad = await office.run(plan(a=Node(capability="broken")))
        good = await office.run(plan(a=add()))
        await office.until(bad, lambda r: r.status == "failed" and r.code == "internal")
        await office.until(good, lambda r: r.status == "succeeded")
    assert "oops" in caplog.text
    assert all("oops" not in (run.message or "") for run, _ in office.surface.reports), "details stay in the log"


async def test_a_suspended_run_leaves_memory_and_comes_back(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan("${tasks.b.n}", a=add(4), ask=decision(), b=add("${tasks.a.n}", "a", "ask")))
        await office.until(run_id, lambda r: bool(r.receipts))
        assert run_id not in office.engine._writer._live
        await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"})
        await office.finish(run_id)
        assert office.surface.reports[0][1].text == "6"


def test_the_plan_type_refuses_what_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="capabilty"):
        msgspec.convert({"title": "t", "answer": {"text": ""}, "tasks": {"a": {"capabilty": "x"}}}, Plan)
