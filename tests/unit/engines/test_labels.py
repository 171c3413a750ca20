"""Labels and taint flow to what is derived, and nobody gets what is above their clearance or ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Preview, TaskContext, Worker, worker
from orchestration.context.flow import carried
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.evolve import fold
from orchestration.core.label import Label, Source
from orchestration.core.plan import Choice, ForEach, Node, Plan, Question, Repeat
from orchestration.core.run import Person
from orchestration.core.view import RunView, TaskView
from orchestration.planning.compiler import with_needs
from orchestration.validation.policy import Ceilings, Policy
from orchestration.validation.policy_file import NoFile
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add

GUEST = Person("oid-guest", "Gus Guest", "gus_fabrikam.example#EXT#@contoso.example", "tenant")


class Who(msgspec.Struct):
    """Somebody."""

    id: str
    name: str
    upn: str


class Many(msgspec.Struct):
    """A list of numbers."""

    ns: list[int]


class Items(msgspec.Struct):
    """A list of things to decide."""

    items: list[dict[str, str]]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return made(tmp_path)


def made(path: Path, policy: Policy | None = None) -> Office:
    """An office with a reader of each label, a reader of outsiders' words, a write, and people to ask."""
    office = Office(path, policies=NoFile(policy or Policy()))
    for label in ("public", "internal", "confidential", "highly_confidential"):
        office.registry.add(reader(f"read.{label}", Source(f"a {label} file", "SharePoint", label=label)))
    office.registry.add(reader("read.outside", Source("a mail", "Outlook", outside=True)))
    office.registry.add(reader("read.nothing", None, label="confidential"))

    async def write(number: Number, task: TaskContext) -> Number:
        return Number(number.n)

    office.registry.add(
        worker(
            "post",
            title="Post",
            effect="write",
            system="Teams",
            preview=lambda number: Preview("Post", [("Number", str(number.n))]),
            clearance="highly_confidential",
        )(write)
    )
    for person in (ALEX, GUEST):
        office.registry.add(known(person))
    return office


def reader(name: str, source: Source | None, **more: Any) -> Worker:
    async def read(number: Number, task: TaskContext) -> Number:
        if source:
            task.note(source)
        return number

    return worker(name, title=name, system="Test", **{"clearance": "highly_confidential", **more})(read)


def known(person: Person) -> Worker:
    async def find(_: Number, __: TaskContext) -> Who:
        return Who(person.id, person.name, person.upn)

    return worker(f"who.{person.name.split()[0].lower()}", title="Look up")(find)


def whole(answer: str = "done", **tasks: Node) -> Plan:
    return with_needs(plan(answer, **tasks))


def asked(who: str = "who", text: str = "${string(tasks.data.n)}", **more: Any) -> Node:
    question = Question(**{"approver": f"${{tasks.{who}}}", "title": "Pay?", "text": text, **more})
    return Node(approval=question)


def of(run: RunView, name: str) -> TaskView:
    return next(each for each in run.tasks if each.name == name)


def marks(run: RunView) -> dict[str, tuple[Label | None, bool]]:
    return {each.name: (each.label, each.tainted) for each in run.tasks}


async def history(office: Office, run_id: str) -> list[e.Event]:
    return [decode(row.body) for row in await office.engine._store.events(run_id)]


async def test_a_result_is_as_sensitive_as_what_it_was_made_from(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            whole(
                secret=Node(capability="read.confidential"),
                plain=Node(capability="read.internal"),
                mail=Node(capability="read.outside"),
                both=add("${tasks.secret.n + tasks.plain.n}"),
                derived=add("${tasks.both.n}"),
                quoted=add("${tasks.mail.n}"),
                apart=add("${tasks.plain.n}"),
            )
        )
        assert marks(await office.finish(run_id)) == {
            "secret": ("confidential", False),
            "plain": ("internal", False),
            "mail": ("internal", True),
            "both": ("confidential", False),
            "derived": ("confidential", False),
            "quoted": ("internal", True),
            "apart": ("internal", False),
        }


async def test_reads_and_writes_are_events_with_labels_and_sources(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            whole(
                data=Node(capability="read.confidential"),
                mail=Node(capability="read.outside"),
                end=total("data", "mail"),
            )
        )
        run = await office.finish(run_id)
        happened = await history(office, run_id)
    started = next(each for each in happened if isinstance(each, e.TaskStarted) and each.task == "end")
    assert started.reads == list(dict.fromkeys([of(run, "data").entry, of(run, "mail").entry]))
    assert (started.label, started.tainted) == ("confidential", True)
    done = {each.task: each for each in happened if isinstance(each, e.TaskSucceeded)}
    assert done["data"].sources == [Source("a confidential file", "SharePoint", label="confidential", reader=MEGAN.id)]
    assert done["mail"].sources == [Source("a mail", "Outlook", reader=MEGAN.id, outside=True)]
    assert (done["end"].label, done["end"].tainted, done["end"].sources) == ("confidential", True, [])


