"""Recordings of a model: what is wrong with them is named at the start, and the one that fits is found."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.model.asked import Asked, read_asked
from connectors.sandbox.model.recordings import ANSWERS, Recordings
from orchestration.errors import InvalidContent
from orchestration.planning.answer import read_answer

TODAY = date(2026, 12, 31)  # a Thursday


def recordings(folder: Path, *entries: str, file: str = "all.yaml") -> Recordings:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text("recordings:\n" + "\n".join(f"  - {entry}" for entry in entries))
    return Recordings([folder])


def said(found: Recordings, goal: str, *answers: str, **more: Any) -> str | None:
    hit = found.find(Asked(goal=goal, today=TODAY, said=list(answers), **more))
    return hit.step.content(hit.places)


def run(handle: str, title: str, status: str = "running", **more: Any) -> dict[str, Any]:
    return {"run": handle, "title": title, "status": status, "plan": {"playbook": "weekly@2"}, "tasks": [], **more}


def test_what_comes_along_is_in_order_and_names_examples_that_it_knows() -> None:
    found = Recordings([ANSWERS])

    assert 1 < len(found.examples()) <= 4
    for example in found.examples():
        answer = read_answer(str(said(found, example)))
        assert "recording" not in answer.text
        assert len(example) <= 120


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("recordings: [", "bad.yaml, line 1"),
        ("goal: x", "bad.yaml: Object"),
        ("recordings: [{goal: x, answers: [{text: a}], exmple: y}]", "recordings[0]"),
        ("recordings: [{goal: ' ', answers: [{text: a}]}]", "recordings[0].goal: it is empty"),
        ("recordings: [{goal: x, answers: []}]", "recordings[0].answers: there is none"),
        ("recordings: [{goal: x, answers: [[]]}]", "recordings[0].answers[0]: there is none"),
        ("recordings: [{goal: x, answers: [{}]}]", "answers[0]: it says nothing"),
        ("recordings: [{goal: x, answers: [{text: a, json: 1}]}]", "json and text exclude each other"),
        ("recordings: [{goal: x, answers: [[{text: a}, {status: 200}]]}]", "answers[0][1]: status must be an error"),
        ("recordings: [{goal: x, answers: [{text: a, chunk_chars: 0}]}]", "chunk_chars must be 1 or more"),
        ("recordings: [{goal: x, answers: [{text: a, delay_ms: -1}]}]", "delay_ms must not be below 0"),
        ("recordings: [{goal: x, answers: [{answer: {outcome: dance}}]}]", "answers[0]: answer: Invalid enum value"),
        ("recordings: [{goal: x, answers: [{answer: {outcome: plan, tasks: {a: 3}}}]}]", "tasks.a is neither"),
        ("recordings: [{goal: x, answers: [{text: a}]}, {goal: ' X!', answers: [{text: b}]}]", "is recorded already"),
    ],
)
def test_a_bad_file_is_named_with_path_and_place(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    (tmp_path / "good.yaml").write_text("recordings: []")

    with pytest.raises(InvalidContent) as caught:
        Recordings([tmp_path])

    assert str(tmp_path / "bad.yaml") in caught.value.message
    assert named in caught.value.message
    assert "good.yaml" not in caught.value.message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent, match="nowhere: there is no such folder"):
        Recordings([ANSWERS, tmp_path / "nowhere"])


def test_case_spaces_and_a_closing_mark_do_not_count_and_a_star_stands_for_anything(tmp_path: Path) -> None:
    found = recordings(tmp_path, '{goal: [Tell * the (news), Say it], answers: [{text: "to {star}"}]}')

    assert said(found, "  say   IT!") == "to "
    assert said(found, "Tell Megan Bowen the (news).") == "to Megan Bowen"
    assert "recording" in str(said(found, "Tell Megan the old news"))


def test_what_was_answered_to_questions_is_a_condition_of_its_own(tmp_path: Path) -> None:
    found = recordings(
        tmp_path,
        "{goal: Plan, answers: [{text: which}]}",
        '{goal: Plan, said: ["*"], answers: [{text: "any {said}"}]}',
        "{goal: Plan, said: [October], answers: [{text: known}]}",
    )

    assert said(found, "Plan") == "which"
    assert said(found, "Plan", "May") == "any May"
    assert said(found, "Plan", "october") == "known"
    assert "recording" in str(said(found, "Plan", "May", "June"))


def test_an_answer_that_is_itself_a_recorded_goal_counts_as_one(tmp_path: Path) -> None:
    found = recordings(tmp_path, "{goal: Plan, answers: [{text: planned}]}")

    assert said(found, "Dance", "Plan") == "planned"


def test_the_run_that_it_is_about_is_found_by_its_conditions(tmp_path: Path) -> None:
    found = recordings(
        tmp_path,
        '{goal: Go, answers: [{text: "none"}]}',
        '{goal: Go, run: {title: "Week *"}, answers: [{text: "title {run}"}]}',
        '{goal: Go, run: {title: "Week *", status: [failed], tasks: {read: failed}}, answers: [{text: "bad {run}"}]}',
        '{goal: Go, run: {playbook: weekly, status: proposed}, answers: [{text: "proposed {run}"}]}',
    )
    failed = run("B", "Week 48", "failed", tasks=[{"task": "read", "status": "failed", "code": "not_found"}])

    assert said(found, "Go") == "none"
    assert said(found, "Go", runs=[run("A", "Month"), run("B", "Week 48")]) == "title B"
    assert said(found, "Go", runs=[run("A", "Week 47"), failed]) == "bad B"
    assert said(found, "Go", runs=[run("A", "Week 47"), failed], about="A") == "title A"
    assert said(found, "Go", runs=[run("A", "Month", "proposed")]) == "proposed A"
    assert said(found, "Go", runs=[{"run": "A"}, {"plan": 3, "tasks": [3], "run": "B"}]) == "none"


def test_each_turn_has_its_answer_and_the_last_one_stays(tmp_path: Path) -> None:
    found = recordings(tmp_path, "{goal: Go, answers: [{text: first}, {text: second}]}")

    assert [said(found, "Go", turn=turn) for turn in (0, 1, 2, 0)] == ["first", "second", "second", "first"]


def test_attempts_are_counted_for_each_turn_by_itself_and_begin_anew(tmp_path: Path) -> None:
    found = recordings(tmp_path, "{goal: Go, answers: [[{text: a}, {text: b}], [{text: c}, {text: d}]]}")

    assert [said(found, "Go", turn=turn) for turn in (0, 1, 0, 1, 0)] == ["a", "c", "b", "d", "a"]


def test_a_later_folder_comes_before_an_earlier_one(tmp_path: Path) -> None:
    recordings(tmp_path / "one", "{goal: Go, answers: [{text: one}]}")
    recordings(tmp_path / "two", "{goal: Go, answers: [{text: two}]}")

    assert said(Recordings([tmp_path / "one", tmp_path / "two"]), "Go") == "two"


def test_days_and_months_are_those_of_the_person_and_expressions_stay(tmp_path: Path) -> None:
    names = "today tomorrow yesterday next_monday next_friday this_month last_month".split()  # noqa: SIM905
    text = " ".join(f"{{{name}}}" for name in names)
    found = recordings(tmp_path, f'{{goal: Go, answers: [{{json: {{"a": ["{text} ${{today}} {{other}}"]}}}}]}}')

    told = json.loads(str(said(found, "Go")))["a"][0].split()

    assert told[:5] == ["2026-12-31", "2027-01-01", "2026-12-30", "2027-01-04", "2027-01-08"]
    assert told[5:] == ["2026-12", "2026-11", "${today}", "{other}"]


def test_shorthands_are_spelled_out(tmp_path: Path) -> None:
    found = recordings(
        tmp_path,
        """goal: Go
    answers:
      - answer:
          outcome: change
          parameters: {month: 2026-09, days: 3}
          tasks:
            sap: keep
            ask: {question: {title: Which, choices: {yes: "Yes", no: "No"}}}
            mail: {capability: mail.draft, arguments: {to: ["${run.initiator.upn}"], online: true}}
          answer: {facts: [[A, B]]}
