"""A JSON Schema in a person's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(name, kind, "required" or its default) of an object's fields."""
    definitions = schema.get("$defs", {})
    top = _resolved(schema, definitions)
    for name, each in top.get("properties", {}).items():
        default = each.get("default")
        optional = f"default {default!r}" if default not in (None, "", [], {}) else "optional"
        yield name, _kind(each, definitions), "required" if name in top.get("required", ()) else optional


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema
    while "$ref" in found:
        found = definitions.get(found["$ref"].rpartition("/")[2], {})
    return found


def _kind(schema: dict[str, Any], definitions: dict[str, Any], depth: int = 2) -> str:
    found = _resolved(schema, definitions)
    if "enum" in found:
        return " | ".join(map(str, found["enum"]))
    if variants := found.get("anyOf") or found.get("oneOf"):
        return " or ".join(dict.fromkeys(_kind(each, definitions, depth) for each in variants))
    if found.get("type") == "array":
        items = found.get("items")
        return f"list of {_kind(items, definitions, depth)}" if isinstance(items, dict) and items else "list"
    if found.get("type") == "object" or "properties" in found:
        return _object(found, definitions, depth)
    if found.get("format"):
        return str(found["format"])
    return "base64" if found.get("contentEncoding") else _WORDS.get(str(found.get("type")), "anything")


def _object(found: dict[str, Any], definitions: dict[str, Any], depth: int) -> str:
    inside = found.get("properties")
    if inside:
        return f"{{{', '.join(inside)}}}"
    more = found.get("additionalProperties")
    return f"mapping to {_kind(more, definitions, depth - 1)}" if isinstance(more, dict) and depth else "mapping"
