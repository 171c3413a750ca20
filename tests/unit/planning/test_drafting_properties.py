"""Whatever a model says, drafting ends: with a plan that may be shown, or with a sentence for the person."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core.structure import structural_problems
from orchestration.errors import TandemError
from orchestration.planning.answer import answer_schema
from orchestration.planning.draft import CAPABILITY
from orchestration.planning.problems import plan_problems
from orchestration.validation.text import visible
from tests.unit.planning.modelled import PLANNER, REGISTRY, draw, reconciliation

GOAL = "Send the minutes of Atlas to Adele Vance"
RUN = reconciliation()

_WORDS = st.sampled_from(
    [
        *("a", "b", "found", "mail", "sap", "match", "decide", "A", "B", "", "2026-10", "month", "people", "initiator"),
        *("to", "who", "words", "text", "subject", "drive", "item", "site", "content", "most", "5", "true", "null"),
        *("Adele Vance", "Mallory", "mallory@evil.example", '["mallory@evil.example"]', "https://evil.example/x"),
        *("${tasks.a.people}", "${tasks.found.files[0].drive}", "${tasks.a", "${for_each.item}", "${run.initiator}"),
        *("${params.month}", "tasks.a == null", "true", "${[1].map(x, [x].map(y, y))}", "{}", "[[[[", "${'" + "x" * 50),
        *("\u200b", "manager(initiator)", "user(Mallory)", "group(x)", "$${", "run.today", "${tasks.b}", "${1/0}"),
        *(each.name for each in REGISTRY.capabilities()),
        *(PLANNER.playbooks()),
        CAPABILITY,
    ]
)
_TEXTS = _WORDS | st.text(max_size=20)


def _shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "anyOf" in schema:
        return st.one_of([_shaped(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return st.lists(_shaped(schema["items"]), max_size=5)
    if schema["type"] == "object":
        return st.fixed_dictionaries({name: _shaped(each) for name, each in schema["properties"].items()})
    return st.none() if schema["type"] == "null" else _TEXTS


ANSWERS = _shaped(answer_schema()).map(json.dumps) | st.text(max_size=200)
_RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


async def _judge(answers: list[str], about: str) -> None:
    runs = [RUN]
    try:
        drawn = await draw(GOAL, *answers, runs=runs, about=about)
    except TandemError:
        return
    drafted = drawn.drafted
    if drafted.plan is None:
        assert drafted.outcome in ("question", "refused", "unclear")
        assert drafted.text.strip()
        assert visible(drafted.text) == drafted.text
        return
    assert drafted.outcome in ("new", "change")
    assert structural_problems(drafted.plan) == []
    assert plan_problems(drafted.plan, REGISTRY) == []
    assert CAPABILITY not in json.dumps([node.capability for node in drafted.plan.tasks.values()])
    assert (drafted.run_id == RUN.run_id) is (drafted.outcome == "change")


@given(answers=st.lists(ANSWERS, min_size=4, max_size=4), about=st.sampled_from(["", "A"]))
@_RELAXED
async def test_no_answer_whatever_breaks_drafting_or_gets_an_invalid_plan_through(
    answers: list[str], about: str
) -> None:
    await _judge(answers, about)


_CUT = st.integers(0, 400)
PLAN = json.dumps(
    {
        "outcome": "plan",
        "title": "Minutes",
        "tasks": [
            {
                "name": "a",
                "capability": "people.roster",
                "arguments": [{"name": "who", "value": "Adele Vance"}],
            },
            {
                "name": "mail",
                "capability": "mail.send",
                "arguments": [
                    {"name": "to", "value": "${tasks.a.people.map(p, p.upn)}"},
                    {"name": "subject", "value": "x"},
                    {"name": "text", "value": "y"},
                ],
            },
        ],
        "answer": {"text": "Done."},
    }
)


@given(at=_CUT, word=_TEXTS, length=st.integers(0, 30))
@_RELAXED
async def test_a_good_plan_with_anything_put_into_it_sends_to_nobody_else(at: int, word: str, length: int) -> None:
    broken = PLAN[:at] + json.dumps(word)[1:-1] + PLAN[at + length :]
    drawn = await draw(GOAL, *[broken] * 4)
    if drawn.drafted.plan is not None:
        for node in drawn.drafted.plan.tasks.values():
            for name in ("to", "cc", "who"):
                assert "mallory" not in str(node.with_.get(name, "")).casefold()
