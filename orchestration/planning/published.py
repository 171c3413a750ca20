"""The plan language as JSON Schema, for editors and models; `python -m orchestration.planning.published` writes it.

The schema says what a file may look like; what only a whole plan can get wrong, such as a reference to a task that is
not there, is told by `problems.plan_problems`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec

from orchestration.core.plan import NAME, Fallback, ForEach, Node, Plan, Question, Repeat
from orchestration.core.structure import LARGEST_AT_MOST, LARGEST_AT_ONCE
from orchestration.planning.playbook import PLAYBOOK_NAME, Playbook

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).parent.parent / "schemas"
_ATTRIBUTE = re.compile(r"^(\w+): (.*?)(?=^\w+: |\Z)", re.MULTILINE | re.DOTALL)
_KINDS = ("capability", "approval", "for_each", "repeat")
_LIMITS: dict[type, dict[str, dict[str, Any]]] = {
    Node: {"attempts": {"minimum": 0}, "timeout_seconds": {"minimum": 0}},
    Question: {"quorum": {"minimum": 1}, "due_hours": {"minimum": 0}, "remind_hours": {"minimum": 0}},
    ForEach: {"at_once": {"minimum": 1, "maximum": LARGEST_AT_ONCE}},
    Repeat: {"at_most": {"minimum": 1, "maximum": LARGEST_AT_MOST}},
    Plan: {"deadline_hours": {"minimum": 0}},
    Playbook: {"deadline_hours": {"minimum": 0}, "name": {"pattern": f"^{PLAYBOOK_NAME.pattern}$"}},
    Fallback: {},
}


def schema(type_: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a plan or playbook, described in the words of its docstrings."""
    made = msgspec.json.schema(type_)
    structs = {each.__name__: each for each in _structs(type_, set())}
    for name, definition in made["$defs"].items():
        if (struct := structs.get(name)) is not None:
            _describe(definition, struct)
    made["$defs"]["Node"]["oneOf"] = [{"required": [kind]} for kind in _KINDS]
    return {"$schema": DIALECT, "title": title, **made}


def _describe(definition: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    text, _, attributes = inspect.cleandoc(struct.__doc__ or "").partition("Attributes:\n")
    definition["description"] = " ".join(text.split())
    told = {name: " ".join(said.split()) for name, said in _ATTRIBUTE.findall(inspect.cleandoc(attributes))}
    for field in msgspec.structs.fields(struct):
        about = definition["properties"][field.encode_name]
        if field.name in told:
            about["description"] = told[field.name]
        if field.name == "tasks":
            about["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
            about["minProperties"] = 1
        about.update(_LIMITS.get(struct, {}).get(field.name, {}))


def _structs(type_: Any, seen: set[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """A struct with every struct that its fields hold."""
    for part in _parts(type_):
        if isinstance(part, type) and issubclass(part, msgspec.Struct) and part not in seen:
            seen.add(part)
            for field in msgspec.structs.fields(part):
                _structs(field.type, seen)
    return seen


def _parts(type_: Any) -> list[Any]:
    return [type_, *(part for each in getattr(type_, "__args__", ()) for part in _parts(each))]


PUBLISHED = {
    "plan.schema.json": lambda: schema(Plan, "A plan of Tandem"),
    "playbook.schema.json": lambda: schema(Playbook, "A playbook of Tandem"),
}


def text(name: str) -> str:
    """A published schema as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(PUBLISHED[name]()), indent=2).decode() + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in PUBLISHED:
        (FOLDER / name).write_text(text(name), encoding="utf-8")
