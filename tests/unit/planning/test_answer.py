"""Reading a model's answer: one JSON object of the schema, or what is wrong with it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from orchestration.planning.answer import LONGEST_ANSWER, MOST_TASKS, Answer, Unreadable, answer_schema, read_answer

REFUSAL = {"outcome": "refusal", "text": "No."}


def problems(text: str) -> list[str]:
    with pytest.raises(Unreadable) as caught:
        read_answer(text)
    return caught.value.problems


@pytest.mark.parametrize(
    "around",
    ["{}", "  \n{}\n", "Here is the plan:\n{}", "```json\n{}\n```", "Sure!\n```\n{}\n```\n"],
)
def test_one_object_is_read_with_prose_or_a_fence_before_it(around: str) -> None:
    assert read_answer(around.replace("{}", json.dumps(REFUSAL))) == Answer(outcome="refusal", text="No.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON object"),
        ("I would first look for the minutes.", "no JSON object"),
        ('{"outcome": "plan", "tasks": [{"na', "breaks off"),
        ("{'outcome': 'plan'}", "not JSON"),
        (json.dumps(REFUSAL) * 2, "follows"),
        (json.dumps(REFUSAL) + " I hope that helps.", "follows"),
        ("{}", "outcome"),
        ('{"outcome": "delete"}', "outcome"),
        ('{"outcome": "plan", "gates": "none"}', "gates"),
        ('{"outcome": "plan", "tasks": [{"name": "a", "effect": "read"}]}', "effect"),
        ('{"outcome": "plan", "tasks": {"a": {}}}', "tasks"),
        ('{"outcome": "plan", "title": 7}', "title"),
        ('{"outcome": "plan", "title": "\\ud800"}', "cannot be read"),
        ('{"outcome": "plan", "title": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
        ('{"outcome": ' + "1" * 10_000 + "}", "JSON"),
        ('{"outcome": "plan", "title": NaN}', "JSON"),
        (" " * LONGEST_ANSWER + json.dumps(REFUSAL), "characters"),
    ],
)
def test_anything_else_is_a_problem_in_a_line(text: str, problem: str) -> None:
    (found,) = problems(text)
    assert problem in found
    assert "\n" not in found


def test_a_thousand_tasks_are_one_problem() -> None:
    tasks = [{"name": f"t{n}"} for n in range(1_000)]
    assert problems(json.dumps({"outcome": "plan", "tasks": tasks})) == [
        f"tasks: there are 1000, and {MOST_TASKS} are possible"
    ]


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        ({"title": "x" * 200}, "title"),
        ({"text": "x" * 3_000}, "text"),
        ({"choices": ["x"] * 9}, "choices"),
        ({"choices": ["x" * 200]}, "choices[0]"),
        ({"parameters": [{"name": "a", "value": "x" * 3_000}]}, "parameters[0].value"),
        ({"answer": {"facts": [{"label": "a", "value": "b"}] * 21}}, "answer.facts"),
        ({"tasks": [{"name": "a", "when": "x" * 3_000}]}, "tasks[0].when"),
        ({"tasks": [{"name": "a", "needs": ["b"] * 41}]}, "tasks[0].needs"),
        ({"tasks": [{"name": "a", "arguments": [{"name": "b", "value": "c"}] * 31}]}, "tasks[0].arguments"),
        (
            {"tasks": [{"name": "a", "question": {"title": "t", "choices": [{"id": "a", "title": "b"}] * 9}}]},
            "tasks[0].question.choices",
        ),
    ],
)
def test_what_is_longer_than_any_plan_needs_is_named(answer: dict[str, Any], where: str) -> None:
    (found,) = problems(json.dumps({"outcome": "plan", **answer}))
    assert found.startswith(f"{where}: ")


def test_the_schema_is_closed_as_strict_structured_output_wants_it() -> None:
    def check(schema: dict[str, Any]) -> None:
        assert schema.keys() <= {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf"}
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
        inside = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
        for each in [*inside, *([schema["items"]] if "items" in schema else [])]:
            check(each)

    check(answer_schema())
    assert answer_schema()["required"][0] == "outcome"


def test_blanks_after_the_answer_take_no_time() -> None:
    began = time.perf_counter()
    with pytest.raises(Unreadable):
        read_answer("{}" + " " * 150_000 + "x")
    assert time.perf_counter() - began < 2  # seconds; a pattern that tries every split takes a minute
