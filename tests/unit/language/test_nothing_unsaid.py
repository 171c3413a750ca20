"""Text for people goes through the language files: none is written into the code beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BOT = Path(__file__).parents[3] / "bot"
SAYING = {"say", "say_count"}
# Whose arguments nobody reads: patterns, keys and what goes into the log.
_UNREAD = {"compile", "getLogger", "strftime", "startswith", "removeprefix", "split", "replace"}
_LOG = {"debug", "info", "warning", "error", "exception"}
# Where all that people in Teams read is made.
MADE = [
    *sorted((BOT / "cards").glob("*.py")),
    *(BOT / f"{name}.py" for name in ("texts", "summaries", "refusals", "goals", "groups", "notifier", "words")),
    *(BOT / f"{name}.py" for name in ("dialog", "rooms", "copies", "presses", "handling", "steering", "questions")),
    *(BOT / f"{name}.py" for name in ("progress", "signin", "signing_in", "silent_failures", "answers", "wire")),
    BOT / "routes/wording.py",
]
# How a worker's line about an earlier decision begins, which is looked for.
_LOOKED_FOR = {"As in ", "Would have been written: ", "othing was", ". Nothing was changed."}
_NOT_FOR_PEOPLE = {
    "The token cannot be exchanged; sign in with the link instead.",
    "Teams could not sign %s in silently (%s); to be mended by the %s",
    "Microsoft 365",
    ",SHORT)}}, {{TIME(",
}


def unsaid(code: str) -> Iterator[tuple[int, str]]:
    """Texts of two words or more that are written into code, or glued to one with letters, outside of `say`."""
    tree = ast.parse(code)
    passed = {id(each) for node in ast.walk(tree) for each in _not_read(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in passed:
            continue
        if re.search(r"[A-Za-z]{2,}", node.value) and " " in node.value:
            yield node.lineno, node.value


def _not_read(node: ast.AST) -> Iterator[ast.AST]:
    """What below a node is said, or read by nobody."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            yield first.value
    if isinstance(node, ast.Raise | ast.Assert | ast.MatchValue):
        yield from ast.walk(node)
    if isinstance(node, ast.Dict):
        yield from (each for each in node.keys if each)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        logs = name in _LOG and isinstance(node.func, ast.Attribute)
        if name in SAYING | _UNREAD or logs:
            yield from (each for argument in node.args for each in ast.walk(argument))


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.relative_to(BOT).as_posix())
def test_no_text_for_people_is_written_beside_the_language_files(path: Path) -> None:
    known = _LOOKED_FOR | _NOT_FOR_PEOPLE
    assert [(line, text) for line, text in unsaid(path.read_text("utf-8")) if text not in known] == []


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.relative_to(BOT).as_posix())
def test_no_text_is_said_before_anybody_reads_it(path: Path) -> None:
    """What a module, a class or a default says is in the language of whoever was first."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        frozen: list[ast.AST] = []
        if isinstance(node, ast.Module | ast.ClassDef):
            frozen = [each for each in node.body if isinstance(each, ast.Assign | ast.AnnAssign)]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            frozen = [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        called = {
            getattr(each.func, "id", getattr(each.func, "attr", ""))
            for part in frozen
            for each in ast.walk(part)
            if isinstance(each, ast.Call)
        }
        assert not called & SAYING, path


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('line(words("Nothing was written."))', ["Nothing was written."]),
        ('words(f"{name} has replied")', [" has replied"]),
        ('TITLE = "Your runs"', ["Your runs"]),
        ('line(words(say("Nothing was written.")))', []),
        ('say("By {person}", person="somebody here")', ["somebody here"]),
        ('log.info("no such run: %s", run)', []),
        ('"""A docstring is read by nobody."""', []),
        ('header(title, f"{run.title} · {about(run)}")', []),
    ],
)
def test_the_hunt_itself_finds(code: str, found: list[str]) -> None:
    assert [text for _, text in unsaid(code)] == found
