"""How long a long run takes to be in memory again: `python -m tests.benchmarks.bench_load [--events N]`.

Its plan has a task for every four events (a failed attempt and one that works), so that its state is large, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.core import events as e
from orchestration.core import snapshot
from orchestration.core.codec import encode
from orchestration.core.evolve import evolve
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.run import Person, Run
from orchestration.engines.live import LiveRun
from orchestration.ports import Batch, EventRow, SnapshotRow, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
STEP = 2_000


def history(events: int) -> Iterator[e.Event]:
    """That many events of one run; the last tasks are still to be done."""
    names = [f"t{number}" for number in range(events // 4)]
    plan = Plan(title="Long", tasks={name: Node(capability="add", with_={"n": 1}) for name in names}, answer=Answer(""))
    megan = Person("megan", "Megan Bowen")
    yield e.RunProposed(at=AT, run_id="long", plan=plan, goal="g", initiator=megan)
    yield e.RunStarted(at=AT, by=megan)
    for number in range(events - 2):
        name, attempt = names[number // 4], 1 + number % 4 // 2
        if number % 2 == 0:
            yield e.TaskStarted(
                at=AT, task=name, attempt=attempt, worker="w@x", version="1", inputs="1" * 40, deadline=LATER
            )
        elif attempt == 1:
            yield e.AttemptFailed(at=AT, task=name, attempt=1, code="unavailable", message="503", retry_at=LATER)
        else:
            yield e.TaskSucceeded(at=AT, task=name, entry="2" * 40, size_bytes=200, summary="got 1")


async def write(store: Store, events: int, *, snapshots: bool) -> Run:
    """Put the run into a store as the engine would; returns its state."""
    run: Run | None = None
    taken, rows = 0, []
    for event in history(events):
        run = evolve(run, event)
        rows.append(EventRow("long", run.seq, event.at, type(event).__name__, encode(event)))
        if len(rows) == STEP or run.seq == events:
            states = []
            if snapshots and snapshot.due(run.seq, taken):
                taken = run.seq
                states = [SnapshotRow("long", run.seq, snapshot.VERSION, snapshot.freeze(run))]
            await store.append(
                Batch(events=rows, snapshots=states, salts=[("long", b"salt")] if run.seq == len(rows) else [])
            )
            rows = []
    assert run is not None
    run.fresh.clear()
    return run


async def measure(store: Store, events: int, *, snapshots: bool) -> float:
    """Seconds until the run is in memory; the best of three."""
    await store.open()
    expected = await write(store, events, snapshots=snapshots)
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        live = await LiveRun.load(store, "long")
        best = min(best, time.perf_counter() - begun)
        assert live.run == expected
        del live
    await store.close()
    return best


def main() -> None:
    """Print a line of JSON for each store, with and without snapshots."""
    from tests.support import postgres

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    events = arguments.parse_args().events
    for snapshots in (True, False):
        with tempfile.TemporaryDirectory() as folder, postgres.fresh() as url:
            for store in (SqliteStore(Path(folder) / "log.db"), PostgresStore(url)):
                seconds = asyncio.run(measure(store, events, snapshots=snapshots))
                told = {"store": type(store).__name__, "events": events, "snapshots": snapshots}
                print(json.dumps(told | {"load_seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
