"""Judges a whole plan before it runs: every problem at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import ExpressionError, check, condition_references, expressions
from orchestration.core.plan import ForEach, Node, Plan, Question, Repeat
from orchestration.core.question import Item
from orchestration.core.run import Person
from orchestration.core.structure import structural_problems
from orchestration.planning.guards import unguarded
from orchestration.planning.schemas import Shape
from orchestration.planning.sight import Sight

_ITEMS = ("id", "kind", "title")
_PERSON = ("id", "name", "upn")


def plan_problems(plan: Plan, registry: Registry | None) -> list[str]:
    """Every problem of a plan whose needs are explicit, in the plan's order; empty if it may run.

    Args:
        plan: The plan, see `compiler.with_needs`.
        registry: What this deployment can do; None judges only what holds in every deployment.
    """
    judge = _Judge(plan, registry, Sight(plan, registry, plan.tasks))
    return list(dict.fromkeys([*structural_problems(plan), *judge.problems()]))


class _Judge:
    """Judges one level of a plan: its tasks, or the body of a group.

    Args:
        plan: The whole plan.
        registry: What this deployment can do.
        sight: What expressions of this level see.
        null: Tasks of the levels around that may be null here.
    """

    def __init__(self, plan: Plan, registry: Registry | None, sight: Sight, null: frozenset[str] = frozenset()) -> None:
        self._plan, self._registry, self._sight, self._null = plan, registry, sight, null
        self._tasks = sight.tasks

    def problems(self) -> Iterator[str]:
        yield from self.level("tasks")
        yield from self.texts("answer", msgspec.to_builtins(self._plan.answer), None)

    def _inside(self, node: Node, **roots: Shape) -> _Judge:
        sight = Sight(self._plan, self._registry, node.body, self._sight, {**self._sight.roots, **roots})
        return _Judge(self._plan, self._registry, sight, self._null.union(node.optional))

    def level(self, before: str) -> Iterator[str]:
        """Problems of the tasks of this level, whose paths begin with `before`."""
        for name, node in self._tasks.items():
            path = f"{before}.{name}"
            if node.when:
                yield from self.expression(f"{path}.when", node.when, name)
            if node.approval:
                yield from self._question(f"{path}.approval", node.approval, name)
            elif node.capability:
                yield from self._task(path, name, node.capability, node.with_)
                if node.fallback:
                    yield from self._task(f"{path}.fallback", name, node.fallback.capability, node.fallback.with_)
                    yield from self._same_effect(path, node.capability, node.fallback.capability)
                yield from self._watches(f"{path}.watches", node)
            elif node.for_each:
                yield from self._for_each(f"{path}.for_each", name, node, node.for_each)
            elif node.repeat:
                yield from self._repeat(f"{path}.repeat", node, node.repeat)
            if node.with_ and not node.capability:
                yield f"{path}.with: only a task with a capability takes arguments"

    def _task(self, path: str, name: str, wanted: str, given: dict[str, Any]) -> Iterator[str]:
        wrong = list(self.texts(f"{path}.with", given, name))
        yield from wrong
        if self._registry is None:
            return
        capability = self._registry.capability(wanted)
        if capability is None:
            yield f"{path}.capability: nobody offers {wanted!r} here"
        elif not wrong:
            yield from self._argument(f"{path}.with", given, Shape(capability.input_schema))

    def _watches(self, path: str, node: Node) -> Iterator[str]:
        if node.watches and self._writes(node):
            yield f"{path}: {node.capability} writes, and what it writes is fixed before it begins: only reads watch"
        yield from (
            f"{path}: {each!r} writes, and people may be asked about that; only reads can be watched"
            for each in node.watches
            if each in self._tasks and self._writes(self._tasks[each])
        )

    def _writes(self, node: Node) -> bool:
        capability = self._registry.capability(node.capability) if self._registry else None
        return capability is not None and capability.effect == "write"

    def _same_effect(self, path: str, own: str, fallback: str) -> Iterator[str]:
        mine, other = (self._registry.capability(each) if self._registry else None for each in (own, fallback))
        if mine and other and mine.effect != other.effect:
            yield f"{path}.fallback: {own} is a {mine.effect} and {fallback} a {other.effect}; both must be the same"

    def _for_each(self, path: str, name: str, node: Node, each: ForEach) -> Iterator[str]:
        yield from self.texts(f"{path}.items", each.items, name)
        expression = _whole(each.items)
        item = Shape({})
        if expression is None:
            yield f"{path}.items: must be one expression that gives a list, such as ${{tasks.name.files}}"
        elif shape := self._sight.shape_of(expression):
            kinds = shape.kinds()
            if kinds and "array" not in kinds:
                yield f"{path}.items: {expression} gives {_said(kinds)}, not a list"
            item = shape.items() or item
        seen = item.wrapped({"item": item.schema, "index": {"type": "integer"}})
        inside = self._inside(node, for_each=seen)
        yield from inside.level(f"{path}.tasks")
        yield from inside.texts(f"{path}.gives", each.gives, None)

    def _repeat(self, path: str, node: Node, repeat: Repeat) -> Iterator[str]:
        seen = Shape({"type": "object", "properties": {"round": {"type": "integer"}, "last": {}}})
        inside = self._inside(node, repeat=seen)
        yield from inside.level(f"{path}.tasks")
        yield from inside.texts(f"{path}.gives", repeat.gives, None)
        if repeat.until:
            yield from inside.expression(f"{path}.until", repeat.until, None)

    def _question(self, path: str, question: Question, name: str) -> Iterator[str]:
        yield from self.texts(path, msgspec.to_builtins(question), name)
        for field in ("approver", "escalate_to"):
            if text := getattr(question, field):
                yield from self._gives(f"{path}.{field}", text, "object", _PERSON, "a person")
        for field in ("approvers", "delegates"):
            if text := getattr(question, field):
                yield from self._gives(f"{path}.{field}", text, "array", _PERSON, "a list of people")
        if question.revises:
            yield from self._revises(f"{path}.revises", question.revises)
        if not question.title.strip():
            yield f"{path}.title: must not be empty"
        if question.items:
            yield from self._gives(f"{path}.items", question.items, "array", _ITEMS, "a list of things to decide")
            if not question.choices:
                yield f"{path}.choices: say what may be chosen for each item"
        ids = [choice.id for choice in question.choices]
        yield from (
            f"{path}.choices: the id {each!r} holds an expression: an id is fixed, only its title may vary"
            for each in ids
            if "${" in each
        )
        yield from (
            f"{path}.choices: {each!r} is there twice" for each in sorted({each for each in ids if ids.count(each) > 1})
        )
        if question.default and question.default not in ids:
            known = ", ".join(ids) or "there are none"
            yield f"{path}.default: {question.default!r} is not one of the choices ({known})"

    def _revises(self, path: str, revised: str) -> Iterator[str]:
        node = self._tasks.get(revised)
        if node is None or not node.capability:
            yield f"{path}: there is no task {revised!r} beside this question that uses a capability"
        elif self._registry is not None:
            workers = self._registry.offering(node.capability)
            if workers and not any(each.takes_feedback for each in workers):
                yield f"{path}: nobody who offers {node.capability!r} takes feedback"
            elif workers and workers[0].capability.effect == "write":
                yield f"{path}: {node.capability!r} is a write, which is not done again for feedback"

    def _gives(self, path: str, text: str, kind: str, fields: tuple[str, ...], what: str) -> Iterator[str]:
        """Whether a text is one expression that gives an object (or a list of objects) with these fields."""
        expression = _whole(text)
        if expression is None:
            word = ", or a word: initiator, manager(initiator), user(address), group(name)" if fields == _PERSON else ""
            yield f"{path}: must be one expression that gives {what}, such as ${{tasks.name.field}}{word}"
            return
        shape = self._sight.shape_of(expression)
        if shape is None:
            return
        kinds = shape.kinds()
        if kinds and kind not in kinds:
            yield f"{path}: {expression} gives {_said(kinds)}, not {what}"
        elif lacking := [field for field in fields if isinstance(shape.walk([field]), str)]:
            yield f"{path}: {expression} lacks {', '.join(lacking)}, so it is not {what}"

    def texts(self, path: str, value: Any, task: str | None) -> Iterator[str]:
        """Problems of every expression in a nested value."""
        if isinstance(value, str):
            try:
                found = expressions(value)
            except ExpressionError as error:
                yield f"{path}: {error.message}"
                return
            for expression in found:
                yield from self.expression(path, expression, task)
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from self.texts(f"{path}.{key}", each, task)
        elif isinstance(value, list | tuple):
            for i, each in enumerate(value):
                yield from self.texts(f"{path}[{i}]", each, task)

    def expression(self, path: str, expression: str, task: str | None) -> Iterator[str]:
        """Problems of one expression; `task` is whose it is, None for the answer's."""
        try:
            check(expression)
        except ExpressionError as error:
            yield f"{path}: {error.message}"
            return
        for read in sorted(condition_references(expression)):
            found = self._sight.at(read)
            if isinstance(found, str):
                yield f"{path}: {read}: {found}"
            elif (
                task is not None
                and read.startswith("tasks.")
                and (name := read.split(".")[1]) in self._tasks
                and name not in self._tasks[task].needs
            ):
                yield f"{path}: reads tasks.{name}, which is not among its needs"
        for read in self._sight.absent(expression):
            yield f"{path}: reads {read}, which is only there if it was said: write has({read}) ? {read} : ..."
        nullable = set(self._tasks[task].optional) if task is not None else self._skippable()
        for read in unguarded(expression, nullable | self._null):
            name = read.split(".")[1]
            yield f"{path}: reads {read}, but {name!r} may have been skipped: write tasks.{name} == null ? ... : {read}"

    def _skippable(self) -> set[str]:
        """Tasks that may be null in the end: conditional, refused or given up, or depending on such a one."""
        skippable: set[str] = set()
        grown = True
        while grown:
            grown = False
            for name, node in self._tasks.items():
                if name not in skippable and (
                    self._may_skip(node) or skippable.intersection(node.needs).difference(node.optional)
                ):
                    skippable.add(name)
                    grown = True
        return skippable

    def _may_skip(self, node: Node) -> bool:
        capability = self._registry.capability(node.capability) if self._registry and node.capability else None
        return bool(
            node.when
            or node.on_failure in ("ask", "skip")
            or (capability and capability.effect == "write")
            or (node.approval and (node.approval.may_skip or node.approval.on_expiry == "skip"))
        )

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
        shape = self._sight.shape_of(expression)
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
