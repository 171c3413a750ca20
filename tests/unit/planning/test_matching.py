"""Goals find their playbook by likeness to its sentences, whatever the words in between."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.core.plan import Answer, Node
from orchestration.planning.loader import load
from orchestration.planning.matching import Matcher, words
from orchestration.planning.playbook import Parameter, Playbook
from tests.benchmarks.bench_matching import NONE, PLAYBOOKS, learnt, measure, phrasings


def playbook(name: str, *utterances: str, **params: Parameter) -> Playbook:
    given: dict[str, Any] = {
        "version": "1",
        "title": name,
        "tasks": {"a": Node(capability="x")},
        "answer": Answer("ok"),
    }
    return Playbook(name=name, utterances=list(utterances), params=params, **given)


FILE = Parameter(type="text", title="File", question="Which file?")
SHARE = playbook("share", "Share a file with Alex", "Give Adele access to a document", file=FILE)
MEET = playbook("meet", "Find a slot and invite Alex and Lee", "Termin mit Alex finden")


def test_at_least_nine_of_ten_phrasings_are_understood() -> None:
    report = measure()
    assert report.accuracy >= 0.9, "\n".join(report.lines())


def test_the_test_set_covers_every_shipped_playbook_with_sentences_of_its_own() -> None:
    given = phrasings()
    shipped = load(PLAYBOOKS)
    assert set(given) - {NONE} == set(shipped), "every playbook has phrasings in phrasings.yaml, and nothing else has"
    assert sum(map(len, given.values())) >= 60
    assert len(given[NONE]) >= 15
    assert all(len(sentences) >= 5 for sentences in given.values())
    said = [" ".join(words(sentence)) for sentences in given.values() for sentence in sentences]
    assert len(set(said)) == len(said)
    assert not set(said) & learnt(), "a sentence that the playbook holds itself tests nothing"


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("Share the price list with Megan", "share"),
        ("share Budget 2027 with Diego", "share"),
        ("please find a slot and invite Megan Bowen", "meet"),
        ("fnid a slto and invite Diego", None),
        ("Find a slot and invite everybody at 14:00 on Thursday", "meet"),
        ("Bitte einen Termin mit Megan finden", "meet"),
        ("Delete a file", None),
        ("share", "share"),
        ("", None),
    ],
)
def test_names_times_and_courtesies_do_not_matter_but_another_deed_does(goal: str, name: str | None) -> None:
    found = Matcher([SHARE, MEET]).best(goal)
    assert (found.playbook.name if found else None) == name


def test_a_slip_of_the_finger_is_forgiven() -> None:
    found = Matcher([SHARE, MEET]).best("Give Adele acces to a documnet")
    assert found is not None
    assert found.playbook is SHARE


def test_a_deed_that_a_playbook_is_about_counts_for_it() -> None:
    pay = playbook("pay", "Pay the supplier invoices")
    reconcile = playbook("reconcile", "Reconcile the supplier invoices", "Which supplier invoices differ")
    found = Matcher([reconcile, pay]).best("pay our supplier invoices")
    assert found is not None
    assert found.playbook is pay
    assert Matcher([reconcile]).best("pay our supplier invoices") is None


def test_words_that_nobody_could_know_are_forgiven_where_a_parameter_waits_for_them() -> None:
    closed = playbook("share", *SHARE.utterances)
    goal = "Share the price list with Megan"
    assert Matcher([SHARE]).best(goal) is not None
    assert Matcher([closed]).best(goal) is None


def test_the_order_of_playbooks_changes_nothing() -> None:
    one, other = Matcher([SHARE, MEET]), Matcher([MEET, SHARE])
    for goal in ("share a file", "find a slot", "what is this"):
        assert [(each.playbook.name, each.score) for each in one.ranked(goal)] == [
            (each.playbook.name, each.score) for each in other.ranked(goal)
        ]
