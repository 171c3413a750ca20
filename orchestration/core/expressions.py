"""References and conditions of a plan, in CEL, strictly.

A string of a plan may hold `${expression}`. When it is nothing else the value keeps its type; inside longer text it
becomes text. `$${` stands for a literal `${`. A missing field, a null where text is needed, a comparison of different
kinds: each is an error that names the expression, never an empty value.

Source: Common Expression Language, https://github.com/google/cel-spec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import cel
import msgspec

from orchestration.errors import Invalid

ROOTS = ("params", "tasks", "run", "for_each", "repeat")
Scope = Mapping[str, Mapping[str, Any]]

_STRING = re.compile(r"""r?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_STEP = r"\.[A-Za-z_]\w*|\[\d+\]"
_PLAIN = re.compile(rf"({'|'.join(ROOTS)})((?:{_STEP})+)")
_PATH = re.compile(rf"(?<![\w.])({'|'.join(ROOTS)})\b((?:\s*(?:{_STEP}))*)(\s*\()?")
_PART = re.compile(_STEP)


# Of a text with expressions in it: texts made of texts made of texts would fill the memory.
LONGEST_TEXT = 2_000_000


class ExpressionError(Invalid):
    """An expression cannot be read or does not hold for the values at hand."""

    code = "invalid_expression"


class _Template(msgspec.Struct, frozen=True):
    """A string cut into literal text and expressions, alternating; `whole` if it is one expression and nothing else."""

    parts: tuple[tuple[bool, str], ...]
    whole: bool


@lru_cache(maxsize=4096)
def _parse(text: str) -> _Template:
    parts: list[tuple[bool, str]] = []
    literal, at = "", 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            literal += text[at : start - 1] + "${"
            at = start + 2
            continue
        literal += text[at:start]
        end = _closing(text, start + 2)
        if literal:
            parts.append((False, literal))
            literal = ""
        parts.append((True, text[start + 2 : end].strip()))
        at = end + 1
    if literal := literal + text[at:]:
        parts.append((False, literal))
    return _Template(tuple(parts), len(parts) == 1 and parts[0][0])


def _closing(text: str, at: int) -> int:
    """Index of the brace that closes an expression beginning at `at`; braces in strings do not count."""
    depth = 0
    while at < len(text):
        if string := _STRING.match(text, at):
            at = string.end()
            continue
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            if not depth:
                return at
            depth -= 1
        at += 1
    raise ExpressionError(f"{text!r}: '${{' is never closed")


@lru_cache(maxsize=4096)
def _program(expression: str) -> Any:
    try:
        return cel.compile(expression)
    except ValueError as error:
        reason = (
            str(error)
            .splitlines()[0]
            .removeprefix(f"Failed to parse expression '{expression}': ")
            .removeprefix("ERROR: <input>:")
        )
        raise ExpressionError(f"{expression!r} is not an expression: {reason}") from None


