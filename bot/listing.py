"""Which runs a person sees when they ask for theirs."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.core.run import ENDED
from orchestration.core.view import RunView
from orchestration.planning.draft import is_planning

# Planning takes a run or two for each goal; so many are read to find as many others as are listed.
MOST_READ = 40
MOST_LISTED = 10


def listed(runs: Iterable[RunView], most: int) -> list[RunView]:
    """Their runs; one that only worked out a plan is of no interest once it has."""
    return [run for run in runs if not is_planning(run.playbook) or run.status not in ENDED][:most]


def working(runs: Iterable[RunView]) -> list[RunView]:
    """Their runs without those that work out a plan."""
    return [run for run in runs if not is_planning(run.playbook)]


def planning(runs: Iterable[RunView]) -> list[RunView]:
    """Those that work out a plan just now."""
    return [run for run in runs if is_planning(run.playbook) and run.status in ("proposed", "running")]
