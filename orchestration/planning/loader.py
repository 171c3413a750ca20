"""Reads a folder of playbooks; whatever is wrong is named, all of it, with file and path."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import yaml

from orchestration.errors import Invalid
from orchestration.planning.playbook import Playbook

SUFFIX = ".yaml"
_MAX_BYTES = 1_000_000
_SCHEMA = msgspec.json.schema(Playbook)
_SHAPE = jsonschema.Draft202012Validator(_SCHEMA)


class InvalidPlaybooks(Invalid):
    """Playbook files break rules; `problems` names every one of them with its file and path."""

    code = "invalid_playbooks"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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


def parse(text: str, file: str) -> tuple[Playbook | None, list[str]]:
    """One playbook, or every problem of its shape, each beginning with `file`."""
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return None, [f"{file}{where}: {getattr(error, 'problem', None) or 'this is not YAML'}"]
    if not isinstance(content, dict):
        return None, [f"{file}: a playbook is a mapping that starts with 'name:'"]
    problems = [f"{file}: {problem}" for problem in _shape_problems(content)]
    if problems:
        return None, problems
    try:
        playbook = msgspec.convert(content, Playbook)
    except msgspec.ValidationError as error:  # what a schema cannot say
        return None, [f"{file}: {error}"]
    problems = [f"{file}: {problem}" for problem in playbook.problems()]
    if playbook.name != Path(file).stem:
        problems.append(f"{file}: name: {playbook.name!r} must be the file's own name, {Path(file).stem!r}")
    return (None, problems) if problems else (playbook, [])


def load(folder: Path) -> dict[str, Playbook]:
    """All playbooks of a folder by name.

    Raises:
        InvalidPlaybooks: Names every problem of every file.
    """
    playbooks, problems = load_each(files(folder))
    if problems:
        raise InvalidPlaybooks([problem for each in problems.values() for problem in each])
    return playbooks


def files(folder: Path) -> list[Path]:
    """The playbook files of a folder, by name.

    Raises:
        InvalidPlaybooks: There is no such folder.
    """
    if not folder.is_dir():
        raise InvalidPlaybooks([f"there is no playbook folder {folder}"])
    return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file())


def load_each(paths: Iterable[Path]) -> tuple[dict[str, Playbook], dict[str, list[str]]]:
    """The good playbooks by name, and the problems of the others by name."""
    playbooks: dict[str, Playbook] = {}
    problems: dict[str, list[str]] = {}
    for path in paths:
        playbook, found = _read(path)
        if playbook:
            playbooks[playbook.name] = playbook
        else:
            problems[path.stem] = found
    return playbooks, problems


def _read(path: Path) -> tuple[Playbook | None, list[str]]:
    try:
        content = path.read_bytes()
        if len(content) > _MAX_BYTES:
            return None, [f"{path.name}: is larger than {_MAX_BYTES // 1_000_000} MB; a playbook is a page or two"]
        return parse(content.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        return None, [f"{path.name}: is not UTF-8 text (byte {error.start})"]
    except OSError as error:
        return None, [f"{path.name}: cannot be read: {error.strerror}"]


def _shape_problems(content: dict[Any, Any]) -> list[str]:
    """Every deviation from the playbook's schema, as `path: what`."""
    found: list[str] = []
    for error in _SHAPE.iter_errors(content):
        found.extend(_described(error))
    return sorted(dict.fromkeys(found))


def _described(error: Any) -> Iterable[str]:
    """One error of the validator in words; its attributes are whatever the schema's keyword makes them."""
    if error.validator == "anyOf" and error.context:
        # An optional object: tell what is wrong with the object, not that it is not null either.
        deeper = [each for each in error.context if list(each.relative_schema_path)[1:2] != ["type"]]
        for each in deeper or error.context[:1]:
            yield from _described(each)
        return
    where = dotted(error.absolute_path) or "playbook"
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
