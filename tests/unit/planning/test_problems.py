"""A plan is judged whole before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.capabilities import Registry
from orchestration.core.plan import Answer, Choice, Node, Plan, Question
from orchestration.planning.compiler import with_needs
from orchestration.planning.problems import plan_problems

SAP = Node(capability="ledger.sap.entries", with_={"month": "2026-10", "company": "1010"})
DYNAMICS = Node(capability="ledger.dynamics.entries", with_={"month": "2026-10", "company": "1010"})
WHO = Node(capability="people.find", with_={"who": "Alex"})
MATCH = Node(capability="ledger.reconcile", with_={"ledgers": {"sap": "${tasks.sap}", "dynamics": "${tasks.dynamics}"}})
CHOICES = [Choice("sap", "SAP is right"), Choice("look", "Investigate")]


def asking(**changed: Any) -> Node:
    given = {
        "approver": "${tasks.who}",
        "title": "Which is right?",
        "items": "${tasks.match.discrepancies}",
        "choices": CHOICES,
        "default": "look",
    }
    return Node(approval=Question(**{**given, **changed}))


def judged(registry: Registry, tasks: dict[str, Node], answer: Answer | None = None, **more: Any) -> list[str]:
    plan = Plan(title="P", tasks=tasks, answer=answer or Answer("Done."), **more)
    return plan_problems(with_needs(plan), registry)


BASE = {"sap": SAP, "dynamics": DYNAMICS, "who": WHO, "match": MATCH}


def test_a_good_plan_has_no_problems_and_its_needs_are_explicit(registry: Registry) -> None:
    tasks = {**BASE, "decide": asking()}
    plan = with_needs(Plan(title="P", tasks=tasks, answer=Answer("${tasks.match.summary}")))
    assert plan_problems(plan, registry) == []
    assert {name: node.needs for name, node in plan.tasks.items()} == {
        "sap": [],
        "dynamics": [],
        "who": [],
        "match": ["sap", "dynamics"],
        "decide": ["who", "match"],
    }


def test_conditions_and_optional_tasks_count_as_needs(registry: Registry) -> None:
    node = Node(capability="people.find", with_={"who": "x"}, when="tasks.match.figures.matched > 0", optional=["who"])
    plan = with_needs(Plan(title="P", tasks={**BASE, "again": node}, answer=Answer("Done.")))
    assert plan.tasks["again"].needs == ["match", "who"]
    assert plan_problems(plan, registry) == []


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (Node(capability="magic"), "tasks.x.capability: nobody offers 'magic' here"),
        (Node(capability="people.find"), "tasks.x.with: 'who' is missing"),
        (
            Node(capability="people.find", with_={"who": "a", "whom": "b"}),
            "tasks.x.with: there is no 'whom'; known are who",
        ),
        (Node(capability="people.find", with_={"who": 3}), "tasks.x.with.who: 3 is not of type 'string'"),
        (
            Node(capability="people.find", with_={"who": "${tasks.sap.entries}"}),
            "tasks.x.with.who: tasks.sap.entries gives a list, but it must be text",
        ),
        (
            Node(capability="ledger.reconcile", with_={"ledgers": "all of ${params.month}"}),
            "tasks.x.with.ledgers: is text, but must be an object",
        ),
        (
            Node(capability="ledger.reconcile", with_={"ledgers": {"sap": "${tasks.who.name}"}}),
            "tasks.x.with.ledgers.sap: tasks.who.name gives text, but it must be an object",
        ),
        (
            Node(capability="ledger.reconcile", with_={"ledgers": {"sap": {"source": "S", "period": "p"}}}),
            "tasks.x.with.ledgers.sap: 'entries' is missing",
        ),
        (
            Node(capability="people.find", with_={"who": "${tasks.nobody.name}"}),
            "tasks.x.with.who: tasks.nobody.name: there is no task 'nobody'",
        ),
        (
            Node(capability="people.find", with_={"who": "${tasks.who.nickname}"}),
            "tasks.x.with.who: tasks.who.nickname: there is no 'nickname' in the result: it has id, mail, name,",
        ),
        (
            Node(capability="people.find", with_={"who": "${tasks.match.figures.systems[0].colour}"}),
            "tasks.match.figures.systems.colour: there is no 'colour' in figures.systems: it has accounted, entries,",
        ),
        (
            Node(capability="people.find", with_={"who": "${tasks.who.name.first}"}),
            "tasks.x.with.who: tasks.who.name.first: there is no 'first' in name: it has no fields",
        ),
        (
            Node(capability="people.find", with_={"who": "${params.whom}"}),
            "tasks.x.with.who: params.whom: there is no parameter 'whom'",
        ),
        (
            Node(capability="people.find", with_={"who": "${run.initiator.phone}"}),
            "tasks.x.with.who: run.initiator.phone: there is no 'phone' in initiator: it has id, name, upn",
        ),
        (Node(capability="people.find", with_={"who": "${run}"}), "tasks.x.with.who: run: name what of run is meant"),
        (Node(capability="people.find", with_={"who": "${1 +}"}), "tasks.x.with.who: '1 +' is not an expression"),
        (Node(capability="people.find", with_={"who": "${oops"}), "tasks.x.with.who: '${oops': '${' is never closed"),
        (
            Node(capability="people.find", with_={"who": "a"}, when="size(tasks.sap.rows) > 0"),
            "tasks.x.when: tasks.sap.rows: there is no 'rows'",
        ),
        (
            Node(capability="people.find", with_={"who": "${tasks.who.name}"}, optional=["who"]),
            "but 'who' may have been skipped: write tasks.who == null ? ... : tasks.who.name",
        ),
        (asking(approver=""), "tasks.x.approval: say who is asked"),
        (asking(approver="Alex"), "tasks.x.approval.approver: must be one expression that gives a person"),
        (
            asking(approver="${tasks.sap}"),
            "tasks.x.approval.approver: tasks.sap lacks id, name, upn, so it is not a person",
        ),
        (asking(approver="${tasks.who.name}"), "tasks.x.approval.approver: tasks.who.name gives text, not a person"),
        (
            asking(items="${tasks.sap.entries}"),
            "tasks.x.approval.items: tasks.sap.entries lacks id, kind, title, so it is not a list of things to decide",
        ),
        (
            asking(choices=[], default=""),
            "tasks.x.approval.choices: say what may be chosen for each item",
        ),
        (asking(choices=[*CHOICES, CHOICES[0]]), "tasks.x.approval.choices: 'sap' is there twice"),
        (asking(default="register"), "tasks.x.approval.default: 'register' is not one of the choices (sap, look)"),
    ],
)
def test_each_problem_is_named_with_its_path(registry: Registry, node: Node, problem: str) -> None:
    found = judged(registry, {**BASE, "x": node}, params={"month": "2026-10"})
    assert len(found) == 1 or "nobody" in problem, found
    assert any(problem in each for each in found), found


def test_all_problems_are_named_at_once(registry: Registry) -> None:
    found = judged(
        registry,
        {
            "Bad-Name": SAP,
            "a": Node(capability="people.find", with_={"who": "${tasks.b.name}", "x": 1}),
            "b": Node(capability="people.find", with_={"who": "${tasks.a.name}"}),
            "c": Node(capability="magic", needs=["nowhere"]),
            "d": asking(approver="", default="?"),
        },
        Answer("${tasks.gone}", facts=[("a", "${params.x}")]),
    )
    said = "\n".join(found)
    for problem in (
        "tasks.Bad-Name: a name has",
        "tasks: a -> b -> a wait for each other",
        "tasks.c.needs: there is no task 'nowhere'",
        "tasks.c.capability: nobody offers 'magic'",
        "tasks.a.with: there is no 'x'",
        "tasks.d.approval: say who is asked",
        "tasks.d.approval.default: '?'",
        "tasks.d.approval.items: tasks.match.discrepancies: there is no task 'match'",
        "answer.text: tasks.gone: there is no task 'gone'",
        "answer.facts[0][1]: params.x: there is no parameter 'x'",
    ):
        assert problem in said, said


def test_the_answer_knows_which_tasks_may_have_been_skipped(registry: Registry) -> None:
    sometimes = Node(capability="people.find", with_={"who": "a"}, when="tasks.who.name == 'x'")
    after = Node(capability="people.find", with_={"who": "${tasks.sometimes.name}"})
    anyway = Node(
        capability="people.find",
        with_={"who": "${tasks.sometimes == null ? 'a' : tasks.sometimes.name}"},
        optional=["sometimes"],
    )
    tasks = {"who": WHO, "sometimes": sometimes, "after": after, "anyway": anyway}
    (problem,) = judged(registry, tasks, Answer("${tasks.after.name}"))
    assert problem.startswith("answer.text: reads tasks.after.name, but 'after' may have been skipped")
    assert judged(registry, tasks, Answer("${tasks.anyway.name} ${tasks.after == null ? '' : tasks.after.name}")) == []


def test_a_write_may_be_refused_so_its_result_may_be_null(registry: Registry) -> None:
    upload = Node(capability="files.upload", with_={"site": "a", "folder": "b", "name": "c", "content": "ZA=="})
    assert len(judged(registry, {"up": upload}, Answer("Done", link="${tasks.up.web_url}"))) == 1
    assert judged(registry, {"up": upload}, Answer("Done", link="${tasks.up == null ? '' : tasks.up.web_url}")) == []


def test_what_an_answer_may_leave_out_must_be_asked_for_with_has(registry: Registry) -> None:
    tasks = {**BASE, "decide": asking()}
    (problem,) = judged(registry, tasks, Answer("${tasks.decide.comment}"))
    assert problem.startswith("answer.text: reads tasks.decide.comment, which is only there if it was said")
    assert judged(registry, tasks, Answer("${has(tasks.decide.comment) ? tasks.decide.comment : ''}")) == []


def test_reading_a_task_without_needing_it_is_a_problem(registry: Registry) -> None:
    node = Node(capability="people.find", with_={"who": "${tasks.who.name}"})
    plan = Plan(title="P", tasks={"who": WHO, "x": node}, answer=Answer("Done."))
    assert plan_problems(plan, registry) == ["tasks.x.with.who: reads tasks.who, which is not among its needs"]
