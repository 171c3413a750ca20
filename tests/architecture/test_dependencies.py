"""What the code imports is declared, pinned once, and nothing is declared that nobody needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"bot", "connectors", "manifest", "orchestration", "tests"}
# Declared, though no line imports them.
NEEDED_BY_OTHERS = {
    "deprecated",  # msgraph-core imports it and does not declare it
    "tzdata",  # zoneinfo reads it where the system has no time zones
    "azure-monitor-opentelemetry",  # given; telemetry is switched on by a setting of the deployment
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])


def declared(needs: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=!~\[; ]", need)[0]) for need in needs}


def imported(*folders: str) -> dict[str, str]:
    """Distribution => a file that imports it; several distributions may share a namespace such as `azure`."""
    found: dict[str, str] = {}
    providers = packages_distributions()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in _modules(ast.parse(path.read_text("utf-8"))):
                top = name.partition(".")[0]
                if top in sys.stdlib_module_names or top in OURS:
                    continue
                owners = {normal(owner) for owner in providers.get(top, [top])}
                for owner in owners if len(owners) == 1 else _narrowed(name, owners):
                    found.setdefault(owner, f"{path.relative_to(ROOT)} imports {name}")
    return found


def _modules(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _narrowed(name: str, owners: set[str]) -> set[str]:
    """The distribution of a shared namespace that is named like the module, as Microsoft's are."""
    if name.startswith("opentelemetry.trace"):
        return {"opentelemetry-api"}
    parts = name.split(".")
    fitting = {normal("-".join(parts[:depth])) for depth in range(2, len(parts) + 1)} & owners
    return fitting or {"one of " + ", ".join(sorted(owners))}


def test_the_product_declares_what_it_imports(project: dict[str, Any]) -> None:
    wanted = imported("bot", "connectors", "orchestration")
    missing = {owner: where for owner, where in wanted.items() if owner not in declared(project["dependencies"])}

    assert missing == {}


def test_the_product_declares_nothing_that_nobody_needs(project: dict[str, Any]) -> None:
    wanted = set(imported("bot", "connectors", "orchestration")) | NEEDED_BY_OTHERS

    assert sorted(declared(project["dependencies"]) - wanted) == []


def test_the_tests_declare_what_they_import(project: dict[str, Any]) -> None:
    known = declared([*project["dependencies"], *project["optional-dependencies"]["test"]])
    missing = {owner: where for owner, where in imported("manifest", "tests").items() if owner not in known}

    assert missing == {}


def test_every_dependency_is_pinned(project: dict[str, Any]) -> None:
    needs = [*project["dependencies"], *(need for extra in project["optional-dependencies"].values() for need in extra)]
    pinned = {normal(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}

    assert sorted(declared(needs) - {"tandem"} - pinned) == []
