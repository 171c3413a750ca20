"""What is too large or too deep is told before it is compiled: compiling it could end the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestration.planning.bounds import LONGEST_EXPRESSION, bounds_problems, expression_problems


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("run" + ".a" * LONGEST_EXPRESSION, "characters"),
        ("(" * 20 + "1" + ")" * 20, "deep"),
        ("[" * 20, "deep"),
        ("a.map(x, x.b.map(y, y))", "within one another"),
        ("a.filter(x, size(x.b.filter(y, y)) > 0)", "within one another"),
        ("a" + ".map(x, x)" * 4, "more than 3"),
        ("r'\\' + tasks.a", "plain quotes"),
        ("'''a'''", "plain quotes"),
        ("a.matches('(a+)+$')", "no function matches"),
        ("f(1)", "no function f"),
        ('size([1] // "\n.map(a, [2].map(b, b)) // "\n)', "on one line"),
    ],
)
def test_an_expression_that_no_honest_plan_needs(expression: str, problem: str) -> None:
    assert any(problem in each for each in expression_problems("when", expression))
    assert (
        any(problem in each for each in bounds_problems("x", {"a": [f"text ${{{expression}}}"]})) or "{" in expression
    )


@pytest.mark.parametrize(
    "expression",
    [
        "tasks.people.people.filter(p, p.mail != '').map(p, p.name + ' <' + p.upn + '>')",
        "size(tasks.a.b) > 0 && !(tasks.c == null) ? tasks.c.d[0].e : 'f(g) in (h) .map('",
        "'x' in (tasks.a.b)",
        "has(tasks.a.comment) ? tasks.a.comment : ''",
    ],
)
def test_an_ordinary_one(expression: str) -> None:
    assert list(bounds_problems("x", f"${{{expression}}}")) == []


def test_long_texts_are_fine_without_expressions_and_short_with_them() -> None:
    assert list(bounds_problems("x", "a" * 9_000)) == []
    assert list(bounds_problems("x", "a" * 9_000 + "${run.today}"))
    assert list(bounds_problems("x", "${run.today"))


@pytest.mark.parametrize(
    "form",
    ["'run' + '.a' * 498", "'1' + '+1' * 499", "'!' * 999 + 'a'", "'a' + '[0]' * 333", "'true?1:' * 142 + '1'"],
)
def test_the_largest_expression_that_passes_can_be_compiled(form: str) -> None:
    code = f"import cel\ntext = {form}\nassert len(text) <= {LONGEST_EXPRESSION}\n"
    code += "try:\n    cel.compile(text)\nexcept ValueError:\n    pass\n"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=30)
