"""Decisions about changing the plan of a run that is proposed, under way, or failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.control import deadline, derived
from orchestration.core.dues import under_way
from orchestration.core.expressions import ExpressionError, condition_references, references
from orchestration.core.plan import Node, Plan
from orchestration.core.run import Run
from orchestration.core.structure import structural_problems
from orchestration.errors import Conflict, InvalidPlan, NotPermitted, NotRunning, Outdated, TandemError

_BEGUN = frozenset({"running", "open", "backing_off", "awaiting_sign_in", "asking", "in_doubt", "succeeded"})
_LOST = frozenset({"skipped", "failed", "cancelled"})


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What another plan changes of a run: names of tasks outside of groups, each list in the order of its plan.

    Attributes:
        added: There was none of this name.
        removed: Not in the plan any more; whatever they wrote stands.
        replaced: Of those that stay by name, another capability or kind of task: as if removed and added.
        changed: Not begun yet, and to be done differently.
        again: Begun or done, and done anew: changed themselves, or made from what is.
        writes: Of those, what was written already: a person is asked about each that would come out differently.
    """

    added: list[str]
    removed: list[str]
    replaced: list[str]
    changed: list[str]
    again: list[str]
    writes: list[str]


def difference(run: Run, plan: Plan) -> Difference:
    """What a plan changes of a run, none of whose writes is under way. Costs O(tasks + needs)."""
    old, new = run.plan.tasks, plan.tasks
    params = {
        name for name in run.plan.params.keys() | plan.params.keys() if not _same(run.plan.params, plan.params, name)
    }
    stay = [name for name in new if name in old]
    replaced = [name for name in stay if _kind(old[name]) != _kind(new[name])]
    same = [name for name in stay if name not in replaced]
    touched = [name for name in same if _work(old[name]) != _work(new[name]) or _reads(new[name], params)]
    begun = [name for name in touched if run.tasks[name].status in _BEGUN]
    sources = [*begun, *(name for name in replaced if run.tasks[name].status in _BEGUN)]
    anew = set(derived(run, sources)[0]) if sources else set[str]()
    anew |= {name for name in touched if run.tasks[name].status in _LOST}
    taken_up = {name for name in stay if run.status == "failed" and run.tasks[name].status in ("failed", "cancelled")}
    anew |= _wanted_again(run, plan, anew | taken_up | {*replaced})
    waiting = {name for name in stay if run.tasks[name].status in ("pending", "ready")}
    anew = anew.intersection(stay).difference(replaced, waiting)
    writes = [name for name in stay if name in anew and run.tasks[name].written]
    return Difference(
        added=[name for name in new if name not in old],
        removed=[name for name in old if name not in new],
        replaced=replaced,
        changed=[name for name in touched if name not in anew],
        again=[name for name in stay if name in anew],
        writes=writes,
    )


def _wanted_again(run: Run, plan: Plan, anew: set[str]) -> set[str]:
    """What was skipped for want of something that is not lost any more; `anew` will be done."""
    found = set[str]()
    for name, node in plan.tasks.items():
        task = run.tasks.get(name)
        if task is None or task.status != "skipped" or task.code != "need":
            continue
        lost = [
            need
            for need in node.needs
            if need not in node.optional
            and need not in anew
            and need not in found
            and need in run.tasks
            and run.tasks[need].status in ("skipped", "failed")
        ]
        if not lost:
            found.add(name)
    return found


def _same(old: dict[str, Any], new: dict[str, Any], name: str) -> bool:
    return name in old and name in new and msgspec.json.encode(old[name]) == msgspec.json.encode(new[name])


def _kind(node: Node) -> tuple[str, bool, bool, bool]:
    return node.capability, node.approval is not None, node.for_each is not None, node.repeat is not None


def _work(node: Node) -> Node:
    """What a task does, without what only says how it is named, when it begins, and what follows from its failure."""
    return msgspec.structs.replace(
        node, title="", needs=[], optional=[], on_failure="fail", attempts=0, timeout_seconds=0.0
    )


def _reads(node: Node, params: set[str]) -> bool:
    """Whether a task, or one inside of it, reads one of these parameters."""
    if not params:
        return False
    if node.when and _names(condition_references(node.when)) & params:
        return True
    said = msgspec.to_builtins(
        (
            node.with_,
            node.approval,
            node.fallback,
            (node.for_each.items, node.for_each.gives) if node.for_each else None,
            node.repeat.gives if node.repeat else None,
        )
    )
    try:
        paths = references(said)
    except ExpressionError:  # it is told of as the plan is judged
        return True
    until = condition_references(node.repeat.until) if node.repeat and node.repeat.until else set[str]()
    return bool(_names(paths | until) & params) or any(_reads(each, params) for each in node.body.values())


def _names(paths: set[str]) -> set[str]:
    return {path.split(".")[1] for path in paths if path.startswith("params.")}


def amend(run: Run, command: c.AmendPlan, now: datetime) -> list[e.Event]:
    """Change the plan, at once or as soon as the writes under way are settled; nothing new begins until then.

    Raises:
        NotPermitted: Only the initiator changes what a run does, and nobody for them.
        NotRunning: It has ended otherwise than by a failure, or is about to.
        Outdated: The plan was changed since this change was drawn up.
        Conflict: Another change waits for a write.
        InvalidPlan: Names every problem of the graph.
    """
    if command.by.id != run.initiator.id:
        raise NotPermitted(f"Only {run.initiator.name} can change it: it is their run.")
    if run.status not in ("proposed", "running", "failed"):
        raise NotRunning(f"This run is {run.status}, so its plan cannot be changed; nothing was changed.")
    if run.amending is not None:
        raise Conflict("Another change of this plan waits for a write to end; please try again after that.")
    if command.revision != run.revision:
        raise Outdated("The plan was changed since this was drawn up; nothing was changed.")
    if problems := structural_problems(command.plan):
        raise InvalidPlan(problems)
    if command.plan == run.plan and run.status != "failed":
        return []
    if any(under_way(task) for task in run.tasks.values()):
        return [e.AmendmentAccepted(at=now, plan=command.plan, by=command.by)]
    return [_amended(run, command.plan, now)]


def apply_amendment(run: Run, command: c.ApplyAmendment, now: datetime) -> list[e.Event]:
    """Carry out an accepted change, now that no write is under way."""
    if run.amending is None or run.status != "running" or any(under_way(task) for task in run.tasks.values()):
        return []
    try:
        return [_amended(run, run.amending, now)]
    except TandemError as error:
        return [e.AmendmentDropped(at=now, code=error.code, message=error.message)]


def drop_amendment(run: Run, command: c.DropAmendment, now: datetime) -> list[e.Event]:
    """Give up an accepted change; the run goes on as it was."""
    if run.amending is None:
        return []
    return [e.AmendmentDropped(at=now, code=command.code, message=command.message)]


def _amended(run: Run, plan: Plan, now: datetime) -> e.PlanAmended:
    event = e.PlanAmended(at=now, plan=plan, by=run.initiator, revision=run.revision + 1)
    if run.status == "proposed":
        return event
    found = difference(run, plan)
    return msgspec.structs.replace(
        event,
        tasks=[name for name in found.again if name not in found.writes],
        writes=found.writes,
        removed=[*found.removed, *found.replaced],
        deadline=deadline(run, now) if run.status == "failed" else None,
    )