def total(*names: str) -> Node:
    return Node(capability="sum", with_={"ns": [f"${{tasks.{each}.n}}" for each in names]})


async def test_a_worker_that_notes_nothing_is_taken_at_its_declared_label(office: Office) -> None:
    async with opened(office):
        run = await office.finish(await office.run(whole(data=Node(capability="read.nothing"))))
        assert of(run, "data").label == "confidential"


async def test_noting_something_public_does_not_lower_what_came_in(office: Office) -> None:
    async with opened(office):
        run = await office.finish(
            await office.run(
                whole(
                    data=Node(capability="read.confidential"),
                    mail=Node(capability="read.outside"),
                    laundered=Node(capability="read.public", with_={"n": "${tasks.data.n + tasks.mail.n}"}),
                )
            )
        )
        assert (of(run, "laundered").label, of(run, "laundered").tainted) == ("confidential", True)


async def test_an_answer_is_as_sensitive_as_the_question_and_not_tainted_by_it(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            whole(
                who=Node(capability="who.alex"),
                data=Node(capability="read.confidential"),
                mail=Node(capability="read.outside"),
                ask=asked(text="${string(tasks.data.n + tasks.mail.n)}"),
                after=Node(capability="add", with_={"n": "${tasks.ask.choice == 'approve' ? 1 : 2}"}),
                derived=add("${tasks.mail.n}", "mail", "ask"),
            )
        )
        await office.until(run_id, lambda run: bool(run.receipts))
        question = (await office.engine.view(run_id)).approvals[0]
        assert (question.label, question.tainted) == ("confidential", True)
        shown = await office.engine.shown(run_id, question.id)
        assert (shown.label, shown.tainted) == ("confidential", True)
        await office.decide(run_id, question.id, ALEX, "approve")
        run = await office.finish(run_id)
    assert (of(run, "after").label, of(run, "after").tainted) == ("confidential", False)
    assert of(run, "derived").tainted  # what was shown and approved is still an outsider's


async def test_ids_that_came_with_outsiders_items_taint_the_answer(office: Office) -> None:
    async def listed(_: Number, task: TaskContext) -> Items:
        task.note(Source("a mail", "Outlook", outside=True))
        return Items([{"id": "pay me; then", "kind": "k", "title": "t"}])

    office.registry.add(worker("list", title="List", system="Outlook")(listed))
    async with opened(office):
        choices = [Choice("yes", "Yes"), Choice("no", "No")]
        run_id = await office.run(
            whole(
                who=Node(capability="who.alex"),
                found=Node(capability="list"),
                ask=asked(text="", items="${tasks.found.items}", kinds={"k": "Kind"}, choices=choices, default="yes"),
                after=add("${size(tasks.ask.choices)}"),
            )
        )
        await office.until(run_id, lambda run: bool(run.receipts))
        await office.decide(run_id, "ask.1", ALEX, "answer", rules={"k": "yes"})
        assert of(await office.finish(run_id), "after").tainted


async def test_a_tainted_write_asks_also_where_policy_allows_it(tmp_path: Path) -> None:
    office = made(tmp_path, Policy(capabilities={"post": "allow"}))
    async with opened(office):
        mail, clean = Node(capability="read.outside"), Node(capability="read.internal")
        run_id = await office.run(
            whole(
                mail=mail,
                clean=clean,
                unasked=Node(capability="post", with_={"n": "${tasks.clean.n}"}),
                asked=Node(capability="post", with_={"n": "${tasks.mail.n}"}),
            )
        )
        run = await office.until(run_id, lambda run: of(run, "unasked").status == "succeeded" and bool(run.approvals))
        assert [each.task for each in run.approvals] == ["asked"]
        assert run.approvals[0].tainted
        assert run.approvals[0].scope == ""


async def test_items_and_results_of_groups_carry_the_label_of_their_list(office: Office) -> None:
    async def many(_: Number, task: TaskContext) -> Many:
        task.note(Source("a list", "SharePoint", label="confidential", outside=True))
        return Many([1, 2])

    office.registry.add(worker("many", title="List", system="SharePoint")(many))
    body = {"plus": add("${for_each.item}"), "own": Node(capability="read.internal")}
    async with opened(office):
        run_id = await office.run(
            whole(
                listed=Node(capability="many"),
                group=Node(for_each=ForEach(items="${tasks.listed.ns}", tasks=body, gives="${tasks.plus.n}")),
                after=Node(capability="sum", with_={"ns": "${tasks.group.results}"}),
            )
        )
        run = await office.finish(run_id)
        happened = {each.task: each for each in await history(office, run_id) if isinstance(each, e.TaskSucceeded)}
    assert (happened["group.1.plus"].label, happened["group.1.plus"].tainted) == ("confidential", True)
    assert (happened["group.1.own"].label, happened["group.1.own"].tainted) == ("confidential", True)  # it is there too
    assert (of(run, "group").label, of(run, "group").tainted) == ("confidential", True)
    assert (of(run, "after").label, of(run, "after").tainted) == ("confidential", True)


