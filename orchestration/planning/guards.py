"""Finds reads of a task that may be null outside of a condition that rules null out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(
    r"""r?"(?:[^"\\]|\\.)*"|r?'(?:[^'\\]|\\.)*'|tasks(?:\s*\.\s*[A-Za-z_]\w*)+|\w+|==|!=|&&|\|\||[<>]=|\S""",
)
_OPENING = {"(": ")", "[": "]", "{": "}"}
Tokens = list[str]


def unguarded(expression: str, nullable: set[str]) -> list[str]:
    """Paths into a task of `nullable` that are read where the task may be null, in order.

    A read is safe on the side of `tasks.x == null ? ... : ...`, `tasks.x != null && ...` and `tasks.x == null || ...`
    where `tasks.x` is not null.
    """
    tokens = [re.sub(r"\s", "", word) if word.startswith("tasks") else word for word in _WORD.findall(expression)]
    return list(dict.fromkeys(_unsafe(tokens, frozenset(), nullable)))


def _unsafe(tokens: Tokens, safe: frozenset[str], nullable: set[str]) -> Iterator[str]:
    if (question := _find(tokens, "?")) is not None:
        condition, rest = tokens[:question], tokens[question + 1 :]
        colon = _matching_colon(rest)
        yield from _unsafe(condition, safe, nullable)
        yield from _unsafe(rest[:colon], safe | _known(condition, True), nullable)
        yield from _unsafe(rest[colon + 1 :], safe | _known(condition, False), nullable)
        return
    for operator, holds in (("||", False), ("&&", True)):
        if _find(tokens, operator) is not None:
            for part in _split(tokens, operator):
                yield from _unsafe(part, safe, nullable)
                safe |= _known(part, holds)
            return
    at = 0
    while at < len(tokens):
        word = tokens[at]
        if word in _OPENING:
            end = _closing(tokens, at)
            for argument in _split(tokens[at + 1 : end], ","):
                for part in _entry(argument) if word == "{" else [argument]:
                    yield from _unsafe(part, safe, nullable)
            at = end
        elif word.startswith("tasks."):
            _, name, *deeper = word.split(".")
            if deeper and name in nullable and name not in safe:
                yield word
        at += 1


def _entry(tokens: Tokens) -> list[Tokens]:
    """Key and value of `key: value` inside braces."""
    colon = _matching_colon(tokens)
    return [tokens[:colon], tokens[colon + 1 :]]


def _known(tokens: Tokens, holds: bool) -> frozenset[str]:
    """Tasks that are certainly not null when a condition is true (`holds`) or false."""
    while tokens and tokens[0] == "(" and _closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    if _find(tokens, "?") is not None:
        return frozenset()
    for operator, every in (("||", not holds), ("&&", holds)):
        if _find(tokens, operator) is not None:
            parts = [_known(part, holds) for part in _split(tokens, operator)]
            return frozenset.union(*parts) if every else frozenset.intersection(*parts)
    if tokens[:2] == ["!", "("] and _closing(tokens, 1) == len(tokens) - 1:
        return _known(tokens[2:-1], not holds)
    if len(tokens) == 3 and tokens[1] == ("!=" if holds else "=="):
        sides = {tokens[0], tokens[2]}
        if "null" in sides:
            return frozenset(side.split(".")[1] for side in sides if side.count(".") == 1 and side.startswith("tasks."))
    return frozenset()


def _closing(tokens: Tokens, at: int) -> int:
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i] in _OPENING:
            depth += 1
        elif tokens[i] in _OPENING.values():
            depth -= 1
            if not depth:
                return i
    return len(tokens)


def _top(tokens: Tokens) -> Iterator[tuple[int, str]]:
    """Tokens outside of every bracket."""
    at = 0
    while at < len(tokens):
        yield at, tokens[at]
        at = _closing(tokens, at) + 1 if tokens[at] in _OPENING else at + 1


def _find(tokens: Tokens, wanted: str) -> int | None:
    return next((at for at, word in _top(tokens) if word == wanted), None)


def _split(tokens: Tokens, separator: str) -> list[Tokens]:
    parts: list[Tokens] = []
    start = 0
    for at in [at for at, word in _top(tokens) if word == separator]:
        parts.append(tokens[start:at])
        start = at + 1
    return [*parts, tokens[start:]]


def _matching_colon(tokens: Tokens) -> int:
    depth = 0
    for at, word in _top(tokens):
        if word == "?":
            depth += 1
        elif word == ":":
            if not depth:
                return at
            depth -= 1
    return len(tokens)
