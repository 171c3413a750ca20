"""Lives that are meant to be killed: the real engine, store and kernel against a target in another process.

`python -m tests.faults.chaos_life LOG URL` reads `live` or `finish` from its input, line by line, and has each life
lived by a process of its own, which is there at once because everything is imported already. It prints the process's
id, then how it ended. LOG is a folder for an SQLite file, or the URL of a PostgreSQL database.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from connectors.kernel import KernelDispatcher
from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.core.commands import StartRun
from orchestration.core.plan import Node, Plan
from orchestration.core.view import ApprovalView, RunView
from orchestration.engines.clock import SystemClock
from orchestration.errors import AlreadyDecided, OutcomeUnknown, Unavailable
from orchestration.ports import Store
from orchestration.stores.postgres import PostgresStore
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import decision

OPEN_RUNS = 12
LONGEST_SECONDS = 60
WRITES = ("upload", "send", "post")


class Client:
    """The target as the workers and people of one life reach it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=5, trust_env=False)

    async def ask(self, path: str, **body: Any) -> Any:
        """The target's answer.

        Raises:
            Unavailable: Surely nothing was done.
            OutcomeUnknown: The connection broke.
        """
        try:
            said = await self._http.post(path, json=body)
        except httpx.ConnectError as error:
            raise Unavailable(f"the target cannot be reached ({error})") from None
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"the target did not answer ({error})") from None
        if said.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise Unavailable("the target is busy", retry_after=timedelta(0))
        return said.json()

    async def read(self, number: Number, _: TaskContext) -> Number:
        return Number(await self.ask("/read", n=number.n))

    async def upload(self, number: Number, task: TaskContext) -> Number:
        """One create under one key; a conflict with oneself is a success."""
        await self.ask("/upload", key=task.idempotency_key)
        return number

    async def send(self, number: Number, task: TaskContext) -> Number:
        """A draft, whose id is journaled; then just that draft. One that is gone was sent."""
        draft = task.journaled
        if not draft:
            draft = await self.ask("/draft", key=task.idempotency_key)
            await task.journal(draft)
        await self.ask("/send", key=task.idempotency_key, draft=draft)
        return number

    async def post(self, number: Number, task: TaskContext) -> Number:
        """Whatever comes is taken, however often."""
        await self.ask("/post", key=task.idempotency_key)
        return number

    async def look(self, number: Number, task: TaskContext) -> Done | NotDone:
        return Done(number) if await self.ask("/look", key=task.idempotency_key) else NotDone()


def plan_of(number: int) -> Plan:
    """The plan of the n-th run: two reads, a decision in every other one, a write of each sort in turn."""
    asked = {"ask": decision()} if number % 2 else {}
    return plan(
        "${string(tasks.after.n)}",
        a=Node(capability="read", with_={"n": number}, attempts=99),
        b=Node(capability="read", with_={"n": 1}, attempts=99),
        **asked,
        write=Node(
            capability=WRITES[number % len(WRITES)],
            with_={"n": "${tasks.a.n + tasks.b.n}"},
            needs=["a", "b", *asked],
            attempts=99,
            timeout_seconds=1,
        ),
        after=Node(capability="add", with_={"n": "${tasks.b.n}"}, needs=["write", "b"]),
    )


class People:
    """Start runs and answer what is asked; whoever got no answer sends the same once more."""

    def __init__(self, office: Office, client: Client) -> None:
        self._office, self._client = office, client

    async def start(self, number: int) -> None:
        """Propose and start the n-th run."""
        await self._client.ask("/begin", number=number)
        proposing = self._office.engine.propose(
            plan_of(number), goal="g", initiator=MEGAN, origin="", command_id=f"run {number}"
        )
        run_id = (await proposing).run.run_id
        await self._office.engine.send(run_id, StartRun(by=MEGAN), command_id=f"start {number}")
        await self._client.ask("/started", number=number, run=run_id)

    async def answer(self, run: RunView) -> None:
        """Say yes to everything, and the truth about a doubt."""
        for approval in run.approvals:
            if approval.open and any(f"approval:{approval.id}" == notice for notice, _ in run.receipts):
                await self._press(run, approval)

    async def _press(self, run: RunView, approval: ApprovalView) -> None:
        choice = {"decision": "answer", "write": "approve"}.get(approval.kind, "")
        if approval.kind == "in_doubt":
            choice = "done" if await self._client.ask("/seen", write=f"{run.run_id}.{approval.task}") else "not_done"
        deciding = self._office.engine.decide(
            run.run_id,
            approval.id,
            by=approval.approvers[0],
            shown=approval.entry,
            choice=choice,
            rules={"amount": "sap"} if choice == "answer" else None,
            command_id=f"{run.run_id} {approval.id}",
        )
        try:
            await deciding
        except AlreadyDecided:
            return
        await self._client.ask("/decided", run=run.run_id, approval=approval.id, choice=choice)


class Keeping(Office):
    """An office whose log is in a folder or in a database."""

    def __init__(self, log: str) -> None:
        super().__init__(Path(log))
        self._log = log

    def store(self) -> Store:
        """A store over it, as soon as the server knows that the owner before is dead."""
        if self._log.startswith("postgresql:"):
            return PostgresStore(self._log, lock_timeout=timedelta(seconds=20))
        return super().store()


async def live(log: str, url: str, *, finish: bool) -> None:
    """Keep runs going until killed; or start no more, and return once all have ended."""
    office, client = Keeping(log), Client(url)
    office.clock = SystemClock()  # type: ignore[assignment]
    office.register("read", client.read)
    office.register("upload", client.upload, write=True, dedupe="target", reconcile=client.look)
    office.register("send", client.send, write=True, dedupe="two_step", reconcile=client.look)
    office.register("post", client.post, write=True, dedupe="none")
    office.dispatcher = KernelDispatcher(office.registry)
    people = People(office, client)
    async with opened(office):
        begun = await client.ask("/numbers")
        numbers, following = begun["untold"], begun["next"]
        while True:
            await asyncio.gather(*[people.start(number) for number in numbers])
            runs = await office.engine.runs(open_only=True, limit=10 * OPEN_RUNS)
            if finish and not runs:
                return
            await asyncio.gather(*[people.answer(run) for run in runs])
            more = 0 if finish else max(0, OPEN_RUNS - len(runs))
            numbers, following = range(following, following + more), following + more
            await asyncio.sleep(0.002)


def fork(log: str, url: str, *, finish: bool) -> int:
    """Have one life lived by a new process; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        asyncio.run(asyncio.wait_for(live(log, url, finish=finish), LONGEST_SECONDS))
        code = 0
    except BaseException:  # noqa: BLE001 - told, and the end of this process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def serve(log: str, url: str) -> None:
    """Live as often as the input says."""
    logging.basicConfig(level=logging.ERROR)
    for line in sys.stdin:
        pid = fork(log, url, finish=line.strip() == "finish")
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
