"""How large and how deep what a model writes may be, told before anything compiles it.

The language of expressions is compiled and run by native code, in the process that owns the log: a chain of thousands
of steps exhausts its stack, and loops within loops its time. Playbooks are written by the deployment; answers by a
model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from orchestration.core.expressions import ExpressionError, expressions
from orchestration.validation.text import clean, visible

LONGEST_EXPRESSION = 1_000
LONGEST_WITH_EXPRESSIONS = 4_000
DEEPEST = 12
MOST_LOOPS = 3

STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
# Comments end with their line; what a quotation mark in one begins is read otherwise here than where it is compiled.
_LINE_END = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ODD_STRING = re.compile(r"""(?<!\w)[rRbB]{1,2}(?=["'])|\"\"\"|'''""")
FUNCTIONS = (
    *("size", "has", "string", "int", "double", "contains", "startsWith", "endsWith"),
    *("map", "filter", "all", "exists", "exists_one"),
    *("timestamp", "duration", "getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes"),
)
_CALL = re.compile(r"(\w+)\s*\(")
_LOOP = re.compile(r"\.\s*(?:map|filter|all|exists|exists_one)\s*\(")
_OPENING, _CLOSING = "([{", ")]}"


def bounds_problems(path: str, value: Any) -> Iterator[str]:
    """Texts of a nested value with characters that nobody sees, and expressions that no honest plan needs."""
    if isinstance(value, str):
        yield from _text_problems(path, value)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from bounds_problems(f"{path}.{name}", each)
            yield from _unseen(path, str(name))
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from bounds_problems(f"{path}[{place}]", each)


def _text_problems(path: str, text: str) -> Iterator[str]:
    yield from _unseen(path, text)
    if "${" not in text:
        return
    if len(text) > LONGEST_WITH_EXPRESSIONS:
        yield f"{path}: a text with expressions may have {LONGEST_WITH_EXPRESSIONS} characters, and it has {len(text)}"
        return
    try:
        found = expressions(text)
    except ExpressionError as error:
        yield f"{path}: {error.message}"
        return
    for expression in found:
        yield from expression_problems(path, expression)


def _unseen(path: str, text: str) -> Iterator[str]:
    if visible(text) != text.replace("\r\n", "\n").replace("\r", "\n"):
        yield f"{path}: holds characters that nobody sees: leave them out"


def expression_problems(path: str, expression: str) -> Iterator[str]:
    """What is too large about one expression."""
    if len(expression) > LONGEST_EXPRESSION:
        yield f"{path}: an expression may have {LONGEST_EXPRESSION} characters: compute less in it"
        return
    if _LINE_END.search(expression):
        yield f"{path}: an expression stands on one line"
        return
    if _ODD_STRING.search(expression):
        yield f"{path}: write texts in expressions in plain quotes, without r, b or three of them"
        return
    bare = STRING.sub("''", expression)
    unknown = set(_CALL.findall(bare)).difference(FUNCTIONS, {"in"})
    if unknown:
        known = ", ".join(FUNCTIONS)
        yield f"{path}: there is no function {clean(', '.join(sorted(unknown)), 80)} in expressions; there are {known}"
    loops = {match.end() - 1 for match in _LOOP.finditer(bare)}
    if len(loops) > MOST_LOOPS:
        yield f"{path}: more than {MOST_LOOPS} of map, filter, all and exists in one expression"
    depth, loop = 0, 0
    for place, letter in enumerate(bare):
        if letter in _OPENING:
            depth += 1
            if place in loops and loop:
                yield f"{path}: map, filter, all or exists within one another: use one after the other"
                return
            loop = depth if place in loops else loop
        elif letter in _CLOSING:
            loop = 0 if loop == depth else loop
            depth -= 1
        if depth > DEEPEST:
            yield f"{path}: brackets within brackets, more than {DEEPEST} deep"
            return
