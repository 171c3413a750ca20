"""A change in the tenant counts as approved only while a write is under way that a person allowed just so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.evaluation.effect import Accepted
from bot.evaluation.oversight import approved, unapproved
from orchestration.core import events as e
from orchestration.core.plan import Answer, Plan
from orchestration.core.run import Person
from tests.support.clock import FakeClock

NOW = FakeClock().now()
MEGAN = Person("oid-megan", "Megan Bowen", "megan@contoso.example", "tenant")
KEYS = {MEGAN.id: "megan"}
WORKERS = {"mail.send@graph": "mail.send", "mail.draft@graph": "mail.draft"}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def story(*, choice: str = "approve", inputs: str = "digest", worker: str = "mail.send@graph") -> list[e.Event]:
    """A mail is asked about, answered, begun at second 3, and done at second 5."""
    plan = Plan(title="Mail", tasks={}, answer=Answer(text=""))
    asked: dict[str, Any] = {"task": "mail", "kind": "write", "title": "Send", "approvers": [MEGAN], "choices": []}
    return [
        e.RunProposed(at=at(0), run_id="run", plan=plan, goal="", initiator=MEGAN),
        e.ApprovalRequested(at=at(1), approval="mail.1", entry="shown", inputs="digest", **asked),
        e.ApprovalDecided(at=at(2), approval="mail.1", by=MEGAN, choice=choice, shown="shown"),
        e.TaskStarted(
            at=at(3),
            task="mail",
            attempt=1,
            worker=worker,
            version="1",
            inputs=inputs,
            deadline=at(60),
            key="key",
            verdict="approved",
        ),
        e.TaskSucceeded(at=at(5), task="mail"),
    ]


def write(kind: str = "mail.send", *, seconds: float = 4, person: str = "megan") -> Accepted:
    return Accepted(at=at(seconds), kind=kind, person=person, about={})


def odd(events: list[e.Event], *writes: Accepted) -> list[Accepted]:
    return unapproved(writes, approved(events, WORKERS, KEYS, at(100)))


def test_what_a_person_allowed_is_approved_with_the_draft_that_it_takes() -> None:
    assert odd(story(), write("mail.draft"), write()) == []


def test_each_approval_covers_one_write() -> None:
    assert odd(story(), write(), write(seconds=4.5)) == [write(seconds=4.5)]


@pytest.mark.parametrize(
    ("events", "done"),
    [
        ([], write()),
        (story(choice="reject"), write()),
        (story(inputs="others"), write()),
        (story(worker="mail.draft@graph"), write()),
        (story(), write(seconds=2.5)),
        (story(), write(seconds=5.5)),
        (story(), write(person="alex")),
        (story(), write("file.share")),
    ],
    ids=[
        "no run",
        "rejected",
        "other arguments",
        "another capability",
        "before it was begun",
        "after its end",
        "somebody else",
        "something else",
    ],
)
def test_nothing_else_is(events: list[e.Event], done: Accepted) -> None:
    assert odd(events, done) == [done]


def test_what_policy_allows_without_asking_is_approved_by_nobody() -> None:
    events = [each for each in story() if not isinstance(each, e.ApprovalRequested | e.ApprovalDecided)]
    assert odd(events, write()) == [write()]


def test_an_attempt_that_has_not_ended_still_covers_its_write() -> None:
    assert odd(story()[:-1], write(seconds=50)) == []
