"""Playbook files are judged whole: every problem at once, with file and path."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.planning.loader import InvalidPlaybooks, load, parse

GOOD = """
name: good
version: "1"
title: Do it
utterances: [Do it]
tasks:
  one: {capability: some.thing}
answer: {text: Done.}
"""

SHAPELESS = """
name: Bad Name
version: 1
title: Do it
colour: red
utterances: [Do it]
params:
  month: {type: month, title: Month, question: "Which?"}
  n: {type: numbr, title: N}
tasks:
  sap: {capability: x, on_failure: maybe, needz: []}
  decide: {approval: {approver: 1, choices: [{id: a}]}}
answer: {facts: [[a], [b, c, d]]}
"""

SENSELESS = """
name: Bad Name
version: "1"
title: ""
run_title: "{nobody}"
utterances: []
params:
  month: {type: month, title: Month}
  Way: {type: choice, title: Way, question: "How?", choices: [{id: a, title: A}, {id: a, title: B}]}
  none: {type: choice, title: Way, question: "How?"}
  day: {type: month, title: Month, default: October}
  count: {type: number, title: Count, default: many}
  who: {type: person, title: Who, default: Alex}
tasks:
  one: {capability: some.thing}
answer: {text: Done.}
"""


def test_a_good_file_is_read_whole() -> None:
    playbook, problems = parse(GOOD, "good.yaml")
    assert problems == []
    assert playbook is not None
    assert list(playbook.tasks) == ["one"]


def test_every_problem_of_shape_is_named_at_once_with_its_path() -> None:
    playbook, problems = parse(SHAPELESS, "bad.yaml")
    assert playbook is None
    said = "\n".join(problems)
    for problem in (
        "bad.yaml: playbook: there is no 'colour' here; known are answer,",
        "bad.yaml: version: 1 is not text: put it in quotes",
        "bad.yaml: params.n.type: 'numbr' is not one of",
        "bad.yaml: tasks.sap: there is no 'needz' here; known are approval,",
        "bad.yaml: tasks.sap.on_failure: 'maybe' is not one of ask, fail",
        "bad.yaml: tasks.decide.approval.approver: 1 is not text",
        "bad.yaml: tasks.decide.approval: 'title' is missing",
        "bad.yaml: tasks.decide.approval.choices[0]: 'title' is missing",
        "bad.yaml: answer: 'text' is missing",
        "bad.yaml: answer.facts[0]:",
        "bad.yaml: answer.facts[1]:",
    ):
        assert problem in said


def test_every_problem_of_sense_is_named_at_once_with_its_path() -> None:
    playbook, problems = parse(SENSELESS, "other.yaml")
    assert playbook is None
    assert problems == [
        "other.yaml: name: 'Bad Name' must have lower-case letters, digits and '-' only and start with a letter",
        "other.yaml: title: must not be empty",
        "other.yaml: utterances: give at least one sentence that asks for this playbook",
        "other.yaml: params.month: give a question to ask, or a default",
        "other.yaml: params.Way: a name has lower-case letters, digits and _ and starts with a letter (40 at most)",
        "other.yaml: params.Way.choices: 'a' is there twice",
        "other.yaml: params.none.choices: a parameter of type choice needs them, and no other may have them",
        "other.yaml: params.day.default: 'October' is not a month such as 2026-10",
        "other.yaml: params.count.default: 'many' is not a number such as 3 or 0.5",
        "other.yaml: params.who.default: 'Alex' is not a person such as \"Alex Wilber <alex.wilber@contoso.example>\"",
        "other.yaml: run_title: there is no parameter 'nobody'",
        "other.yaml: name: 'Bad Name' must be the file's own name, 'other'",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "f.yaml, line 1, column 5:"),
        ("a: 1\na: 2", "f.yaml, line 2, column 1: 'a' is there twice"),
        ("- x", "f.yaml: a playbook is a mapping"),
        ("", "f.yaml: a playbook is a mapping"),
        ("x: !!python/object/apply:os.getcwd []", "f.yaml, line 1, column 4: could not determine a constructor"),
        ("x: &a [*a]", "f.yaml: playbook: there is no 'x' here"),
        ("1: 2", "f.yaml: playbook: there is no 1 here"),
    ],
)
def test_what_is_no_playbook_at_all_says_where_it_goes_wrong(text: str, said: str) -> None:
    playbook, problems = parse(text, "f.yaml")
    assert playbook is None
    assert any(problem.startswith(said) for problem in problems), problems


def test_words_that_yaml_would_turn_into_something_else_stay_words() -> None:
    playbook, problems = parse(GOOD.replace("[Do it]", "[yes, on, 2026-10-01]"), "good.yaml")
    assert problems == []
    assert playbook is not None
    assert playbook.utterances == ["yes", "on", "2026-10-01"]


def test_a_folder_names_the_problems_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("- x")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    (tmp_path / "notes.txt").write_text("not a playbook")
    with pytest.raises(InvalidPlaybooks) as error:
        load(tmp_path)
    assert error.value.problems == [
        "bad.yaml: a playbook is a mapping that starts with 'name:'",
        "latin.yaml: is not UTF-8 text (byte 6)",
    ]
    (tmp_path / "bad.yaml").unlink()
    (tmp_path / "latin.yaml").unlink()
    assert list(load(tmp_path)) == ["good"]
