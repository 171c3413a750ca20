"""What a worker learns of the run around it: the tasks it needs or watches, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import PeerResult, RunState, TaskContext, worker
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.commands import ConfirmSignIn, PauseRun, ResumeRun, RetractEntry, RetryTask
from orchestration.core.label import Source
from orchestration.core.plan import Node, Plan
from orchestration.core.run import Part
from orchestration.core.structure import structural_problems
from orchestration.core.usage import Usage
from orchestration.core.view import RunView, TaskView
from orchestration.errors import Invalid, NotFound, SignInNeeded, Unavailable
from orchestration.planning.compiler import with_needs
from orchestration.planning.problems import plan_problems
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add


class Watcher:
    """The worker `watch`: does what a test says, and keeps what it saw."""

    def __init__(
        self, office: Office, script: Callable[[Watcher, TaskContext], Awaitable[int]], **more: object
    ) -> None:
        self.results: list[PeerResult] = []
        self.states: list[RunState] = []
        self.contexts: list[TaskContext] = []
        self.saw = asyncio.Event()
        self._script = script
        office.registry.add(worker("watch", title="Watch", **more)(self._call))  # type: ignore[arg-type]

    async def _call(self, number: Number, task: TaskContext) -> Number:
        self.contexts.append(task)
        return Number(await self._script(self, task))


async def add_up(watcher: Watcher, task: TaskContext) -> int:
    total = 0
    async for result in task.peers():
        watcher.results.append(result)
        watcher.saw.set()
        total += result.value["n"]
    watcher.states.append(task.state())
    return total


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def whole(answer: str = "done", **tasks: Node) -> Plan:
    return with_needs(plan(answer, **tasks))


def of(run: RunView, name: str) -> TaskView:
    return next(each for each in run.tasks if each.name == name)


def gated(office: Office, name: str) -> asyncio.Event:
    """A capability that answers once the event is set."""
    gate = asyncio.Event()

    async def wait(number: Number, _: TaskContext) -> Number:
        await gate.wait()
        return number

    office.register(name, wait)
    return gate


def read(capability: str, n: int = 1, **more: object) -> Node:
    return Node(capability=capability, with_={"n": n}, **more)  # type: ignore[arg-type]


async def test_a_worker_is_given_what_its_peers_write_as_they_write_it(office: Office) -> None:
    watcher = Watcher(office, add_up)
    first, second = gated(office, "first"), gated(office, "second")
    async with opened(office):
        run_id = await office.run(
            whole(a=read("first", 10), b=read("second", 20), w=Node(capability="watch", watches=["a", "b"]))
        )
        second.set()
        await asyncio.wait_for(watcher.saw.wait(), 5)
        assert [(each.task, each.value) for each in watcher.results] == [("b", {"n": 20})]
        first.set()
        run = await office.finish(run_id)
    assert [each.task for each in watcher.results] == ["b", "a"]
    assert run.status == "succeeded"
    assert of(run, "w").summary == ""
    assert [each.status for each in watcher.states[0].tasks] == ["succeeded", "succeeded"]


async def test_a_watcher_begins_without_waiting_and_learns_what_was_left_out(office: Office) -> None:
    watcher = Watcher(office, add_up)

    async def gone(_: Number, __: TaskContext) -> Number:
        raise NotFound("there is none")

    office.register("gone", gone)
    async with opened(office):
        run_id = await office.run(
            whole(
                a=read("add", 1),
                b=read("gone", on_failure="skip", title="Read the minutes"),
                c=read("add", when="1 == 2"),
                w=Node(capability="watch", watches=["a", "b", "c"]),
            )
        )
        await office.finish(run_id)
    stand = {each.task: (each.title, each.status, each.code) for each in watcher.states[0].tasks}
    assert stand == {
        "a": ("Add", "succeeded", ""),
        "b": ("Read the minutes", "skipped", "failed"),
        "c": ("Add", "skipped", "condition"),
    }


async def test_a_worker_sees_nothing_of_tasks_that_it_neither_needs_nor_watches(office: Office) -> None:
    watcher = Watcher(office, add_up)
    async with opened(office):
        run_id = await office.run(
            whole(
                secret=read("add", 4711, title="Salary of the boss"),
                a=read("add", 1),
                need=read("add", 2),
                w=Node(capability="watch", with_={"n": "${tasks.need.n}"}, watches=["a"]),
            )
        )
        await office.finish(run_id)
    assert [each.task for each in watcher.results] == ["a"]
    assert [each.task for each in watcher.states[0].tasks] == ["a", "need"]
    assert watcher.states[0].of("secret") is None
    task = watcher.contexts[0]
    said = repr(watcher.states) + repr(watcher.results) + repr(task)
    assert "4712" not in said
    assert "Salary" not in said
    public = {name for name in dir(task.around) if not name.startswith("_")}
    assert public == {"note", "state", "complete", "used", "peers", "given", "result", "sources"}


async def test_a_task_of_one_item_sees_nothing_of_another_item(office: Office) -> None:
    from orchestration.core.plan import ForEach

    watcher = Watcher(office, add_up)
    body = {"a": add("${for_each.item}"), "w": Node(capability="watch", watches=["a"])}
    group = Node(for_each=ForEach(items="${[10, 20]}", tasks=body, gives="${tasks.w.n}"))
    async with opened(office):
        run_id = await office.run(whole("${string(tasks.g.results[0])} ${string(tasks.g.results[1])}", g=group))
        await office.finish(run_id)
        answer = office.surface.reports[0][1]
    assert answer is not None
    assert answer.text == "11 21"
    assert [len(each.tasks) for each in watcher.states] == [1, 1]


async def test_what_is_above_the_watchers_clearance_is_not_given_and_the_state_says_so(office: Office) -> None:
    watcher = Watcher(office, add_up, clearance="internal")

    async def secret(number: Number, task: TaskContext) -> Number:
        task.note(Source("Salary bands", "SharePoint", label="confidential"))
        return number

    office.register("secret", secret)
    async with opened(office):
        run_id = await office.run(
            whole(a=read("secret", 4711), b=read("add", 1), w=Node(capability="watch", watches=["a", "b"]))
        )
        run = await office.finish(run_id)
    assert [each.task for each in watcher.results] == ["b"]
    assert of(run, "w").label == "internal"
    at = watcher.states[0].of("a")
    assert at is not None
    assert (at.status, at.label, at.readable) == ("succeeded", "confidential", False)


async def test_what_peers_wrote_labels_and_taints_the_watchers_result(office: Office) -> None:
    Watcher(office, add_up)

    async def outside(number: Number, task: TaskContext) -> Number:
        task.note(Source("a mail", "Outlook", label="confidential", outside=True))
        return number

    office.register("outside", outside)
    async with opened(office):
        run_id = await office.run(
            whole(a=read("outside"), w=Node(capability="watch", watches=["a"]), x=add("${tasks.w.n}"))
        )
        run = await office.finish(run_id)
    assert (of(run, "w").label, of(run, "w").tainted) == ("confidential", True)
    assert (of(run, "x").label, of(run, "x").tainted) == ("confidential", True)


async def test_what_a_watcher_does_to_a_peers_result_changes_nothing_for_others(office: Office) -> None:
    async def forge(watcher: Watcher, task: TaskContext) -> int:
        async for result in task.peers():
            result.value["n"] = 666
        return 1

    Watcher(office, forge)
    async with opened(office):
        run_id = await office.run(
            whole(
                "${string(tasks.x.n)}",
                a=read("add", 1),
                w=Node(capability="watch", watches=["a"]),
                x=Node(capability="add", with_={"n": "${tasks.a.n}"}, needs=["w"]),
            )
        )
        await office.finish(run_id)
        answer = office.surface.reports[0][1]
    assert answer is not None
    assert answer.text == "3"


async def test_after_a_restart_a_watcher_is_given_everything_again(office: Office) -> None:
    watcher = Watcher(office, add_up)
    gate = gated(office, "slow")
    async with opened(office):
        run_id = await office.run(
            whole(a=read("add", 1), b=read("slow", 5), w=Node(capability="watch", watches=["a", "b"]))
        )
        await asyncio.wait_for(watcher.saw.wait(), 5)
        office.engine._work.grace_seconds = 0.1
    gate.set()
    async with opened(office):
        run = await office.finish(run_id)
    assert [each.task for each in watcher.results] == ["a", "a", "b"]
    assert run.status == "succeeded"
    assert [each.attempt for each in watcher.contexts] == [1, 2]


async def test_a_watcher_waits_with_its_peers_for_a_sign_in_and_costs_no_try(office: Office) -> None:
    watcher = Watcher(office, add_up, attempts=1)
    signed_in = False

    async def delegated(number: Number, _: TaskContext) -> Number:
        if not signed_in:
            raise SignInNeeded("sign in")
        return number

    office.register("delegated", delegated)
    async with opened(office):
        run_id = await office.run(whole(a=read("delegated", 7), w=Node(capability="watch", watches=["a"])))
        run = await office.until(
            run_id, lambda run: {each.status for each in run.tasks} == {"awaiting_sign_in"}, "it does not wait"
        )
        assert run.awaiting_sign_in
        signed_in = True
        await office.send(run_id, ConfirmSignIn(by=MEGAN))
        run = await office.finish(run_id)
    assert run.status == "succeeded"
    assert [each.value for each in watcher.results] == [{"n": 7}]


async def test_what_was_watched_and_is_taken_back_is_watched_again(office: Office) -> None:
    watcher = Watcher(office, add_up)
    hold = gated(office, "hold")
    async with opened(office):
        run_id = await office.run(
            whole(a=read("add", 1), w=Node(capability="watch", watches=["a"]), x=add("${tasks.w.n}"), z=read("hold"))
        )
        run = await office.until(run_id, lambda run: of(run, "x").status == "succeeded")
        await office.send(run_id, RetractEntry(entry=of(run, "a").entry, task="a", by=MEGAN))
        await office.until(run_id, lambda run: len(watcher.contexts) == 2 and of(run, "x").status == "succeeded")
        hold.set()
        await office.finish(run_id)
    assert len(watcher.results) == 2


async def test_a_paused_run_is_watched_on_when_it_goes_on(office: Office) -> None:
    watcher = Watcher(office, add_up)
    gate = gated(office, "slow")
    async with opened(office):
        run_id = await office.run(
            whole(a=read("slow", 1), b=add("${tasks.a.n}"), w=Node(capability="watch", watches=["b"]))
        )
        await office.send(run_id, PauseRun(by=MEGAN))
        gate.set()
        await office.until(run_id, lambda run: of(run, "a").status == "succeeded")
        assert not watcher.results
        await office.send(run_id, ResumeRun(by=MEGAN))
        assert (await office.finish(run_id)).status == "succeeded"
    assert [each.value for each in watcher.results] == [{"n": 2}]


# --- vouching for work


async def test_a_worker_vouches_for_parts_of_its_work_and_the_run_shows_them(office: Office) -> None:
    async def count(watcher: Watcher, task: TaskContext) -> int:
        await task.complete("SAP invoices", 3, 4)
        await task.complete("SAP invoices", 4, 4)
        await task.complete("Dynamics invoices", 3, 4)
        return 1

    Watcher(office, count)
    async with opened(office):
        run_id = await office.run(whole(w=Node(capability="watch")))
        run = await office.finish(run_id)
        happened = [decode(row.body) for row in await office.engine._store.events(run_id)]
    assert of(run, "w").status == "succeeded"
    assert of(run, "w").parts == {"SAP invoices": Part(4, 4), "Dynamics invoices": Part(3, 4)}
    assert sum(isinstance(each, e.WorkAsserted) for each in happened) == 3


async def test_what_a_model_took_is_kept_whatever_became_of_the_attempt(office: Office) -> None:
    first = Usage(model="small", input_tokens=900, output_tokens=40, seconds=1.5, outcome="invalid_plan")
    second = Usage(model="small", input_tokens=1000, output_tokens=60, seconds=2.0, cost=0.01, currency="EUR")

    async def ask(watcher: Watcher, task: TaskContext) -> int:
        await task.used(first if task.attempt == 1 else second)
        if task.attempt == 1:
            raise Invalid("the model said nothing that can be used")
        return 1

    Watcher(office, ask)
    async with opened(office):
        run_id = await office.run(whole(w=Node(capability="watch")))
        assert (await office.finish(run_id)).status == "failed"
        await office.send(run_id, RetryTask(task="w", by=MEGAN))
        run = await office.finish(run_id)
    assert run.usage == [first, second]
    assert of(run, "w").usage == [first, second]


async def test_nothing_negative_is_kept_of_a_model(office: Office) -> None:
    async def ask(watcher: Watcher, task: TaskContext) -> int:
        with pytest.raises(Invalid, match="less than nothing"):
            await task.used(Usage(model="small", input_tokens=-1, output_tokens=0))
        return 1

    Watcher(office, ask)
    async with opened(office):
        run = await office.finish(await office.run(whole(w=Node(capability="watch"))))
    assert run.usage == []


@pytest.mark.parametrize(("done", "total"), [(5, 4), (-1, 4), (1, 0)])
async def test_nobody_vouches_for_more_than_there_is(office: Office, done: int, total: int) -> None:
    async def boast(watcher: Watcher, task: TaskContext) -> int:
        with pytest.raises(Invalid, match="it is at least none and at most all of them"):
            await task.complete("rows", done, total)
        return 1

    Watcher(office, boast)
    async with opened(office):
        run = await office.finish(await office.run(whole(w=Node(capability="watch"))))
    assert run.status == "succeeded", run.message
    assert of(run, "w").parts == {}


async def test_an_attempt_that_is_over_vouches_for_nothing(office: Office) -> None:
    said: list[str] = []

    async def late(watcher: Watcher, task: TaskContext) -> int:
        if task.attempt == 1:
            raise Unavailable("later")
        with pytest.raises(Unavailable) as caught:
            await watcher.contexts[0].complete("rows", 1, 1)
        said.append(caught.value.message)
        return 1

    Watcher(office, late)
    async with opened(office):
        run_id = await office.run(whole(w=Node(capability="watch")))
        run = await office.until(run_id, lambda run: of(run, "w").retry_at is not None)
        office.clock.advance(run.tasks[0].retry_at - office.clock.now())  # type: ignore[operator]
        run = await office.finish(run_id)
    assert said == ["This attempt was given up meanwhile, so what it says of its work is not kept."]
    assert of(run, "w").parts == {}


async def test_a_worker_that_is_called_by_itself_has_nobody_around() -> None:
    task = TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN)
    task.note(Source("x", "y"))
    await task.complete("rows", 1, 2)
    assert task.state() == RunState()
    assert [each async for each in task.peers()] == []


# --- plans


WATCHING = Node(capability="watch", watches=["a"])


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ({"w": Node(capability="watch", watches=["w"])}, "tasks.w.watches: a task cannot watch itself"),
        ({"w": Node(capability="watch", watches=["gone"])}, "tasks.w.watches: there is no task 'gone' beside it"),
        ({"a": add(), "w": Node(capability="watch", watches=["a"], needs=["a"])}, "'a' is among its needs"),
        ({"a": add(1, "w"), "w": WATCHING}, "'a' waits for 'w', so that both would wait for each other"),
        ({"a": add(1, "b"), "b": add(1, "w"), "w": WATCHING}, "'a' waits for 'w'"),
        ({"a": Node(capability="watch", watches=["w"]), "w": WATCHING}, "'a' waits for 'w'"),
        ({"a": add(on_failure="ask"), "w": WATCHING}, "'a' asks people or holds other tasks"),
        ({"a": add(1, "b"), "b": add(on_failure="ask"), "w": WATCHING}, "'a' waits for 'b', which may ask people"),
    ],
)
def test_a_plan_that_watches_what_it_cannot_is_refused(tasks: dict[str, Node], problem: str) -> None:
    assert any(problem in each for each in structural_problems(plan("done", **tasks)))


def test_what_is_settled_before_a_watcher_begins_may_have_asked_people() -> None:
    asks = add(on_failure="ask")
    tasks = {"b": asks, "a": add(1, "b"), "w": Node(capability="watch", watches=["a"], needs=["b"])}
    assert structural_problems(plan("done", **tasks)) == []


def test_neither_writes_watch_nor_are_they_watched(office: Office) -> None:
    async def post(number: Number, _: TaskContext) -> Number:
        return number

    office.register("post", post, write=True)
    office.register("watch", post)
    made = whole(a=add(), p=Node(capability="post", watches=["a"]), w=Node(capability="watch", watches=["p"]), q=add())
    found = plan_problems(made, office.registry)
    assert "tasks.p.watches: post writes, and what it writes is fixed before it begins: only reads watch" in found
    assert "tasks.w.watches: 'p' writes, and people may be asked about that; only reads can be watched" in found


def test_watching_is_part_of_the_plan_and_of_its_published_schema() -> None:
    text = (Path(__file__).parents[3] / "orchestration/schemas/plan.schema.json").read_bytes()
    node = msgspec.json.decode(text)["$defs"]["Node"]["properties"]
    assert "as they are written" in node["watches"]["description"]
