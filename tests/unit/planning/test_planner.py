"""The planner without a model: goals to plans, questions, or what the bot can do."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.capabilities import Registry
from orchestration.core.run import Person
from orchestration.errors import InvalidPlan
from orchestration.planning.loader import InvalidPlaybooks
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Missing, Planned, Unmatched

POSITIVE = [
    "Reconcile the supplier invoices for October 2026",
    "reconcile supplier invoices",
    "Can you please reconcile our supplier invoices for last month?",
    "Do the October reconciliation of supplier invoices",
    "Compare supplier invoices between SAP and Dynamics for September",
    "run the monthly invoice reconciliation",
    "I need the supplier invoice reconciliation for 10/2026",
    "please check whether the vendor bills match in SAP and Dynamics",
    "Find differences between SAP, Dynamics and the register for August 2026",
    "Which invoices are missing in SAP?",
    "Reconsile supplier invioces october",
    "Abgleich der Lieferantenrechnungen für Oktober 2026",
    "Bitte gleiche die Lieferantenrechnungen von letztem Monat ab",
    "accounts payable reconciliation Oct 2026",
    "Start reconciling supplier invoices, 2026-10",
    "Hi Tandem, could you do the supplier invoices reconciliation for this month?",
    "reconcile sap against dynamics and the register",
    "Are there any duplicate supplier invoices in SAP or Dynamics in October?",
    "month end reconciliation payables",
    "Could we get the October supplier invoices reconciled?",
    "reconcile October",
    "I'd like to reconcile payables for September 2026",
]
NEGATIVE = [
    "what's the weather",
    "order pizza",
    "reconcile my bank account with God",
    "hello",
    "help",
    "book a meeting with Alex tomorrow",
    "pay the supplier invoices",
    "delete all supplier invoices in SAP",
    "post the supplier invoice in SAP",
    "cancel all supplier invoices",
    "Approve the supplier invoices of October",
    "summarize this contract",
    "create a new supplier in Dynamics",
    "what is SAP?",
    "is SAP down?",
    "send an email to the supplier",
    "reset my SAP password",
    "change the supplier's bank account",
    "October",
    "",
    "?!",
]


@pytest.fixture
def planner(registry: Registry, shipped: Path) -> PlaybookPlanner:
    return PlaybookPlanner(registry, shipped)


@pytest.mark.parametrize("goal", POSITIVE)
async def test_goals_that_ask_for_it_match(planner: PlaybookPlanner, megan: Person, now: datetime, goal: str) -> None:
    assert isinstance(await planner.plan(goal, megan, now), Planned | Missing)


@pytest.mark.parametrize("goal", NEGATIVE)
async def test_other_goals_get_what_the_bot_can_do(
    planner: PlaybookPlanner, megan: Person, now: datetime, goal: str
) -> None:
    planned = await planner.plan(goal, megan, now)
    assert isinstance(planned, Unmatched)
    assert "Reconcile supplier invoices" in [each.title for each in planned.suggestions]


async def test_what_is_suggested_is_a_complete_goal(planner: PlaybookPlanner, megan: Person, now: datetime) -> None:
    for suggestion in planner.suggestions():
        assert isinstance(await planner.plan(suggestion.utterance, megan, now), Planned)


async def test_the_plan_is_filled_in_and_says_what_it_will_do(
    planner: PlaybookPlanner, megan: Person, now: datetime
) -> None:
    planned = await planner.plan("Reconcile supplier invoices for October", megan, now)
    assert isinstance(planned, Planned)
    assert planned.plan.title == "Supplier invoices, October 2026"
    assert planned.plan.params == {"month": "2026-10", "tolerance_days": 3, "tolerance_amount": 0}
    assert planned.plan.playbook == "reconcile-supplier-invoices@3"
    assert planned.reads == [
        "Read supplier invoices from SAP",
        "Read vendor invoices from Dynamics",
        "Read the invoice register in SharePoint",
        "Look up the accountant",
        "Look up last month's decisions",
    ]
    assert planned.writes == ["Put the workbook into SharePoint"]
    assert planned.asks == ["Alex Wilber, accounts payable: decide about the differences"]


async def test_a_missing_month_is_asked_for_with_the_last_three(
    planner: PlaybookPlanner, megan: Person, now: datetime
) -> None:
    asked = await planner.plan("Reconcile supplier invoices", megan, now)
    assert asked == Missing(
        playbook="reconcile-supplier-invoices",
        parameter="month",
        question="Which month shall be reconciled?",
        choices=[("2026-10", "October 2026"), ("2026-09", "September 2026"), ("2026-08", "August 2026")],
        given={},
    )


@pytest.mark.parametrize("said", ["2026-09", "September", "september please", "last September", "09/2026"])
async def test_an_answer_completes_the_goal(planner: PlaybookPlanner, megan: Person, now: datetime, said: str) -> None:
    goal = "Reconcile supplier invoices"
    asked = await planner.plan(goal, megan, now)
    assert isinstance(asked, Missing)
    planned = await planner.plan(goal, megan, now, answer=(asked, said))
    assert isinstance(planned, Planned)
    assert planned.plan.params["month"] == "2026-09"


@pytest.mark.parametrize(
    ("goal", "named"),
    [
        ("Reconcile supplier invoices for 13/2026", "“13/2026” is not a month"),
        ("Reconcile supplier invoices for Octember", "“Octember” is not a month that I know"),
        ("Reconcile supplier invoices for December 2026", "“December 2026” has not begun yet"),
        (
            "Reconcile supplier invoices for September and October 2026",
            "One month at a time: you named September 2026 and October 2026",
        ),
    ],
)
async def test_a_month_that_cannot_be_used_is_asked_about_by_name(
    planner: PlaybookPlanner, megan: Person, now: datetime, goal: str, named: str
) -> None:
    asked = await planner.plan(goal, megan, now)
    assert isinstance(asked, Missing)
    assert asked.question == f"{named}. Which month shall be reconciled?"
    # The answer settles it, although the goal still says what it said.
    assert isinstance(await planner.plan(goal, megan, now, answer=(asked, "2026-10")), Planned)


async def test_an_answer_that_is_no_month_is_asked_again(
    planner: PlaybookPlanner, megan: Person, now: datetime
) -> None:
    goal = "Reconcile supplier invoices"
    asked = await planner.plan(goal, megan, now)
    assert isinstance(asked, Missing)
    again = await planner.plan(goal, megan, now, answer=(asked, "the blue one"))
    assert isinstance(again, Missing)
    assert again.question == "“the blue one” is not a month. Which month shall be reconciled?"


async def test_a_playbook_that_does_not_fit_the_deployment_names_every_problem(
    shipped: Path, megan: Person, now: datetime
) -> None:
    planner = PlaybookPlanner(Registry(), shipped)
    with pytest.raises(InvalidPlan) as error:
        await planner.plan("Reconcile supplier invoices for October", megan, now)
    assert len(error.value.problems) == 8
    assert error.value.problems[0] == (
        "reconcile-supplier-invoices.yaml: tasks.sap.capability: nobody offers 'ledger.sap.entries' here"
    )


SMALL = """
name: look-up
version: "1"
title: Look somebody up
utterances: [Look somebody up in the directory]
params:
  who: {type: person, title: Person, question: "Whom?"}
  how: {type: choice, title: How, default: fast, choices: [{id: fast, title: Quickly}, {id: deep, title: In depth}]}
  limit: {type: number, title: Limit, default: "3"}
