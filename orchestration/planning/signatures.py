"""Schemas as signatures that a model reads in a line: `to: [text], subject: text, cc: [text] = []`."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from orchestration.planning.schemas import Schema, Shape
from orchestration.validation.text import clean

_DEEPEST = 3
_LONGEST = 1_200
_LONGEST_ABOUT = 240
_ATTRIBUTE = re.compile(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)
_NAMES = {"string": "text", "integer": "number", "number": "number", "boolean": "true|false", "null": "null"}


def signature(schema: Schema) -> str:
    """The fields of an object's schema with their kinds; what may be left out has a default or a question mark."""
    return _clipped(_fields(Shape(schema), _DEEPEST))


def explained(schema: Schema) -> tuple[str, dict[str, str]]:
    """What the schema's description says of it, in a line, and of each field: the docstring of its struct."""
    described = next((str(each["description"]) for each in Shape(schema).variants() if "description" in each), "")
    text, _, attributes = inspect.cleandoc(described).partition("Attributes:\n")
    told = {name: clean(said, _LONGEST_ABOUT) for name, said in _ATTRIBUTE.findall(attributes)}
    return clean(text, _LONGEST_ABOUT), told


def _fields(shape: Shape, deep: int) -> str:
    found = shape.fields()
    if found is None:
        return _kind(shape, deep)
    properties, required, further = found
    parts = [
        f"{_name(name)}{'' if name in required else '?'}: {_kind(each, deep)}{_default(each.schema)}"
        for name, each in properties.items()
    ]
    if further is not None and not properties:
        parts.append(f"any name: {_kind(further, deep)}")
    return ", ".join(parts)


def _kind(shape: Shape, deep: int) -> str:
    variants = shape.variants()
    if len(variants) > 1:
        return "|".join(dict.fromkeys(_kind(Shape(each, shape.root), deep) for each in variants))
    schema = variants[0] if variants else {}
    if "enum" in schema:
        return "|".join(clean(each, 40) for each in schema["enum"][:20])
    said = schema.get("type")
    if said == "array":
        items = Shape(schema, shape.root).items()
        return f"[{_kind(items, deep - 1)}]" if items is not None and deep > 0 else "[...]"
    if said == "object":
        return f"{{{_fields(Shape(schema, shape.root), deep - 1)}}}" if deep > 0 else "{...}"
    if said == "string" and schema.get("format") == "date":
        return "day YYYY-MM-DD"
    if said == "string" and schema.get("contentEncoding"):
        return "file"
    return _NAMES.get(str(said), "anything")


def _default(schema: Schema) -> str:
    default: Any = schema.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict | list):
        return ""
    return f" = {clean(json.dumps(default), 40)}"


def _name(name: str) -> str:
    return clean(name, 40)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
