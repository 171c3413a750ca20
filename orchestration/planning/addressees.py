"""People whom a plan names by a word instead of an expression: the lookups that find them become tasks of the plan.

`initiator`, `manager(initiator)`, `user(alex@contoso.com)` and `group(Finance approvers)` may stand wherever a question
names people. They are looked up under the initiator's identity when the run comes to it, so that whoever is manager, or
in the group, on that day is asked.
"""

from __future__ import annotations

import re

import msgspec

from orchestration.core.plan import Node, Plan, Question

_WORD = re.compile(r"(initiator|manager\(\s*initiator\s*\)|user\(([^()]*)\)|group\((.*)\))")
_ONE = ("approver", "escalate_to")
_SEVERAL = ("approvers", "delegates")


def with_lookups(plan: Plan) -> Plan:
    """The plan with an expression for every such word, and a task for every lookup that takes; itself without any."""
    lookups: dict[str, Node] = {}
    tasks = _level(plan.tasks, set(plan.tasks), lookups)
    return msgspec.structs.replace(plan, tasks={**lookups, **tasks}) if tasks != plan.tasks else plan


def _level(tasks: dict[str, Node], taken: set[str], lookups: dict[str, Node]) -> dict[str, Node]:
    return {name: _node(node, taken, lookups) for name, node in tasks.items()}


def _node(node: Node, taken: set[str], lookups: dict[str, Node]) -> Node:
    if node.approval is not None:
        return msgspec.structs.replace(node, approval=_question(node.approval, taken, lookups))
    for kind in ("for_each", "repeat"):
        if (group := getattr(node, kind)) is not None:
            inside = msgspec.structs.replace(group, tasks=_level(group.tasks, taken | set(group.tasks), lookups))
            return msgspec.structs.replace(node, **{kind: inside})
    return node


def _question(question: Question, taken: set[str], lookups: dict[str, Node]) -> Question:
    changed = {
        field: _expression(found, field in _SEVERAL, taken, lookups)
        for field in (*_ONE, *_SEVERAL)
        if (found := _WORD.fullmatch(getattr(question, field).strip()))
    }
    return msgspec.structs.replace(question, **changed) if changed else question


def _expression(word: re.Match[str], several: bool, taken: set[str], lookups: dict[str, Node]) -> str:
    text, user, group = word.groups()
    if text == "initiator":
        return "${[run.initiator]}" if several else "${run.initiator}"
    if group is not None:
        name = _lookup("members", Node(capability="people.members", with_={"group": group.strip()}), taken, lookups)
        return f"${{tasks.{name}.people}}"
    if user is not None:
        name = _lookup("person", Node(capability="people.find", with_={"who": user.strip()}), taken, lookups)
    else:
        name = _lookup("manager", Node(capability="people.manager", with_={}), taken, lookups)
    return f"${{[tasks.{name}]}}" if several else f"${{tasks.{name}}}"


def _lookup(name: str, node: Node, taken: set[str], lookups: dict[str, Node]) -> str:
    """The task that looks this up, the same for the same people."""
    for known, same in lookups.items():
        if same == node:
            return known
    free, number = f"{name}_asked", 1
    while free in taken or free in lookups:
        number += 1
        free = f"{name}_asked_{number}"
    lookups[free] = node
    return free
