"""Decisions about changing the plan of a run that is proposed, under way, or failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.control import derived
from orchestration.core.dues import under_way
from orchestration.core.expressions import ExpressionError, condition_references, references
from orchestration.core.plan import Node, Plan
from orchestration.core.run import SETTLED, Person, Run, TaskState
from orchestration.core.structure import structural_problems
from orchestration.errors import Conflict, InvalidPlan, NotPermitted, NotRunning, Outdated, TandemError


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What another plan changes of a run: names of tasks outside of groups, each list in the order of its plan.

    Attributes:
        added: There was none of this name.
        removed: Not in the plan any more; whatever they wrote stands.
        replaced: Of those that stay by name, begun and now another capability or kind of task: as if removed and added.
        changed: Not begun yet, and to be done differently.
        again: Begun or done, and done anew: changed themselves, or made from what is.
        writes: Of both, what was written already: a person is asked about each that would come out differently.
        left_out: Skipped, because they cannot do without something that was.
    """

    added: list[str]
    removed: list[str]
    replaced: list[str]
    changed: list[str]
    again: list[str]
    writes: list[str]
    left_out: list[str]


def difference(run: Run, plan: Plan) -> Difference:
    """What a plan changes of a run, none of whose writes is under way. Costs O(tasks + needs)."""
    old, new = run.plan.tasks, plan.tasks
    params = {
        name for name in run.plan.params.keys() | plan.params.keys() if not _same(run.plan.params, plan.params, name)
    }
    stay = [name for name in new if name in old]
    replaced = [
        name
        for name in stay
        if (_kind(old[name]) != _kind(new[name]) and _left_traces(run, name))
        or (run.tasks[name].fell_back and old[name].fallback != new[name].fallback)  # which was what it did
    ]
    same = [name for name in stay if name not in replaced]
    touched = [
        name
        for name in same
        if _work(old[name]) != _work(new[name])
        or _reads(new[name], params)
        # Begun, and now to wait for something more: it begins anew after that.
        or (run.tasks[name].status not in SETTLED and not set(old[name].needs).issuperset(new[name].needs))
    ]
    waiting = {name for name in stay if run.tasks[name].status in ("pending", "ready")}
    anew = set(derived(run, [name for name in [*touched, *replaced] if name not in waiting])[0])
    taken_up = {name for name in stay if run.status == "failed" and run.tasks[name].status in ("failed", "cancelled")}
    anew |= _wanted_again(run, plan, anew | taken_up | {*replaced})
    anew = anew.intersection(stay).difference(replaced, waiting)
    again = [name for name in stay if name in anew and _left_traces(run, name)]
    changed = [name for name in stay if name in anew.union(touched) and name not in again]
    settled = {name for name in same if run.tasks[name].status in SETTLED and name not in anew | taken_up}
    return Difference(
        added=[name for name in new if name not in old],
        removed=[name for name in old if name not in new],
        replaced=replaced,
        changed=changed,
        again=again,
        writes=[name for name in [*again, *changed] if run.tasks[name].written],
        left_out=_left_out(run, plan, settled),
    )


def _left_traces(run: Run, name: str) -> bool:
    """Whether a task was tried, asked about, or begun as a group."""
    task = run.tasks[name]
    return bool(task.attempt or task.key or task.approval or name in run.groups)


def _left_out(run: Run, plan: Plan, settled: set[str]) -> list[str]:
    """What has not begun and cannot do without something that was skipped or failed, and stays so."""
    lost = {name for name in settled if run.tasks[name].status in ("skipped", "failed")}
    found: list[str] = []
    while True:
        more = [
            name
            for name, node in plan.tasks.items()
            if name not in settled and name not in lost and lost.intersection(node.needs).difference(node.optional)
        ]
        if not more:
            return found
        found += more
        lost.update(more)


def _wanted_again(run: Run, plan: Plan, anew: set[str]) -> set[str]:
    """What was skipped for want of something that is not lost any more; `anew` will be done."""
    found = set[str]()
    skipped = [name for name in plan.tasks if name in run.tasks and _in_want(run.tasks[name])]
    while True:
        lost = {name for name in plan.tasks if name in run.tasks and run.tasks[name].status in ("skipped", "failed")}
        lost -= anew | found
        more = {name for name in skipped if not lost & ({*plan.tasks[name].needs} - {*plan.tasks[name].optional})}
        if more <= found:
            return found
        found |= more


def _in_want(task: TaskState) -> bool:
    return task.status == "skipped" and task.code == "need"


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


def may_be_amended(run: Run, by: Person) -> None:
    """Let the initiator through, while the run is not over.

    Raises:
        NotPermitted: Only the initiator changes what a run does, and nobody for them.
        NotRunning: It has ended otherwise than by a failure, or is about to.
    """
    if by.id != run.initiator.id:
        raise NotPermitted(f"Only {run.initiator.name} can change it: it is their run.")
    if run.status not in ("proposed", "running", "failed"):
        raise NotRunning(f"This run is {run.status}, so its plan cannot be changed; nothing was changed.")


def amend(run: Run, command: c.AmendPlan, now: datetime) -> list[e.Event]:
    """Change the plan, at once or as soon as the writes under way are settled; nothing new begins until then.

    Raises:
        NotPermitted: Only the initiator changes what a run does, and nobody for them.
        NotRunning: It has ended otherwise than by a failure, or is about to.
        Outdated: The plan was changed since this change was drawn up.
        Conflict: Another change waits for a write.
        InvalidPlan: Names every problem of the graph.
    """
    may_be_amended(run, command.by)
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
    return _amended(run, command.plan, now)


def apply_amendment(run: Run, command: c.ApplyAmendment, now: datetime) -> list[e.Event]:
    """Carry out an accepted change, now that no write is under way."""
    if run.amending is None or run.status != "running" or any(under_way(task) for task in run.tasks.values()):
        return []
    try:
        return _amended(run, run.amending, now)
    except TandemError as error:
        return [e.AmendmentDropped(at=now, code=error.code, message=error.message)]


def drop_amendment(run: Run, command: c.DropAmendment, now: datetime) -> list[e.Event]:
    """Give up an accepted change; the run goes on as it was."""
    if run.amending is None:
        return []
    return [e.AmendmentDropped(at=now, code=command.code, message=command.message)]


def _amended(run: Run, plan: Plan, now: datetime) -> list[e.Event]:
    event = e.PlanAmended(at=now, plan=plan, by=run.initiator, revision=run.revision + 1)
    if run.status == "proposed":
        return [event]
    found = difference(run, plan)
    counts = run.status == "failed" or plan.deadline_hours != run.plan.deadline_hours
    event = msgspec.structs.replace(
        event,
        tasks=[name for name in plan.tasks if name in {*found.again, *found.changed} and name not in found.writes],
        writes=found.writes,
        removed=[*found.removed, *found.replaced],
        deadline=now + timedelta(hours=plan.deadline_hours) if counts and plan.deadline_hours else None,
    )
    return [event, *(e.TaskSkipped(at=now, task=name, reason="need") for name in found.left_out)]
