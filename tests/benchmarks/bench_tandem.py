"""Tandem's own engine under the workloads that its peers are measured with, one process for each measurement.

Run: `python -m tests.benchmarks.bench_tandem --workload w1 --n 1000 --backend sqlite|postgres --json`. One JSON line
comes out. It is the engine of the product: real store (fully durable), real preparation, real notices, and tasks that
are dispatched through Semantic Kernel with the filters that the product has; `--dispatch direct` calls the workers
with nothing in between, as the floor does.

    w1      1 planner -> N parallel -> 1 join
    w2      chain of N
    w3lat   a -> approval -> b: from the press of the button until the person has the answer, N runs one after another
    w3bulk  start and suspend N runs, memory and database, then resume all of them
    w4      N tasks of 50 ms each and a join; makespan / 50 ms
    w5      50 steps of 10 ms in a row, kill -9 after 25, restart; which were done twice
    w5fan   50 parallel steps (i * 10 ms each), kill -9 after 25, restart

What is measured begins with the plan in hand and ends when the engine tells the initiator: reading and checking the
plan, and writing it down, are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import msgspec
import psutil

from bot import garbage
from orchestration.capabilities import Registry, TaskContext, Worker, worker
from orchestration.capabilities.descriptor import Dispatcher
from orchestration.core.commands import StartRun
from orchestration.core.plan import Answer, Node, Plan, Question
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from tests.benchmarks import killing
from tests.benchmarks.databases import Count, Database, PostgresDatabase, SqliteFolder, grown

DEFAULT_N = {"w1": 100, "w2": 200, "w3lat": 200, "w3bulk": 1000, "w4": 20, "w5": 50, "w5fan": 50}
AT_ONCE = 64
PAYLOAD = "x" * 180  # about 200 bytes as JSON
MEGAN = Person("2f1c5a52-54c8-4b6e-9d3f-0f6a1d2e7b10", "Megan Bowen", "megan.bowen@contoso.example", "contoso")
ALEX = Person("8d0c7f3e-1b2a-4c5d-8e9f-a0b1c2d3e4f5", "Alex Wilber", "alex.wilber@contoso.example", "contoso")


class Step(msgspec.Struct):
    """Arguments of a step; `wait_seconds` is how long it takes, `mark` whether it writes down that it ran."""

    i: int
    wait_seconds: float = 0.0
    mark: bool = False


class Stepped(msgspec.Struct):
    """What a step returns."""

    i: int
    out: str


async def step(given: Step, _: TaskContext) -> Stepped:
    """The body of every task."""
    if given.wait_seconds:
        await asyncio.sleep(given.wait_seconds)
    await asyncio.sleep(0)
    if given.mark:
        killing.mark(given.i)
    return Stepped(given.i, PAYLOAD)


class Direct:
    """Calls workers with nothing in between."""

    async def call(self, worker: Worker, arguments: msgspec.Struct, task: TaskContext) -> msgspec.Struct:
        """See `Dispatcher.call`."""
        result: msgspec.Struct = await worker.call(arguments, task)
        return result


class Surface:
    """Tells who waits for it that a question or an outcome has come to a person."""

    def __init__(self) -> None:
        self.asked: dict[str, asyncio.Future[ApprovalView]] = {}
        self.told: dict[str, asyncio.Future[RunView]] = {}

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        _future(self.asked, run.run_id).set_result(approval)
        return "shown"

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        raise AssertionError("nobody has to sign in here")

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`."""
        _future(self.told, run.run_id).set_result(run)
        return "told"


def _future(futures: dict[str, asyncio.Future[Any]], run_id: str) -> asyncio.Future[Any]:
    if run_id not in futures:
        futures[run_id] = asyncio.get_running_loop().create_future()
    return futures[run_id]


def fan(n: int, *, wait_seconds: float = 0.0, growing: float = 0.0, planner: bool = True, mark: bool = False) -> Plan:
    """`n` parallel steps before a join, after a planner if wanted; the i-th takes `i * growing` seconds longer."""
    first = {"plan": Node(capability="bench.step", with_={"i": 1_000_000})} if planner else {}
    steps = {
        f"t{i}": Node(capability="bench.step", with_=_arguments(i, wait_seconds + growing * i, mark), needs=list(first))
        for i in range(n)
    }
    join = Node(capability="bench.step", with_={"i": 1_000_001}, needs=list(steps))
    return Plan(title="Fan", tasks={**first, **steps, "join": join}, answer=Answer(text="done"))


def chain(n: int, *, wait_seconds: float = 0.0, mark: bool = False) -> Plan:
    """`n` steps, each after the one before."""
    tasks = {
        f"t{i}": Node(
            capability="bench.step", with_=_arguments(i, wait_seconds, mark), needs=[f"t{i - 1}"] if i else []
        )
        for i in range(n)
    }
    return Plan(title="Chain", tasks=tasks, answer=Answer(text="done"))


