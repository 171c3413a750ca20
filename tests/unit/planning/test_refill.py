"""Other parameters for an open run, and sentences that surely mean a playbook, without a model."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from orchestration.planning.compiler import fill
from tests.unit.planning.modelled import PLANNER

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OCTOBER = fill(PLANNER.playbooks()["reconcile-supplier-invoices"], {"month": "2026-10"})
MEETING = fill(PLANNER.playbooks()["find-a-slot"], {"people": "Adele Vance", "subject": "Atlas"})


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("make it September", {"month": "2026-09"}),
        ("September instead, please", {"month": "2026-09"}),
        ("sorry, I meant August 2026", {"month": "2026-08"}),
        ("Nimm doch lieber September", {"month": "2026-09"}),
        ("with a tolerance of 5 days", {"tolerance_days": 5}),
        ("change the tolerance to 5 days and take September", {"tolerance_days": 5, "month": "2026-09"}),
    ],
)
def test_a_new_value_alone_fills_the_playbook_in_again(text: str, params: dict[str, object]) -> None:
    changed = PLANNER.change(OCTOBER, text, NOW)
    assert changed is not None
    assert changed.params == {**OCTOBER.params, **params}
    assert changed.playbook == OCTOBER.playbook
    assert changed.title == ("Supplier invoices, October 2026" if "month" not in params else changed.title)


@pytest.mark.parametrize(
    "text",
    [
        "make it September and mail it to Adele",
        "without SAP",
        "make it October",  # as it is
        "September or August",
        "reconcile the goods receipts for September",
        "cancel",
        "what about the weather in September",
        "",
    ],
)
def test_anything_more_or_less_is_not_understood_so(text: str) -> None:
    assert PLANNER.change(OCTOBER, text, NOW) is None


def test_choices_are_changed_by_their_titles() -> None:
    changed = PLANNER.change(MEETING, "make it one hour", NOW)
    assert changed is not None
    assert changed.params["length"] == "one_hour"
    assert changed.params["people"] == "Adele Vance"


def test_a_plan_that_is_not_just_that_playbook_s_is_left_alone() -> None:
    assert PLANNER.change(replace(OCTOBER, playbook=""), "make it September", NOW) is None
    assert PLANNER.change(replace(OCTOBER, playbook="reconcile-supplier-invoices@1"), "make it September", NOW) is None
    assert PLANNER.change(replace(OCTOBER, playbook="gone@1"), "make it September", NOW) is None


@pytest.mark.parametrize(
    "goal",
    [
        "Reconcile the supplier invoices for October",
        "Please reconcile our supplier invoices of last month",
        "Compare the supplier invoices in SAP and Dynamics with the register",
        "Write my weekly status",
        "Brief me for the meeting at 14:00",
        "Gleiche die Lieferantenrechnungen ab",
        "reconcile the supplier invoices with a tolerance of 5 days",
    ],
)
def test_a_playbook_s_own_words_are_sure(goal: str) -> None:
    assert PLANNER.sure(goal, NOW)


@pytest.mark.parametrize(
    "goal",
    [
        "Reconcile the supplier invoices without SAP",
        "Do not reconcile the supplier invoices",
        "Reconcile the supplier invoices and mail the result to Adele Vance",
        "Write my weekly status and post it in the Atlas channel",
        "Did we pay anybody twice in October?",
        "Draft a mail to Adele Vance",
        "Share the contract with Adele Vance",
        "hello",
    ],
)
def test_anything_else_is_not(goal: str) -> None:
    assert not PLANNER.sure(goal, NOW)


@pytest.mark.parametrize("name", sorted(PLANNER.playbooks()))
def test_nearly_every_sentence_of_a_playbook_is_sure(name: str) -> None:
    utterances = PLANNER.playbooks()[name].utterances
    unsure = [each for each in utterances if not PLANNER.sure(each, NOW)]
    assert len(unsure) <= len(utterances) // 5, unsure
