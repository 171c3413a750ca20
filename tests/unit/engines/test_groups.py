"""`for_each` and `repeat`: the same tasks for every item, or again until something holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.plan import ForEach, Node, Plan, Question, Repeat
from orchestration.errors import NotFound
from orchestration.planning.compiler import with_needs
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add


class Items(msgspec.Struct):
    """A list to go through."""

    ns: list[int]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)

    async def listed(number: Number, _: TaskContext) -> Items:
        return Items(list(range(1, number.n + 1)))

    office.registry.add(worker("list", title="List")(listed))
    return office


def each(n: int = 3, **more: Any) -> Node:
    body = {
        "plus": add("${for_each.item}"),
        "again": add("${tasks.plus.n}"),
    }
    gives = {"i": "${for_each.index}", "n": "${tasks.again.n}"}
    group = ForEach(**{"items": "${tasks.read.ns}", "tasks": body, "gives": gives, **more})
    return Node(for_each=group)


def whole(answer: str, **tasks: Node) -> Plan:
    return with_needs(plan(answer, **tasks))


def reading(n: int) -> Node:
    return Node(capability="list", with_={"n": n})


async def value(office: Office, run_id: str, name: str) -> Any:
    run = await office.engine.view(run_id)
    return await office.engine.value(run_id, next(task.entry for task in run.tasks if task.name == name))


async def test_every_item_goes_through_the_body_and_results_keep_their_order(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(whole("${tasks.all.count}", read=reading(20), all=each(at_once=4)))
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        assert await value(office, run_id, "all") == {
            "results": [{"i": i, "n": i + 3} for i in range(20)],
            "failures": [],
            "count": 20,
        }
        assert (run.tasks[1].done, run.tasks[1].of, run.tasks[1].summary) == (20, 20, "20")


async def test_no_item_at_all_is_an_empty_result(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(whole("${tasks.all.count}", read=reading(0), all=each()))
        assert (await office.finish(run_id)).status == "succeeded"
        assert await value(office, run_id, "all") == {"results": [], "failures": [], "count": 0}


async def test_only_so_many_items_are_worked_on_at_once(office: Office) -> None:
    now, most = 0, 0

    async def slow(number: Number, _: TaskContext) -> Number:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        return number

    office.register("slow", slow)
    body = {"work": Node(capability="slow", with_={"n": "${for_each.item}"})}
    async with opened(office):
        node = each(tasks=body, gives="${tasks.work.n}", at_once=3)
        run_id = await office.run(whole("ok", read=reading(12), all=node))
        assert (await office.finish(run_id)).status == "succeeded"
        assert most == 3


async def odd_only(number: Number, _: TaskContext) -> Number:
    if number.n % 2 == 0:
        raise NotFound(f"number {number.n} is not there")
    return number


async def test_what_fails_in_one_item_ends_the_run_unless_the_others_are_kept(office: Office) -> None:
    office.register("odd", odd_only)
    body = {
        "odd": Node(capability="odd", with_={"n": "${for_each.item}"}),
        "more": add("${tasks.odd.n}"),
    }
    async with opened(office):
        failing = each(tasks=body, gives="${tasks.more.n}")
        run_id = await office.run(whole("ok", read=reading(5), all=failing))
        run = await office.finish(run_id)
        assert (run.status, run.message) == ("failed", "number 2 is not there")

        office.surface.reports.clear()
        kept = each(tasks=body, gives="${tasks.more.n}", on_failure="keep")
        run_id = await office.run(whole("${tasks.all.count}", read=reading(5), all=kept))
        assert (await office.finish(run_id)).status == "succeeded"
        got = await value(office, run_id, "all")
        assert got["results"] == [2, 4, 6]
        assert [(f["index"], f["message"]) for f in got["failures"]] == [
            (1, "number 2 is not there"),
            (3, "number 4 is not there"),
        ]


async def test_items_that_are_no_list_fail_the_group_with_a_message_that_names_them(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(whole("ok", read=reading(5), all=each(items="${tasks.read}")))
        run = await office.finish(run_id)
        assert "gives no list" in run.message


def drafting(**more: Any) -> Node:
    body = {
        "draft": add("${repeat.last == null ? 0 : repeat.last}"),
        "check": add("${tasks.draft.n}"),
    }
    return Node(repeat=Repeat(**{"tasks": body, "gives": "${tasks.draft.n}", "until": "tasks.check.n >= 4", **more}))


async def test_a_loop_goes_on_until_its_condition_holds(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(whole("${tasks.write.rounds}", write=drafting(at_most=5)))
        assert (await office.finish(run_id)).status == "succeeded"
        assert await value(office, run_id, "write") == {
            "result": 3,
            "rounds": 3,
            "accepted": True,
            "stopped": "accepted",
        }


async def test_a_loop_that_is_exhausted_fails_or_keeps_its_last_result(office: Office) -> None:
    async with opened(office):
        run = await office.finish(await office.run(whole("x", write=drafting(at_most=2))))
        assert (run.status, run.code, run.message) == (
            "failed",
            "exhausted",
            "After 2 rounds, what was to hold still did not.",
        )
        office.surface.reports.clear()
        run_id = await office.run(whole("x", write=drafting(at_most=2, if_unmet="keep")))
        await office.finish(run_id)
        assert await value(office, run_id, "write") == {
            "result": 2,
            "rounds": 2,
            "accepted": False,
            "stopped": "exhausted",
        }


async def test_a_loop_that_gives_the_same_twice_is_stopped(office: Office) -> None:
    body = {"draft": add(1)}
    node = drafting(tasks=body, gives="${tasks.draft.n}", until="tasks.draft.n > 5", at_most=50, if_unmet="keep")
    async with opened(office):
        run_id = await office.run(whole("x", write=node))
        await office.finish(run_id)
        assert (await value(office, run_id, "write"))["stopped"] == "stalled"
        assert (await value(office, run_id, "write"))["rounds"] == 2


async def test_reviewers_are_asked_again_until_all_of_them_accept(office: Office) -> None:
    body = {"draft": add("${repeat.round}")}
    body["legal"] = Node(approval=Question(approver="${run.initiator}", title="Is ${string(tasks.draft.n)} right?"))
    body["finance"] = Node(approval=Question(approver="${run.initiator}", title="Can we pay ${string(tasks.draft.n)}?"))
    node = Node(repeat=Repeat(tasks=body, gives="${tasks.draft.n}", accepted_by=["legal", "finance"]))
    async with opened(office):
        run_id = await office.run(whole("x", write=node))
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "write.1.legal.1", MEGAN, "approve")
        await office.decide(run_id, "write.1.finance.1", MEGAN, "reject")
        run = await office.until(run_id, lambda r: len(r.approvals) == 4)
        assert run.tasks[0].done == 1
        await office.decide(run_id, "write.2.legal.1", MEGAN, "approve")
        await office.decide(run_id, "write.2.finance.1", MEGAN, "approve")
        await office.finish(run_id)
        assert (await value(office, run_id, "write"))["rounds"] == 2


async def test_groups_nest_and_see_what_is_around_them(office: Office) -> None:
    sums = {"sum": add("${for_each.item + tasks.base.n + repeat.round}")}
    inner = ForEach(items="${tasks.read.ns}", tasks=sums, gives="${tasks.sum.n}")
    body = {"inner": Node(for_each=inner)}
    outer = Node(repeat=Repeat(tasks=body, gives="${tasks.inner.results}", until="repeat.round == 2"))
    async with opened(office):
        run_id = await office.run(whole("x", read=reading(2), base=add(9), outer=outer))
        await office.finish(run_id)
        assert (await value(office, run_id, "outer"))["result"] == [14, 15]


async def test_a_group_goes_on_after_a_restart(office: Office, tmp_path: Path) -> None:
    reached, go = asyncio.Event(), asyncio.Event()

    async def waits(number: Number, _: TaskContext) -> Number:
        if number.n == 3:
            reached.set()
            await go.wait()
        return number

    office.register("waits", waits)
    body = {"work": Node(capability="waits", with_={"n": "${for_each.item}"})}
    asked = whole("x", read=reading(5), all=each(tasks=body, gives="${tasks.work.n}", at_once=1))
    async with opened(office):
        run_id = await office.run(asked)
        await reached.wait()
    go.set()
    async with opened(office):
        await office.finish(run_id)
        assert (await value(office, run_id, "all"))["results"] == [1, 2, 3, 4, 5]
        assert [name for name, _ in office.calls] == [f"all.{n}.work" for n in (1, 2, 3, 3, 4, 5)]


async def test_who_is_asked_in_an_item_answers_for_that_item(office: Office) -> None:
    body = {"ask": Node(approval=Question(approver="${run.initiator}", title="Keep ${string(for_each.item)}?"))}
    async with opened(office):
        run_id = await office.run(whole("x", read=reading(2), all=each(tasks=body, gives="${tasks.ask.choice}")))
        await office.until(run_id, lambda r: len(r.approvals) == 2)
        await office.decide(run_id, "all.2.ask.1", MEGAN, "reject")
        await office.decide(run_id, "all.1.ask.1", MEGAN, "approve")
        await office.finish(run_id)
        assert (await value(office, run_id, "all"))["results"] == ["approve", "reject"]
        assert ALEX.id not in {person.id for _, _, person in office.surface.asked}


async def test_a_group_that_may_be_left_out_fails_as_a_whole_and_takes_nothing_else_along(office: Office) -> None:
    office.register("odd", odd_only)
    body = {"odd": Node(capability="odd", with_={"n": "${for_each.item}"})}
    group = each(tasks=body, gives="${tasks.odd.n}", at_once=1)
    async with opened(office):
        asked = whole(
            "${tasks.all == null ? 'without' : 'with'}",
            read=reading(3),
            all=msgspec.structs.replace(group, on_failure="skip"),
            beside=add(1),
        )
        run = await office.finish(await office.run(asked))
        assert (run.status, [task.status for task in run.tasks]) == ("succeeded", ["succeeded", "skipped", "succeeded"])
        assert run.tasks[1].message == "1 of 3 failed: number 2 is not there"


async def test_a_loop_that_fails_may_be_tried_again_by_a_person(office: Office) -> None:
    mended = False

    async def flaky(number: Number, _: TaskContext) -> Number:
        if not mended:
            raise NotFound("the template is not there")
        return number

    office.register("flaky", flaky)
    body = {"draft": Node(capability="flaky", with_={"n": 1})}
    node = drafting(tasks=body, gives="${tasks.draft.n}", until="tasks.draft.n == 1")
    async with opened(office):
        run_id = await office.run(whole("x", write=msgspec.structs.replace(node, on_failure="ask")))
        await office.until(run_id, lambda r: bool(r.approvals))
        assert (await office.engine.shown(run_id, "write.1")).text == "the template is not there"
        mended = True
        await office.decide(run_id, "write.1", MEGAN, "retry")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_a_group_that_writes_is_shown_as_one_that_writes(office: Office) -> None:
    """The plan card promises "Nothing is changed" where no task writes, and the last card tells what was written."""

    async def put(number: Number, _: TaskContext) -> Number:
        return number

    office.register("put", put, write=True)
    inner = Node(for_each=ForEach(items="${tasks.read.ns}", tasks={"put": Node(capability="put")}, gives=1))
    looking = Node(for_each=ForEach(items="${tasks.read.ns}", tasks={"look": add(1)}, gives=1))
    shown = Node(repeat=Repeat(tasks={"inner": inner}, gives=1, until="true"))
    async with opened(office):
        made = whole("done", read=reading(1), writing=shown, looking=looking)
        run = (await office.engine.propose(made, goal="", initiator=MEGAN, origin="", command_id="")).run
        assert [task.effect for task in run.tasks[1:]] == ["write", "read"]


async def test_a_run_that_ended_tells_each_write_inside_its_groups(office: Office) -> None:
    async def put(number: Number, _: TaskContext) -> Number:
        if number.n > 1:
            raise NotFound("it is gone")
        return number

    office.register("put", put, write=True)
    body = {"put": Node(capability="put", with_={"n": "${for_each.item}"})}
    writing = Node(for_each=ForEach(items="${tasks.read.ns}", tasks=body, gives=1, at_once=1))
    async with opened(office):
        run_id = await office.run(whole("done", read=reading(2), writing=writing))
        for number in (1, 2):
            run = await office.until(run_id, lambda r, number=number: len(r.approvals) == number)  # type: ignore[misc]
            assert run.inside == []
            await office.decide(run_id, run.approvals[-1].id, MEGAN, "approve")
        run = await office.finish(run_id)
        assert [(task.name, task.status, task.summary) for task in run.inside] == [
            ("writing.1.put", "succeeded", "got 1"),
            ("writing.2.put", "failed", ""),
        ]
