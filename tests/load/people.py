"""Fifty people, and the runs that ask them."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from orchestration.core.plan import Answer, Choice, Node, Plan, Question
from orchestration.core.run import Person

ASKED = 5  # people in each run
_APART = 9  # so that the five differ from each other and from the initiator
CHOICES = [Choice("left", "Left is right"), Choice("right", "Right is right")]
KINDS = {"amount": "Amount differs", "missing": "Missing"}


def people(number: int, tenant: str) -> list[Person]:
    """That many colleagues; always the same ones."""
    return [
        Person(
            str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{each}.load.example")),
            f"Colleague {each + 1}",
            f"colleague{each + 1}@contoso.example",
            tenant,
        )
        for each in range(number)
    ]


def initiator(run: int, everybody: list[Person]) -> Person:
    """Whose run it is."""
    return everybody[run % len(everybody)]


def plan(run: int, everybody: list[Person]) -> Plan:
    """Five people are asked at once, alternately for one answer and for one for each of eight items.

    Behind each answer there is a task, and the run ends once all of them are done.
    """
    asked = [everybody[(run + 1 + place * _APART) % len(everybody)] for place in range(ASKED)]
    tasks: dict[str, Node] = {}
    for place in range(ASKED):
        about: dict[str, Any] = {"approver": f"${{params.asked[{place}]}}", "not_initiator": True}
        if (run + place) % 2:
            about |= {"items": "${params.items}", "kinds": KINDS, "choices": CHOICES, "default": "left"}
        title = f"Sign off part {place + 1} of close {run + 1}"
        tasks[f"ask{place}"] = Node(approval=Question(title=title, text="Please look at the figures.", **about))
        tasks[f"then{place}"] = Node(
            capability="dates.period", with_={"today": "2026-11-22", "span": "this_week"}, needs=[f"ask{place}"]
        )
    items = [
        {
            "id": f"i{each}",
            "kind": ("amount", "missing")[each % 2],
            "title": f"INV-{run}-{each}",
            "facts": [["SAP", f"{each}00.00"], ["Dynamics", f"{each}01.00"]],
        }
        for each in range(8)
    ]
    params = {"asked": [msgspec.to_builtins(person) for person in asked], "items": items}
    return Plan(title=f"Close {run + 1}", params=params, tasks=tasks, answer=Answer(text="All parts are signed off."))
