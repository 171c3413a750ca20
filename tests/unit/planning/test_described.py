"""What each step of a plan does, for the eyes of the person whose goal it is for."""

from __future__ import annotations

from orchestration.core.plan import Answer, Choice, Fallback, ForEach, Node, Plan, Question
from orchestration.planning.described import Line, described, writes
from tests.unit.planning.modelled import REGISTRY


def plan(params: dict[str, object] | None = None, **tasks: Node) -> Plan:
    return Plan(title="t", params=params or {}, tasks=tasks, answer=Answer(text=""))


def line(node: Node, **params: object) -> Line:
    (only,) = described(plan(dict(params), it=node), REGISTRY)
    return only


def test_a_step_is_what_its_capability_says_whatever_the_plan_calls_it() -> None:
    found = line(Node(capability="mail.send", title="Have a look", with_={"to": ["eve@evil.example"]}))
    sending = REGISTRY.capability("mail.send")
    assert sending is not None
    assert (found.effect, found.what, found.system) == ("write", sending.title, sending.system)
    assert (found.title, found.names) == ("Have a look", ["eve@evil.example"])


def test_what_a_title_says_of_the_capability_is_not_said_twice() -> None:
    sending = REGISTRY.capability("mail.send")
    assert sending is not None
    found = line(Node(capability="mail.send", title=f"{sending.title}: Have a look", with_={"to": []}))
    assert (found.what, found.title) == (sending.title, "Have a look")


def test_names_are_found_at_any_depth_and_in_parameters_and_not_in_what_only_the_run_finds() -> None:
    found = line(
        Node(
            capability="mail.send",
            with_={
                "to": ["${params.who}", "${tasks.found.mail}", "Alex <${params.who}>"],
                "subject": "for eve@evil.example",
                "deep": {"cc": [{"address": "adele@contoso.example"}]},
            },
        ),
        who="megan@contoso.example",
    )
    assert found.names == ["megan@contoso.example", "Alex <megan@contoso.example>", "adele@contoso.example"]


def test_a_fallback_that_writes_makes_a_step_write() -> None:
    reading = Node(
        capability="files.search",
        with_={"words": "x"},
        fallback=Fallback(capability="mail.send", with_={"to": ["eve@evil.example"]}),
    )
    found = line(reading)
    assert found.effect == "write"
    assert found.instead
    assert found.names == ["eve@evil.example"]
    assert writes(plan(it=reading), REGISTRY)
    assert not writes(plan(it=Node(capability="files.search", with_={"words": "x"})), REGISTRY)


def test_what_is_in_a_group_is_told_step_by_step() -> None:
    inner = {"tell": Node(capability="mail.send", with_={"to": ["a@b.example"]})}
    grouped = Node(for_each=ForEach(items="${params.all}", tasks=inner, gives="${tasks.tell}"))
    (found,) = described(plan(each=grouped), REGISTRY)
    assert (found.effect, found.each) == ("write", True)


def test_a_question_names_who_is_asked() -> None:
    asked = Question(
        title="Right?", approver="alex@contoso.example", approver_title="Alex, accounts", choices=[Choice("a", "A")]
    )
    found = line(Node(approval=asked))
    assert (found.effect, found.title, found.names) == ("ask", "Right?", ["Alex, accounts", "alex@contoso.example"])


def test_what_is_not_known_here_is_named_as_the_plan_has_it() -> None:
    assert line(Node(capability="bank.pay")).what == "bank.pay"
