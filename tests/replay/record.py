"""Writes down histories for `test_histories`: `python -m tests.replay.record`. What is there already is left alone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from orchestration.capabilities import Destination, Done, Preview, TaskContext, Unknown, worker
from orchestration.core.codec import decode
from orchestration.core.commands import (
    AskBack,
    CancelRun,
    ConfirmSignIn,
    DelegateApproval,
    DropAmendment,
    Explain,
    GiveFeedback,
    LeaveFeedback,
    LeaveOut,
    PauseRun,
    ResumeRun,
    RetractEntry,
    RetryTask,
    StartRun,
)
from orchestration.core.evolve import evolve
from orchestration.core.label import Source
from orchestration.core.plan import Answer, Fallback, ForEach, Node, Plan, Question, Repeat
from orchestration.core.run import ENDED, Run
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.errors import NotFound, NotPermitted, OutcomeUnknown, SignInNeeded, Unavailable
from orchestration.planning.compiler import with_needs
from tests.replay.test_histories import Line, digest
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_asking import ADELE, People
from tests.unit.engines.test_control import Ticking
from tests.unit.engines.test_embedded import add, decision
from tests.unit.engines.test_groups import Items

FOLDER = Path(__file__).parent / "histories"
Story = Callable[[Path], Awaitable[str]]


async def echo(number: Number, _: TaskContext) -> Number:
    return number


async def forever(number: Number, _: TaskContext) -> Number:
    await asyncio.Event().wait()
    return number


async def passing(office: Office, run_id: str, what: Callable[[RunView], bool]) -> RunView:
    """The run once `what` holds of it, while time passes."""
    while not what(run := await office.engine.view(run_id)):
        office.clock.advance(timedelta(seconds=7))
        await asyncio.sleep(0.005)
    return run


def told(run: RunView) -> bool:
    return run.status in ENDED and ("outcome", MEGAN.id) in run.receipts


def asked_for(*which: str) -> Callable[[RunView], bool]:
    return lambda run: set(which) <= {each.id for each in run.approvals if each.open}


def asked(which: str) -> Callable[[RunView], bool]:
    return lambda run: any(each.id == which and each.open for each in run.approvals)


async def decision_and_write(folder: Path) -> str:
    """A read, a decision by rule and exception, a write that its initiator allows."""
    office = Office(folder)
    office.register("upload", echo, write=True, dedupe="target")
    async with opened(office):
        run_id = await office.run(
            plan(
                "uploaded ${tasks.upload.n}",
                read=add(3),
                ask=decision(text="Two of them differ."),
                upload=Node(capability="upload", with_={"n": "${tasks.read.n}"}, needs=["read", "ask"]),
            )
        )
        await passing(office, run_id, lambda run: ("approval:ask.1", ALEX.id) in run.receipts)
        both = {"rules": {"amount": "sap"}, "exceptions": {"i2": "dynamics"}}
        await office.decide(run_id, "ask.1", ALEX, "answer", comment="As in SAP, but for Two", **both)
        await passing(office, run_id, asked("upload.1"))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await passing(office, run_id, told)
    return run_id


async def ask_retry_skip(folder: Path) -> str:
    """A read that fails twice and works, one that is retried by a person, then left out; a false condition."""
    office = Office(folder)

    async def flaky(number: Number, context: TaskContext) -> Number:
        if context.attempt < 3:
            raise Unavailable("SAP does not answer (503)", retry_after=timedelta(seconds=20))
        return number

    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("Register.xlsx is not there")

    office.register("flaky", flaky)
    office.register("missing", missing)
    async with opened(office):
        run_id = await office.run(
            plan(
                "${tasks.missing == null ? 'without the register' : 'with it'}",
                flaky=Node(capability="flaky", with_={"n": 1}),
                missing=Node(capability="missing", on_failure="ask"),
                needy=add(1, "missing"),
                easy=add("${tasks.flaky.n}", "flaky", "missing", optional=["missing"]),
                never=add(1, "flaky", when="tasks.flaky.n > 5"),
            )
        )
        await passing(office, run_id, asked("missing.1"))
        await office.decide(run_id, "missing.1", MEGAN, "retry")
        await passing(office, run_id, asked("missing.2"))
        await office.decide(run_id, "missing.2", MEGAN, "skip")
        await passing(office, run_id, told)
    return run_id


async def sign_in_doubt_cancel(folder: Path) -> str:
    """A sign-in, a restart, a write in doubt that a person settles, and a cancellation while another is in doubt."""
    signed_in = False

    async def personal(number: Number, _: TaskContext) -> Number:
        if not signed_in:
            raise SignInNeeded("nobody is signed in")
        return number

    async def lost(number: Number, context: TaskContext) -> Number:
        if context.attempt == 1 or context.task_id == "late":
            raise OutcomeUnknown("the connection broke")
        return number

    async def look(number: Number, context: TaskContext) -> Done | Unknown:
        return Unknown("The library cannot be searched.") if context.task_id == "early" else Done(number)

    first, second = Office(folder), Office(folder)
    for office in (first, second):
        office.register("personal", personal)
        office.register("slow", forever if office is first else echo)
        office.register("upload", lost, write=True, dedupe="two_step", reconcile=look)
    async with opened(first):
        run_id = await first.run(
            plan(
                "",
                personal=Node(capability="personal"),
                slow=Node(capability="slow"),
                early=Node(capability="upload", with_={"n": 1}, needs=["personal"]),
                late=Node(capability="upload", with_={"n": 2}, needs=["early"]),
                ask=decision(),
            )
        )
        await passing(first, run_id, lambda run: run.awaiting_sign_in and ("sign_in:1", MEGAN.id) in run.receipts)
        signed_in = True
        await first.send(run_id, ConfirmSignIn(by=MEGAN))
    async with opened(second):
        await passing(second, run_id, asked("early.1"))
        await second.decide(run_id, "early.1", MEGAN, "approve")
        await passing(second, run_id, asked("early.2"))
        await second.decide(run_id, "early.2", MEGAN, "not_done")
        await passing(second, run_id, asked("late.1"))
        await second.decide(run_id, "late.1", MEGAN, "approve")
        await second.until(run_id, lambda run: run.tasks[3].status == "in_doubt")
        await second.send(run_id, CancelRun(by=MEGAN))
        await passing(second, run_id, told)
    return run_id


async def lost_again_and_again(folder: Path) -> str:
    """A write that a look finds not done each time, until its attempts are spent and the run fails."""
    office = Office(folder)

    async def lost(_: Number, __: TaskContext) -> Number:
        raise OutcomeUnknown("the connection broke")

    office.register("upload", lost, write=True, dedupe="target", attempts=2)
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload", with_={"n": 7}), after=add(1, "upload")))
        await passing(office, run_id, asked("upload.1"))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await passing(office, run_id, told)
    return run_id


async def cancelled_write(folder: Path) -> str:
    """A write that is under way when its run is cancelled and ends without effect."""
    office = Office(folder)
    go = asyncio.Event()

    async def refused(_: Number, __: TaskContext) -> Number:
        await go.wait()
        raise Unavailable("busy")

    office.register("upload", refused, write=True, dedupe="target")
    async with opened(office):
        run_id = await office.run(plan(upload=Node(capability="upload")))
        await passing(office, run_id, asked("upload.1"))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        await office.until(run_id, lambda _: bool(office.calls))
        await office.send(run_id, CancelRun(by=MEGAN))
        go.set()
        await office.until(run_id, told)
    return run_id


def through(items: str) -> ForEach:
    return ForEach(items=items, tasks={"one": add("${for_each.item}")}, gives="${tasks.one.n}")


async def items_rounds_fallbacks(folder: Path) -> str:
    """A list worked through two at a time with one item that fails and one left out, and a loop that two people end."""
    office = Office(folder)

    async def listed(number: Number, _: TaskContext) -> Items:
        return Items(list(range(1, number.n + 1)))

    async def odd(number: Number, context: TaskContext) -> Number:
        if number.n % 2 == 0:
            raise NotFound(f"number {number.n} is not there")
        return number

    async def down(_: Number, __: TaskContext) -> Number:
        raise Unavailable("SAP does not answer")

    office.registry.add(worker("list", title="List")(listed))
    office.register("odd", odd)
    office.register("sap", down, attempts=2)
    item = {
        "odd": Node(capability="odd", with_={"n": "${for_each.item}"}),
        "maybe": Node(capability="odd", with_={"n": "${for_each.item + 1}"}, on_failure="skip"),
        "sum": Node(capability="add", with_={"n": "${tasks.odd.n}"}),
    }
    body = {
        "draft": add("${repeat.last == null ? 1 : repeat.last + 1}"),
        "inner": Node(
            for_each=ForEach(items="${tasks.read.ns}", tasks={"one": add("${for_each.item}")}, gives="${tasks.one.n}")
        ),
        "legal": Node(approval=Question(approver="${run.initiator}", title="Draft ${tasks.draft.n}, legal?")),
        "finance": Node(approval=Question(approver="${run.initiator}", title="Draft ${tasks.draft.n}, finance?")),
    }
    each = ForEach(items="${tasks.read.ns}", tasks=item, gives="${tasks.sum.n}", at_once=2, on_failure="keep")
    asked = plan(
        "${tasks.write.rounds}",
        read=Node(capability="list", with_={"n": 5}),
        sap=Node(capability="sap", fallback=Fallback("add", {"n": 1})),
        all=Node(for_each=each),
        write=Node(repeat=Repeat(tasks=body, gives="${tasks.draft.n}", accepted_by=["legal", "finance"])),
    )
    async with opened(office):
        run_id = await office.run(with_needs(asked))
        await passing(office, run_id, asked_for("write.1.finance.1", "write.1.legal.1"))
        await office.decide(run_id, "write.1.legal.1", MEGAN, "approve")
        await office.decide(run_id, "write.1.finance.1", MEGAN, "reject")
        await passing(office, run_id, asked_for("write.2.finance.1", "write.2.legal.1"))
        await office.decide(run_id, "write.2.legal.1", MEGAN, "approve")
        await office.decide(run_id, "write.2.finance.1", MEGAN, "approve")
        await passing(office, run_id, told)
    return run_id


async def loop_gives_up(folder: Path) -> str:
    """A loop that is exhausted, begun once more by a person, stalls, and is left out."""
    office = Office(folder)
    loop = Repeat(tasks={"same": add(1)}, gives="${tasks.same.n}", until="tasks.same.n > 5", at_most=1)
    async with opened(office):
        run_id = await office.run(with_needs(plan("x", loop=Node(repeat=loop, on_failure="ask"))))
        await passing(office, run_id, asked("loop.1"))
        await office.decide(run_id, "loop.1", MEGAN, "retry")
        await passing(office, run_id, asked("loop.2"))
        await office.decide(run_id, "loop.2", MEGAN, "skip")
        await passing(office, run_id, told)
    return run_id


async def votes_reminders_escalations(folder: Path) -> str:
    """Two of three votes; a reminder, somebody else, and an end without an answer; a deadline that comes later."""
    office = Office(folder)

    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE, MEGAN], ALEX, ADELE)

    office.registry.add(worker("people", title="People")(people))
    vote = Question(approvers="${tasks.who.people}", title="Pay?", quorum=2)
    late = Question(
        approver="${tasks.who.first}",
        title="In time?",
        due_hours=2,
        remind_hours=1,
        escalate_to="${tasks.who.other}",
        on_expiry="skip",
    )
    whole = plan("done", who=Node(capability="people"), vote=Node(approval=vote), late=Node(approval=late))
    async with opened(office):
        run_id = await office.run(with_needs(msgspec.structs.replace(whole, deadline_hours=48)))
        await passing(office, run_id, asked_for("vote.1", "late.1"))
        await office.decide(run_id, "vote.1", ALEX, "approve")
        await office.decide(run_id, "vote.1", ADELE, "approve")
        await passing(office, run_id, lambda run: ("reminder:late.1", ALEX.id) in run.receipts)
        await passing(office, run_id, told)
    return run_id


async def pause_fail_reopen(folder: Path) -> str:
    """A pause; a failure that ends the run, another try that fails again, and going on without it."""
    office = Office(folder)

    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("Register.xlsx is not there")

    office.register("missing", missing)
    asked_ = plan(
        "${tasks.bad == null ? 'without' : 'with'}",
        ask=Node(approval=Question(approver="${run.initiator}", title="Go?")),
        bad=Node(capability="missing", needs=["ask"]),
        after=add("${tasks.bad == null ? 0 : 1}", optional=["bad"]),
        needy=add("${tasks.bad.n}"),
    )
    async with opened(office):
        run_id = await office.run(with_needs(asked_))
        await passing(office, run_id, asked("ask.1"))
        await office.send(run_id, PauseRun(by=MEGAN))
        await office.decide(run_id, "ask.1", MEGAN, "approve")
        await office.send(run_id, ResumeRun(by=MEGAN))
        await passing(office, run_id, told)
        await office.send(run_id, RetryTask(task="bad", by=MEGAN))
        await passing(office, run_id, lambda run: ("outcome:1", MEGAN.id) in run.receipts)
        await office.send(run_id, LeaveOut(task="bad", by=MEGAN))
        await passing(office, run_id, lambda run: ("outcome:2", MEGAN.id) in run.receipts)
    return run_id


async def taken_back(folder: Path) -> str:
    """A result that is taken back twice: a write that would be the same stands, another one is made anew."""
    office = Office(folder)
    n = 1

    async def source(_: Number, __: TaskContext) -> Number:
        return Number(n)

    office.register("source", source)
    office.register("upload", echo, write=True, dedupe="target")
    whole = plan(
        "${tasks.after.n}",
        a=Node(capability="source"),
        b=add("${tasks.a.n}"),
        upload=Node(capability="upload", with_={"n": "${tasks.b.n}"}),
        after=add("${tasks.upload.n}"),
        all=Node(
            for_each=ForEach(items="${[tasks.a.n]}", tasks={"one": add("${for_each.item}")}, gives="${tasks.one.n}")
        ),
    )
    async with opened(office):
        run_id = await office.run(with_needs(whole))
        await passing(office, run_id, asked("upload.1"))
        await office.decide(run_id, "upload.1", MEGAN, "approve")
        run = await passing(office, run_id, told)
        await office.send(run_id, RetractEntry(entry=run.tasks[0].entry, by=MEGAN, task="a"))
        run = await passing(office, run_id, lambda run: ("outcome:1", MEGAN.id) in run.receipts)
        n = 5
        await office.send(run_id, RetractEntry(entry=run.tasks[0].entry, by=MEGAN, task="a"))
        await passing(office, run_id, asked("upload.2"))
        await office.decide(run_id, "upload.2", MEGAN, "approve")
        await passing(office, run_id, lambda run: ("outcome:2", MEGAN.id) in run.receipts)
    return run_id


async def copy_without_writes(folder: Path) -> str:
    """A copy of a run from the moment at which it asked whether it might write."""
    office = Office(folder)
    office.clock = Ticking()
    office.register("upload", echo, write=True, dedupe="target")
    whole = plan("done", read=add(3), upload=Node(capability="upload", with_={"n": "${tasks.read.n}"}))
    async with opened(office):
        run_id = await office.run(with_needs(whole))
        run = await passing(office, run_id, asked("upload.1"))
        copy = (await office.engine.fork(run_id, 4, by=MEGAN)).run
        await passing(office, copy.run_id, told)
        assert run.run_id != copy.run_id
    return copy.run_id


async def two_steps(folder: Path) -> str:
    """A write whose first step was made and whose second one was lost; a look by what was journaled finds it."""
    office = Office(folder)

    async def send(_: Number, context: TaskContext) -> Number:
        await context.journal("draft-1")
        raise OutcomeUnknown("the connection broke")

    async def look(number: Number, context: TaskContext) -> Done | Unknown:
        return Done(number) if context.journaled else Unknown("nobody knows")

    office.register("send", send, write=True, dedupe="two_step", reconcile=look)
    async with opened(office):
        run_id = await office.run(plan("sent", send=Node(capability="send", with_={"n": 7})))
        await passing(office, run_id, asked("send.1"))
        await office.decide(run_id, "send.1", MEGAN, "approve")
        await passing(office, run_id, told)
    return run_id


class Draft(msgspec.Struct):
    """A text that is drafted and sent."""

    text: str


def drafting(folder: Path) -> Office:
    """An office in which texts are drafted as people wish, and sent."""
    office = Office(folder)

    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE, MEGAN], ALEX, ADELE)

    async def draft(_: Number, context: TaskContext) -> Draft:
        context.note(Source("Brief.docx", "SharePoint", label="confidential"))
        await context.complete("paragraphs", 3, 4)
        return Draft(" and ".join(["a draft", *context.feedback]))

    async def send(draft: Draft, _: TaskContext) -> Draft:
        return draft

    office.registry.add(worker("people", title="People")(people))
    office.registry.add(worker("draft", title="Draft", takes_feedback=True)(draft))
    sending = worker(
        "send",
        title="Send",
        effect="write",
        system="Test",
        preview=lambda draft: Preview("Send it", [("Text", draft.text)]),
        editable=("text",),
        destination=lambda _: Destination(recipients=["alex.wilber@contoso.example"]),
    )
    office.registry.add(sending(send))
    return office


async def handed_on_and_revised(folder: Path) -> str:
    """A question handed to a colleague who asks back, has it drafted anew and approves; one who may not is refused."""
    office = drafting(folder)
    asking = Question(
        title="Send this?",
        approver="${tasks.who.first}",
        text="${tasks.draft.text}",
        delegates="${tasks.who.people}",
        revises="draft",
    )
    whole = plan(
        "${tasks.draft.text}", who=Node(capability="people"), draft=Node(capability="draft"), ask=Node(approval=asking)
    )
    async with opened(office):
        run_id = await office.run(with_needs(whole))
        shown = (await passing(office, run_id, asked("ask.1"))).approvals[0].entry
        await office.send(run_id, DelegateApproval(approval="ask.1", by=ALEX, to=ADELE.id, shown=shown, comment="away"))
        await passing(office, run_id, lambda run: ("approval:ask.1", ADELE.id) in run.receipts)
        with suppress(NotPermitted):
            await office.decide(run_id, "ask.1", ALEX, "approve")
        await office.send(run_id, AskBack(approval="ask.1", by=ADELE, text="For whom?", shown=shown))
        await passing(office, run_id, lambda run: ("back:ask.1:1", MEGAN.id) in run.receipts)
        await office.send(run_id, Explain(approval="ask.1", by=MEGAN, text="For Lee"))
        await passing(office, run_id, lambda run: ("reply:ask.1:2", ADELE.id) in run.receipts)
        await office.send(run_id, GiveFeedback(approval="ask.1", by=ADELE, text="shorter", shown=shown))
        await passing(office, run_id, asked("ask.2"))
        await office.decide(run_id, "ask.2", ADELE, "approve")
        await passing(office, run_id, told)
        await office.send(run_id, LeaveFeedback(by=MEGAN, reaction="like", text="quick"))
    return run_id


async def changed_and_granted(folder: Path) -> str:
    """A write that is changed before it is allowed; the like of it is not asked about again."""
    office = drafting(folder)
    whole = plan(
        "sent",
        draft=Node(capability="draft"),
        send=Node(capability="send", with_={"text": "${tasks.draft.text}"}),
        more=Node(capability="send", with_={"text": "${tasks.send.text}"}),
    )
    async with opened(office):
        run_id = await office.run(with_needs(whole))
        shown = (await passing(office, run_id, asked("send.1"))).approvals[0].entry
        await office.engine.edit(run_id, "send.1", by=MEGAN, shown=shown, fields={"text": "another"})
        await passing(office, run_id, asked("send.2"))
        await office.decide(run_id, "send.2", MEGAN, "approve", grant=True)
        await passing(office, run_id, told)
    return run_id


def _open(run: RunView, task: str) -> list[str]:
    return [each.id for each in run.approvals if each.task == task and each.open]


async def plan_changed(folder: Path) -> str:
    """A plan that is changed before it starts, while it writes, after that, and once it has failed."""
    office = Office(folder)
    begun, gate = asyncio.Event(), asyncio.Event()

    async def upload(number: Number, _: TaskContext) -> Number:
        begun.set()
        await gate.wait()
        return number

    async def think(number: Number, context: TaskContext) -> Number:
        await context.used(Usage(model="recorded", input_tokens=12, output_tokens=3, seconds=0.5))
        return number

    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("Register.xlsx is not there")

    office.register("think", think)
    office.register("missing", missing)
    office.register("upload", upload, write=True, dedupe="target")

    def of(n: int, **more: Node) -> Plan:
        tasks = {"first": Node(capability="think", with_={"n": "${params.n}"}), **more}
        return with_needs(Plan(title="Test", tasks=tasks, answer=Answer(text="done"), params={"n": n}))

    def items(plus: int) -> Node:
        each = {
            "one": add(f"${{for_each.item + {plus}}}"),
            "put": Node(capability="upload", with_={"n": "${tasks.one.n}"}),
        }
        return Node(for_each=ForEach(items="${[1, 2]}", tasks=each, gives="${tasks.one.n}"))

    write = Node(capability="upload", with_={"n": "${tasks.first.n}"})
    waits = Node(approval=Question(approver="${run.initiator}", title="Go on?"), needs=["first"])
    async with opened(office):
        proposed = await office.engine.propose(of(1, late=add(1)), goal="g", initiator=MEGAN, origin="", command_id="")
        run_id = proposed.run.run_id

        async def amend(to: Plan) -> None:
            revision = (await office.engine.view(run_id)).revision
            await office.engine.amend(run_id, to, by=MEGAN, revision=revision)

        async def allow(*tasks: str) -> None:
            for name in tasks:
                run = await passing(office, run_id, lambda run, name=name: any(_open(run, name)))  # type: ignore[misc]
                await office.decide(run_id, _open(run, name)[0], MEGAN, "approve")

        await amend(of(2, write=write, waits=waits, items=items(0)))
        await office.send(run_id, StartRun(by=MEGAN, revision=1))
        await allow("write")
        await begun.wait()
        await amend(of(3, write=write))
        await office.send(run_id, DropAmendment(code="internal", message="It could not be made."))
        await amend(of(2, write=write, waits=waits, items=items(10), more=add("${tasks.write.n}")))
        gate.set()
        await allow("items.1.put", "items.2.put")
        await passing(office, run_id, lambda run: all(each.status == "succeeded" for each in run.tasks[3:]))
        await amend(of(5, write=write, waits=waits, items=items(20), bad=Node(capability="missing", needs=["write"])))
        await allow("write")
        await passing(office, run_id, told)
        await amend(of(5, more=add(9), write=Node(capability="upload", with_={"n": 6})))
        await allow("write")
        await passing(office, run_id, lambda run: ("outcome:1", MEGAN.id) in run.receipts)
    return run_id


async def record(story: Story, path: Path) -> None:
    """Live through a story and write down what happened."""
    with tempfile.TemporaryDirectory() as folder:
        run_id = await story(Path(folder))
        office = Office(Path(folder))
        store = office.store()
        await store.open()
        rows = await store.events(run_id)
        await store.close()
    run: Run | None = None
    written = []
    for row in rows:
        run = evolve(run, decode(row.body))
        written.append(msgspec.json.encode(Line(msgspec.Raw(row.body), digest(run))))
    path.write_bytes(b"\n".join(written) + b"\n")
    print(f"{path.name}: {len(written)} events")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for told_story in (
        decision_and_write,
        ask_retry_skip,
        sign_in_doubt_cancel,
        lost_again_and_again,
        cancelled_write,
        items_rounds_fallbacks,
        loop_gives_up,
        votes_reminders_escalations,
        pause_fail_reopen,
        taken_back,
        copy_without_writes,
        two_steps,
        handed_on_and_revised,
        changed_and_granted,
        plan_changed,
    ):
        if not (history := FOLDER / f"{told_story.__name__}.jsonl").exists():
            asyncio.run(record(told_story, history))
