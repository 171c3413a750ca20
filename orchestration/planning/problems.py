"""Judges a whole plan before it runs: every problem at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import ExpressionError, check, condition_references, expressions, references
from orchestration.core.plan import Node, Plan, Question, structural_problems
from orchestration.core.question import Answered, Item
from orchestration.core.run import Person
from orchestration.planning.guards import unguarded
from orchestration.planning.schemas import Shape

_RUN = Shape(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "goal": {"type": "string"},
            "today": {"type": "string"},
            "initiator": {"type": "object", "properties": {each: {"type": "string"} for each in ("id", "name", "upn")}},
        },
    }
)
_ANSWERED = Shape(msgspec.json.schema(Answered))
_UNSAID = frozenset(field.name for field in msgspec.structs.fields(Answered) if not field.required)
_ITEMS = ("id", "kind", "title")
_PERSON = ("id", "name", "upn")


def plan_problems(plan: Plan, registry: Registry | None) -> list[str]:
    """Every problem of a plan whose needs are explicit, in the plan's order; empty if it may run.

    Args:
        plan: The plan, see `compiler.with_needs`.
        registry: What this deployment can do; None judges only what holds in every deployment.
    """
    return list(dict.fromkeys([*structural_problems(plan), *_Judge(plan, registry).problems()]))


class _Judge:
    def __init__(self, plan: Plan, registry: Registry | None) -> None:
        self._plan = plan
        self._registry = registry
        self._params = Shape({"type": "object", "properties": {name: {} for name in plan.params}})

    def problems(self) -> Iterator[str]:
        for name, node in self._plan.tasks.items():
            path = f"tasks.{name}"
            if node.when:
                yield from self._expression(f"{path}.when", node.when, name)
            if node.approval:
                yield from self._question(f"{path}.approval", node.approval, name)
                if node.with_:
                    yield f"{path}.with: an approval takes no arguments"
            elif node.capability:
                yield from self._task(path, name, node)
        yield from self._texts("answer", msgspec.to_builtins(self._plan.answer), None)

    def _task(self, path: str, name: str, node: Node) -> Iterator[str]:
        wrong = list(self._texts(f"{path}.with", node.with_, name))
        yield from wrong
        if self._registry is None:
            return
        capability = self._registry.capability(node.capability)
        if capability is None:
            yield f"{path}.capability: nobody offers {node.capability!r} here"
        elif not wrong:
            yield from self._argument(f"{path}.with", node.with_, Shape(capability.input_schema))

    def _question(self, path: str, question: Question, name: str) -> Iterator[str]:
        yield from self._texts(path, msgspec.to_builtins(question), name)
        if not question.approver.strip():
            yield f"{path}.approver: say who is asked, such as ${{tasks.accountant}}"
        else:
            yield from self._gives(f"{path}.approver", question.approver, "object", _PERSON, "a person")
        if not question.title.strip():
            yield f"{path}.title: must not be empty"
        if question.items:
            yield from self._gives(f"{path}.items", question.items, "array", _ITEMS, "a list of things to decide")
            if not question.choices:
                yield f"{path}.choices: say what may be chosen for each item"
        ids = [choice.id for choice in question.choices]
        yield from (
            f"{path}.choices: {each!r} is there twice" for each in sorted({each for each in ids if ids.count(each) > 1})
        )
        if question.default and question.default not in ids:
            known = ", ".join(ids) or "there are none"
            yield f"{path}.default: {question.default!r} is not one of the choices ({known})"

    def _gives(self, path: str, text: str, kind: str, fields: tuple[str, ...], what: str) -> Iterator[str]:
        """Whether a text is one expression that gives an object (or a list of objects) with these fields."""
        expression = _whole(text)
        if expression is None:
            yield f"{path}: must be one expression that gives {what}, such as ${{tasks.name.field}}"
            return
        shape = self._shape_of(expression)
        if shape is None:
            return
        kinds = shape.kinds()
        if kinds and kind not in kinds:
            yield f"{path}: {expression} gives {_said(kinds)}, not {what}"
        elif lacking := [field for field in fields if isinstance(shape.walk([field]), str)]:
            yield f"{path}: {expression} lacks {', '.join(lacking)}, so it is not {what}"

    def _texts(self, path: str, value: Any, task: str | None) -> Iterator[str]:
        """Problems of every expression in a nested value."""
        if isinstance(value, str):
            try:
                found = expressions(value)
            except ExpressionError as error:
                yield f"{path}: {error.message}"
                return
            for expression in found:
                yield from self._expression(path, expression, task)
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from self._texts(f"{path}.{key}", each, task)
        elif isinstance(value, list | tuple):
            for i, each in enumerate(value):
                yield from self._texts(f"{path}[{i}]", each, task)

    def _expression(self, path: str, expression: str, task: str | None) -> Iterator[str]:
        """Problems of one expression; `task` is whose it is, None for the answer's."""
        try:
            check(expression)
        except ExpressionError as error:
            yield f"{path}: {error.message}"
            return
        for read in sorted(condition_references(expression)):
            found = self._at(read)
            if isinstance(found, str):
                yield f"{path}: {read}: {found}"
            elif (
                task is not None
                and read.startswith("tasks.")
                and (name := read.split(".")[1]) not in self._plan.tasks[task].needs
            ):
                yield f"{path}: reads tasks.{name}, which is not among its needs"
        for read in self._absent(expression):
            yield f"{path}: reads {read}, which is only there if it was said: write has({read}) ? {read} : ..."
        nullable = set(self._plan.tasks[task].optional) if task is not None else self._skippable()
        for read in unguarded(expression, nullable):
            name = read.split(".")[1]
            yield f"{path}: reads {read}, but {name!r} may have been skipped: write tasks.{name} == null ? ... : {read}"

    def _absent(self, expression: str) -> Iterator[str]:
        """Reads of what an answer leaves out when it was not said, such as an empty comment."""
        for read in sorted(condition_references(expression)):
            root, *steps = read.split(".")
            node = self._plan.tasks.get(steps[0]) if root == "tasks" and len(steps) > 1 else None
            if node and node.approval and steps[1] in _UNSAID and f"has({read})" not in expression.replace(" ", ""):
                yield read

    def _at(self, path: str) -> Shape | str:
        """The shape at a path of the scope, or what is wrong with the path."""
        root, *steps = path.split(".")
        if not steps:
            return f"name what of {root} is meant, with a dot"
        if root == "run":
            return _RUN.walk(steps)
        if root == "params":
            found = self._params.walk(steps)
            return f"there is no parameter {steps[0]!r}" if isinstance(found, str) else found
        if steps[0] not in self._plan.tasks:
            return f"there is no task {steps[0]!r}"
        node = self._plan.tasks[steps[0]]
        if node.approval:
            return _ANSWERED.walk(steps[1:])
        capability = self._registry.capability(node.capability) if self._registry else None
        return Shape(capability.output_schema).walk(steps[1:]) if capability else Shape({})

    def _shape_of(self, expression: str) -> Shape | None:
        """What an expression that is a bare path gives; None for anything that only a run can tell."""
        if references(f"${{{expression}}}") != {expression}:
            return None
        found = self._at(expression)
        return None if isinstance(found, str) else found

    def _skippable(self) -> set[str]:
        """Tasks that may be null in the end: conditional, refused or given up, or depending on such a one."""
        skippable: set[str] = set()
        grown = True
        while grown:
            grown = False
            for name, node in self._plan.tasks.items():
                if name not in skippable and (
                    self._may_skip(node) or skippable.intersection(node.needs).difference(node.optional)
                ):
                    skippable.add(name)
                    grown = True
        return skippable

    def _may_skip(self, node: Node) -> bool:
        capability = self._registry.capability(node.capability) if self._registry and node.capability else None
        return bool(node.when or node.on_failure == "ask" or (capability and capability.effect == "write"))

    def _argument(self, path: str, value: Any, shape: Shape) -> Iterator[str]:
        """Problems of an argument: unknown and missing names, wrong kinds of literals and of what expressions give."""
        fields = shape.fields()
        if isinstance(value, dict) and fields:
            properties, required, further = fields
            for key, each in value.items():
                if (inner := properties.get(key, further)) is None:
                    yield f"{path}: there is no {key!r}; known are {', '.join(properties) or 'none'}"
                else:
                    yield from self._argument(f"{path}.{key}", each, inner)
            yield from (f"{path}: {key!r} is missing" for key in required if key not in value)
        elif isinstance(value, list) and (items := shape.items()):
            for i, each in enumerate(value):
                yield from self._argument(f"{path}[{i}]", each, items)
        elif isinstance(value, str) and expressions(value):
            yield from self._computed(path, value, shape.kinds())
        elif not expressions(value):
            for inside, what in shape.literal_problems(value):
                yield f"{_below(path, inside)}: {what}"

    def _computed(self, path: str, text: str, wanted: set[str]) -> Iterator[str]:
        expression = _whole(text)
        if expression is None:
            if wanted and "string" not in wanted:
                yield f"{path}: is text, but must be {_said(wanted)}"
            return
        shape = self._shape_of(expression)
        given = (shape.kinds() if shape else set()) - {"null"}
        if given and wanted and not given & wanted:
            yield f"{path}: {expression} gives {_said(given)}, but it must be {_said(wanted)}"


def _whole(text: str) -> str | None:
    """The expression that a text consists of, or None if there is text around it or no expression at all."""
    text = text.strip()
    try:
        found = expressions(text)
    except ExpressionError:
        return None
    return found[0] if len(found) == 1 and text.startswith("${") and text[2:-1].strip() == found[0] else None


def _below(path: str, inside: list[str | int]) -> str:
    return path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inside)


_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a number",
    "number": "a number",
    "boolean": "true or false",
}


def _said(kinds: set[str]) -> str:
    return " or ".join(sorted({_KINDS[kind] for kind in kinds if kind in _KINDS}))


assert set(_ITEMS) <= set(Item.__struct_fields__)
assert set(_PERSON) <= set(Person.__struct_fields__)
