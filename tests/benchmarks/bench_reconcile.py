"""How fast ledgers are compared, and in how much memory: `python -m tests.benchmarks.bench_reconcile`.

Three ledgers of the given size, written differently in each system, with one discrepancy in every hundred invoices,
credit memos and reversed pairs. Each size runs in a process of its own, so that its peak memory is its own. Two figures
matter: comparing the values in memory, and the same as a run does it, where every value passes as a context entry: JSON
to be stored, JSON decoded to plain data, plain data converted to what the worker takes.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import msgspec

from orchestration.core import expressions
from orchestration.core.question import Answered, Item
from orchestration.core.run import Person
from orchestration.workers.ledger import Entry, Ledger
from orchestration.workers.reconcile import ReconcileInput, compare
from orchestration.workers.reconciliation import Reconciliation
from orchestration.workers.workbook import RunFacts, WorkbookInput, make

SIZES = {10_000: 2.0, 100_000: 10.0}  # rows in each of three systems => seconds allowed
SYSTEMS = {"sap": "SAP", "dynamics": "Dynamics", "register": "Register"}
PERSON = Person("m", "Megan Bowen", "megan.bowen@contoso.example")
T = TypeVar("T")


def ledgers(rows: int, seed: int = 7) -> dict[str, Ledger]:
    """Three ledgers of about the same invoices, one of a hundred of which differs."""
    random = Random(seed)
    entries: dict[str, list[Entry]] = {system: [] for system in SYSTEMS}
    for number in range(rows):
        supplier, amount = 100_000 + number % 400, Decimal(random.randint(1_000, 2_000_000)) / 100
        sign = -1 if number % 50 == 7 else 1
        day = date(2026, 10, 1 + number % 28)
        deviating = random.choice(list(SYSTEMS)) if number % 100 == 0 else ""
        for system, name in SYSTEMS.items():
            said = amount + Decimal("0.01") if system == deviating else amount
            entry = Entry(
                supplier=f"{supplier:010}" if system == "sap" else str(supplier),
                invoice=f"INV-2026/{number:06}" if system == "sap" else f"inv 2026 {number:06}",
                amount=sign * said,
                currency="EUR",
                date=day,
                supplier_name="" if system == "sap" else "Adler & Voss Metallbau GmbH",
                row=f"{name} {5_105_600_000 + number}/2026",
            )
            entries[system].append(entry)
            if system == "sap" and number % 200 == 11:
                entries[system] += [msgspec.structs.replace(entry, amount=-entry.amount), entry]
    return {
        system: Ledger(source=SYSTEMS[system], period="2026-10", entries=found) for system, found in entries.items()
    }


class Steps:
    """Times named steps, in seconds of this process: what else runs on the machine does not count."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, work: Callable[[], T]) -> T:
        """What `work` gives; its time is added under `name`."""
        start = time.process_time()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0) + time.process_time() - start
        return result