""",
    )
    answer = read_answer(str(said(found, "Go")))

    assert [(each.name, each.value) for each in answer.parameters] == [("month", "2026-09"), ("days", "3")]
    assert [each.kind for each in answer.tasks] == ["keep", "question", "capability"]
    assert [each.value for each in answer.tasks[2].arguments] == ['["${run.initiator.upn}"]', "true"]
    asking = answer.tasks[1].question
    assert asking is not None
    assert [(each.id, each.title) for each in asking.choices] == [("yes", "Yes"), ("no", "No")]
    assert (answer.answer.facts[0].label, answer.answer.facts[0].value) == ("A", "B")


def test_the_latest_goal_of_a_conversation_counts_with_the_problems_after_it() -> None:
    def user(**content: Any) -> dict[str, Any]:
        return {"role": "user", "content": json.dumps(content)}

    odd = [{"role": "system", "content": "{}"}, {"role": "user"}, {"role": "user", "content": "[1]"}]
    told = user(
        goal="b", today="soon", said=[{"question": "q", "answer": "x"}, 3], runs=[run("A", "t"), None], about=None
    )
    asked = read_asked([*odd, user(goal="a"), user(problems=["p"]), told, user(problems=["p"]), user(problems=[])])

    assert asked is not None
    assert (asked.goal, asked.said, asked.turn, asked.about) == ("b", ["x"], 2, "")
    assert [each["run"] for each in asked.runs] == ["A"]
    assert read_asked(odd) is None
