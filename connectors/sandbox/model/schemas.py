"""JSON Schemas of answers: what strict mode refuses, and a least instance where nothing was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_PROPERTIES = 5000
MOST_ENUM_VALUES = 1000
DEEPEST = 10
_REFUSED = (
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
    "contains",
    "uniqueItems",
    "default",
)
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_LEAST: dict[str, Any] = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "null": None}


def strict_problem(schema: Any) -> str:
    """The first thing for which strict mode refuses a schema, worded as the real service does; empty if none.

    Source: OpenAI's guide to structured outputs, "Supported schemas".
    """
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        shown = schema.get("type") if isinstance(schema, dict) else schema
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {shown!r}'."
    try:
        problem = next(_walk(schema, (), 0), "")
        counted = _counted(schema)
    except (TypeError, AttributeError, RecursionError):
        return "it is not a valid JSON Schema."
    if problem:
        return problem
    if counted[0] > MOST_PROPERTIES:
        return f"Schema exceeds the maximum of {MOST_PROPERTIES} object properties in total."
    if counted[1] > MOST_ENUM_VALUES:
        return f"Schema exceeds the maximum of {MOST_ENUM_VALUES} enum values in total."
    return ""


def least(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The smallest instance of a schema that strict mode accepts."""
    root = root or schema
    if reference := schema.get("$ref"):
        target: Any = root
        for part in str(reference).removeprefix("#").strip("/").split("/"):
            target = target[part] if part else target
        return least(target, root)
    if "anyOf" in schema:
        simple = [each for each in schema["anyOf"] if each.get("type") == "null"]
        return least((simple or schema["anyOf"])[0], root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[-1]
    if kind == "object":
        return {name: least(each, root) for name, each in schema.get("properties", {}).items()}
    return _LEAST.get(kind)


def _walk(schema: Any, path: tuple[str, ...], depth: int) -> Iterator[str]:
    """Problems of a schema and all below it, outermost first."""
    where = f"In context={path!r}, "
    if not isinstance(schema, dict):
        yield f"{where}schema must be an object."
        return
    if depth > DEEPEST:
        yield f"{where}schema exceeds the maximum nesting depth of {DEEPEST}."
        return
    for problem in _own(schema):
        yield where + problem
    for part, each, deeper in _below(schema):
        yield from _walk(each, (*path, *part), depth + deeper)


def _own(schema: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a schema itself."""
    for keyword in _REFUSED:
        if keyword in schema:
            yield f"'{keyword}' is not permitted."
    if not any(each in schema for each in ("type", "anyOf", "$ref", "enum", "const")):
        yield "schema must have a 'type' key."
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in _TYPES:
            yield f"{kind!r} is not a valid type."
    if kinds == "array" and "items" not in schema:
        yield "array schema missing items."
    if kinds == "object" or "properties" in schema:
        yield from _openness(schema)


def _openness(schema: dict[str, Any]) -> Iterator[str]:
    """How an object's schema is not closed."""
    if schema.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    properties, required = schema.get("properties", {}), schema.get("required", [])
    text = "'required' is required to be supplied and to be an array including every key in properties."
    for name in properties:
        if name not in required:
            yield f"{text} Missing {name!r}."
    for name in required:
        if name not in properties:
            yield f"{text} Extra required key {name!r} supplied."


def _below(schema: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any, int]]:
    """The schemas inside of one: the way there, the schema, and how much deeper it is."""
    for name, each in schema.get("properties", {}).items():
        yield ("properties", name), each, 1
    if "items" in schema:
        yield ("items",), schema["items"], 1
    for place, each in enumerate(schema.get("anyOf", [])):
        yield ("anyOf", str(place)), each, 0
    for key in ("$defs", "definitions"):
        for name, each in schema.get(key, {}).items():
            yield (key, name), each, 0


def _counted(schema: Any) -> tuple[int, int]:
    """Properties and enum values of a schema and all below it."""
    if isinstance(schema, list):
        below = [_counted(each) for each in schema]
    elif isinstance(schema, dict):
        below = [_counted(each) for each in schema.values()]
        own = schema.get("properties"), schema.get("enum")
        below.append(tuple(len(each) if isinstance(each, dict | list) else 0 for each in own))  # type: ignore[arg-type]
    else:
        return 0, 0
    return sum(each[0] for each in below), sum(each[1] for each in below)