def measure(rows: int) -> dict[str, Any]:
    """Compare once in memory, once as a run does, and make the workbook."""
    given = ledgers(rows)
    ready = _peak_mb()
    steps = Steps()
    result = steps.timed("compare", lambda: compare(ReconcileInput(ledgers=dict(given))))
    after_compare = _peak_mb()
    bodies = steps.timed("ledgers to JSON", lambda: {name: msgspec.json.encode(each) for name, each in given.items()})
    scope = steps.timed(
        "ledgers from JSON",
        lambda: {"tasks": {name: msgspec.json.decode(body) for name, body in bodies.items()}, "params": {}, "run": {}},
    )
    asked = {"ledgers": {name: f"${{tasks.{name}}}" for name in bodies}}
    arguments = steps.timed("arguments", lambda: msgspec.convert(expressions.resolve(asked, scope), ReconcileInput))
    again = steps.timed("compare as a task", lambda: compare(arguments))
    assert again == result
    body = steps.timed("result to JSON", lambda: msgspec.json.encode(again))
    plain = steps.timed("result from JSON", lambda: msgspec.json.decode(body))
    steps.timed("items of the card", lambda: msgspec.convert(plain["discrepancies"], list[Item]))
    matched = {"tasks": {"match": plain}, "params": {}, "run": {}}
    steps.timed("condition in CEL", lambda: expressions.condition("size(tasks.match.discrepancies) > 0", matched))
    workbook = steps.timed("workbook", lambda: make(_workbook(plain, arguments)))
    task = sum(
        steps.seconds[name]
        for name in ("ledgers to JSON", "ledgers from JSON", "arguments", "compare as a task", "result to JSON")
    )
    return {
        "rows": rows,
        "invoices": result.figures.invoices,
        "discrepancies": len(result.discrepancies),
        "reversed": result.figures.reversed,
        "seconds": {name: round(seconds, 3) for name, seconds in steps.seconds.items()},
        "task_seconds": round(task, 3),
        "ledgers_json_mb": round(sum(map(len, bodies.values())) / 1e6, 1),
        "result_json_mb": round(len(body) / 1e6, 2),
        "workbook_mb": round(workbook.size_bytes / 1e6, 2),
        "peak_mb": {"ledgers in memory": ready, "after comparing": after_compare, "in the end": _peak_mb()},
    }


def _workbook(plain: Any, arguments: ReconcileInput) -> WorkbookInput:
    result = msgspec.convert(plain, Reconciliation)
    decisions = Answered(
        choice="answer",
        by=PERSON,
        at=datetime(2026, 11, 22, tzinfo=UTC),
        choices={each.id: "sap" for each in result.discrepancies},
    )
    run = RunFacts(id="bench", goal="Reconcile", initiator=PERSON, date=date(2026, 11, 22))
    return WorkbookInput(
        title="Benchmark",
        name="Benchmark.xlsx",
        reconciliation=result,
        decisions=decisions,
        run=run,
        ledgers=arguments.ledgers,
    )


def _peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def report(found: dict[str, Any], allowed: float) -> list[str]:
    """The figures of one size for people."""
    seconds, peak = found["seconds"], found["peak_mb"]
    verdict = "within" if found["task_seconds"] <= allowed else "OVER"
    counts = f"{found['invoices']:,} invoices, {found['discrepancies']:,} discrepancies, {found['reversed']:,} reversed"
    steps = [(name, each) for name, each in seconds.items() if name not in ("compare", "workbook")]
    memory = f"{peak['ledgers in memory']} MB with the ledgers, {peak['after comparing']} MB after comparing"
    return [
        f"3 x {found['rows']:,} rows: {counts}",
        f"  comparing in memory          {seconds['compare']:7.2f} s",
        f"  the whole task through JSON  {found['task_seconds']:7.2f} s   {verdict} {allowed:g} s allowed",
        *(f"    {name:<26} {each:7.2f} s" for name, each in steps),
        f"  workbook                     {seconds['workbook']:7.2f} s   {found['workbook_mb']} MB",
        f"  context entries: ledgers {found['ledgers_json_mb']} MB, result {found['result_json_mb']} MB",
        f"  peak memory: {memory}, {peak['in the end']} MB with all JSON and the workbook",
    ]


def main() -> None:
    """Print the figures of every size; the exit code is 1 if one takes longer than it may."""
    parser = argparse.ArgumentParser(description="How fast ledgers are compared, and in how much memory.")
    parser.add_argument("--rows", type=int, help="one size only, as JSON; used for each size's own process")
    given = parser.parse_args()
    if given.rows:
        print(json.dumps(measure(given.rows)))
        return
    print(
        f"Python {platform.python_version()}, {platform.machine()}, msgspec {msgspec.__version__};"
        " one core, one run each, seconds of processor time"
    )
    late = False
    for rows, allowed in SIZES.items():
        command = [sys.executable, "-m", "tests.benchmarks.bench_reconcile", "--rows", str(rows)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print("\n".join(report(found, allowed)))
        late |= found["task_seconds"] > allowed
    raise SystemExit(1 if late else 0)


if __name__ == "__main__":
    main()
