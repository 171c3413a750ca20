"""What the expressions of a plan can see, as far as that is known before it runs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import condition_references, references
from orchestration.core.plan import Node, Plan
from orchestration.core.question import Answered
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
_EACH_OUTPUT = Shape(
    {
        "type": "object",
        "properties": {
            "results": {"type": "array"},
            "failures": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "index": {"type": "integer"},
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
            "count": {"type": "integer"},
        },
    }
)
_REPEAT_OUTPUT = Shape(
    {
        "type": "object",
        "properties": {
            "result": {},
            "rounds": {"type": "integer"},
            "accepted": {"type": "boolean"},
            "stopped": {"type": "string"},
        },
    }
)


class Sight:
    """What expressions see at one level of a plan: the top, or the body of a group.

    Args:
        plan: The whole plan.
        registry: What this deployment can do.
        tasks: The tasks of this level.
        around: The level around.
        roots: What is seen as `for_each` and `repeat`.
    """

    def __init__(
        self,
        plan: Plan,
        registry: Registry | None,
        tasks: dict[str, Node],
        around: Sight | None = None,
        roots: dict[str, Shape] | None = None,
    ) -> None:
        self.tasks, self.around, self.roots = tasks, around, roots or {}
        self._registry = registry
        self._params = Shape({"type": "object", "properties": {name: {} for name in plan.params}})

    def absent(self, expression: str) -> Iterator[str]:
        """Reads of what an answer leaves out when it was not said, such as an empty comment."""
        for read in sorted(condition_references(expression)):
            root, *steps = read.split(".")
            node = self.node(steps[0]) if root == "tasks" and len(steps) > 1 else None
            if node and node.approval and steps[1] in _UNSAID and f"has({read})" not in expression.replace(" ", ""):
                yield read

    def at(self, path: str) -> Shape | str:
        """The shape at a path of the scope, or what is wrong with the path."""
        root, *steps = path.split(".")
        if not steps:
            return f"name what of {root} is meant, with a dot"
        if root == "run":
            return _RUN.walk(steps)
        if root == "params":
            found = self._params.walk(steps)
            return f"there is no parameter {steps[0]!r}" if isinstance(found, str) else found
        if root in ("for_each", "repeat"):
            if root not in self.roots:
                return f"is only there inside the tasks of a {root}"
            return self.roots[root].walk(steps)
        node = self.node(steps[0])
        if node is None:
            return f"there is no task {steps[0]!r}"
        if node.for_each:
            return _EACH_OUTPUT.walk(steps[1:])
        if node.repeat:
            return _REPEAT_OUTPUT.walk(steps[1:])
        if node.approval:
            return _ANSWERED.walk(steps[1:])
        names = [node.capability, *([node.fallback.capability] if node.fallback else [])]
        outputs = [self._output(each, steps[1:]) for each in names]
        return next((each for each in outputs if isinstance(each, str)), outputs[0])

    def _output(self, name: str, steps: list[str]) -> Shape | str:
        capability = self._registry.capability(name) if self._registry else None
        return Shape(capability.output_schema).walk(steps) if capability else Shape({})

    def node(self, name: str) -> Node | None:
        """A task of this level or one around."""
        if name in self.tasks:
            return self.tasks[name]
        return self.around.node(name) if self.around else None

    def shape_of(self, expression: str) -> Shape | None:
        """What an expression that is a bare path gives; None for anything that only a run can tell."""
        if references(f"${{{expression}}}") != {expression}:
            return None
        found = self.at(expression)
        return None if isinstance(found, str) else found
