"""What is measured beside each other, and the limits that were set."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import msgspec

Row = dict[str, Any]
SQLITE_FLOOR, POSTGRES_FLOOR = "sqlite-full", "psycopg"


class Measurement(msgspec.Struct, frozen=True):
    """One process: who does what, how often.

    Attributes:
        extra: Further words of the command line.
        postgres: It needs the server.
        once: It is large; one repetition has to do.
    """

    peer: str
    workload: str
    n: int
    extra: tuple[str, ...] = ()
    postgres: bool = False
    once: bool = False


_ALL = (("w1", 100), ("w1", 1000), ("w2", 200), ("w3lat", 200), ("w3bulk", 1000), ("w4", 20), ("w5", 50), ("w5fan", 50))
_BACKEND = "--backend"


def _each(peer: str, workloads: Iterable[tuple[str, int]], *extra: str, once: bool = False) -> list[Measurement]:
    postgres = bool({"postgres", "psycopg"} & set(extra))
    return [Measurement(peer, workload, n, extra, postgres, once) for workload, n in workloads]


_SOME = {  # what takes others minutes is measured smaller: the figures are per task or per run
    "dbos": (("w1", 100), ("w1", 1000), ("w2", 200), ("w3lat", 30), ("w3bulk", 300), ("w4", 20)),
    "temporal": (("w1", 100), ("w1", 1000), ("w2", 200), ("w3lat", 50), ("w3bulk", 200), ("w4", 20)),
    "durabletask": (("w1", 100), ("w1", 1000), ("w2", 200), ("w3lat", 50), ("w3bulk", 200), ("w4", 20)),
    "sk": (("w1", 100), ("w2", 200), ("w3lat", 200), ("w4", 20)),
}

MATRIX: list[Measurement] = [
    *_each("floor", _ALL[:6], _BACKEND, SQLITE_FLOOR, "--mode", "group"),
    *_each("floor", (("w1", 1000), ("w2", 200)), _BACKEND, SQLITE_FLOOR, "--mode", "each"),
    *_each("floor", _ALL[:6], _BACKEND, POSTGRES_FLOOR, "--mode", "group"),
    *_each("floor", (("w2", 200),), _BACKEND, POSTGRES_FLOOR, "--mode", "each"),
    *[
        one
        for backend in ("sqlite", "postgres")
        for one in (
            *_each("tandem", _ALL, _BACKEND, backend, "--dispatch", "kernel"),
            *_each("tandem", (("w1", 10_000),), _BACKEND, backend, "--dispatch", "kernel"),
            *_each("tandem", (("w1", 1000), ("w1", 10_000), ("w2", 200)), _BACKEND, backend, "--dispatch", "direct"),
        )
    ],
    *_each("tandem", (("w3bulk", 100_000),), _BACKEND, "sqlite", "--dispatch", "kernel", once=True),
    *_each("langgraph", _ALL, _BACKEND, "sqlite"),
    *_each("langgraph", _ALL[:6], _BACKEND, "postgres"),
    *_each("dbos", _SOME["dbos"], _BACKEND, "sqlite"),
    *_each("dbos", _SOME["dbos"], _BACKEND, "postgres"),
    *_each("temporal", _SOME["temporal"], _BACKEND, "sqlite", once=True),
    *_each("maf", _ALL[:6]),
    *_each("durabletask", _SOME["durabletask"], once=True),
    *_each("sk", _SOME["sk"], once=True),
]
# Kept for good when a call returns; the others hold their state in memory, or in files that nobody syncs.
DURABLE = frozenset({"tandem", "langgraph", "dbos", "temporal"})


class Figures:
    """Medians over the repetitions of every measurement."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._found: dict[tuple[str, str, str, str, int], list[Row]] = {}
        for row in rows:
            key = row["peer"], row["backend"], row["mode"], row["workload"], row["n"]
            self._found.setdefault(key, []).append(row)

    def get(self, peer: str, backend: str, mode: str, workload: str, n: int, field: str) -> float | None:
        """The median of a field; None if it was not measured. An empty mode takes the peer's own."""
        for (p, b, m, w, size), rows in self._found.items():
            if (p, b, w, size) == (peer, backend, workload, n) and mode in ("", m):
                return float(median(row[field] for row in rows if row.get(field) is not None))
        return None

    def fastest_peer(self, backends: Iterable[str], workload: str, n: int, field: str) -> tuple[str, float] | None:
        """The durable peer with the lowest figure, and the figure."""
        found = [
            (peer, figure)
            for peer in sorted(DURABLE - {"tandem"})
            for backend in backends
            if (figure := self.get(peer, backend, "", workload, n, field)) is not None
        ]
        return min(found, key=lambda each: each[1]) if found else None

    def measured(self) -> list[tuple[str, str, str]]:
        """(peer, backend, mode) of everything measured, in order of appearance."""
        return list(dict.fromkeys(key[:3] for key in self._found))

    def repetitions(self) -> int:
        """How often what was measured most often was."""
        return max((len(rows) for rows in self._found.values()), default=0)


class Limit(msgspec.Struct, frozen=True):
    """One line of the issue.

    Attributes:
        what: For people.
        found: The figure; None where something that it needs was not measured.
        at_most: What it may be at most; None if it has to be `at_least` something.
        unit: Behind the figure.
    """

    what: str
    found: Callable[[Figures], float | None]
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    def reached(self, figure: float) -> bool:
        """Whether a figure is within the limit."""
        return figure <= self.at_most if self.at_most is not None else figure >= (self.at_least or 0)


