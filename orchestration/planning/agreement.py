"""Keeps what somebody else has to agree to from being changed into what the initiator alone decides.

A plan that asks a colleague before it writes was vetted, or shown, with that question. Whoever changes the plan may
leave out the writes that wait for the answer, not the waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestration.core.plan import Node, Plan
from orchestration.planning.naming import all_nodes

_INITIATOR = frozenset({"initiator", "${run.initiator}"})


def agreement_problems(before: Plan, after: Plan, writes: Callable[[Node], bool]) -> Iterator[str]:
    """Writes of a changed plan that do not wait any more for somebody who was to agree to them.

    Args:
        before: The plan that is changed, with explicit needs.
        after: What it shall be.
        writes: Whether a task writes.
    """
    for name, node in before.tasks.items():
        if node.approval is None or node.approval.approver.strip() in _INITIATOR:
            continue
        waiting = {other: each for other, each in before.tasks.items() if name in _awaited(other, before)}
        guarded = {each.capability for each in all_nodes(waiting) if writes(each)}
        conditions = {_condition(each) for each in waiting.values()}
        asked = _still_asked(before, after, name)
        for other, each in after.tasks.items():
            if not any(writes(one) and one.capability in guarded for one in all_nodes({other: each})):
                continue
            if not asked or name not in _awaited(other, after) or _condition(each) not in conditions:
                yield (
                    f"tasks.{other}: what writes after the question {name} waits for its answer as it did, and that "
                    f"question asks whom it asked; leave both as they are with keep, or leave out both"
                )


def _still_asked(before: Plan, after: Plan, name: str) -> bool:
    """Whether a question is there as it was; in a plan that no playbook vouches for it may ask another colleague."""
    old, new = before.tasks[name], after.tasks.get(name)
    if new is None or new.approval is None:
        return False
    if new == old:
        return True
    other = new.approval.approver.strip() not in _INITIATOR and (new.when, new.on_failure) == (old.when, old.on_failure)
    return other and not before.playbook


def _condition(node: Node) -> tuple[str, frozenset[str]]:
    """Under which answers a task begins."""
    return node.when, frozenset(node.optional)


def _awaited(name: str, plan: Plan) -> set[str]:
    """The tasks that are settled before a task begins."""
    found, queue = set[str](), [name]
    while queue:
        node = plan.tasks[queue.pop()]
        more = {need for need in node.needs if need in plan.tasks} - found
        found |= more
        queue += more
    return found
