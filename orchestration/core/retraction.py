"""What taking back a result would lead to, said before it is done."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.control import goes, retract
from orchestration.core.plan import Node
from orchestration.core.run import Run


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
    gone = {name for name in run.tasks if goes(run, name, event)}
    written = {name for name in gone if run.tasks[name].written}
    return Retraction(
        source=[command.task] if command.task else [n for n, task in run.tasks.items() if task.entry == command.entry],
        again=[name for name in event.tasks if name not in gone],
        asked=[name for name in event.tasks if name not in gone and _asks(run.nodes[name])],
        writes=[name for name in event.writes if name not in gone],
        left_behind=[name for name in run.tasks if name in written],
    )


def _asks(node: Node) -> bool:
    return node.approval is not None or any(_asks(each) for each in node.body.values())
