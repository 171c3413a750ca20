"""References and conditions are strict: what is missing is an error, never an empty value."""

import pytest

from orchestration.core.expressions import ExpressionError, check, condition, references, resolve

SCOPE = {
    "params": {"month": "2026-10", "limit": 3},
    "tasks": {"sap": {"entries": [{"n": 1}, {"n": 2}], "total": 4}, "dynamics": None},
    "run": {"id": "r1", "initiator": {"name": "Megan"}},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain text", "plain text"),
        ("${tasks.sap.entries}", [{"n": 1}, {"n": 2}]),
        ("${tasks.sap.entries[1].n}", 2),
        ("${size(tasks.sap.entries)} of ${params.limit}", "2 of 3"),
        ("${tasks.dynamics}", None),
        ("${tasks.dynamics == null ? 'without' : 'with'}", "without"),
        ("$${params.month} is ${params.month}", "${params.month} is 2026-10"),
        ("${'}' + params.month}", "}2026-10"),
        ({"a": ["${params.limit}", 1]}, {"a": [3, 1]}),
        ("for ${run.initiator.name}", "for Megan"),
        ("${tasks.sap.entries.filter(e, e.n > 1).size()}", 1),
    ],
)
def test_resolve_keeps_the_type_of_a_whole_expression_and_writes_text_inside_text(value, expected):
    assert resolve(value, SCOPE) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${tasks.sap.totl}", "has no 'totl'"),
        ("${tasks.other}", "tasks has no 'other'"),
        ("${tasks.dynamics.entries}", "tasks.dynamics is null"),
        ("${tasks.sap.entries[9]}", "has no '9'"),
        ("${tasks.sap.totl + 1}", "no field 'totl'"),
        ("text ${tasks.dynamics}", "gives null"),
        ("text ${tasks.sap}", "gives an object"),
        ("${params.month + 1}", "string + int"),
        ("${params.limit / 0}", "division by zero"),
        ("${unclosed", "never closed"),
        ("${params.month +}", "is not an expression"),
    ],
)
def test_resolve_names_the_expression_that_does_not_hold(value, said):
    with pytest.raises(ExpressionError, match=r".") as caught:
        resolve(value, SCOPE)
    assert said in caught.value.message


def test_condition_is_exactly_true_or_false():
    assert condition("size(tasks.sap.entries) > 1", SCOPE) is True
    assert condition("tasks.dynamics != null", SCOPE) is False
    with pytest.raises(ExpressionError, match="must be true or false"):
        condition("tasks.sap.total", SCOPE)
    with pytest.raises(ExpressionError, match="no field 'totl'"):
        condition("tasks.sap.totl > 1", SCOPE)


def test_references_are_dotted_paths_without_indexes_methods_or_what_stands_in_strings():
    value = {
        "a": "${tasks.sap.entries[0].n + params.limit}",
        "b": ["${tasks.x.rows.size()}", "${'tasks.not.me'}", "tasks.nor"],
    }
    assert references(value) == {"tasks.sap.entries.n", "params.limit", "tasks.x.rows"}


@pytest.mark.parametrize("expression", ["tasks['sap'].total > 1", "size(params) > 0", "secret.key == 1", "a +"])
def test_check_refuses_what_nobody_could_validate_beforehand(expression):
    with pytest.raises(ExpressionError):
        check(expression)


def test_check_accepts_macros_with_their_own_names():
    check("tasks.sap.entries.exists(e, e.n == params.limit)")


def test_a_text_made_of_texts_has_an_end() -> None:
    scope = {"params": {"long": "x" * 1_500_000}, "tasks": {}, "run": {}}
    assert len(resolve("${params.long}", scope)) == 1_500_000
    assert len(resolve("so: ${params.long}", scope)) == 1_500_004
    with pytest.raises(ExpressionError, match="longer than 2,000,000"):
        resolve("${params.long} and ${params.long}", scope)
