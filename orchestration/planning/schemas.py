"""Walks JSON Schemas: what stands at a path, which kinds of value fit, what is wrong with a literal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema

Schema = dict[str, Any]


class Shape:
    """A JSON Schema together with the definitions that its references point to, which `root` holds."""

    def __init__(self, schema: Schema, root: Schema | None = None) -> None:
        self.root = schema if root is None else root
        self.schema = schema

    def _at(self, schema: Any) -> Shape:
        return Shape(schema if isinstance(schema, dict) else {}, self.root)

    def wrapped(self, properties: Schema) -> Shape:
        """An object with these properties, whose schemas may refer to the same definitions."""
        return self._at({"type": "object", "properties": properties})

    def variants(self) -> list[Schema]:
        """The schema with references followed and alternatives laid side by side; an empty schema fits everything."""
        return list(self._variants(self.schema, 0))

    def _variants(self, schema: Schema, depth: int) -> Iterator[Schema]:
        if "$ref" in schema and depth < 50:
            target: Any = self.root
            for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                target = target.get(part, {}) if isinstance(target, dict) else {}
            yield from self._variants(target, depth + 1)
        elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
            for each in alternatives:
                yield from self._variants(each, depth + 1)
        else:
            yield schema

    def names(self) -> set[str]:
        """The names of all properties at any depth."""
        found: set[str] = set()
        seen: list[Schema] = []
        queue = [self]
        while queue:
            shape = queue.pop()
            for variant in (each for each in shape.variants() if not any(each is known for known in seen)):
                seen.append(variant)
                properties: Schema = variant.get("properties", {})
                found.update(properties)
                inner = [*properties.values(), variant.get("items"), variant.get("additionalProperties")]
                queue += [self._at(each) for each in inner if isinstance(each, dict)]
        return found

    def kinds(self) -> set[str]:
        """The JSON kinds that fit; empty for any."""
        found: set[str] = set()
        for variant in self.variants():
            said = variant.get("type")
            if said is None and "enum" in variant:
                said = "string" if all(isinstance(each, str) for each in variant["enum"]) else None
            if said is None:
                return set()
            found.update([said] if isinstance(said, str) else said)
        return found | {"number"} if "integer" in found else found

    def fields(self) -> tuple[dict[str, Shape], list[str], Shape | None] | None:
        """Properties, required ones and what further keys hold; None unless this is exactly one kind of object."""
        objects = [variant for variant in self.variants() if variant.get("type") != "null"]
        if len(objects) != 1 or objects[0].get("type") != "object":
            return None
        schema = objects[0]
        more = schema.get("additionalProperties", "properties" not in schema)
        further = None if more is False else self._at(more)
        return (
            {name: self._at(each) for name, each in schema.get("properties", {}).items()},
            schema.get("required", []),
            further,
        )

    def items(self) -> Shape | None:
        """What a list holds; None unless this is exactly one kind of list with one kind of item."""
        lists = [variant for variant in self.variants() if variant.get("type") != "null"]
        if len(lists) != 1 or lists[0].get("type") != "array" or lists[0].get("prefixItems"):
            return None
        return self._at(lists[0].get("items", {}))

    def walk(self, steps: Iterable[str]) -> Shape | str:
        """The shape at a dotted path, lists passed through; else the sentence that says which step is wrong."""
        here: list[Shape] = [self]
        done = ""
        for step in steps:
            deeper: list[Shape] = []
            known: set[str] = set()
            anything = False
            for variant in (variant for shape in here for variant in self._inside(shape)):
                properties = variant.get("properties", {})
                known.update(properties)
                if step in properties:
                    deeper.append(self._at(properties[step]))
                elif variant.get("type") in (None, "object") and "enum" not in variant:
                    more = variant.get("additionalProperties", "properties" not in variant)
                    if more is not False:
                        anything = True
                        deeper.append(self._at(more))
            if not deeper and not anything:
                what = f"it has {', '.join(sorted(known))}" if known else "it has no fields"
                return f"there is no {step!r} in {done or 'the result'}: {what}"
            here = deeper
            done = f"{done}.{step}" if done else step
        return here[0] if len(here) == 1 else Shape({"anyOf": [shape.schema for shape in here]}, self.root)

    def _inside(self, shape: Shape) -> Iterator[Schema]:
        """The variants of a shape, with lists replaced by what they hold."""
        for variant in shape.variants():
            if variant.get("type") == "array":
                yield from self._inside(self._at(variant.get("items", {})))
            else:
                yield variant

    def literal_problems(self, value: Any) -> list[tuple[list[str | int], str]]:
        """(path inside the value, what is wrong) for a value without expressions."""
        validator = jsonschema.Draft202012Validator({**self.schema, "$defs": self.root.get("$defs", {})})
        return [(list(error.absolute_path), error.message) for error in validator.iter_errors(value)]
