"""A write whose outcome is unknown: looked at, asked about, never repeated blindly, never left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import Done, NotDone, Preview, TaskContext, Unknown, worker
from orchestration.core.commands import RecordDelivery
from orchestration.core.plan import Node, Plan
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.engines import preparation
from orchestration.errors import NotPermitted, OutcomeUnknown, Unavailable
from orchestration.ports import Batch
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import task

UPLOAD: Plan = plan(upload=Node(capability="upload", with_={"n": 7}))
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def lost(_: Number, __: TaskContext) -> Number:
    raise OutcomeUnknown("the connection broke")


async def allowed(office: Office) -> str:
    """A run whose upload was allowed."""
    run_id = await office.run(UPLOAD)
    await office.until(run_id, lambda r: bool(r.approvals))
    await office.decide(run_id, "upload.1", MEGAN, "approve")
    return run_id


async def passing(office: Office, run_id: str, what: Callable[[RunView], bool], by: timedelta = MINUTE) -> RunView:
    """The run once `what` holds of it, while time passes."""
    for _ in range(400):
        run = await office.engine.view(run_id)
        if what(run):
            return run
        office.clock.advance(by)
        await asyncio.sleep(0.002)
    raise AssertionError(f"the run did not get there: {run}")


def asks_about_a_doubt(run: RunView) -> bool:
    return any(each.kind == "in_doubt" and each.open for each in run.approvals)


async def test_a_write_that_is_always_lost_is_tried_only_as_often_as_it_may(office: Office) -> None:
    office.register("upload", lost, write=True, dedupe="target", attempts=3)
    async with opened(office):
        run_id = await allowed(office)
        run = await passing(office, run_id, lambda r: r.status in ENDED)
        assert (run.status, len(office.calls)) == ("failed", 3)


async def test_a_write_that_returned_something_else_may_have_happened(office: Office) -> None:
    async def confused(_: Number, __: TaskContext) -> Number:
        return "written"  # type: ignore[return-value]

    async def look(number: Number, _: TaskContext) -> Done:
        return Done(number)

    office.register("upload", confused, write=True, dedupe="target", reconcile=look)
    async with opened(office):
        run = await passing(office, await allowed(office), lambda r: r.status in ENDED)
        assert (run.status, len(office.calls)) == ("succeeded", 1)


@pytest.mark.parametrize("found", [Done("a text"), None, NotPermitted("your rights ended"), ValueError("oops")])
async def test_a_look_that_tells_nothing_asks_a_human(office: Office, found: object) -> None:
    async def look(_: Number, __: TaskContext) -> object:
        if isinstance(found, Exception):
            raise found
        return found

    office.register("upload", lost, write=True, dedupe="target", reconcile=look)  # type: ignore[arg-type]
    async with opened(office):
        run_id = await allowed(office)
        await passing(office, run_id, asks_about_a_doubt)
        assert len(office.calls) == 1
        await office.decide(run_id, "upload.2", MEGAN, "done")
        assert (await office.finish(run_id)).status == "succeeded"


async def test_a_look_while_the_target_is_down_is_tried_again(office: Office) -> None:
    looks = 0

    async def look(number: Number, _: TaskContext) -> Done:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise Unavailable("down")
        return Done(number)

    office.register("upload", lost, write=True, dedupe="target", reconcile=look)
    async with opened(office):
        run = await passing(office, await allowed(office), lambda r: r.status in ENDED)
        assert (run.status, len(office.calls)) == ("succeeded", 1)


async def test_the_question_of_a_look_that_ends_during_a_commit_can_be_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, told, appending, go = (asyncio.Event() for _ in range(4))
    store = office.store()
    append = store.append

    async def slow_append(batch: Batch) -> None:
        if looking.is_set() and not go.is_set():
            appending.set()
            await go.wait()
        await append(batch)

    async def look(_: Number, __: TaskContext) -> Unknown:
        looking.set()
        await told.wait()
        return Unknown("Nobody can tell.")

    monkeypatch.setattr(store, "append", slow_append)
    monkeypatch.setattr(office, "store", lambda: store)
    office.register("upload", lost, write=True, dedupe="target", reconcile=look)
    async with opened(office):
        run_id = await allowed(office)
        await office.until(run_id, lambda r: task(r, "upload")[0] == "in_doubt")
        office.clock.advance(timedelta(0))
        await looking.wait()
        sending = asyncio.ensure_future(office.send(run_id, RecordDelivery(notice="progress", to="x", receipt="y")))
        await appending.wait()
        told.set()
        await asyncio.sleep(0.01)
        go.set()
        await sending
        await office.until(run_id, asks_about_a_doubt)
        office.engine._writer._live.clear()
        assert "Nobody can tell." in (await office.engine.shown(run_id, "upload.2")).text


async def test_a_look_that_hangs_is_stopped_and_tried_again(office: Office) -> None:
    looks = 0

    async def look(number: Number, _: TaskContext) -> Done:
        nonlocal looks
        looks += 1
        if looks == 1:
            await asyncio.Event().wait()
        return Done(number)

    office.registry.add(
        worker(
            "upload",
            title="Upload",
            effect="write",
            system="Test",
            dedupe="target",
            timeout=timedelta(seconds=0.05),
            preview=lambda _: Preview("Write", []),
            reconcile=look,
        )(lost)
    )
    async with opened(office):
        run = await passing(office, await allowed(office), lambda r: r.status in ENDED)
        assert (run.status, looks) == ("succeeded", 2)


async def test_a_summary_that_cannot_be_made_loses_no_result(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    async def fine(number: Number, __: TaskContext) -> Number:
        return number

    def unsummarizable(_: Number) -> str:
        raise ZeroDivisionError("no rows")

    office.registry.add(worker("count", title="Count", summarize=unsummarizable)(fine))
    async with opened(office):
        assert (await office.finish(await office.run(plan(a=Node(capability="count"))))).status == "succeeded"
    assert "no rows" in caplog.text


async def test_a_look_searches_by_the_key_that_was_journaled(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    async def write(_: Number, context: TaskContext) -> Number:
        keys.append(context.idempotency_key)
        monkeypatch.setattr(preparation, "secret_key", lambda *_: "a newer Tandem makes other keys")
        raise OutcomeUnknown("the connection broke")

    async def look(number: Number, context: TaskContext) -> Done:
        keys.append(context.idempotency_key)
        return Done(number)

    office.register("upload", write, write=True, dedupe="target", reconcile=look)
    async with opened(office):
        run_id = await allowed(office)
        await passing(office, run_id, lambda r: r.status in ENDED)
        assert [key.rpartition(".")[0] for key in keys] == [f"{run_id}.upload"] * 2
        assert len({*keys}) == 1


async def test_a_worker_that_disappeared_leaves_the_question_to_a_human(tmp_path: Path) -> None:
    first, second = Office(tmp_path), Office(tmp_path)

    async def forever(number: Number, _: TaskContext) -> Number:
        await asyncio.Event().wait()
        return number

    first.register("upload", forever, write=True, dedupe="target")
    first.register("slow", forever)
    both = plan(upload=Node(capability="upload", with_={"n": 7}), slow=Node(capability="slow", on_failure="ask"))
    async with opened(first):
        run_id = await first.run(both)
        await first.until(run_id, lambda r: bool(r.approvals))
        await first.decide(run_id, "upload.1", MEGAN, "approve")
        await first.until(run_id, lambda r: len(first.calls) == 2)
        first.engine._work.grace_seconds = 0.01
    async with opened(second):
        run = await passing(second, run_id, asks_about_a_doubt)
        assert run.approvals[-1].kind in ("in_doubt", "failure")
        run = await second.until(run_id, lambda r: len(r.approvals) == 3)
        assert task(run, "slow")[0] == "asking"
        assert run.tasks[1].code == "no_worker"


async def test_an_approval_of_a_write_is_for_the_worker_whose_preview_was_shown(tmp_path: Path) -> None:
    """Another worker, or another version, may write something else out of the same arguments."""
    first, second = Office(tmp_path), Office(tmp_path)

    async def busy(_: Number, __: TaskContext) -> Number:
        raise Unavailable("busy")

    async def write(number: Number, __: TaskContext) -> Number:
        return number

    async def not_done(_: Number, __: TaskContext) -> NotDone:
        return NotDone()

    first.register("upload", busy, write=True, dedupe="target")
    second.registry.add(
        worker(
            "upload",
            title="Upload",
            effect="write",
            system="Test",
            dedupe="target",
            version="2",
            preview=lambda n: Preview("Write twice", [("Number", str(2 * n.n))]),
            reconcile=not_done,
            name="upload@test",
        )(write)
    )
    async with opened(first):
        run_id = await allowed(first)
        await first.until(run_id, lambda r: task(r, "upload")[0] == "backing_off")
    async with opened(second):
        second.clock.advance(MINUTE)
        run = await second.until(run_id, lambda r: len(r.approvals) == 2)
        assert run.approvals[1].kind == "write"
        assert (await second.engine.shown(run_id, "upload.2")).title == "Write twice"


class Rows(msgspec.Struct):
    """A large result."""

    text: str


async def test_a_result_too_large_to_keep_fails_its_task_and_not_the_engine(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everything(_: Number, __: TaskContext) -> Rows:
        return Rows("x" * 2000)

    monkeypatch.setattr("orchestration.engines.performance.LARGEST_ENTRY_BYTES", 1000)
    office.registry.add(worker("all", title="All")(everything))
    async with opened(office):
        run = await office.finish(await office.run(plan(a=Node(capability="all"))))
        assert (run.status, run.code) == ("failed", "too_large")


async def test_a_restart_in_the_middle_of_a_look_looks_again(tmp_path: Path) -> None:
    first, second = Office(tmp_path), Office(tmp_path)
    looking = asyncio.Event()

    async def hang(number: Number, _: TaskContext) -> Done:
        looking.set()
        await asyncio.Event().wait()
        return Done(number)

    async def look(number: Number, _: TaskContext) -> Done:
        return Done(number)

    first.register("upload", lost, write=True, dedupe="target", reconcile=hang)
    second.register("upload", lost, write=True, dedupe="target", reconcile=look)
    async with opened(first):
        run_id = await allowed(first)
        await passing(first, run_id, lambda _: looking.is_set())
    async with opened(second):
        assert (await second.finish(run_id)).status == "succeeded"
        assert not second.calls, "it was found, not repeated"
