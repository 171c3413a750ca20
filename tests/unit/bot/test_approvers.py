from __future__ import annotations

from typing import Any

import pytest

from bot.approvers import Given, command_id, given
from tests.support.chat import ALEX, MEGAN

DATA: dict[str, Any] = {"run_id": "r1", "approval": "decide.1", "shown": "e1"}


def test_an_answer_with_rules_exceptions_and_a_comment() -> None:
    inputs = {"rule:amount": "sap", "rule:date": "", "item:i1": "", "item:i2": "dynamics", "comment": " fine\u200b "}
    assert given({**DATA, **inputs}) == Given(
        run_id="r1",
        approval="decide.1",
        shown="e1",
        choice="answer",
        comment="fine",
        rules={"amount": "sap"},
        exceptions={"i2": "dynamics"},
    )


@pytest.mark.parametrize("wrong", [{"run_id": ""}, {"approval": None}, {"shown": 7}, {"choice": ["a"]}, {"choice": ""}])
def test_what_is_no_answer_is_none(wrong: dict[str, Any]) -> None:
    assert given({**DATA, **wrong}) is None


def test_inputs_of_another_kind_are_left_out() -> None:
    found = given({**DATA, "rule:amount": ["sap"], "item:i1": {"x": 1}, "other": "y", "comment": "x" * 3000})
    assert found is not None
    assert (found.rules, found.exceptions) == ({}, {})
    assert len(found.comment) == 2000


def test_one_answer_is_one_command_and_another_persons_is_another() -> None:
    answer = given({**DATA, "choice": "approve"})
    again = given({**DATA, "choice": "reject"})
    assert answer is not None
    assert again is not None
    assert command_id(answer, ALEX) == command_id(again, ALEX)
    assert command_id(answer, ALEX) != command_id(answer, MEGAN)
