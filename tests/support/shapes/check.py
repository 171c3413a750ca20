"""Compares an answer with the published fields of its type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
GRAPH: dict[str, dict[str, str]] = {}
# What Graph sends besides its metadata, as its documentation's examples show it.
BESIDES = {
    ("identity", "email"): "the address of a user in createdBy, in SharePoint's answers",
    ("sharePointIdentity", "email"): "as identity.email",
    ("driveItem", "sensitivityLabel"): "beta: v1.0 has only extractSensitivityLabels; served when $select asks for it",
    ("teamworkUserIdentity", "tenantId"): "in the documentation's examples of chatMessage",
    ("scheduleInformation", "error"): "freeBusyError, when an address is unknown",
    ("event", "uid"): "in the documentation's examples of event",
}


def published() -> dict[str, dict[str, str]]:
    """The excerpt of Graph's metadata, by type."""
    if not GRAPH:
        GRAPH.update(json.loads((FOLDER / "graph.json").read_text(encoding="utf-8"))["types"])
    return GRAPH


def problems(value: Any, kind: str, at: str = "") -> list[str]:
    """Every property that the type does not have, or that has another kind of value.

    Args:
        value: A part of an answer.
        kind: `string`, `number`, `boolean`, a type's name, or one of these in brackets for a list.
        at: Where the value is, for the message.
    """
    if value is None:
        return []
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no list"]
        return [found for i, each in enumerate(value) for found in problems(each, kind[1:-1], f"{at}[{i}]")]
    primitive = {"string": str, "number": (int, float), "boolean": bool}.get(kind)
    if primitive:
        wrong = not isinstance(value, primitive) or (kind == "number" and isinstance(value, bool))  # type: ignore[arg-type]
        return [f"{at}: {value!r} is no {kind}"] if wrong else []
    types = published()
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no {kind}"]
    kind = str(value.get("@odata.type", f"#microsoft.graph.{kind}")).rpartition(".")[2]
    if kind not in types:  # beyond the excerpt
        return []
    found = []
    for name, inner in value.items():
        if name.startswith("@") or "@" in name or (kind, name) in BESIDES:
            continue
        if name not in types[kind]:
            found.append(f"{at}.{name}: {kind} has no such property")
        else:
            found += problems(inner, types[kind][name], f"{at}.{name}")
    return found