async def test_what_a_round_read_is_in_the_rounds_after_it_and_in_the_result(office: Office) -> None:
    body = {
        "look": Node(capability="read.confidential", when="repeat.round == 1"),
        "sum": Node(
            capability="add",
            with_={"n": "${repeat.last == null ? (tasks.look == null ? 0 : tasks.look.n) : repeat.last}"},
            optional=["look"],
            needs=["look"],
        ),
    }
    loop = Repeat(tasks=body, gives="${tasks.sum.n}", until="tasks.sum.n >= 3", at_most=5)
    async with opened(office):
        run_id = await office.run(whole(loop=Node(repeat=loop), after=add("${tasks.loop.result}")))
        run = await office.finish(run_id)
        happened = {each.task: each for each in await history(office, run_id) if isinstance(each, e.TaskSucceeded)}
    assert run.status == "succeeded", run.message
    assert happened["loop.3.sum"].label == "confidential"
    assert of(run, "loop").label == "confidential"
    assert of(run, "after").label == "confidential"


# --- clearance of workers


def summing(name: str, clearance: Label, cost: float = 1.0) -> Worker:
    async def call(number: Number, task: TaskContext) -> Number:
        return number

    return worker("sum.up", title="Sum up", system="Model", name=name, clearance=clearance, cost=cost)(call)


async def test_the_cheapest_worker_that_may_be_given_it_is_picked(office: Office) -> None:
    office.registry.add(summing("cheap", "internal", 1.0))
    office.registry.add(summing("dear", "confidential", 5.0))
    async with opened(office):
        run_id = await office.run(
            whole(
                data=Node(capability="read.confidential"),
                plain=Node(capability="read.internal"),
                a=Node(capability="sum.up", with_={"n": "${tasks.data.n}"}),
                b=Node(capability="sum.up", with_={"n": "${tasks.plain.n}"}),
            )
        )
        await office.finish(run_id)
        started = {each.task: each.worker for each in await history(office, run_id) if isinstance(each, e.TaskStarted)}
    assert (started["a"], started["b"]) == ("dear", "cheap")


async def test_what_is_above_every_clearance_is_given_to_nobody_and_says_the_way_out(office: Office) -> None:
    office.registry.add(summing("cheap", "internal"))
    async with opened(office):
        run_id = await office.run(
            whole(
                data=Node(capability="read.highly_confidential"),
                a=Node(capability="sum.up", with_={"n": "${tasks.data.n}"}),
            )
        )
        run = await office.finish(run_id)
    assert (of(run, "a").status, of(run, "a").code, of(run, "a").attempt) == ("failed", "not_cleared", 0)
    assert "This is highly confidential" in run.message
    assert "cheap (up to internal)" in run.message
    assert "raise its clearance" in run.message


async def test_a_worker_may_not_read_above_its_own_clearance(office: Office) -> None:
    office.registry.add(
        reader("read.beyond", Source("Salary bands", "SharePoint", label="highly_confidential"), clearance="internal")
    )
    async with opened(office):
        run = await office.finish(await office.run(whole(data=Node(capability="read.beyond"))))
    assert (of(run, "data").code, of(run, "data").entry) == ("not_cleared", "")
    assert "Salary bands is highly confidential, and read.beyond@" in run.message


async def test_a_worker_that_reaches_a_system_may_get_no_more_than_confidential_unless_it_says_so() -> None:
    assert reader("x", None).clearance == "highly_confidential"

    async def call(number: Number, task: TaskContext) -> Number:
        return number

    assert worker("x", title="x", system="Model")(call).clearance == "confidential"
    assert worker("x", title="x")(call).clearance == "highly_confidential"  # it only computes


# --- ceilings of people


async def test_somebody_who_may_not_see_it_is_not_asked_and_the_run_says_so_by_name(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            whole(who=Node(capability="who.gus"), data=Node(capability="read.confidential"), ask=asked())
        )
        run = await office.finish(run_id)
        assert office.surface.asked == []
    assert (of(run, "ask").code, run.approvals) == ("not_cleared", [])
    assert "Gus Guest (up to internal)" in run.message
    assert "is confidential" in run.message


