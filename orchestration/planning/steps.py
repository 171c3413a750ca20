"""From the steps of a model's answer to the nodes of a plan, arguments typed by the capabilities' schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import ExpressionError, expressions
from orchestration.core.plan import Choice, ForEach, Node, Question
from orchestration.errors import InvalidPlan
from orchestration.planning.answer import LONGEST_TITLE, Asking, Step
from orchestration.planning.bounds import bounds_problems, expression_problems
from orchestration.planning.schemas import Shape
from orchestration.validation.text import clean

_DEEPEST_JSON = 12


class Stepping:
    """Makes nodes of steps.

    Args:
        registry: What this deployment can do; arguments are typed by it.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def nodes(self, steps: Sequence[Step], kept: Mapping[str, Node]) -> dict[str, Node]:
        """The nodes of these steps, in their order.

        Args:
            steps: Of an answer.
            kept: Tasks of the changed run, which a step may keep.

        Raises:
            InvalidPlan: Names every step that makes no node.
        """
        wrong: list[str] = []
        names = [step.name for step in steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        wrong += [f"tasks: there are two called {clean(name, 60)!r}" for name in twice]
        tasks: dict[str, Node] = {}
        for step in steps:
            path = f"tasks.{clean(step.name, 60)}"
            if step.kind != "keep":
                tasks[step.name] = self._node(path, step, set(names), wrong)
            elif (node := kept.get(step.name)) is not None:
                tasks[step.name] = _trimmed(node, set(names))
            else:
                wrong.append(f"{path}: keep names a task of the changed run, and it has no such task")
        if wrong:
            raise InvalidPlan(wrong)
        return tasks

    def _node(self, path: str, step: Step, names: set[str], wrong: list[str]) -> Node:
        common: dict[str, Any] = {"title": self._title(step), "on_failure": step.on_failure}
        needs = list(dict.fromkeys([*step.needs, *step.optional]))
        around: dict[str, Any] = {"needs": needs, "optional": list(dict.fromkeys(step.optional)), "when": step.when}
        wrong += bounds_problems(f"{path}.title", step.title)
        wrong += expression_problems(f"{path}.when", step.when)
        if step.kind == "question":
            if step.question is None:
                wrong.append(f"{path}.question: a step of kind question needs one")
            if step.for_each:
                wrong.append(f"{path}.for_each: a person is asked once, not for every item")
            asking = step.question or Asking()
            wrong += bounds_problems(f"{path}.question", msgspec.to_builtins(asking))
            return Node(approval=_question(asking), **common, **around)
        if step.question is not None:
            wrong.append(f"{path}.question: belongs to a step of kind question; null here")
        with_ = self._arguments(path, step, wrong)
        if not step.for_each.strip():
            return Node(capability=step.capability, with_=with_, **common, **around)
        items = step.for_each.strip() if is_expression(step.for_each) else f"${{{step.for_each.strip()}}}"
        wrong += bounds_problems(f"{path}.for_each", items)
        return _for_each(step, items, with_, names, common, around)

    def _title(self, step: Step) -> str:
        """The step's own title; a write's begins with what it does, so that none is taken for a read."""
        title = clean(step.title, LONGEST_TITLE)
        capability = self._registry.capability(step.capability) if step.kind == "capability" else None
        if capability is None or capability.effect == "read" or title.startswith(capability.title):
            return title
        return f"{capability.title}: {title}" if title else ""

    def _arguments(self, path: str, step: Step, wrong: list[str]) -> dict[str, Any]:
        """The arguments, typed by the capability's schema as far as it is known."""
        capability = self._registry.capability(step.capability)
        fields = Shape(capability.input_schema).fields() if capability else None
        properties, required = (fields[0], fields[1]) if fields else ({}, [])
        found: dict[str, Any] = {}
        for value in step.arguments:
            here = f"{path}.arguments.{clean(value.name, 60)}"
            shape = properties.get(value.name, Shape({}))
            if value.name in found:
                wrong.append(f"{here}: is there twice")
            elif not value.value.strip() and value.name not in required and "string" not in shape.kinds():
                continue  # said to be left out
            else:
                try:
                    found[value.name] = _typed(value.value, shape)
                except ValueError as error:
                    wrong.append(f"{here}: {error}")
        wrong += bounds_problems(f"{path}.arguments", found)
        return found


def _typed(text: str, shape: Shape) -> Any:
    """The value that a text stands for where this is wanted.

    Raises:
        ValueError: It is none such; says why.
    """
    kinds = shape.kinds()
    if is_expression(text) or "string" in kinds:
        return text.strip() if is_expression(text) else text
    if not kinds and not text.lstrip().startswith(("[", "{")):
        return text
    items = shape.items()
    if items is not None and "string" in items.kinds() and not text.lstrip().startswith("["):
        return [text]
    try:
        value = msgspec.json.decode(text)
        if _depth(value) > _DEEPEST_JSON:
            raise ValueError("it is nested too deeply")
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        wanted = " or ".join(sorted(kinds - {"null"})) or "a value"
        raise ValueError(f"must be JSON ({wanted}), or one expression: {error}") from None
    return value


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inside), default=0)


def is_expression(text: str) -> bool:
    """Whether a text is one `${expression}` and nothing else."""
    text = text.strip()
    try:
        found = expressions(text)
    except ExpressionError:
        return False
    return len(found) == 1 and text.startswith("${") and text[2:-1].strip() == found[0]


def _for_each(
    step: Step, items: str, with_: dict[str, Any], names: set[str], common: dict[str, Any], around: dict[str, Any]
) -> Node:
    """The task for every item; a condition that reads the item is the item's, any other the whole's."""
    own = "for_each" in step.when
    inner = _free(f"{step.name[:34]}_each", names)
    body = Node(capability=step.capability, with_=with_, title=common["title"], when=step.when if own else "")
    group = ForEach(
        items=items,
        tasks={inner: body},
        gives=f"${{tasks.{inner}}}",
        on_failure="keep" if step.on_failure == "skip" else "fail",
    )
    # The items that fail are left out one by one: the group itself goes on.
    kept = {**common, "on_failure": "fail" if step.on_failure == "skip" else step.on_failure}
    return Node(for_each=group, **kept, **{**around, "when": "" if own else step.when})


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _question(asking: Asking) -> Question:
    approver = asking.approver.strip() or "initiator"
    known = {"initiator": "You", "${run.initiator}": "You", "manager(initiator)": "Your manager"}
    return Question(
        approver=approver,
        approver_title=known.get(approver, ""),
        title=clean(asking.title, 2 * LONGEST_TITLE),
        text=asking.text,
        choices=[Choice(each.id, clean(each.title, LONGEST_TITLE)) for each in asking.choices],
    )


def _trimmed(node: Node, names: set[str]) -> Node:
    """A task that stays, without what it needs only in order to come after a task that goes."""
    return msgspec.structs.replace(
        node,
        needs=[each for each in node.needs if each in names],
        optional=[each for each in node.optional if each in names],
        watches=[each for each in node.watches if each in names],
    )
