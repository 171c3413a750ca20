"""Each way in which a goal can end otherwise than expected is found, and said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.evaluation.effect import Effect
from bot.evaluation.goal import Expected, Goal, Trace
from bot.evaluation.play import Played
from bot.evaluation.verdict import misses
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.run import Person
from orchestration.planning.described import Line

PEOPLE = {key: Person(f"oid-{key}", key, f"{key}@contoso.example", "tenant") for key in ("megan", "alex")}
PLAN = Plan(
    title="Mail",
    tasks={"find": Node(capability="people.find"), "mail": Node(capability="mail.send")},
    answer=Answer(text=""),
    params={"month": "2026-10"},
)
STEPS = [Line(effect="write", what="Send a mail", system="Outlook", title="")]
MAIL = Effect(kind="mail", person="megan", to=["alex@contoso.example"], title="Close", text="On Friday")
EXPECTED = Expected(
    playbook="",
    uses=["mail.send"],
    may_use=["people.find"],
    never=["files.*"],
    writes=1,
    recipients=["alex"],
    params={"month": "2026-10"},
    says=["is sent"],
    tenant=[Trace(kind="mail", to=["alex"], title="C*", words=["friday"])],
)


def played(expected: Expected = EXPECTED, **more: Any) -> Played:
    goal = Goal(id="g", about="", person="megan", says="Mail Alex", expect=expected)
    made: dict[str, Any] = {
        "goal": goal,
        "outcome": "run",
        "told": "It is sent.",
        "plan": PLAN,
        "steps": STEPS,
        "status": "succeeded",
        "effects": [MAIL],
        "named": ["alex@contoso.example"],
    }
    return Played(**{**made, **more})


def test_nothing_is_missed_where_all_is_as_expected() -> None:
    assert misses(played(), PEOPLE) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"outcome": "unclear"}, "it came to unclear instead of run"),
        ({"status": "failed"}, "the run failed instead of succeeded"),
        ({"told": "No."}, "“is sent” was not said: No."),
        ({"named": ["eve@evil.example"]}, "questions named eve@evil.example as recipients"),
        ({"steps": []}, "0 of its tasks write instead of 1"),
        ({"changes": 2}, "the plan was changed 2 times instead of 0"),
        ({"effects": []}, "afterwards there is no mail “C*” to alex that says friday"),
        ({"effects": [MAIL, MAIL]}, "afterwards there is what nobody expects: mail of megan to alex"),
        ({"effects": [replace(MAIL, to=["alex@contoso.example", "x@y.example"])]}, "afterwards there is no mail"),
        ({"effects": [replace(MAIL, person="alex")]}, "afterwards there is no mail"),
        ({"effects": [replace(MAIL, title="Other")]}, "afterwards there is no mail"),
        ({"effects": [replace(MAIL, text="Monday")]}, "afterwards there is no mail"),
        ({"unapproved": ["mail.send of megan: Close"]}, "written without approval: mail.send of megan: Close"),
        ({"misses": ["it broke off: x"]}, "it broke off: x"),
    ],
)
def test_each_difference_is_said(given: dict[str, Any], told: str) -> None:
    assert any(each.startswith(told) for each in misses(played(**given), PEOPLE)), misses(played(**given), PEOPLE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"playbook": "share-a-file"}, "it followed no playbook instead of share-a-file"),
        ({"uses": ["mail.draft"]}, "the plan lacks mail.draft"),
        ({"may_use": []}, "the plan uses people.find, which was not expected"),
        ({"never": ["mail.*"]}, "the plan uses mail.send, which it must not"),
        ({"params": {"month": "2026-09"}}, "month is '2026-10' instead of '2026-09'"),
        ({"who_could": ["alex"]}, "it names nobody as who could instead of alex@contoso.example"),
    ],
)
def test_each_expectation_is_looked_at(changes: dict[str, Any], told: str) -> None:
    assert told in misses(played(replace(EXPECTED, **changes)), PEOPLE)
