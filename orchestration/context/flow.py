"""How labels and taint flow: what is made of something is as sensitive as it, and as little to be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestration.core.label import UNLABELLED, Label, highest
from orchestration.core.question import ANSWER
from orchestration.core.run import Run


class Flow(NamedTuple):
    """What goes into a task.

    Attributes:
        reads: Context entries, each once.
        label: The highest among them; what nobody labelled is internal, also where nothing is read at all.
        tainted: Somebody outside the company may have written part of one.
    """

    reads: list[str]
    label: Label = UNLABELLED
    tainted: bool = False


class Carried(NamedTuple):
    """What a task's result brings along to whoever reads it."""

    label: Label
    tainted: bool


def carried(run: Run, name: str) -> Carried:
    """Label and taint of a task's result. Histories from before labels have none: that is internal.

    An answer is as sensitive as what it answers. It is a person's own word and so never tainted, unless it was given
    item by item: then it holds ids that came with the items.
    """
    task = run.tasks[name]
    if run.nodes[name].approval is None:
        return Carried(task.label or UNLABELLED, task.tainted)
    asked = run.approvals.get(task.approval)
    if asked is None:
        return Carried(UNLABELLED, tainted=False)
    return Carried(asked.label or UNLABELLED, asked.tainted and asked.choices == [ANSWER])


def joined(run: Run, names: Iterable[str], around: Iterable[Flow] = ()) -> Flow:
    """What the results of these tasks amount to, together with what comes from the groups around."""
    reads: dict[str, None] = {}
    label: Label | None = None
    tainted = False
    tasks, nodes = run.tasks, run.nodes
    for name in names:
        task = tasks[name]
        if not task.entry:
            continue
        reads[task.entry] = None
        own, taint = (task.label or UNLABELLED, task.tainted) if nodes[name].approval is None else carried(run, name)
        if own != label:
            label = own if label is None else highest((label, own))
        if taint:
            tainted = True
    for each in around:
        reads |= dict.fromkeys(each.reads)
        if each.reads:
            label = each.label if label is None else highest((label, each.label))
            tainted = tainted or each.tainted
    return Flow(list(reads), label or UNLABELLED, tainted)
