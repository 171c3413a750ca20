"""What is wrong with a card: by the official schema, by a walk for misspelt properties, and by Tandem's own rules."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator, ValidationError

LIMIT_BYTES = 28_000


@cache
def _schema() -> dict[str, Any]:
    text = (files("adaptive_cards") / "schemas" / "schema-1.5.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def _properties(name: str) -> frozenset[str]:
    """The properties that the schema knows for an element, inherited ones included."""

    def collect(definition: dict[str, Any]) -> set[str]:
        found = set(definition.get("properties", {}))
        for part in (*definition.get("allOf", ()), *definition.get("anyOf", ())):
            found |= collect(_schema()["definitions"][part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part)
        return found

    return frozenset(collect(_schema()["definitions"][name]))


def elements(card: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every object of a card with its path; what a press sends is not part of the card."""
    if isinstance(card, list):
        return [found for place, part in enumerate(card) for found in elements(part, f"{path}/{place}")]
    if not isinstance(card, dict):
        return []
    below = [
        found
        for key, part in card.items()
        if key not in ("data", "msteams")
        for found in elements(part, f"{path}/{key}")
    ]
    return [(path or "/", card), *below]


def problems(card: dict[str, Any]) -> list[str]:
    """Everything wrong with a card, each with its path; empty for a good one."""
    deepest = [_deepest(error) for error in Draft6Validator(_schema()).iter_errors(card)]
    found = [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:160]}" for error in deepest]
    ids: list[str] = []
    for path, part in elements(card):
        found += [f"{path}: {problem}" for problem in (*_misspelt(path, part), *_rules(part))]
        ids += [part["id"]] if "id" in part else []
    found += [f"the id {each!r} is used twice" for each in sorted({each for each in ids if ids.count(each) > 1})]
    found += [f"/: no {name}" for name in ("speak", "fallbackText") if not card.get(name)]
    if (size := len(json.dumps(card))) > LIMIT_BYTES:
        found.append(f"/: {size} bytes are more than Teams takes")
    return found


def _deepest(error: ValidationError) -> ValidationError:
    """Of all ways in which `anyOf` failed, the one about this element's own type; the others are about other types."""
    while error.context:
        other = {
            each.schema_path[0] for each in error.context if each.relative_path and each.relative_path[-1] == "type"
        }
        error = next((each for each in error.context if each.schema_path[0] not in other), error.context[0])
    return error


def _misspelt(path: str, part: dict[str, Any]) -> list[str]:
    kind = part.get("type")
    if kind is None:
        known = {"facts": "Fact", "choices": "Input.Choice"}.get(path.rsplit("/", 2)[-2] if path.count("/") > 1 else "")
        return [f"{known} has no property {name!r}" for name in sorted(set(part) - _properties(known))] if known else []
    if kind not in _schema()["definitions"]:
        return [f"there is no element {kind!r}"]
    return [f"{kind} has no property {name!r}" for name in sorted(set(part) - _properties(kind) - {"type"})]


def _rules(part: dict[str, Any]) -> list[str]:
    kind = str(part.get("type", ""))
    found = []
    if kind.startswith("Input.") and not part.get("label"):
        found.append("an input without a label")
    if kind == "Action.Execute":
        fallback = part.get("fallback", {})
        if fallback.get("type") != "Action.Submit":
            found.append("Action.Execute without an Action.Submit to fall back on")
        elif fallback["data"] != {**part["data"], "verb": part["verb"]}:
            found.append("the fallback sends something else")
    if kind.startswith("Action.") and not part.get("title"):
        found.append("a button without a title")
    if kind == "Action.OpenUrl" and not part["url"].startswith(("https://", "http://")):
        found.append("a link that is not an ordinary web address")
    if kind in ("Image", "Media") or "backgroundImage" in part or "iconUrl" in part:
        found.append("a picture from elsewhere")
    if kind == "TextBlock" and not part["text"]:
        found.append("an empty text")
    if kind == "TextBlock" and part.get("wrap") is not True and len(part["text"]) > 2:
        found.append("a text that is cut at the edge")
    return found
