"""The published JSON Schemas say what the code takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

import orchestration
from orchestration.planning import published
from orchestration.planning.playbook import Playbook

PLAYBOOKS = sorted((Path(orchestration.__file__).parent / "playbooks").glob("*.yaml"))
TEMPLATE = Path(orchestration.__file__).parent.parent / "bot" / "cli" / "templates" / "playbook.yaml"
LEAST: dict[str, Any] = {
    "name": "a",
    "version": "1",
    "title": "A",
    "utterances": ["do it"],
    "tasks": {"a": {"capability": "x"}},
    "answer": {"text": "done"},
}


def validator(name: str) -> jsonschema.Draft202012Validator:
    found = msgspec.json.decode((published.FOLDER / name).read_bytes())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_the_files_are_what_the_code_says(name: str) -> None:
    said = f"{name} is old: python -m orchestration.planning.published"
    assert (published.FOLDER / name).read_text("utf-8") == published.text(name), said


@pytest.mark.parametrize("path", [*PLAYBOOKS, TEMPLATE], ids=lambda path: path.stem)
def test_every_playbook_that_ships_fits(path: Path) -> None:
    content = yaml.safe_load(path.read_text("utf-8").replace("NAME", "name"))
    assert [error.message for error in validator("playbook.schema.json").iter_errors(content)] == []


def with_task(**node: Any) -> dict[str, Any]:
    return {**LEAST, "tasks": {"a": node}}


GROUP = {"items": "${params.x}", "tasks": {"b": {"capability": "x"}}, "gives": "${tasks.b}"}


@pytest.mark.parametrize(
    "content",
    [
        LEAST,
        with_task(for_each={**GROUP, "at_once": 3, "on_failure": "keep"}),
        with_task(repeat={"tasks": {"b": {"capability": "x"}}, "gives": {"n": 1}, "until": "true"}),
        with_task(capability="x", fallback={"capability": "y", "with": {"n": 1}}, on_failure="skip"),
        with_task(approval={"title": "?", "approvers": "${params.x}", "quorum": 2, "due_hours": 8}),
        {**LEAST, "deadline_hours": 8.5},
    ],
)
def test_what_fits_is_taken_by_the_code_too(content: dict[str, Any]) -> None:
    assert validator("playbook.schema.json").is_valid(content)
    msgspec.convert(content, Playbook)


@pytest.mark.parametrize(
    "content",
    [
        {**LEAST, "tasks": {}},
        {**LEAST, "tasks": {"Bad": {"capability": "x"}}},
        {**LEAST, "name": "Bad Name"},
        {**LEAST, "more": 1},
        with_task(title="neither"),
        with_task(capability="x", approval={"title": "?", "approver": "${params.x}"}),
        with_task(capability="x", on_failure="explode"),
        with_task(capability="x", attempts=-1),
        with_task(for_each={**GROUP, "at_once": 0}),
        with_task(for_each={"items": "${params.x}", "tasks": {"b": {"capability": "x"}}}),
        with_task(repeat={"tasks": {"b": {"capability": "x"}}, "gives": 1, "at_most": 1000}),
        with_task(approval={"title": "?", "quorum": 0}),
        {**LEAST, "deadline_hours": -1},
    ],
)
def test_what_the_code_refuses_by_its_shape_does_not_fit(content: dict[str, Any]) -> None:
    assert not validator("playbook.schema.json").is_valid(content)


def test_every_key_is_described() -> None:
    for name in published.PUBLISHED:
        definitions = msgspec.json.decode((published.FOLDER / name).read_bytes())["$defs"]
        missing = [
            f"{which}.{key}"
            for which in ("Node", "Question", "ForEach", "Repeat", "Answer")
            for key, about in definitions[which]["properties"].items()
            if not about.get("description")
        ]
        assert missing == []