async def test_where_others_may_see_it_they_are_asked_and_told_who_was_not(tmp_path: Path) -> None:
    office = made(tmp_path)

    async def both(_: Number, __: TaskContext) -> People:
        return People([Who(each.id, each.name, each.upn) for each in (ALEX, GUEST)])

    office.registry.add(worker("who.both", title="Look up")(both))
    async with opened(office):
        ask = asked(approver="", approvers="${tasks.who.people}")
        run_id = await office.run(
            whole(who=Node(capability="who.both"), data=Node(capability="read.confidential"), ask=ask)
        )
        run = await office.until(run_id, lambda run: bool(run.receipts))
        assert [each.id for each in run.approvals[0].approvers] == [ALEX.id]
        shown = await office.engine.shown(run_id, "ask.1")
        assert ("Not asked", "Gus Guest (up to internal): this is confidential") in shown.facts


class People(msgspec.Struct):
    """Several."""

    people: list[Who]


async def test_nobody_is_handed_or_escalated_a_question_that_they_may_not_see(tmp_path: Path) -> None:
    policy = Policy(ceilings=Ceilings(people={MEGAN.upn: "highly_confidential", "lee@contoso.example": "internal"}))
    office = made(tmp_path, policy)
    lee = Person("oid-lee", "Lee Gu", "lee@contoso.example")
    office.registry.add(known(lee))
    async with opened(office):
        ask = asked(
            "who",
            delegates="${[tasks.lee]}",
            escalate_to="${tasks.lee}",
            due_hours=8.0,
        )
        run_id = await office.run(
            whole(
                who=Node(capability="who.alex"),
                lee=Node(capability="who.lee"),
                data=Node(capability="read.confidential"),
                ask=ask,
            )
        )
        await office.until(run_id, lambda run: bool(run.receipts))
        request = next(each for each in await history(office, run_id) if isinstance(each, e.ApprovalRequested))
        assert (request.delegates, request.escalate_to) == ([], None)
        assert any("Lee Gu" in value for label, value in (await office.engine.shown(run_id, "ask.1")).facts)


async def test_an_initiator_with_a_lower_ceiling_is_told_that_it_is_done_and_not_what(tmp_path: Path) -> None:
    office = made(tmp_path, Policy(ceilings=Ceilings(people={MEGAN.upn: "internal"})))
    async with opened(office):
        run_id = await office.run(
            whole("the salary is ${string(tasks.data.n)}", data=Node(capability="read.confidential", with_={"n": 4711}))
        )
        await office.finish(run_id)
        answer = office.surface.reports[0][1]
    assert answer is not None
    assert "4711" not in answer.text
    assert "What came of it is confidential" in answer.text


async def test_a_failure_is_asked_about_without_what_its_initiator_may_not_see(tmp_path: Path) -> None:
    office = made(tmp_path, Policy(ceilings=Ceilings(people={MEGAN.upn: "internal"})))

    async def broken(number: Number, _: TaskContext) -> Number:
        from orchestration.errors import NotFound

        raise NotFound(f"no account {number.n}")

    office.registry.add(worker("broken", title="Break")(broken))
    async with opened(office):
        run_id = await office.run(
            whole(
                data=Node(capability="read.confidential", with_={"n": 4711}),
                next=Node(capability="broken", with_={"n": "${tasks.data.n}"}, on_failure="ask"),
            )
        )
        await office.until(run_id, lambda run: bool(run.receipts))
        shown = await office.engine.shown(run_id, "next.1")
    assert "4711" not in str(shown)
    assert "confidential, and that is more than may be shown to you" in shown.text


# --- copies and old histories


async def test_a_copy_of_a_run_keeps_the_labels_of_what_it_copied(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(
            whole(
                who=Node(capability="who.alex"),
                data=Node(capability="read.confidential"),
                mail=Node(capability="read.outside"),
                ask=asked(),
                post=Node(capability="post", with_={"n": "${tasks.data.n + tasks.mail.n}"}, needs=["ask"]),
            )
        )
        run = await office.until(run_id, lambda run: bool(run.receipts))
        seq = len(await history(office, run_id))
        copy = (await office.engine.fork(run_id, seq, by=MEGAN)).run
        assert of(copy, "data").label == "confidential"
        await office.until(copy.run_id, lambda run: any(each.open for each in run.approvals))
        assert [each.label for each in (await office.engine.view(copy.run_id)).approvals][-1] == "confidential"
        assert run.run_id != copy.run_id


async def test_histories_from_before_labels_count_as_internal(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(whole(data=Node(capability="read.confidential"), end=add("${tasks.data.n}")))
        await office.finish(run_id)
        happened = await history(office, run_id)
    old = [
        msgspec.structs.replace(each, label=None, tainted=False) if isinstance(each, e.TaskSucceeded) else each
        for each in happened
    ]
    run = fold(old)
    assert run.tasks["data"].label is None
    assert carried(run, "data") == ("internal", False)
