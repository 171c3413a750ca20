"""How pausing, reopening, taking back and copying change the state. Frozen, see `evolve`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from orchestration.core import events as e
from orchestration.core import groups
from orchestration.core.dues import again, owe, reconsider, recount, set_deadline, under_way
from orchestration.core.run import Conclude, Prepare, Report, Run, group_of, number_of


def _paused(run: Run, _: e.RunPaused) -> None:
    run.paused = True


def _resumed(run: Run, _: e.RunResumed) -> None:
    run.paused = False
    run.fresh += [effect for effect in run.due if isinstance(effect, Prepare) and effect not in run.fresh]


def reopen(run: Run, deadline: datetime | None) -> None:
    """Let a run that had ended go on."""
    run.due.pop(Report(), None)
    run.due.pop(Conclude(), None)
    run.status, run.closing, run.code, run.message, run.answer = "running", "", "", "", ""
    run.ended_at = None
    run.reopened += 1
    run.paused = False
    set_deadline(run, deadline)


def _reopened(run: Run, event: e.RunReopened) -> None:
    reopen(run, event.deadline)
    for name in list(run.tasks):
        if name in run.tasks:  # else it went with its group
            take_up(run, name)
    go_on(run)


def take_up(run: Run, name: str) -> None:
    """Do again what failed, or was cancelled because something else did."""
    task, group = run.tasks[name], run.groups.get(name)
    if task.status == "failed" and groups.kept(run, name):
        return  # the group around has gone on without it
    if task.status == "cancelled" and group is not None and group.open:
        task.status, task.finished_at = "open", None
    elif task.written and (task.stale or task.status in ("failed", "cancelled")):
        reconsider(run, name)
    elif task.status in ("failed", "cancelled"):
        if group is not None and run.nodes[name].for_each is not None:
            groups.purge(run, name)
        again(run, name)


def go_on(run: Run) -> None:
    """Count anew what is not settled, and begin what that allows."""
    recount(run)
    for name in list(run.groups):
        if name in run.tasks and run.tasks[name].status == "open":
            groups.go_on(run, name)
    if not run.unsettled:
        owe(run, Conclude())


def _entry_retracted(run: Run, event: e.EntryRetracted) -> None:
    if run.status == "running":
        run.due.pop(Conclude(), None)
    else:
        reopen(run, event.deadline)
    for name in event.tasks:
        if name in run.tasks:  # else it went with its group
            if name in run.groups:
                groups.purge(run, name)
            again(run, name)
    for name in event.groups:
        if name in run.tasks and name not in event.tasks:
            touched = (*event.tasks, *event.groups, *event.writes)
            groups.reopened(run, name, [number_of(each) for each in touched if group_of(each) == name])
    for name in event.writes:
        if name in run.tasks:
            if under_way(run.tasks[name]):
                run.tasks[name].stale = True
            else:
                reconsider(run, name)
    go_on(run)


def _forked(run: Run, _: e.RunForked) -> None:
    run.dry, run.paused, run.deadline = True, False, None
    for approval in run.approvals.values():
        if approval.open:
            approval.approvers = [run.initiator]
            approval.votes = []
            approval.quorum, approval.due_at, approval.remind_at, approval.escalate_to = 1, None, None, None


APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.RunPaused: _paused,
    e.RunResumed: _resumed,
    e.RunReopened: _reopened,
    e.EntryRetracted: _entry_retracted,
    e.RunForked: _forked,
}
