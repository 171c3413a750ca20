"""Tandem, the floor and the peers on one machine in one go: `python -m tests.benchmarks.beside_peers --peers DIR`.

DIR holds, for each peer, `bench_PEER.py` and a virtual environment `venv-PEER`; who is not there is left out, and
said. One process at a time, each when the machine is idle or `--wait` is over, everything `--reps` times, one round
after the other and in each one workload after the other, so that what else goes on hits everybody. Out of it come a
table of medians with the limits that were set (between the marks in `docs/benchmarks.md`) and a plot. PostgreSQL is
asked for at `--postgres`; without a server there, what needs it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.benchmarks.matrix import MATRIX, Figures, Measurement, Row
from tests.benchmarks.plot import draw
from tests.benchmarks.report import machine, page, versions

IDLE_SHARE = 0.15
LONGEST_SECONDS = 900.0
SERVER = "postgresql://postgres@127.0.0.1:54329"
PAGE, PLOT = Path("docs/benchmarks.md"), Path("docs/images/benchmarks.png")


def main() -> None:
    """Measure, then write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="folder with bench_PEER.py and venv-PEER")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--only", default="", help="peers, with commas between them; tandem and floor included")
    parser.add_argument("--workloads", default="", help="such as w1,w2")
    parser.add_argument("--largest", type=int, default=1_000_000, help="leave out what is larger than this N")
    parser.add_argument("--postgres", default=os.environ.get("PEERS_PG", SERVER))
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait at most for an idle machine")
    parser.add_argument("--results", type=Path, default=Path(".cache/benchmarks/beside_peers.jsonl"))
    parser.add_argument(
        "--again", action="store_true", help="only write table and plot from the results that are there"
    )
    args = parser.parse_args()
    args.results.parent.mkdir(parents=True, exist_ok=True)
    if not args.again:
        args.results.write_text("", encoding="utf-8")
        _measure(args)
    rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    told = page(Figures(rows), rows, [machine(args.postgres, args.peers), versions(args.peers, rows)])
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition("<!-- figures -->\n")
    _, end, after = rest.partition("<!-- end of figures -->")
    PAGE.write_text(f"{before}{mark}{told}{end}{after}", encoding="utf-8")
    draw(Figures(rows), PLOT)
    print(told)


def _measure(args: argparse.Namespace) -> None:
    environment = {**os.environ, "PEERS_PG": args.postgres}
    only, workloads = set(filter(None, args.only.split(","))), set(filter(None, args.workloads.split(",")))
    wanted = [m for m in MATRIX if (not only or m.peer in only) and (not workloads or m.workload in workloads)]
    wanted = [m for m in wanted if m.n <= args.largest]
    wanted.sort(key=lambda m: (m.workload, m.n))  # what is compared runs within seconds of each other
    missing = {m.peer for m in wanted if m.peer != "tandem" and not _python(args.peers, m.peer).exists()}
    if missing:
        print(f"left out, because there is no {args.peers}/venv-PEER: {', '.join(sorted(missing))}", flush=True)
    server = _answers(args.postgres)
    if not server:
        print("left out, because no server answers at --postgres: everything over PostgreSQL", flush=True)
    for repetition in range(args.reps):
        for each in wanted:
            if each.peer in missing or (each.postgres and not server) or (each.once and repetition):
                continue
            busy, begun = _idle(args.wait), time.monotonic()
            row, trouble = _run(each, args.peers, environment)
            name = f"{each.peer} {each.workload} n={each.n} {' '.join(each.extra)}"
            if row is not None:
                with args.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**row, "busy_before": busy, "repetition": repetition}) + "\n")
            print(f"{repetition} {name} {time.monotonic() - begun:.1f} s, busy {busy:.2f} {trouble}", flush=True)


def _python(peers: Path, peer: str) -> Path:
    return peers / f"venv-{peer}" / "bin" / "python"


def _run(each: Measurement, peers: Path, environment: dict[str, str]) -> tuple[Row | None, str]:
    if each.peer == "tandem":
        command = [sys.executable, "-m", "tests.benchmarks.bench_tandem"]
    else:
        command = [str(_python(peers, each.peer)), str(peers / f"bench_{each.peer}.py")]
    command += ["--workload", each.workload, "--n", str(each.n), "--json", *each.extra]
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"gave up after {LONGEST_SECONDS:.0f} s"
    lines = [line for line in ended.stdout.decode().splitlines() if line.startswith("{")]
    trouble = ended.stderr.decode().strip().splitlines()
    return (json.loads(lines[-1]), "") if lines else (None, trouble[-1] if trouble else "it printed nothing")


def _idle(longest: float) -> float:
    """Wait until nobody else uses the machine; how busy it was at last."""
    begun = time.monotonic()
    while (busy := psutil.cpu_percent(0.3) / 100) > IDLE_SHARE and time.monotonic() - begun < longest:
        time.sleep(0.5)
    return round(busy, 3)


def _answers(server: str) -> bool:
    try:
        import psycopg

        with psycopg.connect(f"{server}/postgres", connect_timeout=3):
            return True
    except Exception as error:  # noqa: BLE001 - whatever the matter is, it is said
        print(f"PostgreSQL: {error}", flush=True)
        return False


if __name__ == "__main__":
    main()
