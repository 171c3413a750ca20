"""From a playbook and its parameters to a plan: parameters filled in, needs made explicit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestration.core.expressions import ExpressionError, condition_references, references
from orchestration.core.plan import Node, Plan
from orchestration.planning.addressees import with_lookups
from orchestration.planning.playbook import Playbook


def fill(playbook: Playbook, values: dict[str, str]) -> Plan:
    """The plan of a playbook with these accepted values, defaults taken for the rest.

    Values become data that expressions read; they are never pasted into text that is evaluated, so nothing a person
    says can become an expression.
    """
    texts = {name: values.get(name, parameter.default) for name, parameter in playbook.params.items()}
    return with_needs(
        Plan(
            title=playbook.titled(texts),
            params={name: playbook.params[name].value(text) for name, text in texts.items() if text},
            tasks=playbook.tasks,
            answer=playbook.answer,
            playbook=f"{playbook.name}@{playbook.version}",
            deadline_hours=playbook.deadline_hours,
        )
    )


def with_needs(plan: Plan) -> Plan:
    """The plan with every task that a node reads, or names as optional, among its needs, also inside groups.

    People who are named by words are looked up by tasks of their own.
    """
    plan = with_lookups(plan)
    return msgspec.structs.replace(plan, tasks=_level(plan.tasks, frozenset()))


def _level(tasks: dict[str, Node], outside: frozenset[str]) -> dict[str, Node]:
    return {name: _with_needs(node, list(tasks), outside) for name, node in tasks.items()}


def _with_needs(node: Node, order: list[str], outside: frozenset[str]) -> Node:
    """The node with its needs among its neighbours; what is read from outside is a need of the group around."""
    read = tasks_read(node) - outside
    implied = [name for name in order if name in read] + sorted(read.difference(order))
    needs = list(dict.fromkeys([*node.needs, *implied, *node.optional]))
    inside = outside.union(order)
    if node.for_each is not None:
        each = msgspec.structs.replace(node.for_each, tasks=_level(node.for_each.tasks, inside))
        return msgspec.structs.replace(node, needs=needs, for_each=each)
    if node.repeat is not None:
        repeat = msgspec.structs.replace(node.repeat, tasks=_level(node.repeat.tasks, inside))
        return msgspec.structs.replace(node, needs=needs, repeat=repeat)
    return msgspec.structs.replace(node, needs=needs)


def tasks_read(node: Node) -> set[str]:
    """Names of the tasks that a node's expressions read; texts that cannot be read are left to `plan_problems`.

    Of a group, those outside of it.
    """
    texts = [*_texts(node.with_), *_texts(msgspec.to_builtins(node.approval))]
    if node.fallback is not None:
        texts += _texts(node.fallback.with_)
    if node.for_each is not None:
        texts.append(node.for_each.items)
    paths = {path for text in texts for path in _read(text)} | condition_references(node.when)
    names = {path.split(".")[1] for path in paths if path.startswith("tasks.") and "." in path}
    if node.approval is not None and node.approval.revises:
        names.add(node.approval.revises)
    inside = gather_reads(node).union(*(tasks_read(each) for each in node.body.values()))
    return names | inside.difference(node.body)


def items_read(node: Node) -> set[str]:
    """Names of the tasks that the list of a `for_each` is made from."""
    paths = _read(node.for_each.items) if node.for_each is not None else set()
    return {path.split(".")[1] for path in paths if path.startswith("tasks.") and "." in path}


def gather_reads(node: Node) -> set[str]:
    """Names of the tasks that a group's result and conditions read, inside and outside of it."""
    group = node.for_each or node.repeat
    if group is None:
        return set()
    paths = {path for text in _texts(group.gives) for path in _read(text)}
    if node.repeat is not None:
        paths |= condition_references(node.repeat.until)
    return {path.split(".")[1] for path in paths if path.startswith("tasks.")}


def capabilities_used(tasks: dict[str, Node]) -> list[str]:
    """The capabilities that tasks use, those inside groups and of fallbacks among them, each once."""
    found: dict[str, None] = {}
    for node in tasks.values():
        used = [node.capability, *([node.fallback.capability] if node.fallback else []), *capabilities_used(node.body)]
        found.update(dict.fromkeys(name for name in used if name))
    return list(found)


def _read(text: str) -> set[str]:
    try:
        return references(text)
    except ExpressionError:
        return set()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
