"""What changing a run's plan leads to, told before it is done."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestration.core.amending import difference
from orchestration.core.dues import under_way
from orchestration.core.plan import Node, Plan
from orchestration.core.run import SETTLED, Run
from orchestration.core.usage import total
from orchestration.core.view import effect_of, title_of


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task that a change of the plan is about.

    Attributes:
        effect: As `TaskView.effect`.
        status: Before the change.
        attempts: Tries that were made.
        seconds: Spent on it.
        tokens: That language models read and wrote for it.
        cost: Of these, in `currency`; None if it is not known.
    """

    task: str
    title: str
    effect: str = "read"
    status: str = "pending"
    attempts: int = 0
    seconds: float = 0.0
    tokens: int = 0
    cost: float | None = None
    currency: str = ""


class Amendment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The difference between a run and a new plan for it.

    Attributes:
        title: Of the run before.
        retitled: Its new title, if that changes.
        params: (name, old, new) of parameters that change.
        added: Tasks that are new.
        removed: Tasks that are left out.
        changed: Tasks that had not begun and are planned otherwise, or that go on under another rule for failures,
            retries or order.
        again: Tasks that had begun or were done, and are done anew.
        stands: Writes that took place and are not taken back.
        waits_for: Titles of writes under way, which are settled first.
        ending: What is told at the end, or until when the run may take, is another.
    """

    title: str
    retitled: str = ""
    params: list[tuple[str, Any, Any]] = []
    added: list[Step] = []
    removed: list[Step] = []
    changed: list[Step] = []
    again: list[Step] = []
    stands: list[Step] = []
    waits_for: list[str] = []
    ending: bool = False


def foresee_amendment(run: Run, plan: Plan, *, titles: dict[str, str], effects: dict[str, str]) -> Amendment:
    """What another plan would change of a run, which stays as it is.

    Args:
        run: Its state.
        plan: The plan, with explicit needs.
        titles: Capability => its own title, for nodes without one.
        effects: Capability => `read`, `write` or `compute`.
    """

    def step(name: str, node: Node) -> Step:
        task, inside = run.tasks.get(name), f"{name}."
        calls = [each for which, each in run.usage.items() if which == name or which.startswith(inside)]
        usage = total([call for each in calls for call in each])
        ended = (task.finished_at or run.last_at) if task else None
        return Step(
            task=name,
            title=title_of(name, node, titles),
            effect=effect_of(node, effects),
            status=task.status if task else "pending",
            attempts=task.spent if task else 0,
            seconds=(ended - task.started_at).total_seconds() if task and task.started_at and ended else 0.0,
            tokens=usage.input_tokens + usage.output_tokens if usage else 0,
            cost=usage.cost if usage else None,
            currency=usage.currency if usage else "",
        )

    found, old, before = difference(run, plan), run.plan.tasks, run.plan.params
    gone = [*found.removed, *found.replaced]
    shown = {*found.added, *found.replaced, *found.again}
    changed = {name for name in plan.tasks if name not in shown and _planned_otherwise(run, plan, name)}
    begun_anew = [name for name in gone + found.again if run.nodes[name].body]
    inside = [name for name in run.tasks if any(name.startswith(f"{group}.") for group in begun_anew)]
    written = [name for name in [*gone, *inside] if run.tasks[name].written]
    return Amendment(
        title=run.plan.title,
        retitled=plan.title if plan.title != run.plan.title else "",
        params=[
            (name, before.get(name), plan.params.get(name))
            for name in dict.fromkeys([*before, *plan.params])
            if before.get(name) != plan.params.get(name)
        ],
        added=[
            Step(task=name, title=title_of(name, plan.tasks[name], titles), effect=effect_of(plan.tasks[name], effects))
            for name in [*found.added, *found.replaced]
        ],
        removed=[step(name, old[name]) for name in gone],
        changed=[step(name, plan.tasks[name]) for name in plan.tasks if name in changed.union(found.changed)],
        again=[step(name, plan.tasks[name]) for name in found.again],
        stands=[step(name, run.nodes[name]) for name in written],
        waits_for=[title_of(name, run.nodes[name], titles) for name, task in run.tasks.items() if under_way(task)],
        ending=(plan.answer, plan.deadline_hours) != (run.plan.answer, run.plan.deadline_hours),
    )


def _planned_otherwise(run: Run, plan: Plan, name: str) -> bool:
    """Whether anything about a task that is not settled differs."""
    return run.tasks[name].status not in SETTLED and run.plan.tasks[name] != plan.tasks[name]
