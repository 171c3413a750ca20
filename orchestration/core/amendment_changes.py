"""How a changed plan changes the state. Frozen, see `evolve`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestration.core import events as e
from orchestration.core import groups
from orchestration.core.control_changes import go_on, reopen, take_up
from orchestration.core.dues import again, drop, owe, reconsider, set_deadline, under_way
from orchestration.core.run import ApplyAmendment, Conclude, Gone, Prepare, Run, TaskState


def _accepted(run: Run, event: e.AmendmentAccepted) -> None:
    run.amending = event.plan


def _dropped(run: Run, _: e.AmendmentDropped) -> None:
    run.amending = None
    run.due.pop(ApplyAmendment(), None)
    _begin_what_waited(run)


def _begin_what_waited(run: Run) -> None:
    run.fresh += [effect for effect in run.due if isinstance(effect, Prepare | Conclude) and effect not in run.fresh]


def writes_settled(run: Run) -> None:
    """An accepted change is due as soon as no write is under way."""
    if run.status == "running" and not any(under_way(task) for task in run.tasks.values()):
        owe(run, ApplyAmendment())


def _amended(run: Run, event: e.PlanAmended) -> None:
    run.amending = None
    run.due.pop(ApplyAmendment(), None)
    run.revision = event.revision
    run.grants = {}  # what need not be asked again was said of another plan
    begun, failed = run.status != "proposed", run.status == "failed"
    if failed:
        reopen(run, event.deadline)
    elif begun and event.plan.deadline_hours != run.plan.deadline_hours:
        set_deadline(run, event.deadline)
    run.due.pop(Conclude(), None)
    for name in event.removed:
        _remove(run, name)
    for name in event.tasks:
        if name in run.groups:
            groups.purge(run, name)
            run.once[name] = run.nodes[name]
        again(run, name)
    for name in event.writes:
        reconsider(run, name)
        run.tasks[name].edits = ""  # of arguments as they were
    if failed:
        for name in list(run.tasks):
            if name in run.tasks and name not in event.tasks and name not in event.writes:
                take_up(run, name)
    _lay_out(run, event)
    if begun:
        go_on(run)
        _begin_what_waited(run)
    else:
        run.unsettled = len(run.tasks)
        for name, task in run.tasks.items():
            task.unsettled = len(run.nodes[name].needs)


def _remove(run: Run, name: str) -> None:
    """Nothing more is to be done of a task; what it wrote stands, and its numbers are not used twice."""
    drop(run, name)
    task = run.tasks.pop(name)
    attempt, generation = task.attempt, task.generation + bool(task.key)
    if name in run.groups:
        groups.purge(run, name)
        group = run.groups.pop(name)
        attempt, generation = max(attempt, group.attempts), max(generation, group.generation)
    if task.written:
        run.left_behind.append(name)
    run.gone[name], run.once[name] = Gone(attempt, generation), run.nodes.pop(name)
    del run.dependents[name]


def _lay_out(run: Run, event: e.PlanAmended) -> None:
    """The graph as the plan has it now, its tasks in the plan's order, those inside groups after them."""
    plan = run.plan = event.plan
    tasks, nodes = dict[str, TaskState](), dict(plan.tasks)
    for name in plan.tasks:
        if name in run.tasks:
            tasks[name] = run.tasks[name]
        else:
            before = run.gone.get(name)
            tasks[name] = TaskState(attempt=before.attempt, generation=before.generation) if before else TaskState()
    inside = {name: task for name, task in run.tasks.items() if "." in name}
    nodes |= {name: run.nodes[name] for name in inside}
    dependents = {name: list[str]() for name in plan.tasks} | {name: run.dependents[name] for name in inside}
    for name, node in plan.tasks.items():
        for need in node.needs:
            dependents[need].append(name)
    run.tasks, run.nodes, run.dependents = tasks | inside, nodes, dependents


APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.AmendmentAccepted: _accepted,
    e.AmendmentDropped: _dropped,
    e.PlanAmended: _amended,
}
