"""YAML files of the deployment: read without YAML's traps, and every deviation from a schema named with its path."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Any

import yaml


class InvalidYaml(ValueError):
    """A text is no YAML; the message says where and why."""


class _Loader(yaml.SafeLoader):
    """YAML without its traps: a key given twice is an error, and `yes`, `no` and dates are plain text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it so
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, each key once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_yaml(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        InvalidYaml: It is none; the message begins with line and column where they are known.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidYaml(f"{where}: {getattr(error, 'problem', None) or 'this is not YAML'}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidYaml(f": {error}") from None


def shape_problems(content: Any, schema: Any, whole: str) -> list[str]:
    """Every deviation of a content from a validator's schema, as `path: what`; `whole` names the content itself."""
    found: list[str] = []
    for error in schema.iter_errors(content):
        found.extend(_described(error, whole))
    return sorted(dict.fromkeys(found))


def _described(error: Any, whole: str) -> Iterable[str]:
    """One error of the validator in words; its attributes are whatever the schema's keyword makes them."""
    if error.validator == "anyOf" and error.context:
        # An optional object: tell what is wrong with the object, not that it is not null either.
        deeper = [each for each in error.context if list(each.relative_schema_path)[1:2] != ["type"]]
        for each in deeper or error.context[:1]:
            yield from _described(each, whole)
        return
    where = dotted(error.absolute_path) or whole
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = set(error.schema.get("properties", ()))
        for key in error.instance:
            if key not in known:
                yield f"{where}: there is no {key!r} here; known are {', '.join(sorted(known))}"
    elif error.validator == "required" and isinstance(error.instance, dict):
        for key in error.validator_value:
            if key not in error.instance:
                yield f"{where}: {key!r} is missing"
    elif error.validator == "type":
        wanted = str(error.validator_value)
        hint = ": put it in quotes" if wanted == "string" and isinstance(error.instance, int | float) else ""
        yield f"{where}: {_clipped(error.instance)} is not {_TYPES.get(wanted, wanted)}{hint}"
    elif error.validator in ("enum", "const"):
        yield f"{where}: {_clipped(error.instance)} is not one of {', '.join(map(str, error.schema.get('enum', [])))}"
    else:
        yield f"{where}: {error.message}"


_TYPES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def dotted(path: Iterable[str | int]) -> str:
    """`tasks.sap.with.months[0]` of the parts of a path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _clipped(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
