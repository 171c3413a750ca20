"""What the expressions of a task see, and which context entries that takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestration.core.expressions import Scope
from orchestration.core.run import Run, group_of, number_of
from orchestration.engines.live import LiveRun


def around(name: str) -> str:
    """The prefix of the names of a task's neighbours: `review.3.` for `review.3.summarize`, empty at the top level."""
    return name[: name.rfind(".") + 1]


def scope(live: LiveRun, prefix: str = "") -> Scope:
    """What expressions see at the top level of a plan, or inside the item or round that a prefix names."""
    run = live.run
    seen: dict[str, Mapping[str, Any]] = {
        "params": run.plan.params,
        "tasks": _Outputs(live, prefix),
        "run": live.about,
    }
    for name, number in groups_around(prefix):
        group = run.groups[name]
        if run.nodes[name].repeat is None:
            seen.setdefault("for_each", {"item": live.value(group.items)[number - 1], "index": number - 1})
        else:
            last = live.value(group.results[number - 2]) if number > 1 else None
            seen.setdefault("repeat", {"round": number, "last": last})
    return seen


def entries(live: LiveRun, prefix: str, names: Iterable[str]) -> list[str]:
    """The context entries behind these tasks as seen from a prefix, with the items and last results around it."""
    run = live.run
    found = [run.tasks[full].entry for full in seen_from(run, prefix, names)]
    for name, number in groups_around(prefix):
        group = run.groups[name]
        found.append(group.items)
        if number > 1 and run.nodes[name].repeat is not None:
            found.append(group.results[number - 2])
    return found


def seen_from(run: Run, prefix: str, names: Iterable[str]) -> Iterator[str]:
    """The tasks that these names mean as seen from a prefix, by their full names."""
    return (full for name in names if (full := _find(run, prefix, name)) is not None)


def groups_around(prefix: str) -> Iterator[tuple[str, int]]:
    """The groups around, the innermost first, each with the item or round that this is in."""
    while prefix:
        inside = f"{prefix}x"
        yield group_of(inside), number_of(inside)
        prefix = around(group_of(inside))


def _find(run: Run, prefix: str, name: str) -> str | None:
    while (full := prefix + name) not in run.tasks:
        if not prefix:
            return None
        prefix = around(group_of(f"{prefix}x"))
    return full


class _Outputs(Mapping[str, Any]):
    """Task name => output; None for what was skipped. Decodes what is asked for, not what is there."""

    def __init__(self, live: LiveRun, prefix: str) -> None:
        self._live, self._prefix = live, prefix

    def __getitem__(self, name: str) -> Any:
        full = _find(self._live.run, self._prefix, name)
        if full is None:
            raise KeyError(name)
        task = self._live.run.tasks[full]
        if task.status == "succeeded":
            return self._live.value(task.entry)
        if task.status in ("skipped", "failed"):  # failed and gone on: its group keeps the other items
            return None
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._live.run.plan.tasks)

    def __len__(self) -> int:
        return len(self._live.run.plan.tasks)
