"""Workers that never return, return far too much, or return what they must not: told, contained, and nothing lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core.codec import decode
from orchestration.core.events import TaskSucceeded
from orchestration.core.plan import Node
from orchestration.core.view import RunView, TaskView
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add

MEGABYTE = 1_000_000


class Rows(msgspec.Struct):
    """A large result."""

    rows: list[str]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def task(run: RunView, name: str) -> TaskView:
    return next(each for each in run.tasks if each.name == name)


async def goes_on(office: Office) -> None:
    """Another run ends as if nothing were the matter."""
    run_id = await office.run(plan("${tasks.b.n}", a=add(1), b=add("${tasks.a.n}", "a")))
    run = await office.until(run_id, lambda run: run.status == "succeeded")
    assert run.answer


async def test_a_worker_that_never_returns_and_cannot_be_stopped_fails_its_task_and_holds_up_nobody(
    office: Office,
) -> None:
    free = asyncio.Event()

    async def stubborn(number: Number, _: TaskContext) -> Number:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        return number

    office.register("stubborn", stubborn, attempts=2)
    async with opened(office):
        run_id = await office.run(plan("${tasks.other.n}", a=Node(capability="stubborn"), other=add(1)))
        for attempt in (1, 2):
            await office.until(run_id, lambda run, attempt=attempt: task(run, "a").attempt == attempt)
            assert task(await office.engine.view(run_id), "a").status == "running"
            await goes_on(office)
            office.clock.advance(timedelta(seconds=61))
            await office.until(run_id, lambda run: task(run, "a").status != "running")
            office.clock.advance(timedelta(minutes=2))
        run = await office.until(run_id, lambda run: run.status == "failed")
        assert (run.code, run.message) == ("timeout", "The other system did not answer in time.")
        await goes_on(office)
        free.set()  # at last both return, and nobody wants to know
        await asyncio.sleep(0)
        await goes_on(office)
        assert (await office.engine.view(run_id)).seq == run.seq


async def test_a_write_that_never_returns_and_cannot_be_stopped_is_looked_at(office: Office) -> None:
    free, done = asyncio.Event(), False

    async def stubborn(number: Number, _: TaskContext) -> Number:
        nonlocal done
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        done = True
        return number

    office.register("post", stubborn, write=True, dedupe="none")
    async with opened(office):
        run_id = await office.run(plan("done", a=Node(capability="post")))
        await office.until(run_id, lambda run: bool(run.receipts))
        await office.decide(run_id, "a.1", MEGAN, "approve")
        await office.until(run_id, lambda run: bool(office.calls))
        office.clock.advance(timedelta(minutes=5))
        run = await office.until(run_id, lambda run: task(run, "a").status == "in_doubt")
        assert "nobody knows whether this was written" in task(run, "a").message
        office.clock.advance(timedelta(minutes=5))
        await office.until(run_id, lambda run: [each.kind for each in run.approvals] == ["write", "in_doubt"])
        free.set()
        await office.decide(run_id, "a.2", MEGAN, "done")
        run = await office.finish(run_id)
        assert (run.status, len(office.calls), done) == ("succeeded", 1, True)


async def test_fifty_megabytes_are_kept_whole_and_others_go_on_meanwhile(office: Office) -> None:
    sent = ["x" * 99] * (50 * MEGABYTE // 102)

    async def everything(_: Number, __: TaskContext) -> Rows:
        return Rows(sent)

    office.registry.add(
        worker("everything", title="Everything", summarize=lambda rows: f"{len(rows.rows):,} rows")(everything)
    )
    stood = 0.0

    async def watch() -> None:
        nonlocal stood
        while True:
            began = perf_counter()
            await asyncio.sleep(0.001)
            stood = max(stood, perf_counter() - began)

    async with opened(office):
        watching = asyncio.ensure_future(watch())
        run_id = await office.run(
            plan(
                "${string(tasks.b.n)}",
                a=Node(capability="everything"),
                b=add(1, "a"),
            )
        )
        await goes_on(office)
        run = await office.until(run_id, lambda run: run.status == "succeeded")
        watching.cancel()
        assert task(run, "a").summary == f"{len(sent):,} rows"
        rows = await office.engine._store.events(run_id)
        assert max(len(row.body) for row in rows) < 2000, "the log holds where it is, not what it is"
        done = next(event for row in rows if isinstance(event := decode(row.body), TaskSucceeded) and event.task == "a")
        kept = await office.engine.value(run_id, done.entry)
        assert kept == {"rows": sent}
        assert done.size_bytes > 50 * MEGABYTE
    assert stood < 3.0, f"everybody stood still for {stood:.1f} s"


class Person(msgspec.Struct):
    """What `who` declares."""

    name: str
    age: int = 0


FORBIDDEN: dict[str, Any] = {
    "another type": {"name": "Megan"},
    "a wrong field": Person(7),  # type: ignore[arg-type]
    "a wrong number": Person("Megan", "old"),  # type: ignore[arg-type]
    "nothing": None,
    "what no JSON can say": Person(object()),  # type: ignore[arg-type]
    "no text": Person("\ud800"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
@pytest.mark.parametrize("write", [False, True])
async def test_what_a_schema_forbids_never_becomes_a_result(office: Office, what: str, write: bool) -> None:
    async def who(_: Number, __: TaskContext) -> Person:
        return FORBIDDEN[what]  # type: ignore[no-any-return]

    told = {"effect": "write", "preview": lambda _: Preview("Write", [])} if write else {}
    office.registry.add(worker("who", title="Who", system="Test", name="who@test", owner="HR", **told)(who))  # type: ignore[arg-type]
    async with opened(office):
        run_id = await office.run(plan(a=Node(capability="who")))
        if write:
            await office.until(run_id, lambda run: bool(run.receipts))
            await office.decide(run_id, "a.1", MEGAN, "approve")
            run = await office.until(run_id, lambda run: task(run, "a").status == "in_doubt")
        else:
            run = await office.until(run_id, lambda run: run.status == "failed")
            assert run.code == "invalid_output"
        assert "who@test returned" in task(run, "a").message
        assert "Megan" not in task(run, "a").message, "what it returned is nobody's business"
        await goes_on(office)
