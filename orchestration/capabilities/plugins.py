"""Finds the workers of other packages: entry points of the group `tandem.workers`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any, Protocol

import msgspec

from orchestration.capabilities.descriptor import Worker
from orchestration.capabilities.registry import Registry
from orchestration.errors import Invalid

log = logging.getLogger(__name__)

GROUP = "tandem.workers"


class EntryPoint(Protocol):
    """What is needed of `importlib.metadata.EntryPoint`."""

    @property
    def name(self) -> str:
        """Its name in the group."""

    @property
    def value(self) -> str:
        """`module:attribute`."""

    def load(self) -> Any:
        """Imports what it names."""


class Found(msgspec.Struct, frozen=True):
    """What the entry points gave.

    Attributes:
        workers: Name of the entry point => its workers.
        problems: Name of the entry point => why it was left out.
    """

    workers: dict[str, list[Worker]]
    problems: dict[str, str]


def discover(entry_points: Iterable[EntryPoint] | None = None) -> Found:
    """The workers of every installed package; one that is broken is named and the rest go on.

    Args:
        entry_points: Where to look; the installed packages' if not given. Each names a Worker, or a callable without
            arguments that returns a list of Workers.
    """
    found = Found({}, {})
    for point in entry_points if entry_points is not None else metadata.entry_points(group=GROUP):
        about = f"{point.name} = {point.value!r}"
        if point.name in found.workers or point.name in found.problems:
            found.problems[f"{point.name} ({point.value})"] = f"{about}: another package has this name too"
            continue
        try:
            found.workers[point.name] = _workers(point.load())
        except Exception as error:  # noqa: BLE001 - other people's code may raise anything
            found.problems[point.name] = f"{about}: {type(error).__name__}: {error}"
    return found


def register(registry: Registry, entry_points: Iterable[EntryPoint] | None = None) -> list[str]:
    """Adds the workers of every installed package to a registry; returns what was left out and why, and logs it.

    A worker whose name is taken, or that disagrees with another about a capability's effect, is left out too: what
    was there first stays as it is.
    """
    found = discover(entry_points)
    problems = list(found.problems.values())
    for name, workers in found.workers.items():
        problems += [problem for worker in workers if (problem := _tried(registry.add, name, worker))]
    for problem in problems:
        log.warning("a worker from another package was left out: %s", problem)
    return problems


def _tried(add: Callable[[Worker], None], name: str, worker: Worker) -> str:
    try:
        add(worker)
    except Invalid as error:
        return f"{name}: {error.message}"
    return ""


def _workers(loaded: Any) -> list[Worker]:
    if isinstance(loaded, Worker):
        return [loaded]
    if not callable(loaded):
        raise Invalid(f"names a {type(loaded).__name__}, not a Worker (see @worker) and no function that returns some")
    workers = loaded()
    wrong = next((each for each in workers if not isinstance(each, Worker)), None) if _is_list(workers) else workers
    if wrong is not None or not _is_list(workers):
        raise Invalid(f"returned a {type(wrong).__name__}, not a list of Workers")
    return list(workers)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