def _over(upper: float | None, lower: float | None) -> float | None:
    return upper / lower if upper is not None and lower else None


def _floor(dispatch: str, backend: str, floor: str, workload: str, n: int, field: str, mode: str = "group") -> Any:
    def found(figures: Figures) -> float | None:
        ours = figures.get("tandem", backend, dispatch, workload, n, field)
        return _over(ours, figures.get("floor", floor, mode, workload, n, field))

    return found


def _peer(workload: str, n: int, field: str) -> Any:
    def found(figures: Figures) -> float | None:
        fastest = figures.fastest_peer(["sqlite"], workload, n, field)
        return _over(fastest[1] if fastest else None, figures.get("tandem", "sqlite", "kernel", workload, n, field))

    return found


def _marginal(dispatch: str, backend: str) -> Any:
    def found(figures: Figures) -> float | None:
        small, large = (figures.get("tandem", backend, dispatch, "w1", n, "wall_s") for n in (1000, 10_000))
        return None if small is None or large is None else ((large - small) / 9000) / (small / 1000)

    return found


def _ours(workload: str, n: int, field: str, backend: str = "sqlite", scale: float = 1.0) -> Any:
    def found(figures: Figures) -> float | None:
        figure = figures.get("tandem", backend, "kernel", workload, n, field)
        return None if figure is None else figure * scale

    return found


_US, _P50 = "us_per_task", "resume_p50_ms"
LIMITS: list[Limit] = [
    Limit(
        "w1, N=1,000, SQLite, direct: time per task over the floor's",
        _floor("direct", "sqlite", SQLITE_FLOOR, "w1", 1000, _US),
        3,
        unit="x",
    ),
    Limit(
        "w1, N=1,000, SQLite, kernel: time per task over the floor's",
        _floor("kernel", "sqlite", SQLITE_FLOOR, "w1", 1000, _US),
        5,
        unit="x",
    ),
    Limit(
        "w1, N=1,000, PostgreSQL, direct: time per task over the floor's",
        _floor("direct", "postgres", POSTGRES_FLOOR, "w1", 1000, _US),
        3,
        unit="x",
    ),
    Limit(
        "w1, N=1,000, PostgreSQL, kernel: time per task over the floor's",
        _floor("kernel", "postgres", POSTGRES_FLOOR, "w1", 1000, _US),
        5,
        unit="x",
    ),
    Limit("w1, N=1,000, SQLite: faster than the fastest durable peer", _peer("w1", 1000, _US), at_least=10, unit="x"),
    Limit(
        "w1, SQLite, kernel: a further task from N=1,000 to 10,000 over one of the first",
        _marginal("kernel", "sqlite"),
        1.2,
        unit="x",
    ),
    Limit(
        "w1, PostgreSQL, kernel: a further task from N=1,000 to 10,000 over one of the first",
        _marginal("kernel", "postgres"),
        1.2,
        unit="x",
    ),
    Limit(
        "w2, SQLite: time per step over the floor's that commits twice",
        _floor("kernel", "sqlite", SQLITE_FLOOR, "w2", 200, _US, "each"),
        1,
        unit="x",
    ),
    Limit(
        "w2, PostgreSQL: time per step over the floor's that commits twice",
        _floor("kernel", "postgres", POSTGRES_FLOOR, "w2", 200, _US, "each"),
        1,
        unit="x",
    ),
    Limit("w2, SQLite: faster than the fastest durable peer", _peer("w2", 200, _US), at_least=4, unit="x"),
    Limit(
        "w3, SQLite: approval to completion, p50, over the floor's",
        _floor("kernel", "sqlite", SQLITE_FLOOR, "w3lat", 200, _P50),
        1.5,
        unit="x",
    ),
    Limit(
        "w3, PostgreSQL: approval to completion, p50, over the floor's",
        _floor("kernel", "postgres", POSTGRES_FLOOR, "w3lat", 200, _P50),
        1.5,
        unit="x",
    ),
    Limit(
        "w3, SQLite: 1,000 runs started and suspended", _ours("w3bulk", 1000, "suspend_per_s"), at_least=5000, unit="/s"
    ),
    Limit(
        "w3, SQLite: memory of a suspended run, n=100,000", _ours("w3bulk", 100_000, "rss_kb_per_graph"), 1, unit=" KB"
    ),
    Limit(
        "w3, SQLite: database of a suspended run after a checkpoint, n=100,000",
        _ours("w3bulk", 100_000, "db_bytes_per_suspended"),
        2048,
        unit=" B",
    ),
    Limit(
        "w3: processor share of 100,000 suspended runs",
        _ours("w3bulk", 100_000, "suspended_cpu_share", scale=100),
        0.5,
        unit=" %",
    ),
    Limit(
        "w4, SQLite: makespan over the critical path", _ours("w4", 20, "makespan_over_critical_path"), 1.08, unit="x"
    ),
    Limit(
        "w4, PostgreSQL: makespan over the critical path",
        _ours("w4", 20, "makespan_over_critical_path", "postgres"),
        1.08,
        unit="x",
    ),
    Limit("w5, SQLite: results on disk that were computed again", _ours("w5", 50, "recomputed"), 0),
    Limit("w5fan, SQLite: results on disk that were computed again", _ours("w5fan", 50, "recomputed"), 0),
    Limit("w5, PostgreSQL: results on disk that were computed again", _ours("w5", 50, "recomputed", "postgres"), 0),
]
