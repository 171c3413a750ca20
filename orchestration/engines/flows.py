"""How sensitive what a task gets is: the labels of the entries that its expressions read, also inside groups."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.context.flow import Flow, joined
from orchestration.core.label import highest
from orchestration.core.plan import Node
from orchestration.core.run import Run
from orchestration.engines.scopes import around, groups_around, seen_from
from orchestration.planning.compiler import gather_reads, items_read, tasks_read


def flow_of(run: Run, name: str) -> Flow:
    """What goes into a task's arguments, or is shown by its question."""
    node, told = run.nodes[name], run.tasks[name].feedback_label
    if "." not in name:
        flow = joined(run, node.needs)
    else:
        prefix = around(name)
        flow = joined(run, seen_from(run, prefix, sorted(tasks_read(node))), _around(run, prefix))
    if told is None:
        return flow
    # What approvers wanted done differently was said of what they were shown, and may tell of it.
    seen = [each.entry for each in run.approvals.values() if each.revises == name and each.replaced]
    return flow._replace(reads=[*flow.reads, *seen], label=highest((flow.label, told)))


def flow_of_group(run: Run, name: str, number: int) -> Flow:
    """What goes into the result of a group; of a loop, into that of a round."""
    node = run.nodes[name]
    if node.for_each is None:
        return _round(run, name, node, number)
    numbers = range(1, run.groups[name].count + 1)
    names = (full for n in numbers for full in seen_from(run, f"{name}.{n}.", _result_reads(node)))
    return joined(run, names, [_items(run, name, node)])


def _around(run: Run, prefix: str) -> Iterator[Flow]:
    """What expressions see as `for_each` and `repeat`."""
    for name, number in groups_around(prefix):
        node = run.nodes[name]
        if node.for_each is not None:
            yield _items(run, name, node)
        elif number > 1:
            yield _round(run, name, node, number - 1)._replace(reads=[run.groups[name].results[number - 2]])


def _items(run: Run, name: str, node: Node) -> Flow:
    """The list that a group goes through: as sensitive as what its expression reads."""
    prefix = around(name)
    read = seen_from(run, prefix, sorted(items_read(node)))
    return joined(run, read, _around(run, prefix))._replace(reads=[run.groups[name].items])


def _round(run: Run, name: str, node: Node, number: int) -> Flow:
    prefix = f"{name}.{number}."
    return joined(run, seen_from(run, prefix, _result_reads(node)), _around(run, prefix))


def _result_reads(node: Node) -> list[str]:
    """What is in a group and what its result reads outside of it."""
    return [*node.body, *sorted(gather_reads(node).difference(node.body))]
