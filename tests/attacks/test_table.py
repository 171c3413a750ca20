"""The table of attacks says what is true: each row's test is there, is collected, and is not skipped."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| (?P<number>\d+) \| (?P<attack>[^|]+) \| (?P<stops>[^|]+) \| `(?P<test>[^`|]+)` \|")
SKIPS = ("skip", "skipif", "xfail", "importorskip")
LEAST = 60


@cache
def rows() -> list[re.Match[str]]:
    lines = (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("| # | attack"))
    found = [(line, ROW.fullmatch(line)) for line in lines[begin + 2 :] if line.strip()]
    assert [line for line, match in found if match is None] == []
    return [match for _, match in found if match]


@cache
def module(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def skipping(node: ast.AST) -> list[str]:
    """Whatever skips in a part of a module."""
    names = [each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)]
    return [name for name in names if name in SKIPS]


def test_there_are_as_many_attacks_as_promised_each_with_a_number_and_a_test_of_its_own() -> None:
    assert len(rows()) >= LEAST
    assert [int(row["number"]) for row in rows()] == list(range(1, len(rows()) + 1))
    named = [row["test"] for row in rows()]
    assert [each for each in set(named) if named.count(each) > 1] == []
    told = [row["attack"].casefold() for row in rows()]
    assert [each for each in set(told) if told.count(each) > 1] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["number"])
def test_the_test_of_each_attack_is_there_and_is_not_skipped(row: re.Match[str]) -> None:
    path, _, name = row["test"].partition("::")
    assert (ROOT / path).is_file(), f"there is no {path}"
    assert Path(path).name.startswith("test_")
    tree = module(path)
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    test = next((each for each in functions if each.name == name), None)
    assert test is not None, f"{path} has no {name}"
    assert name.startswith("test_")
    marks = [each for each in tree.body if isinstance(each, ast.Assign | ast.Expr)]
    assert [each for part in (test, *marks) for each in skipping(part)] == []
    assert any(isinstance(each, ast.Assert | ast.With | ast.AsyncWith) for each in ast.walk(test)), "it checks nothing"


def test_every_file_that_the_page_names_is_there() -> None:
    page = ROOT / "docs" / "security.md"
    text = page.read_text("utf-8")
    named = [each for each in re.findall(r"`([a-z_]+(?:/[a-z_.]+)+)`", text) if "::" not in each]
    assert "bot/egress.py" in named
    assert [each for each in named if not (ROOT / each).exists()] == []
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
