"""What no file of the project may hold."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NOT_OURS = {
    ".git", ".venv", "node_modules", ".tandem", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
    ".hypothesis", "__pycache__", "dist", "build", "devTools", "test-results",
}  # fmt: skip
# Spelt in two parts, so that this file does not hold them itself. What follows a placeholder is an address of Graph.
_MACHINE_PATHS = re.compile(
    r"(?<![\w.})])/(?:" + "|".join(("ho" + r"me/\w+/", "ro" + r"ot/\.?\w", "wo" + "rk/", "Us" + r"ers/\w+/")) + ")"
)
_REGISTRIES = re.compile(
    "|".join(
        (
            "registry" + r"\.npmjs",
            "pypi" + r"\.org",
            "pythonhosted" + r"\.org",
            "deb" + r"\.debian\.org",
            "--(?:extra-)?index" + "-url",
        )
    )
)
_DOMAIN_WORDS_ONLY = {"utils", "helpers", "manager", "common", "misc"}


def _files() -> Iterator[Path]:
    """What git keeps or would keep; without git, all but what tools make."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    if listed.returncode == 0:
        paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    else:
        paths = (path for path in ROOT.rglob("*") if not _NOT_OURS & set(path.relative_to(ROOT).parts))
    yield from (path for path in paths if path.is_file())


def _texts() -> Iterator[tuple[str, str]]:
    for path in _files():
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:160]}"
        for name, text in _texts()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_search_sees_this_file() -> None:
    assert "tests/architecture/test_files.py" in [name for name, _ in _texts()]


def test_no_file_names_a_path_of_one_machine() -> None:
    assert _lines_with(_MACHINE_PATHS) == []


def test_no_file_names_a_package_registry() -> None:
    assert _lines_with(_REGISTRIES) == []


def test_the_node_lock_holds_versions_and_hashes_but_no_addresses() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))

    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert all(entry.get("integrity") for name, entry in lock["packages"].items() if name)


def test_the_constraints_pin_each_package_once_and_nothing_else() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    names = [line.partition("==")[0].lower() for line in lines]

    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!-]+(?: ; [\w.' =!<>]+)?", line)] == []
    assert len(names) == len(set(names))


@pytest.mark.parametrize("package", ["bot", "connectors", "orchestration"])
def test_modules_are_named_by_what_they_are(package: str) -> None:
    vague = [str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*") if path.stem in _DOMAIN_WORDS_ONLY]

    assert vague == []
