"""The engine over every store: a run ends the same on each, and survives what each can suffer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.core.plan import Node
from orchestration.core.view import RunView
from orchestration.errors import Invalid, OwnerLocked, Unavailable
from orchestration.ports import Pruned, Store
from orchestration.stores.postgres import PostgresStore
from tests.conformance.test_postgres import cut
from tests.conformance.test_store import Make, make
from tests.support import postgres
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add, decision

__all__ = ["make"]
PLAN = plan(
    "${string(tasks.end.n)}", a=add(1), b=add(2), ask=decision(), end=add("${tasks.a.n + tasks.b.n}", "a", "b", "ask")
)


class At(Office):
    """An office over a store of the test's choice."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder)
        self.kept = store

    def store(self) -> Store:
        return self.kept


async def answered(office: Office, run_id: str) -> RunView:
    await office.until(run_id, lambda run: bool(run.receipts), "nobody was asked")
    await again(lambda: office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"}, command_id="answer"))
    return await office.finish(run_id)


async def again(call: Callable[[], Awaitable[object]]) -> None:
    """As a client does: a command that was not taken is sent once more, with the same id."""
    try:
        await call()
    except Unavailable:
        await call()


async def test_a_run_is_taken_up_by_the_next_engine(make: Make, tmp_path: Path) -> None:
    async with opened(At(tmp_path, make())) as first:
        run_id = await first.run(PLAN)
        await first.until(run_id, lambda run: bool(run.receipts))
    async with opened(At(tmp_path, make())) as second:
        run = await answered(second, run_id)
    assert run.status == "succeeded"
    assert [task.status for task in run.tasks] == ["succeeded"] * 4


async def test_old_runs_leave_the_log_of_a_running_engine(make: Make, tmp_path: Path) -> None:
    async with opened(At(tmp_path, make())) as office:
        run_id = await office.run(PLAN)
        await answered(office, run_id)
        await office.until(run_id, lambda run: ("outcome", MEGAN.id) in run.receipts)
        other = await office.run(PLAN)
        events = len(await office.kept.events(run_id))
        later = office.clock.now() + timedelta(days=1)
        assert await office.engine.prune(later, tmp_path / "old.jsonl") == Pruned(runs=1, events=events)
        assert run_id.encode() in (tmp_path / "old.jsonl").read_bytes()
        with pytest.raises(Invalid, match="may have been removed"):
            await office.engine.view(run_id)
        assert (await office.engine.view(other)).status == "running"


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.fresh() as url:
        yield url


@pytest.fixture
def operator(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as db:
        yield db


async def test_an_engine_whose_connection_was_cut_goes_on(
    tmp_path: Path, url: str, operator: psycopg.Connection[Any]
) -> None:
    store = PostgresStore(url)
    async with opened(At(tmp_path, store)) as office:
        run_id = await office.run(PLAN)
        await office.until(run_id, lambda run: bool(run.receipts))
        cut(operator, store)
        assert (await answered(office, run_id)).status == "succeeded"


async def test_a_connection_cut_while_nothing_happens_is_had_back(
    tmp_path: Path, url: str, operator: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.engines.embedded.WATCH", timedelta(milliseconds=20))
    store = PostgresStore(url)
    async with opened(At(tmp_path, store)):
        before = store._db
        cut(operator, store)
        async with asyncio.timeout(10):
            while store._db in (before, None):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        with pytest.raises(OwnerLocked):
            await PostgresStore(url).open()


async def test_a_connection_cut_while_a_task_works_costs_nothing(
    tmp_path: Path, url: str, operator: psycopg.Connection[Any]
) -> None:
    store = PostgresStore(url)
    office = At(tmp_path, store)
    go = asyncio.Event()

    async def slow(number: Number, _: object) -> Number:
        await go.wait()
        return number

    office.register("slow", slow)
    async with opened(office):
        run_id = await office.run(plan(slow=Node(capability="slow")))
        await office.until(run_id, lambda _: bool(office.calls))
        cut(operator, store)
        go.set()
        for _ in range(200):
            try:
                run = await office.engine.view(run_id)
            except Unavailable:
                continue
            if run.status == "succeeded":
                break
            await asyncio.sleep(0.01)
        assert run.status == "succeeded"
        assert office.calls == [("slow", 1)], "the work that went on is not done again"


async def test_a_standby_goes_on_with_the_runs_of_an_owner_that_died(
    tmp_path: Path,
    url: str,
    operator: psycopg.Connection[Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestration.engines.writer.PAUSE", timedelta(milliseconds=20))
    store = PostgresStore(url)
    owner, standby = At(tmp_path, store), At(tmp_path, PostgresStore(url, lock_timeout=timedelta(minutes=1)))
    await owner.start()
    run_id = await owner.run(PLAN)
    await owner.until(run_id, lambda run: bool(run.receipts))
    starting = asyncio.create_task(standby.start())
    with caplog.at_level(logging.INFO, "orchestration.stores"):
        async with asyncio.timeout(10):
            while "as its standby" not in caplog.text:  # noqa: ASYNC110 - all that it says of itself
                await asyncio.sleep(0.01)
    cut(operator, store)
    await starting
    assert (await answered(standby, run_id)).status == "succeeded"
    with pytest.raises(Unavailable, match="log cannot be reached"):  # and does not wait for ever
        await asyncio.wait_for(owner.run(PLAN), 10)
    assert not owner.engine.running, "its health check sends everybody to the new owner"
    await owner.engine.stop()
    await standby.engine.stop()
