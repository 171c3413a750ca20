"""Everything that an event can hold is on one side: personal or public."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import msgspec
import pytest

from orchestration.audit.chain import link
from orchestration.audit.personal import PERSONAL, PUBLIC, parts, personal_of
from orchestration.audit.redaction import PLAN_PERSONAL, PLAN_PUBLIC, Person, Redaction
from orchestration.core import events as e
from orchestration.core import run
from orchestration.core.plan import Answer, Fallback, ForEach, Node, Plan, Question, Repeat

EVENTS = get_args(e.Event)
_HARMLESS = (
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.DateTimeType,
    msgspec.inspect.LiteralType,
)


def _holds_words(type_: Any) -> bool:
    """Whether a value of that type can hold anything but numbers, instants and words of the code's own."""
    if isinstance(type_, msgspec.inspect.UnionType):
        return any(map(_holds_words, type_.types))
    return not isinstance(type_, _HARMLESS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_field_of_every_event_is_classified(event: type[msgspec.Struct]) -> None:
    info = msgspec.inspect.type_info(event)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        if field.name in personal_of(event.__name__):
            assert field.name not in PUBLIC
        elif _holds_words(field.type):
            assert field.name in PUBLIC, (
                f"{event.__name__}.{field.name} is classified nowhere: is it about a person or in somebody's words "
                "(audit.personal.PERSONAL), or the code's own (PUBLIC)?"
            )


def test_nothing_is_classified_that_no_event_has() -> None:
    names = {name for event in EVENTS for name in event.__struct_fields__}
    assert {name.rpartition(".")[2] for name in PERSONAL | PUBLIC} <= names


@pytest.mark.parametrize("kind", [Plan, Node, Question, Fallback, ForEach, Repeat], ids=lambda kind: kind.__name__)
def test_every_field_of_a_plan_is_classified(kind: type[msgspec.Struct]) -> None:
    assert set(kind.__struct_encode_fields__) <= PLAN_PERSONAL | PLAN_PUBLIC
    assert not PLAN_PERSONAL & PLAN_PUBLIC


def test_the_skeleton_holds_nothing_personal_and_an_erased_plan_only_its_shape() -> None:
    question = Question(title="May Nordwind?", approver="${x}", choices=[], quorum=2)
    plan = Plan(
        title="Secret title",
        params={"who": "Secret"},
        tasks={
            "a": Node(capability="files.read", title="Secret", with_={"path": "Secret"}),
            "b": Node(approval=question, needs=["a"], on_failure="ask"),
            "c": Node(for_each=ForEach(items="${Secret}", tasks={"d": Node(capability="mail.send")}, gives="Secret")),
            "e": Node(capability="x", fallback=Fallback(capability="y", with_={"z": "Secret"})),
        },
        answer=Answer(text="Secret"),
        playbook="p@1",
    )
    at = datetime.fromisoformat("2026-11-22T12:00:00Z")
    person = run.Person("oid", "Secret Name", "secret@x")
    body = msgspec.json.encode(e.RunProposed(at=at, run_id="r", plan=plan, goal="Secret", initiator=person))
    skeleton, personal = parts("RunProposed", body)
    assert b"ecret" not in skeleton
    assert b"oid" not in skeleton
    assert b"Nordwind" not in skeleton
    assert personal.count(b"Secret") >= 8
    left = Redaction(Person("oid", (), ("Secret Name",), 1)).own_event("RunProposed", msgspec.json.decode(body))
    assert b"ecret" not in msgspec.json.encode(left)
    assert b"Nordwind" not in msgspec.json.encode(left)
    assert _without_empty(left["plan"]) == {
        "playbook": "p@1",
        "tasks": {
            "a": {"capability": "files.read"},
            "b": {"approval": {"quorum": 2}, "needs": ["a"], "on_failure": "ask"},
            "c": {"for_each": {"tasks": {"d": {"capability": "mail.send"}}}},
            "e": {"capability": "x", "fallback": {"capability": "y"}},
        },
    }


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each for name, inner in value.items() if (each := _without_empty(inner)) not in ("", {}, [])}
    return value


def test_an_event_without_anything_personal_is_its_own_skeleton() -> None:
    body = b'{"type":"TaskSucceeded","at":"2026-11-22T12:00:00Z","task":"a","entry":"e"}'
    assert parts("TaskSucceeded", body) == (body, b"")


def test_links_stay_what_they_were_for_ever() -> None:
    """These bytes are in somebody's log: when this fails, the code is wrong, not the digest."""
    plain = b'{"type":"TaskSucceeded","at":"2026-11-22T12:00:00Z","task":"a","entry":"e"}'
    words = plain[:-1] + b',"summary":"412 invoices","size_bytes":7}'
    first = link(b"", "run-1", 1, "TaskSucceeded", plain, b"salt")
    second = link(first, "run-1", 2, "TaskSucceeded", words, b"salt")
    assert first.hex() == "74a12477adf444e74fb4bf4e9fbbf1d7e37aa63b77e2595d5773c0a8b3bd251c"
    assert second.hex() == "e0648722be3cf8a3369750516ef3b1a68039816febcc404995b01c778698f131"
