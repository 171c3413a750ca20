"""How `for_each` and `repeat` unfold into tasks of the run. Frozen like `evolve`.

The tasks of item or round `3` of group `review` are `review.3.{name}`; a group inside is `review.3.inner`, its tasks
`review.3.inner.1.{name}`. Needs inside a group are among the same item or round: what a task reads from outside is a
need of the group.
"""

from __future__ import annotations

from orchestration.core import events as e
from orchestration.core.dues import drop, owe
from orchestration.core.run import Gather, GroupState, Prepare, Run, TaskState, group_of, number_of


def opened(run: Run, event: e.GroupOpened) -> None:
    """Begin the first items of a `for_each`, or the next round of a `repeat`."""
    name = event.task
    if run.nodes[name].for_each is not None:
        if name in run.groups:
            purge(run, name)
        group = _group(run, name)
        group.count, group.items = event.count, event.entry
        go_on(run, name)
    else:
        group = _group(run, name)
        group.first = group.begun + 1
        group.results += [""] * (group.begun - len(group.results))  # of rounds that gave none
        _begin(run, name, group)


def _group(run: Run, name: str) -> GroupState:
    """The group of a task, open; what was there before it counts on in what it begins."""
    task = run.tasks[name]
    group = run.groups.setdefault(name, GroupState(attempts=task.attempt, generation=task.generation))
    group.open = True
    return group


def go_on(run: Run, name: str) -> None:
    """Begin as many items as may be under way at once; with none left to begin or to settle, the group is gathered."""
    group, each = run.groups[name], run.nodes[name].for_each
    if each is not None:
        while group.begun < group.count and len(group.unsettled) < each.at_once:
            _begin(run, name, group)
    if not group.unsettled:
        owe(run, Gather(name, group.begun))


def kept(run: Run, name: str) -> bool:
    """Whether a group around a task goes on when it fails: with its other items, or to a failure of its own."""
    while name := group_of(name):
        node = run.nodes[name]
        if node.on_failure != "fail" or (node.for_each is not None and node.for_each.on_failure == "keep"):
            return True
    return False


def _begin(run: Run, name: str, group: GroupState) -> None:
    group.begun += 1
    prefix, body = f"{name}.{group.begun}.", run.nodes[name].body
    group.unsettled[group.begun] = len(body)
    run.unsettled += len(body)
    for child, node in body.items():
        run.nodes[prefix + child] = node
        run.tasks[prefix + child] = TaskState(
            unsettled=len(node.needs), attempt=group.attempts, generation=group.generation
        )
        run.dependents[prefix + child] = []
    for child, node in body.items():
        for need in node.needs:
            run.dependents[prefix + need].append(prefix + child)
        if not node.needs:
            run.tasks[prefix + child].status = "ready"
            owe(run, Prepare(prefix + child))


def settled(run: Run, name: str) -> None:
    """A task inside a group has its final state; with the last one of its item or round, the group goes on."""
    parent, number = group_of(name), number_of(name)
    group = run.groups[parent]
    group.unsettled[number] -= 1
    if not group.unsettled[number]:
        del group.unsettled[number]
        go_on(run, parent)


def ended(run: Run, event: e.RoundEnded) -> None:
    """Keep the result of a round; `again` begins the next one."""
    group = run.groups[event.task]
    del group.results[event.number - 1 :]
    group.results.append(event.entry)
    if event.verdict == "again":
        _begin(run, event.task, group)


def gathered(run: Run, name: str) -> None:
    """A group has come to its result or its failure."""
    group = run.groups[name]
    group.open = False
    run.due.pop(Gather(name, group.begun), None)


def reopened(run: Run, name: str, numbers: list[int]) -> None:
    """Some tasks inside a settled group are done again: of a `repeat`, later rounds never were."""
    drop(run, name)
    task, group = run.tasks[name], run.groups[name]
    run.due.pop(Gather(name, group.begun), None)
    group.open = True
    task.approval = ""
    task.status, task.entry, task.summary, task.finished_at = "open", "", "", None
    if run.nodes[name].repeat is not None and numbers:
        for number in range(min(numbers) + 1, group.begun + 1):
            _remove(run, name, group, f"{name}.{number}.")
        group.begun = min(numbers)
        del group.results[group.begun - 1 :]


def purge(run: Run, name: str) -> None:
    """Remove every item or round of a group; nothing of it is to be done any more."""
    run.due.pop(Gather(name, run.groups[name].begun), None)
    group = run.groups[name]
    _remove(run, name, group, f"{name}.")
    run.groups[name] = GroupState(attempts=group.attempts, generation=group.generation)


def _remove(run: Run, name: str, group: GroupState, prefix: str) -> None:
    for inside in [each for each in run.tasks if each.startswith(prefix)]:
        drop(run, inside)
        if inside in run.groups:
            run.due.pop(Gather(inside, run.groups[inside].begun), None)
            gone = run.groups.pop(inside)
            group.attempts = max(group.attempts, gone.attempts)
            group.generation = max(group.generation, gone.generation)
        task = run.tasks.pop(inside)
        group.attempts = max(group.attempts, task.attempt)
        group.generation = max(group.generation, task.generation + bool(task.key))
        if task.written:
            run.left_behind.append(inside)
        del run.nodes[inside], run.dependents[inside]
