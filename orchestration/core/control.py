"""Decisions about a whole run: pause, go on, try again, take back, copy."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.dues import under_way
from orchestration.core.groups import kept
from orchestration.core.run import ENDED, OPERATOR, Person, Run, TaskState, group_of, number_of
from orchestration.core.settling import in_want, live, skip
from orchestration.errors import Conflict, Invalid, NotPermitted, NotRunning


def only_initiator(run: Run, by: Person, what: str) -> None:
    """Let the run's initiator through, and whoever has the deployment's own console.

    Raises:
        NotPermitted: It is somebody else.
    """
    if by.id not in (run.initiator.id, OPERATOR):
        raise NotPermitted(f"Only {run.initiator.name} can {what}: it is their run.")


def not_ended(run: Run) -> None:
    """Let a run through that may still change.

    Raises:
        NotRunning: It has ended.
    """
    if run.status in ENDED:
        raise NotRunning(f"This run has ended ({run.status}); nothing was changed.")


def deadline(run: Run, now: datetime) -> datetime | None:
    """When a run that begins now, or goes on now, fails if it has not ended."""
    return now + timedelta(hours=run.plan.deadline_hours) if run.plan.deadline_hours else None


def pause(run: Run, command: c.PauseRun, now: datetime) -> list[e.Event]:
    """Begin nothing new."""
    only_initiator(run, command.by, "pause it")
    not_ended(run)
    if run.status != "running":
        raise NotRunning(f"This run is {run.status}, so there is nothing to pause; nothing was changed.")
    return [] if run.paused else [e.RunPaused(at=now, by=command.by)]


def resume(run: Run, command: c.ResumeRun, now: datetime) -> list[e.Event]:
    """Let a paused run go on."""
    only_initiator(run, command.by, "let it go on")
    not_ended(run)
    return [e.RunResumed(at=now, by=command.by)] if run.paused else []


def retry_task(run: Run, command: c.RetryTask, now: datetime) -> list[e.Event]:
    """Try a task again now, or after its failure ended the run."""
    only_initiator(run, command.by, "try again")
    task = live(run, command.task, "failed", "backing_off")
    if task is None:
        raise Invalid(f"{command.task!r} is {run.tasks[command.task].status}: only what failed can be tried again")
    if task.status == "backing_off":
        return [e.TaskReleased(at=now, task=command.task)]
    return _reopen(run, command.task, command.by, now)


def leave_out(run: Run, command: c.LeaveOut, now: datetime) -> list[e.Event]:
    """Go on without a task that failed or waits for its next attempt."""
    only_initiator(run, command.by, "go on without it")
    task = live(run, command.task, "failed", "backing_off")
    if task is None:
        raise Invalid(f"{command.task!r} is {run.tasks[command.task].status}: only what failed can be left out")
    said = f"{command.by.name} went on without it: {task.message}" if task.message else ""
    left_out = e.TaskSkipped(at=now, task=command.task, reason="person", message=said)
    if task.status == "backing_off":
        return skip(run, now, left_out)
    reopened = _reopen(run, command.task, command.by, now)
    return [*reopened, *skip(run, now, left_out, frozenset({"succeeded", "skipped"}))]


def _reopen(run: Run, name: str, by: Person, now: datetime) -> list[e.Event]:
    if kept(run, name):
        raise Invalid(f"{name!r} failed and the others of its list went on without it; nothing was changed.")
    if run.status != "failed":
        raise NotRunning(
            f"{name!r} failed, but the run is {run.status}: only a run that failed of it can take it up again"
        )
    return [e.RunReopened(at=now, by=by, deadline=deadline(run, now))]


def retract(run: Run, command: c.RetractEntry, now: datetime) -> list[e.Event]:
    """Take back a result: whatever was derived from it is done again, and people are asked about writes.

    Raises:
        Invalid: No task of the run has this result.
        Conflict: A write inside a loop that would begin anew is under way at this moment.
    """
    only_initiator(run, command.by, "take a result back")
    if run.status not in ("running", "succeeded"):
        raise NotRunning(f"This run is {run.status}: results can be taken back while it runs or after it succeeded.")
    wanted = [command.task] if command.task else list(run.tasks)
    sources = [name for name in wanted if name in run.tasks and _made(run.tasks[name], command.entry)]
    if not sources:
        raise Invalid(
            f"no task of run {run.run_id} has the result {command.entry!r}: 'tandem history {run.run_id}' shows them"
        )
    return [retraction(run, sources, entry=command.entry, by=command.by, reason=command.reason, now=now)]


def retraction(run: Run, sources: list[str], *, entry: str, by: Person, reason: str, now: datetime) -> e.EntryRetracted:
    """What these tasks made is taken back, with whatever was derived from it.

    Raises:
        Conflict: A write inside a loop that would begin anew is under way at this moment.
    """
    anew, groups = derived(run, sources)
    writes = [name for name in anew if run.tasks[name].written or under_way(run.tasks[name])]
    retracted = e.EntryRetracted(
        at=now,
        entry=entry,
        by=by,
        tasks=[name for name in anew if name not in writes and run.tasks[name].status != "pending"],
        groups=groups,
        writes=writes,
        reason=reason,
        deadline=deadline(run, now),
    )
    if busy := [name for name, task in run.tasks.items() if under_way(task) and goes(run, name, retracted)]:
        raise Conflict(f"{busy[0]} is being written at this moment: please try again when that is done.")
    return retracted


def _made(task: TaskState, entry: str) -> bool:
    return task.status == "succeeded" and task.entry == entry != ""


def goes(run: Run, name: str, retracted: e.EntryRetracted) -> bool:
    """Whether a task goes with its group, or with a round after one that is done again."""
    inside = name
    while parent := group_of(inside):
        if parent in retracted.tasks:
            return True
        if parent in retracted.groups and run.nodes[parent].repeat is not None:
            touched = (*retracted.tasks, *retracted.groups, *retracted.writes)
            numbers = [number_of(each) for each in touched if group_of(each) == parent]
            if numbers and number_of(inside) > min(numbers):
                return True
        inside = parent
    return False


def derived(run: Run, sources: list[str]) -> tuple[list[str], list[str]]:
    """The sources with all tasks that were derived from them, and the groups around these, in the order of the run.

    A group around is gathered again; one that was itself derived begins anew with everything inside it. What was
    skipped for want of something else stays so.
    """
    stays = set[str]()
    while True:
        anew, groups = _reached(run, sources, stays)
        without = {name for name in anew - stays if name not in sources and in_want(run, name, anew | groups)}
        if not without:
            return [name for name in run.tasks if name in anew], [name for name in run.tasks if name in groups - anew]
        stays |= without


def _reached(run: Run, sources: list[str], stays: set[str]) -> tuple[set[str], set[str]]:
    anew, groups, queue = set(sources), set[str](), list(sources)
    watchers = _watchers(run)
    while queue:
        name = queue.pop()
        following = [*run.dependents[name], *watchers.get(name, ())]
        parent = group_of(name)
        if parent and parent not in anew:
            if parent not in groups:
                groups.add(parent)
                following += run.dependents[parent]
                queue.append(parent)
            if run.nodes[parent].repeat is not None:  # later rounds began from this one
                prefix = f"{parent}."
                later = (each for each in run.tasks if each.startswith(prefix) and group_of(each) == parent)
                following += [each for each in later if number_of(each) > number_of(name)]
        for each in following:
            if each not in anew and each not in stays:
                anew.add(each)
                queue.append(each)
    return anew, groups


def _watchers(run: Run) -> dict[str, list[str]]:
    """Task => the tasks that were given its result while they worked."""
    found: dict[str, list[str]] = {}
    for name, node in run.nodes.items():
        for watched in node.watches:
            found.setdefault(name[: name.rfind(".") + 1] + watched, []).append(name)
    return found


def fork(run: Run, command: c.ForkRun, now: datetime) -> list[e.Event]:
    """Let a copy go its own way.

    Raises:
        NotRunning: What was copied had ended, so there is nothing to go on with.
    """
    only_initiator(run, command.by, "copy it")
    if run.status in ENDED:
        raise NotRunning(f"After event {command.upto} the run had ended ({run.status}): name an earlier one.")
    forked = e.RunForked(at=now, of=command.of, upto=command.upto, by=command.by)
    return [forked, e.RunStarted(at=now, by=command.by)] if run.status == "proposed" else [forked]