def _arguments(i: int, wait_seconds: float, mark: bool) -> dict[str, Any]:
    return {"i": i} | ({"wait_seconds": wait_seconds} if wait_seconds else {}) | ({"mark": True} if mark else {})


def approval() -> Plan:
    """A step, a question, a step."""
    return Plan(
        title="Approval",
        params={"approver": {"id": ALEX.id, "name": ALEX.name}},
        tasks={
            "a": Node(capability="bench.step", with_={"i": 0}),
            "ok": Node(approval=Question(approver="${params.approver}", title="Go on?"), needs=["a"]),
            "b": Node(capability="bench.step", with_={"i": 1}, needs=["ok"]),
        },
        answer=Answer(text="done"),
    )


class Chat:
    """Where cards wait for an answer: in a file, so that the memory of suspended runs is the engine's alone."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - ends with the process
        self._known: dict[str, tuple[str, str, str]] = {}
        self._read_to = 0

    def put(self, name: str, run_id: str, approval: ApprovalView) -> None:
        """Take a card."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(f"{name} {run_id} {approval.id} {approval.entry}\n")

    def take(self, name: str) -> tuple[str, str, str]:
        """Run, approval and what is shown."""
        if name not in self._known:
            self._file.seek(self._read_to)
            self._known |= {each: (a, b, c) for each, a, b, c in (line.split() for line in self._file)}
            self._read_to = self._file.tell()
        return self._known.pop(name)


class Bench:
    """One engine at work, and how its runs are driven."""

    def __init__(self, database: Database, dispatch: str) -> None:
        self.database = database
        registry = Registry([worker("bench.step", title="Do a step")(step)])
        self.surface = Surface()
        self.engine = EmbeddedEngine(
            database.store(), registry, _dispatcher(dispatch, registry), self.surface, SystemClock()
        )
        self.chat = Chat()

    async def start(self, plan: Plan, name: str) -> str:
        """Propose and start a run; the id of it."""
        applied = await self.engine.propose(plan, goal=name, initiator=MEGAN, origin="", command_id=f"propose-{name}")
        run_id = applied.run.run_id
        await self.engine.send(run_id, StartRun(by=MEGAN), command_id=f"start-{name}")
        return run_id

    async def complete(self, plan: Plan, name: str) -> None:
        """Start a run and wait until its initiator is told that it succeeded."""
        await self.ended(await self.start(plan, name))

    async def ended(self, run_id: str) -> None:
        """Wait until the initiator of a run is told that it succeeded."""
        run = await _future(self.surface.told, run_id)
        assert run.status == "succeeded", run.message
        del self.surface.told[run_id]

    async def suspend(self, name: str) -> None:
        """Start a run and wait until its approver is asked."""
        run_id = await self.start(approval(), name)
        self.chat.put(name, run_id, await _future(self.surface.asked, run_id))
        del self.surface.asked[run_id]

    async def resume(self, name: str) -> None:
        """Answer as the press of a button does, and wait until the initiator is told the outcome."""
        run_id, which, entry = self.chat.take(name)
        pressed = f"{run_id}:{which}:{ALEX.id}"
        await self.engine.decide(run_id, which, by=ALEX, shown=entry, choice="approve", command_id=pressed)
        await self.ended(run_id)

    async def idle(self) -> None:
        """Wait until the engine has nothing left to do: what was delivered is recorded too."""
        writer, work = self.engine._writer, self.engine._work
        while work._tasks or writer._live or not writer._inbox.empty:  # noqa: ASYNC110 - nobody signals that
            await asyncio.sleep(0.0005)


def _dispatcher(which: str, registry: Registry) -> Dispatcher:
    if which == "direct":
        return Direct()
    from connectors.kernel import KernelDispatcher

    return KernelDispatcher(registry)


