"""People whom a plan names by a word instead of an expression: the lookups that find them become tasks of the plan.

`initiator`, `manager(initiator)`, `user(alex@contoso.com)` and `group(Finance approvers)` may stand wherever a question
names people. They are looked up under the initiator's identity when the run comes to it, so that whoever is manager, or
in the group, on that day is asked. A run needs its approvers, but not the colleagues to hand it to.
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
        question, optional = _question(node.approval, taken, lookups)
        return msgspec.structs.replace(node, approval=question, optional=[*node.optional, *optional])
    for kind in ("for_each", "repeat"):
        if (group := getattr(node, kind)) is not None:
            inside = msgspec.structs.replace(group, tasks=_level(group.tasks, taken | set(group.tasks), lookups))
            return msgspec.structs.replace(node, **{kind: inside})
    return node


def _question(question: Question, taken: set[str], lookups: dict[str, Node]) -> tuple[Question, list[str]]:
    """The question with expressions, and the lookups that it can do without."""
    changed: dict[str, str] = {}
    optional: list[str] = []
    for field in (*_ONE, *_SEVERAL):
        if (found := _WORD.fullmatch(getattr(question, field).strip())) is None:
            continue
        name, path = _person(found, taken, lookups, needed=field != "delegates")
        several = path if path.endswith(".people") else f"[{path}]"
        changed[field] = f"${{{several if field in _SEVERAL else path}}}"
        if name and field == "delegates":
            optional.append(name)
            changed[field] = f"${{tasks.{name} == null ? [] : {several}}}"
    return msgspec.structs.replace(question, **changed), optional


def _person(word: re.Match[str], taken: set[str], lookups: dict[str, Node], *, needed: bool) -> tuple[str, str]:
    """The lookup of a word, empty if it takes none, and the path to whom it finds."""
    text, user, group = word.groups()
    if text == "initiator":
        return "", "run.initiator"
    if group is not None:
        kind, node = "members", Node(capability="people.members", with_={"group": group.strip()})
    elif user is not None:
        kind, node = "person", Node(capability="people.find", with_={"who": user.strip()})
    else:
        kind, node = "manager", Node(capability="people.manager")
    if not needed:
        node = msgspec.structs.replace(node, on_failure="skip")
    name = _lookup(kind, node, taken, lookups)
    return name, f"tasks.{name}.people" if kind == "members" else f"tasks.{name}"


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
