"""kill -9 of a benchmark's process after half of its steps, and a restart: what ran, what ran twice."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import DATA, Count, Database

STEPS = "BENCH_STEPS"  # names the file in which steps write down that they ran
LONGEST_SECONDS = 60.0


def mark(i: int) -> None:
    """Write down that a step's body has run; what is written so survives a kill."""
    file = os.open(os.environ[STEPS], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(file, f"{i} {time.time():.6f}\n".encode())
    os.close(file)


def _marked(path: Path) -> list[tuple[int, float]]:
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    return [(int(i), float(at)) for i, at in lines]


def drive(args: argparse.Namespace, database: Callable[..., Database]) -> Count:
    """Start a child, kill it, start the next one, and count.

    `reexecuted` are steps whose body ran in both lives; the one that was between body and record when the kill came
    is no fault. `recomputed` are those whose result was on disk: there must be none.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    log = (DATA / f"steps-{args.workload}-{os.getpid()}.log").resolve()
    environment: dict[str, Any] = {**os.environ, STEPS: str(log)}
    command = [sys.executable, "-m", "tests.benchmarks.bench_tandem", "--workload", args.workload]
    command += ["--n", str(args.n), "--backend", args.backend, "--dispatch", args.dispatch, "--phase"]
    try:
        _first_life([*command, "start"], environment, log, args.n // 2)
        before, killed_at = _marked(log), time.time()
        durable = {int(task[1:]) for task in database(args.workload, keep=True).done() if task != "join"}
        second = subprocess.run([*command, "resume"], env=environment, capture_output=True, check=True, timeout=120)
        ended_at = time.time()
        after = _marked(log)[len(before) :]
    finally:
        log.unlink(missing_ok=True)
    told = json.loads(second.stdout.decode().strip().splitlines()[-1])
    ran = {i for i, _ in before}
    return {
        "steps_before_kill": len(before),
        "steps_after": len(after),
        "reexecuted": sum(i in ran for i, _ in after),
        "recomputed": sum(i in durable for i, _ in after),
        "completed": told["completed"],
        "all_steps_ran": len(ran | {i for i, _ in after}),
        "auto_resume": "yes",
        "start_to_first_step_s": round(after[0][1] - killed_at, 3) if after else None,
        "resume_call_to_first_step_s": round(after[0][1] - told["t_resume"], 4) if after else None,
        "restart_to_complete_s": round(ended_at - killed_at, 3),
    }


def _first_life(command: list[str], environment: dict[str, Any], log: Path, steps: int) -> None:
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    begun = time.monotonic()
    while len(_marked(log)) < steps:
        if child.poll() is not None or time.monotonic() - begun > LONGEST_SECONDS:
            child.kill()
            raise RuntimeError(f"the process that was to be killed ended: {child.stderr.read().decode()[-2000:]}")
        time.sleep(0.001)
    child.kill()
    child.wait()
    child.stderr.close()
