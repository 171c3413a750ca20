"""The rules that hold for the graph of a plan, whatever its capabilities are."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.core.plan import NAME, Node, Plan, Question, Repeat

LARGEST_AT_ONCE = 1000
LARGEST_AT_MOST = 100


def structural_problems(plan: Plan) -> list[str]:
    """Every way in which the graph itself is wrong: names, unknown needs, cycles, empty or double nodes."""
    problems = [] if plan.deadline_hours >= 0 else ["deadline_hours: must not be negative"]
    return problems + _graph_problems("tasks", plan.tasks, frozenset())


def _graph_problems(path: str, tasks: dict[str, Node], outside: frozenset[str]) -> list[str]:
    """Problems of one level of the graph, then of the groups in it; `outside` are the names around it."""
    problems: list[str] = []
    if not tasks:
        problems.append(f"{path}: there is no task")
    for name, node in tasks.items():
        here = f"{path}.{name}"
        if not NAME.fullmatch(name):
            problems.append(
                f"{here}: a name has lower-case letters, digits and _ and starts with a letter (40 at most)"
            )
        if name in outside:
            problems.append(
                f"{here}: a task outside has this name too; names in a group must differ from those around it"
            )
        problems += [f"{here}.needs: there is no task {need!r}" for need in node.needs if need not in tasks]
        problems += [
            f"{here}.optional: {need!r} is not among its needs" for need in node.optional if need not in node.needs
        ]
        problems.extend(f"{here}.watches: {problem}" for problem in _watch_problems(name, tasks))
        problems.extend(f"{here}{problem}" for problem in _node_problems(node))
    if cycle := _cycle(tasks):
        problems.append(f"{path}: {' -> '.join(cycle)} wait for each other")
    for name, node in tasks.items():
        if node.for_each or node.repeat:
            inside = f"{path}.{name}.{'for_each' if node.for_each else 'repeat'}.tasks"
            problems.extend(_graph_problems(inside, node.body, outside | tasks.keys()))
    return problems


def _watch_problems(name: str, tasks: dict[str, Node]) -> Iterator[str]:
    node = tasks[name]
    if node.watches and not node.capability:
        yield "only a task with a capability can watch others"
    for watched in node.watches:
        if watched == name:
            yield "a task cannot watch itself"
        elif watched not in tasks:
            yield f"there is no task {watched!r} beside it"
        elif _may_ask(tasks[watched]):
            yield f"{watched!r} asks people or holds other tasks, and a worker cannot be kept waiting for these"
        elif watched in node.needs:
            yield f"{watched!r} is among its needs, so that there is nothing to watch any more"
        elif name in _before(watched, tasks):
            yield f"{watched!r} waits for {name!r}, so that both would wait for each other"
        else:
            first = _before(name, tasks, watched=False)
            asking = [each for each in _before(watched, tasks) - first if _may_ask(tasks[each])]
            yield from (f"{watched!r} waits for {each!r}, which may ask people" for each in sorted(asking))


def _may_ask(node: Node) -> bool:
    return not node.capability or node.on_failure == "ask"


def _before(name: str, tasks: dict[str, Node], *, watched: bool = True) -> set[str]:
    """The tasks that a task needs, and those that these need; with those that are watched on the way."""
    found, queue = set[str](), [name]
    while queue:
        node = tasks[queue.pop()]
        new = {each for each in (*node.needs, *(node.watches if watched else ())) if each in tasks} - found
        found |= new
        queue += new
    return found


def _node_problems(node: Node) -> Iterator[str]:
    if bool(node.capability) + bool(node.approval) + bool(node.for_each) + bool(node.repeat) != 1:
        yield ": give exactly one of 'capability', 'approval', 'for_each' and 'repeat'"
    if node.fallback and not node.capability:
        yield ".fallback: only a task with a capability can have one"
    if node.attempts < 0 or node.timeout_seconds < 0:
        yield ": attempts and timeout_seconds cannot be negative"
    if not node.capability and (node.attempts or node.timeout_seconds):
        yield ": attempts and timeout_seconds belong to a task with a capability"
    if node.for_each and not 1 <= node.for_each.at_once <= LARGEST_AT_ONCE:
        yield f".for_each.at_once: must be from 1 to {LARGEST_AT_ONCE}"
    if node.repeat:
        yield from _repeat_problems(node.repeat)
    if node.approval:
        yield from _question_problems(node.approval)


def _repeat_problems(repeat: Repeat) -> Iterator[str]:
    if not 1 <= repeat.at_most <= LARGEST_AT_MOST:
        yield f".repeat.at_most: must be from 1 to {LARGEST_AT_MOST}"
    if not repeat.until and not repeat.accepted_by:
        yield ".repeat: say when it ends: 'until' a condition holds, 'accepted_by' approvals, or both"
    for name in repeat.accepted_by:
        node = repeat.tasks.get(name)
        if node is None or node.approval is None or node.approval.items or node.approval.choices:
            yield f".repeat.accepted_by: {name!r} is not an approval of the body that says approve or reject"


def _question_problems(asked: Question) -> Iterator[str]:
    if bool(asked.approver.strip()) == bool(asked.approvers.strip()):
        yield (
            ".approval: say who is asked: 'approver' for one person, such as ${tasks.accountant}, or 'approvers' for a "
            "list, not both"
        )
    if asked.quorum < 1:
        yield ".approval.quorum: must be 1 or more"
    if asked.quorum > 1 and (asked.items or asked.choices or not asked.approvers):
        yield ".approval.quorum: more than one answer needs 'approvers', and approve or reject as the only choices"
    if asked.due_hours < 0 or asked.remind_hours < 0:
        yield ".approval: due_hours and remind_hours cannot be negative"
    if asked.due_hours and asked.remind_hours >= asked.due_hours:
        yield ".approval.remind_hours: must be less than due_hours"
    if not asked.due_hours and (asked.escalate_to or asked.on_expiry != "wait"):
        yield ".approval: escalate_to and on_expiry need due_hours"
    if asked.working and not (asked.due_hours or asked.remind_hours):
        yield ".approval.working: is only read with due_hours or remind_hours"


def _cycle(tasks: dict[str, Node]) -> list[str]:
    """One cycle of needs, closed, or an empty list (Kahn's algorithm, then a walk among what is left)."""
    waiting = {name: {need for need in node.needs if need in tasks} for name, node in tasks.items()}
    dependents: dict[str, list[str]] = {name: [] for name in tasks}
    for name, needs in waiting.items():
        for need in needs:
            dependents[need].append(name)
    ready = [name for name, needs in waiting.items() if not needs]
    while ready:
        done = ready.pop()
        del waiting[done]
        for name in dependents[done]:
            waiting[name].discard(done)
            if not waiting[name]:
                ready.append(name)
    if not waiting:
        return []
    path = {next(iter(waiting)): None}  # in order
    while True:
        step = min(waiting[next(reversed(path))])
        if step in path:
            walked = list(path)
            return [*walked[walked.index(step) :], step]
        path[step] = None
