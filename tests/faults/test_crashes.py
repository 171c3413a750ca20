"""The process is killed at every commit of a run and at both sides of its write; each time a restart ends it right."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.core.commands import StartRun
from orchestration.core.plan import Node
from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.errors import CommitUncertain, Unavailable
from orchestration.ports import Batch
from orchestration.stores.sqlite import SqliteStore
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add, decision

T = TypeVar("T")
PLAN = plan(
    "${tasks.upload == null ? 'nothing' : string(tasks.upload.n)}",
    a=add(1),
    b=add(2),
    ask=decision(),
    upload=Node(capability="upload", with_={"n": "${tasks.a.n + tasks.b.n}"}, needs=["a", "b", "ask"]),
    after=add("${tasks.upload.n}", "upload"),
)


class Target:
    """Another system, which refuses a second file of one key: a folder that outlives the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    async def write(self, number: Number, task: TaskContext) -> Number:
        with (self.folder / "attempts").open("a") as log:
            log.write(f"{task.attempt}\n")
        path = self.folder / task.idempotency_key
        if not path.exists():
            path.write_text(str(number.n))
            with (self.folder / "accepted").open("a") as log:
                log.write(f"{task.idempotency_key}\n")
        return number

    async def look(self, number: Number, task: TaskContext) -> Done | NotDone:
        return Done(number) if (self.folder / task.idempotency_key).exists() else NotDone()

    def accepted(self) -> list[str]:
        path = self.folder / "accepted"
        return path.read_text().split() if path.exists() else []


async def live(folder: Path, kill_at: str = "", count: int = 0) -> RunView:
    """Go on with the run in this folder, or begin it, answering what is asked; end the process at the given point."""
    seen = 0

    def point(name: str) -> None:
        nonlocal seen
        if name == kill_at:
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    office = Office(folder, point=point)
    target = Target(folder / "target")
    office.register("upload", target.write, write=True, dedupe="target", reconcile=target.look)
    async with opened(office):
        runs = await office.engine.runs()
        run_id = runs[0].run_id if runs else await office.run(PLAN)
        if runs and runs[0].status == "proposed":
            await office.send(run_id, StartRun(by=MEGAN))
        while not told(run := await office.engine.view(run_id)):
            await answer_all(office, run)
            office.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0)
        return run


def told(run: RunView) -> bool:
    return run.status in ENDED and ("outcome", MEGAN.id) in run.receipts


async def answer_all(office: Office, run: RunView) -> None:
    """Say yes to whatever is asked."""
    for approval in run.approvals:
        if approval.open and approval.kind == "decision":
            await office.decide(
                run.run_id, approval.id, ALEX, "answer", rules={"amount": "sap"}, command_id=approval.id
            )
        elif approval.open:
            await office.decide(run.run_id, approval.id, MEGAN, "approve", command_id=approval.id)


def in_a_process(folder: Path, point: str, count: int) -> int:
    """Run `live` in a process of its own; returns how it ended."""
    command = [sys.executable, "-m", "tests.faults.test_crashes", str(folder), point, str(count)]
    return subprocess.run(command, timeout=60, check=False, capture_output=True).returncode


@pytest.mark.parametrize("point", ["committed", "before:upload", "after:upload"])
def test_killed_anywhere_a_run_ends_right_and_its_write_happens_once(tmp_path: Path, point: str) -> None:
    kills = 0
    for count in range(1, 60):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        if in_a_process(folder, point, count) == 0:
            break  # the run has fewer such points than that
        kills += 1
        run = asyncio.run(live(folder))
        assert run.status == "succeeded", (point, count, run)
        accepted = [key.rpartition(".")[0] for key in Target(folder / "target").accepted()]
        assert accepted == [f"{run.run_id}.upload"], (point, count)
        with sqlite3.connect(folder / "tandem.db") as db:
            bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM events ORDER BY seq")]
        db.close()
        succeeded = [body["task"] for body in bodies if body["type"] == "TaskSucceeded"]
        assert sorted(succeeded) == ["a", "after", "ask", "b", "upload"], "no result is computed twice"
    assert kills >= (8 if point == "committed" else 1)


class Flaky(SqliteStore):
    """Its `fail_at`-th commit breaks, with or without having been written."""

    def __init__(self, path: Path, fail_at: int, *, written: bool) -> None:
        super().__init__(path)
        self.fail_at, self.written, self.commits = fail_at, written, 0

    async def append(self, batch: Batch) -> None:
        self.commits += 1
        if self.commits == self.fail_at:
            if self.written:
                await super().append(batch)
            raise CommitUncertain("the connection broke")
        await super().append(batch)


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """As a client does: a command that was not taken is sent once more, with the same id."""
    try:
        return await call()
    except Unavailable:
        return await call()


@pytest.mark.parametrize("fail_at", range(1, 10))
@pytest.mark.parametrize("written", [True, False])
async def test_a_commit_of_unknown_outcome_is_looked_up_never_repeated(
    tmp_path: Path, fail_at: int, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    target = Target(tmp_path / "target")
    office.register("upload", target.write, write=True, dedupe="target", reconcile=target.look)
    store = Flaky(tmp_path / "tandem.db", fail_at, written=written)
    monkeypatch.setattr(office, "store", lambda: store)
    async with opened(office):
        engine = office.engine
        proposing = partial(engine.propose, PLAN, goal="g", initiator=MEGAN, origin="", command_id="p")
        run_id = (await again(proposing)).run.run_id
        await again(partial(engine.send, run_id, StartRun(by=MEGAN), command_id="s"))
        for step in range(400):
            run = await engine.view(run_id)
            if told(run):
                break
            await again(partial(answer_all, office, run))
            office.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.001 if step > 50 else 0)
        assert run.status == "succeeded", run
        assert store.commits >= fail_at, "the commit was reached"
    assert [key.rpartition(".")[0] for key in target.accepted()] == [f"{run_id}.upload"]


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