@lru_cache(maxsize=4096)
def _paths(expression: str) -> tuple[str, ...]:
    """Dotted paths that an expression reads, indexes left out, in order of appearance."""
    bare = _STRING.sub("''", expression)
    found: dict[str, None] = {}
    for match in _PATH.finditer(bare):
        steps = [part for part in _PART.findall(match[2]) if part.startswith(".")]
        if match[3] and steps:  # `tasks.a.rows.size()`: the last step is a method
            steps.pop()
        found["".join([match[1], *steps])] = None
    return tuple(found)


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "${" in value:
            yield from (text for is_expression, text in _parse(value).parts if is_expression)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _expressions(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _expressions(each)


def check(expression: str) -> None:
    """Accept an expression that can be evaluated.

    Raises:
        ExpressionError: Its syntax is wrong, it reads a name other than `params`, `tasks` and `run`, or it reads
            `tasks` or `params` other than by a dotted name, so that nobody could say beforehand what it needs.
    """
    program = _program(expression)
    if "tasks" in (paths := _paths(expression)) or "params" in paths:
        raise ExpressionError(f"{expression!r}: name the task or parameter with a dot, as in tasks.name.field")
    bound = set(re.findall(r"\.(?:map|filter|all|exists|exists_one)\s*\(\s*(\w+)\s*,", expression))
    if unknown := set(program.variables()) - set(ROOTS) - bound:
        raise ExpressionError(f"{expression!r}: there is no {', '.join(sorted(unknown))}; known are {', '.join(ROOTS)}")


def expressions(value: Any) -> list[str]:
    """Every `${expression}` in a nested value, without its braces.

    Raises:
        ExpressionError: A `${` is never closed.
    """
    return list(_expressions(value))


def pieces(text: str) -> tuple[tuple[bool, str], ...]:
    """A text cut into literal text (False) and expressions without their braces (True), in order.

    Raises:
        ExpressionError: A `${` is never closed.
    """
    return _parse(text).parts


def references(value: Any) -> set[str]:
    """Dotted paths read by every `${expression}` in a nested value, such as `tasks.sap.entries`."""
    return {path for expression in _expressions(value) for path in _paths(expression)}


def condition_references(expression: str) -> set[str]:
    """Dotted paths read by a bare expression."""
    return set(_paths(expression))


def resolve(value: Any, scope: Scope) -> Any:
    """The nested value with every `${expression}` evaluated.

    Args:
        value: Text, or a list or dict of such.
        scope: `params`, `tasks` and `run`, inside groups also `for_each` and `repeat`, each a mapping; a skipped task
            is None.

    Raises:
        ExpressionError: An expression does not hold; the message names it.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value
        template = _parse(value)
        return _evaluate(template.parts[0][1], scope) if template.whole else resolve_text(value, scope)
    if isinstance(value, dict):
        return {key: resolve(each, scope) for key, each in value.items()}
    if isinstance(value, (list, tuple)):  # a union takes longer, and this is done for every value
        return [resolve(each, scope) for each in value]
    return value


def resolve_text(text: str, scope: Scope) -> str:
    """The text with every `${expression}` evaluated and written out, even where it is nothing else.

    Raises:
        ExpressionError: An expression does not hold, or gives what cannot be written as text.
    """
    parts = _parse(text).parts
    made = [_text(part, _evaluate(part, scope)) if is_expression else part for is_expression, part in parts]
    if len(made) > 1 and sum(map(len, made)) > LONGEST_TEXT:
        raise ExpressionError(f"a text made of expressions would be longer than {LONGEST_TEXT:,} letters")
    return "".join(made)


def condition(expression: str, scope: Scope) -> bool:
    """Whether a bare expression holds.

    Raises:
        ExpressionError: It cannot be evaluated or is neither true nor false.
    """
    value = _evaluate(expression, scope)
    if value is True or value is False:
        return value
    raise ExpressionError(f"{expression!r} gives {_kind(value)}: a condition must be true or false")


def _evaluate(expression: str, scope: Scope) -> Any:
    if plain := _PLAIN.fullmatch(expression):
        return _walk(expression, plain[1], _PART.findall(plain[2]), scope)
    program = _program(expression)
    # CEL copies what it is given: hand over only what the expression names.
    given: dict[str, dict[str, Any]] = {root: {} for root in ROOTS}
    for path in _paths(expression):
        root, _, rest = path.partition(".")
        name = rest.split(".", 1)[0]
        if name and name in scope.get(root, ()):
            given[root][name] = scope[root][name]
    try:
        return program.execute(given)
    except KeyError as error:
        raise ExpressionError(f"{expression!r}: there is no field {error.args[0]!r}") from None
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        raise ExpressionError(f"{expression!r}: {str(error).splitlines()[0].split('. ')[0]}") from None


def _walk(expression: str, root: str, steps: list[str], scope: Scope) -> Any:
    value: Any = scope.get(root, {})
    done = root
    for step in steps:
        try:
            value = value[int(step[1:-1])] if step.startswith("[") else value[step[1:]]
        except (KeyError, IndexError, TypeError):
            what = "is null" if value is None else f"has no {step.strip('.[]')!r}"
            raise ExpressionError(f"{expression!r}: {done} {what}") from None
        done += step
    return value


def _text(expression: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ExpressionError(f"{expression!r} gives {_kind(value)}, which cannot stand inside text")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {
        str: "text",
        dict: "an object",
        list: "a list",
        int: "a number",
        float: "a number",
        bool: "true or false",
    }.get(type(value), type(value).__name__)