tasks:
  person: {capability: people.find, with: {who: "${params.who}"}}
answer: {text: "${tasks.person.name} (${params.limit}, ${params.how})"}
"""


def write(folder: Path, text: str, name: str = "look-up.yaml", tick: int = 0) -> None:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(1_000_000_000 + tick, 1_000_000_000 + tick))


async def test_several_parameters_are_filled_from_goal_default_and_answer(
    registry: Registry, tmp_path: Path, megan: Person, now: datetime
) -> None:
    write(tmp_path, SMALL)
    planner = PlaybookPlanner(registry, tmp_path)
    goal = "Look somebody up in the directory, in depth"
    asked = await planner.plan(goal, megan, now)
    assert isinstance(asked, Missing)
    assert (asked.parameter, asked.given) == ("who", {"how": "deep"})
    planned = await planner.plan(goal, megan, now, answer=(asked, "Alex Wilber <alex.wilber@contoso.example>"))
    assert isinstance(planned, Planned)
    assert planned.plan.params == {"who": "Alex Wilber <alex.wilber@contoso.example>", "how": "deep", "limit": 3}


async def test_what_a_person_says_never_becomes_an_expression(
    registry: Registry, tmp_path: Path, megan: Person, now: datetime
) -> None:
    text = SMALL.replace("type: person", "type: text")
    write(tmp_path, text)
    planner = PlaybookPlanner(registry, tmp_path)
    asked = await planner.plan("Look somebody up", megan, now)
    assert isinstance(asked, Missing)
    planned = await planner.plan("Look somebody up", megan, now, answer=(asked, "${run.initiator.upn}"))
    assert isinstance(planned, Planned)
    assert planned.plan.params["who"] == "${run.initiator.upn}"
    assert planned.plan.tasks["person"].with_ == {"who": "${params.who}"}


async def test_a_changed_file_is_taken_up(registry: Registry, tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    planner = PlaybookPlanner(registry, tmp_path)
    write(tmp_path, SMALL.replace("title: Look somebody up", "title: Find a colleague"), tick=1)
    assert [each.title for each in planner.suggestions()] == ["Find a colleague"]
    (tmp_path / "look-up.yaml").unlink()
    assert planner.suggestions() == []


@pytest.mark.parametrize("broken", ["name: [", SMALL.replace("params.who", "params.whom"), SMALL + "\nextra: 1", ""])
async def test_a_broken_change_leaves_the_last_good_version_in_force_and_says_so(
    registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    write(tmp_path, SMALL)
    planner = PlaybookPlanner(registry, tmp_path)
    write(tmp_path, broken, tick=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [each.title for each in planner.suggestions()] == ["Look somebody up"]
    assert len(caplog.messages) == 1
    assert "look-up is wrong and version 1 stays in force: look-up.yaml" in caplog.messages[0]


async def test_a_folder_that_disappears_leaves_the_last_good_playbooks_in_force(
    registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    write(folder, SMALL)
    planner = PlaybookPlanner(registry, folder)
    folder.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        assert len(planner.suggestions()) == 1
    (tmp_path / "elsewhere").rename(folder)
    assert len(planner.suggestions()) == 1
    assert len(caplog.messages) == 1


def test_a_planner_does_not_start_with_a_broken_playbook(registry: Registry, tmp_path: Path) -> None:
    write(tmp_path, SMALL.replace("${tasks.person.name}", "${tasks.nobody.name}"))
    with pytest.raises(
        InvalidPlaybooks, match=r"look-up\.yaml: answer\.text: tasks\.nobody\.name: there is no task 'nobody'"
    ):
        PlaybookPlanner(registry, tmp_path)
    with pytest.raises(InvalidPlaybooks, match="there is no playbook folder"):
        PlaybookPlanner(registry, tmp_path / "none")


@pytest.mark.parametrize(
    ("goal", "days", "amount"),
    [
        ("Reconcile the supplier invoices for October 2026", 3, 0),
        ("Reconcile the supplier invoices for October 2026 with a tolerance of 5 days", 5, 0),
        ("Reconcile supplier invoices for 2026-10, tolerance days 0", 0, 0),
        ("Reconcile supplier invoices for 10/2026 with an amount tolerance of 0.05", 3, 0.05),
        ("Reconcile supplier invoices for 10/2026 with an amount tolerance of 0,05", 3, 0.05),
    ],
)
async def test_a_number_that_the_goal_names_is_taken(
    planner: PlaybookPlanner, megan: Person, now: datetime, goal: str, days: float, amount: float
) -> None:
    planned = await planner.plan(goal, megan, now)
    assert isinstance(planned, Planned)
    assert planned.plan.params == {"month": "2026-10", "tolerance_days": days, "tolerance_amount": amount}


async def test_several_numbers_for_one_parameter_are_asked_about(
    planner: PlaybookPlanner, megan: Person, now: datetime
) -> None:
    asked = await planner.plan("Reconcile supplier invoices for October, tolerance 3 or 5 days", megan, now)
    assert isinstance(asked, Missing)
    assert asked.parameter == "tolerance_days"
    assert asked.question.startswith("I read several numbers: 3, 5. ")
    assert asked.choices == [("3", "3")]
