"""People whom a plan names by a word."""

from __future__ import annotations

import pytest

from orchestration.core.plan import Answer, ForEach, Node, Plan, Question
from orchestration.planning.compiler import with_needs
from orchestration.planning.problems import plan_problems


def asking(**who: object) -> Node:
    return Node(approval=Question(title="Pay?", **who))  # type: ignore[arg-type]


def compiled(**tasks: Node) -> Plan:
    return with_needs(Plan(title="T", tasks=tasks, answer=Answer(text="done")))


@pytest.mark.parametrize(
    ("word", "lookup", "one", "several"),
    [
        ("initiator", None, "${run.initiator}", "${[run.initiator]}"),
        ("manager(initiator)", ("people.manager", {}), "${tasks.manager_asked}", "${[tasks.manager_asked]}"),
        (
            "user( alex@contoso.com )",
            ("people.find", {"who": "alex@contoso.com"}),
            "${tasks.person_asked}",
            "${[tasks.person_asked]}",
        ),
    ],
)
def test_a_word_becomes_an_expression_and_the_task_that_looks_it_up(
    word: str, lookup: tuple[str, dict[str, str]] | None, one: str, several: str
) -> None:
    plan = compiled(a=asking(approver=word), b=asking(approvers=word))
    assert plan.tasks["a"].approval is not None
    assert plan.tasks["b"].approval is not None
    assert (plan.tasks["a"].approval.approver, plan.tasks["b"].approval.approvers) == (one, several)
    found = [(node.capability, node.with_) for node in plan.tasks.values() if node.capability]
    assert found == ([lookup] if lookup else [])
    assert plan_problems(plan, None) == []
    assert with_needs(plan) == plan


def test_a_group_is_asked_as_a_list_and_looked_up_once_also_from_inside_a_group() -> None:
    inside = {"ask": asking(approvers="group(Finance (Nordics))", quorum=2)}
    plan = compiled(
        every=Node(for_each=ForEach(items="${[1]}", tasks=inside, gives=1)),
        a=asking(approvers="group(Finance (Nordics))"),
    )
    assert [node.with_ for node in plan.tasks.values() if node.capability == "people.members"] == [
        {"group": "Finance (Nordics)"}
    ]
    assert plan.tasks["every"].needs == ["members_asked"]
    assert plan_problems(plan, None) == []


def test_a_run_goes_on_where_the_colleagues_to_hand_a_question_to_are_not_found() -> None:
    plan = compiled(a=asking(approver="group(Finance)", delegates="group(Finance)"))
    needed, colleagues = (plan.tasks[name] for name in ("members_asked", "members_asked_2"))
    assert (needed.on_failure, colleagues.on_failure) == ("fail", "skip")
    assert plan.tasks["a"].optional == ["members_asked_2"]
    assert plan_problems(compiled(a=asking(approver="initiator", delegates="group(Finance)")), None) == []


def test_names_of_lookups_do_not_collide_with_the_plans_own() -> None:
    plan = compiled(manager_asked=Node(capability="people.manager"), a=asking(approver="manager(initiator)"))
    assert plan.tasks["a"].needs == ["manager_asked_2"]


def test_a_group_cannot_be_one_person() -> None:
    plan = compiled(a=asking(approver="group(Finance)"))
    assert plan.tasks["a"].approval is not None
    assert plan.tasks["a"].approval.approver == "${tasks.members_asked.people}"


def test_what_names_nobody_is_said() -> None:
    [problem] = plan_problems(compiled(a=asking(approver="manager(alex)")), None)
    assert problem.startswith("tasks.a.approval.approver: must be one expression that gives a person")
