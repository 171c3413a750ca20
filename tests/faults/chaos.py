"""Kills the process again and again, whatever it is doing: `python -m tests.faults.chaos --kills 500 --seed 1`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import IO

import msgspec

from orchestration.core import events as e
from tests.faults.log import Log, whole
from tests.faults.medium import STORES, Database, File, medium
from tests.faults.target import Target, target
from tests.faults.world import World

LIFE_SECONDS = 0.4
EARLY = 0.2  # of the kills come while the engine begins
BEGIN_SECONDS = 20.0


class Toll(msgspec.Struct):
    """What a chaos came to.

    Attributes:
        interrupted: Attempts at reads that died, and began again.
        doubts: Writes whose outcome had to be looked up.
        asked: Doubts that a person had to settle.
    """

    kills: int = 0
    runs: int = 0
    events: int = 0
    writes: int = 0
    interrupted: int = 0
    doubts: int = 0
    asked: int = 0


class Nursery:
    """Begins lives in processes of their own, one at a time."""

    def __init__(self, log: str, url: str, said: IO[str]) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.faults.chaos_life", log, url]
        self._said = said
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads cannot be copied
        )

    def kill(self, after_seconds: float, begun: Callable[[], object] | None) -> None:
        """Let a process live for so long, from its beginning or from when it has `begun`, and kill it."""
        pid = self._begin("live")
        if begun is not None:
            begun()
        time.sleep(after_seconds)
        os.kill(pid, signal.SIGKILL)
        code = self._answer()
        assert code == -signal.SIGKILL, f"it died before it was killed ({code})\n{self.said()}"

    def finish(self) -> None:
        """Let a process live until every run has ended."""
        self._begin("finish")
        code = self._answer()
        assert code == 0, f"it did not come to the end ({code})\n{self.said()}"

    def said(self) -> str:
        """What the processes said about themselves."""
        self._said.seek(0)
        return self._said.read()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _begin(self, how: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the nursery is gone\n{self.said()}"
        return int(line)


@contextmanager
def nursery(log: str, url: str) -> Iterator[Nursery]:
    """A nursery that is closed at the end."""
    with tempfile.TemporaryFile("w+") as said:
        made = Nursery(log, url, said)
        try:
            yield made
        finally:
            made.close()


def chaos(kept: File | Database, *, kills: int, seed: int, report_every: int = 0) -> Toll:
    """Kill a process `kills` times, each after a time drawn by lot; let the last one finish, and check everything.

    Args:
        kept: An empty log.
        kills: How often.
        seed: Of the moments.
        report_every: Say how far it is, so often.

    Raises:
        AssertionError: Something was lost or done twice.
    """
    random = Random(seed)
    with target(seed) as outside, nursery(kept.where, outside.url) as lives:
        for number in range(1, kills + 1):
            outside.at_work.clear()
            begun = None if random.random() < EARLY else partial(outside.at_work.wait, BEGIN_SECONDS)
            lives.kill(random.uniform(0, LIFE_SECONDS), begun)
            if report_every and number % report_every == 0:
                print(f"{number} kills, {len(outside.runs)} runs, {len(outside.accepted)} writes", flush=True)
        lives.finish()
        return _checked(kept.logs(), outside, kills)


def _checked(logs: list[Log], outside: Target, kills: int) -> Toll:
    toll, world = Toll(kills=kills, runs=len(logs)), World(accepted=outside.accepted)
    by_id = {log.run.run_id: log for log in logs}
    assert set(by_id) == set(outside.runs.values()), "a run is missing, or nobody started it"
    assert len(outside.runs) == len(by_id), "two runs became one"
    for number, run_id in outside.runs.items():
        log = by_id[run_id]
        whole(log, world)
        run = log.run
        said = run.status, log.entries[run.answer]["text"] if run.answer else run.message
        assert said == ("succeeded", "2"), f"run {number}: {said}"
        kinds = Counter(type(event) for event in log.events)
        for name, times in Counter(each.task for each in log.events if isinstance(each, e.TaskSucceeded)).items():
            assert times == 1, f"run {number}: {name} was finished {times} times"
        toll.events += len(log.rows)
        toll.interrupted += kinds[e.AttemptInterrupted]
        toll.doubts += kinds[e.TaskInDoubt]
        toll.asked += sum(approval.kind == "in_doubt" for approval in run.approvals.values())
    for run_id, approval, choice in outside.decided:
        assert by_id[run_id].run.approvals[approval].choice == choice, "an answer was taken and forgotten"
    journaled = {each.key for log in logs for each in log.events if isinstance(each, e.TaskStarted) and each.key}
    assert set(outside.accepted) == journaled, "a write is missing, or was not journaled"
    toll.writes = len(outside.accepted)
    return toll


def main() -> None:
    """Chaos from the command line."""
    parser = argparse.ArgumentParser(description="Kills the process again and again; nothing may be lost or doubled.")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=Random().randrange(1_000_000))
    parser.add_argument("--store", choices=STORES, default=STORES[0])
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, medium(given.store, Path(folder)) as kept:
        toll = chaos(kept, kills=given.kills, seed=given.seed, report_every=50)
    print(f"{toll} in {time.monotonic() - began:.0f} s: nothing lost, nothing doubled")


if __name__ == "__main__":
    main()
