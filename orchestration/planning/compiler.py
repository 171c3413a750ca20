"""From a playbook and its parameters to a plan: parameters filled in, needs made explicit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestration.core.expressions import ExpressionError, condition_references, references
from orchestration.core.plan import Node, Plan
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
        )
    )


def with_needs(plan: Plan) -> Plan:
    """The plan with every task that a node reads, or names as optional, among its needs."""
    return msgspec.structs.replace(
        plan, tasks={name: _with_needs(node, list(plan.tasks)) for name, node in plan.tasks.items()}
    )


def _with_needs(node: Node, order: list[str]) -> Node:
    read = tasks_read(node)
    implied = [name for name in order if name in read] + sorted(read.difference(order))
    needs = list(dict.fromkeys([*node.needs, *implied, *node.optional]))
    return msgspec.structs.replace(node, needs=needs)


def tasks_read(node: Node) -> set[str]:
    """Names of the tasks that a node's expressions read; texts that cannot be read are left to `plan_problems`."""
    texts = [*_texts(node.with_), *_texts(msgspec.to_builtins(node.approval))]
    paths = {path for text in texts for path in _read(text)} | condition_references(node.when)
    return {path.split(".")[1] for path in paths if path.startswith("tasks.")}


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
