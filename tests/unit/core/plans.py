"""Random plans: every kind of node, groups in groups, whatever a plan may say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from random import Random
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

from orchestration.core.plan import Answer, Fallback, ForEach, Node, Plan, Question, Repeat
from orchestration.core.structure import structural_problems

T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]  # one of several; the first is what leads on, so that examples shrink to it
DEEPEST = 2


def any_plan(pick: Pick) -> Plan:
    """A valid plan of up to five tasks at the top level, with groups inside groups twice at most."""
    tasks = _level(pick, count(), 0, pick(range(1, 6)))
    plan = Plan(title="any", tasks=tasks, answer=Answer(text="done"), deadline_hours=pick([0.0, 0.0, 0.0, 24.0]))
    assert structural_problems(plan) == []
    return plan


def changed(plan: Plan, pick: Pick) -> Plan:
    """Another valid plan: with tasks left out, put in, or done otherwise; now and then a wholly different one."""
    if pick(["some", "some", "some", "all"]) == "all":
        return any_plan(pick)
    tasks = dict(plan.tasks)
    for name in plan.tasks:
        match pick(["keep", "keep", "other arguments", "other title", "other kind", "leave out"]):
            case "other arguments" if tasks[name].capability:
                tasks[name] = msgspec.structs.replace(tasks[name], with_={"n": pick([1, 2, 3])})
            case "other title":
                tasks[name] = msgspec.structs.replace(tasks[name], title="otherwise")
            case "other kind" if tasks[name].capability in ("read", "write"):
                other = "read" if tasks[name].capability == "write" else "write"
                tasks[name] = Node(capability=other, needs=tasks[name].needs, optional=tasks[name].optional)
            case "leave out" if len(tasks) > 1:
                del tasks[name]
    for number in range(pick([0, 0, 1, 2])):
        needs = [pick(list(tasks))]
        tasks[f"n{number}"] = Node(capability=pick(["read", "write"]), needs=needs if needs != [f"n{number}"] else [])
    whole = {name: _without(node, tasks.keys()) for name, node in tasks.items()}
    made = msgspec.structs.replace(plan, tasks=whole)
    return plan if structural_problems(made) else made


def _without(node: Node, there: Collection[str]) -> Node:
    """A node that needs only what is there."""
    return msgspec.structs.replace(
        node,
        needs=[each for each in node.needs if each in there],
        optional=[each for each in node.optional if each in there],
        watches=[each for each in node.watches if each in there],
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return any_plan(lambda options: draw(st.sampled_from(options)))


def drawn(data: st.DataObject) -> Pick:
    """Choices made by Hypothesis."""
    return lambda options: data.draw(st.sampled_from(options))


def by_lot(seed: int) -> Pick:
    """Choices made by a seed, which has a taste of its own: some things it likes to do, others hardly ever."""
    random, taste = Random(seed), dict[str, float]()

    def pick(options: Sequence[Any]) -> Any:
        if all(isinstance(each, str) for each in options):
            weights = [taste.setdefault(each, random.random() ** 2 + 0.02) for each in options]
            return random.choices(options, weights)[0]
        return random.choice(options)

    return pick


def _level(pick: Pick, numbers: count[int], depth: int, size: int) -> dict[str, Node]:
    tasks: dict[str, Node] = {}
    for _ in range(size):
        node = _node(pick, numbers, depth, list(tasks))
        tasks[f"t{next(numbers)}"] = node
    return tasks


def _node(pick: Pick, numbers: count[int], depth: int, before: list[str]) -> Node:
    needs = sorted({pick(before) for _ in range(pick([0, 1, 1, 2]))}) if before else []
    kinds = ["read", "write", "approval", "read"] + (["for_each", "repeat"] if depth < DEEPEST else [])
    common: dict[str, Any] = {
        "needs": needs,
        "optional": [need for need in needs if pick([False, True])],
        "when": pick(["", "", "params.x"]),
        "on_failure": pick(["fail", "fail", "skip", "ask"]),
    }
    match kind := pick(kinds):
        case "approval":
            return Node(approval=_question(pick), **common)
        case "for_each":
            body = _level(pick, numbers, depth + 1, pick([1, 2, 3]))
            at_once, policy = pick([2, 1, 8]), pick(["fail", "keep"])
            group = ForEach(items="${params.x}", tasks=body, gives=1, at_once=at_once, on_failure=policy)
            return Node(for_each=group, **common)
        case "repeat":
            body = _level(pick, numbers, depth + 1, pick([1, 2, 3]))
            judges = [name for name, node in body.items() if node.approval]
            return Node(
                repeat=Repeat(
                    tasks=body,
                    gives=1,
                    until="params.x",
                    accepted_by=judges if pick([True, False]) else [],
                    at_most=pick([2, 1, 3]),
                    if_unmet=pick(["fail", "keep"]),
                ),
                **common,
            )
    fallback = pick([None, None, "read", "write"])
    return Node(capability=kind, fallback=Fallback(fallback) if fallback else None, **common)


def _question(pick: Pick) -> Question:
    due = pick([0.0, 0.0, 2.0, 4.0])
    return Question(
        title="?",
        approvers="${params.x}",
        quorum=pick([1, 1, 2]),
        due_hours=due,
        remind_hours=pick([0.0, 1.0]),
        escalate_to=pick(["", "${params.x}"]) if due else "",
        on_expiry=pick(["wait", "skip", "fail"]) if due else "wait",
        may_skip=pick([False, True]),
    )
