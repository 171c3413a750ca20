"""The plan: a declarative task graph, as data."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One possible answer."""

    id: str
    title: str


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an approval node asks a human. Text fields may hold `${expressions}`.

    Attributes:
        approver: Expression giving a person: an object with `id`, `name` and `upn`, as `people.find` returns it.
        approver_title: Who that is, for the plan card: "Alex Wilber, accounts payable".
        title: The question in one line.
        text: What the person should know before deciding.
        items: Expression giving a list of objects (`id`, `kind`, `title`, `facts`) that are decided one by one;
            empty for one answer to the whole.
        kinds: Title of each kind of item; a rule for the kind decides all its items at once.
        choices: The possible answers. Empty: approve or reject.
        default: The choice preselected for every kind.
        not_initiator: Separation of duties: the initiator may not be the approver.
        may_skip: The initiator may go on without this answer; never for what another person has to approve.
    """

    approver: str
    title: str
    approver_title: str = ""
    text: str = ""
    items: str = ""
    kinds: dict[str, str] = {}
    choices: list[Choice] = []
    default: str = ""
    not_initiator: bool = False
    may_skip: bool = False


class Node(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, rename={"with_": "with"}
):
    """One task: either a capability to use or a question to a human.

    Attributes:
        capability: What a worker shall do; exactly one of `capability` and `approval` is set.
        approval: What a human shall decide.
        title: A few words for people; a capability's own title serves when empty.
        with_: Arguments; strings may hold `${expressions}` over `params`, `tasks` and `run`.
        needs: Tasks that must have succeeded; what expressions refer to is added when the plan is compiled.
        optional: Those of `needs` that may have been skipped; expressions then see null.
        when: Condition; must be exactly true or false. False skips the task.
        on_failure: `fail` ends the run; `ask` asks the initiator: retry, go on without it, cancel.
        attempts: Number of tries; 0 takes the worker's own.
        timeout_seconds: Longest attempt; 0 takes the worker's own.
    """

    capability: str = ""
    approval: Question | None = None
    title: str = ""
    with_: dict[str, Any] = {}
    needs: list[str] = []
    optional: list[str] = []
    when: str = ""
    on_failure: Literal["fail", "ask"] = "fail"
    attempts: int = 0
    timeout_seconds: float = 0.0


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the initiator is told at the end; every string may hold `${expressions}`; skipped tasks are null.

    Attributes:
        text: One or two sentences.
        facts: (label, value) lines.
        link: Where the result is.
        link_title: What the link opens.
    """

    text: str
    facts: list[tuple[str, str]] = []
    link: str = ""
    link_title: str = "Open"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A graph of tasks with its parameters filled in.

    Attributes:
        title: For people.
        params: What expressions see as `params`.
        tasks: Nodes by name, in the order people see them.
        answer: What is said at the end.
        playbook: The vetted playbook it came from, with its version, or empty.
    """

    title: str
    tasks: dict[str, Node]
    answer: Answer
    params: dict[str, Any] = {}
    playbook: str = ""


def structural_problems(plan: Plan) -> list[str]:
    """Every way in which the graph itself is wrong: names, unknown needs, cycles, empty or double nodes."""
    problems: list[str] = []
    if not plan.tasks:
        problems.append("tasks: the plan has no task")
    for name, node in plan.tasks.items():
        if not NAME.fullmatch(name):
            problems.append(
                f"tasks.{name}: a name has lower-case letters, digits and _ and starts with a letter (40 at most)"
            )
        if bool(node.capability) == (node.approval is not None):
            problems.append(f"tasks.{name}: give exactly one of 'capability' and 'approval'")
        problems.extend(
            f"tasks.{name}.needs: there is no task {need!r}" for need in node.needs if need not in plan.tasks
        )
        problems.extend(
            f"tasks.{name}.optional: {need!r} is not among its needs"
            for need in node.optional
            if need not in node.needs
        )
        if node.attempts < 0 or node.timeout_seconds < 0:
            problems.append(f"tasks.{name}: attempts and timeout_seconds cannot be negative")
    if cycle := _cycle(plan):
        problems.append(f"tasks: {' -> '.join(cycle)} wait for each other")
    return problems


def _cycle(plan: Plan) -> list[str]:
    """One cycle of needs, closed, or an empty list (Kahn's algorithm, then a walk among what is left)."""
    waiting = {name: {need for need in node.needs if need in plan.tasks} for name, node in plan.tasks.items()}
    dependents: dict[str, list[str]] = {name: [] for name in plan.tasks}
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