class Timing:
    """Wall and processor seconds of a block."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu


async def tasks(bench: Bench, workload: str, n: int) -> Count:
    """w1, w2 and w4, after a small one whose plans and statements need not be prepared any more."""
    make: dict[str, Callable[[int], Plan]] = {
        "w1": fan,
        "w2": chain,
        "w4": lambda size: fan(size, wait_seconds=0.05, planner=False),
    }
    await bench.complete(make[workload](min(n, 5)), "warm")
    await bench.idle()
    plan, before = make[workload](n), bench.database.count()
    gc.collect()
    with Timing() as took:
        await bench.complete(plan, "measured")
    await bench.idle()
    more, number = grown(before, bench.database.count()), len(plan.tasks)
    out: Count = {
        "tasks": number,
        "wall_s": took.wall,
        "cpu_s": took.cpu,
        "tasks_per_s": number / took.wall,
        "us_per_task": took.wall / number * 1e6,
        "cpu_us_per_task": took.cpu / number * 1e6,
        "inserted_per_task": round(more["inserted"] / number, 3),
    }
    out |= {
        f"{key}_per_task": round(more[key] / number) for key in ("wal_bytes", "write_bytes", "db_bytes") if key in more
    }
    out["rows"] = more["rows"]
    if workload == "w4":
        out["makespan_over_critical_path"] = took.wall / 0.05
    return out


async def latency(bench: Bench, n: int) -> Count:
    """w3lat."""
    await bench.suspend("warm")
    await bench.resume("warm")
    found: list[float] = []
    for i in range(n):
        await bench.suspend(f"g{i}")
        await bench.idle()
        with Timing() as took:
            await bench.resume(f"g{i}")
        found.append(took.wall * 1e3)
    found.sort()
    p50, p95 = found[int(0.5 * n)], found[int(0.95 * n)]
    return {"resume_p50_ms": p50, "resume_p95_ms": p95, "resume_mean_ms": sum(found) / n}


async def bulk(bench: Bench, n: int) -> Count:
    """w3bulk, at most `AT_ONCE` callers at a time."""
    await bench.suspend("warm")
    await bench.resume("warm")
    await bench.idle()
    gc.collect()
    before, base = bench.database.count(settled=True), _memory()
    with Timing() as suspending:
        await _limited(n, lambda i: bench.suspend(f"g{i}"))
        await bench.idle()
    gc.collect()
    suspended, with_log = _memory(), bench.database.count()
    settled = grown(before, bench.database.count(settled=True))
    with Timing() as idle:
        await asyncio.sleep(1)
    with Timing() as resuming:
        await _limited(n, lambda i: bench.resume(f"g{i}"))
        await bench.idle()
    total = grown(before, bench.database.count())
    return {
        "suspend_per_s": n / suspending.wall,
        "resume_per_s": n / resuming.wall,
        "suspend_s": suspending.wall,
        "suspend_cpu_s": suspending.cpu,
        "resume_s": resuming.wall,
        "rss_base_mb": base,
        "rss_suspended_mb": suspended,
        "rss_after_mb": _memory(),
        "rss_kb_per_graph": (suspended - base) * 1e3 / n,
        "db_bytes_per_suspended": round(settled["db_bytes"] / n),
        "db_bytes_with_log_per_suspended": round(grown(before, with_log)["db_bytes"] / n),
        "suspended_cpu_share": idle.cpu / idle.wall,
        "inserted_per_graph_total": total["inserted"] / n,
    }


async def _limited(n: int, do: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(n))

    async def some() -> None:
        for i in numbers:
            await do(i)

    await asyncio.gather(*[some() for _ in range(AT_ONCE)])


def _memory() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


async def crash(bench: Bench, workload: str, n: int, phase: str) -> Count:
    """w5: the child that is killed, or the one that takes up what it left."""
    if phase == "start":
        plan = (
            chain(n, wait_seconds=0.01, mark=True)
            if workload == "w5"
            else fan(n, growing=0.01, planner=False, mark=True)
        )
        await bench.complete(plan, "crash")
    else:
        (run,) = await bench.engine.runs()
        await bench.ended(run.run_id)
    return {"completed": True}


async def measure(args: argparse.Namespace) -> Count:
    """One measurement."""
    make = {"sqlite": SqliteFolder, "postgres": PostgresDatabase}[args.backend]
    database: Database = make(args.workload, keep=args.phase == "resume")
    bench = Bench(database, args.dispatch)
    resumed_at = time.time()
    await bench.engine.start()
    garbage.settle()  # as the bot does
    try:
        if args.workload == "w3lat":
            return await latency(bench, args.n)
        if args.workload == "w3bulk":
            return await bulk(bench, args.n)
        if args.phase:
            return {**await crash(bench, args.workload, args.n, args.phase), "t_resume": resumed_at}
        return await tasks(bench, args.workload, args.n)
    finally:
        await bench.engine.stop()
        database.close()


def arguments() -> argparse.Namespace:
    """The command line that all benchmarks of this kind share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", required=True, choices=DEFAULT_N)
    parser.add_argument("--n", type=int, default=0)
    parser.add_argument("--backend", default="sqlite", choices=["sqlite", "postgres"])
    parser.add_argument("--dispatch", default="kernel", choices=["kernel", "direct"])
    parser.add_argument("--phase", default="", help="used by w5 for the processes that it starts")
    parser.add_argument("--json", action="store_true", help="one line")
    args = parser.parse_args()
    args.n = args.n or DEFAULT_N[args.workload]
    return args


def main() -> None:
    """Measure once and print what was found."""
    args = arguments()
    if args.workload in ("w5", "w5fan") and not args.phase:
        make = {"sqlite": SqliteFolder, "postgres": PostgresDatabase}[args.backend]
        found = killing.drive(args, make)
    else:
        found = asyncio.run(measure(args))
    row: Count = {
        "peer": "tandem",
        "backend": args.backend,
        "shape": "",
        "mode": args.dispatch,
        "workload": args.workload,
        "n": args.n,
        **found,
    }
    row = {key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()}
    print(json.dumps(row, indent=None if args.json or args.phase else 1), flush=True)


if __name__ == "__main__":
    main()
