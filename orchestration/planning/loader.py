"""Reads a folder of playbooks; whatever is wrong is named, all of it, with file and path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import jsonschema
import msgspec

from orchestration.errors import Invalid
from orchestration.planning.playbook import Playbook
from orchestration.validation.shapes import InvalidYaml, read_yaml, shape_problems

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


def parse(text: str, file: str) -> tuple[Playbook | None, list[str]]:
    """One playbook, or every problem of its shape, each beginning with `file`."""
    try:
        content = read_yaml(text)
    except InvalidYaml as error:
        return None, [f"{file}{error}"]
    if not isinstance(content, dict):
        return None, [f"{file}: a playbook is a mapping that starts with 'name:'"]
    problems = [f"{file}: {problem}" for problem in shape_problems(content, _SHAPE, "playbook")]
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
