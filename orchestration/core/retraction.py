"""What taking back a result would lead to, said before it is done."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.control import retract
from orchestration.core.plan import Node
from orchestration.core.run import Run, group_of, number_of


class Retraction(msgspec.Struct, frozen=True, kw_only=True):
    """Task names, in the order of the run.

    Attributes:
        source: Tasks that made the result.
        again: Done again, the sources among them.
        asked: Those of them that are questions, or hold some: they are asked anew.
        writes: Already written: a person is asked about each, if it would come out differently.
        left_behind: Already written inside a loop that begins anew: they stay, and a person looks after them.
    """

    source: list[str]
    again: list[str]
    asked: list[str]
    writes: list[str]
    left_behind: list[str]


def foresee(run: Run, command: c.RetractEntry, now: datetime) -> Retraction:
    """What the command would do to a run, which stays as it is.

    Raises:
        Refused: As for the command.
        Invalid: No task of the run has this result.
    """
    [event] = retract(run, command, now)
    assert isinstance(event, e.EntryRetracted)
    gone = {name for name in run.tasks if _begins_anew(run, name, event)}
    written = {name for name in gone if run.tasks[name].key and run.tasks[name].entry}
    return Retraction(
        source=[command.task] if command.task else [n for n, task in run.tasks.items() if task.entry == command.entry],
        again=[name for name in event.tasks if name not in gone],
        asked=[name for name in event.tasks if name not in gone and _asks(run.nodes[name])],
        writes=[name for name in event.writes if name not in gone],
        left_behind=[name for name in run.tasks if name in written],
    )


def _asks(node: Node) -> bool:
    return node.approval is not None or any(_asks(each) for each in node.body.values())


def _begins_anew(run: Run, name: str, event: e.EntryRetracted) -> bool:
    """Whether a task goes with its loop, or with a round after one that is done again."""
    inside = name
    while parent := group_of(inside):
        if parent in event.tasks:
            return True
        if parent in event.groups and run.nodes[parent].repeat is not None:
            touched = [number_of(each) for each in (*event.tasks, *event.writes) if group_of(each) == parent]
            if touched and number_of(inside) > min(touched):
                return True
        inside = parent
    return False
