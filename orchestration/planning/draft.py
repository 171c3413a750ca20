"""What the capability `plan.draft` takes and gives: a goal in a person's words becomes a plan, or a question back.

Drawing up a plan is a task like any other: of a run of its own, whose attempts, retries, costs and result are events
(ADR 0017). A run that executes the plan is proposed, or an open run is changed, once that run has succeeded.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from orchestration.core.plan import Answer, Node, Plan

CAPABILITY = "plan.draft"
TASK = "draft"
# No playbook's file may have such a name, so that nothing else is taken for planning.
PLANNING = "tandem.planning"
VERSION = "1"


class Exchange(msgspec.Struct, frozen=True):
    """A question that planning asked, and what the person said to it."""

    question: str
    answer: str


class Stand(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one task of an open run stands: nothing of what it has read or made.

    Attributes:
        code: Why it failed, as the error's stable code.
    """

    task: str
    status: str
    code: str = ""


class OpenRun(msgspec.Struct, frozen=True, kw_only=True):
    """One of the initiator's own runs that what they say may be about.

    Attributes:
        handle: How the model calls it, such as `A`; it never sees the id.
        revision: How often its plan has been changed; a change holds for this state only.
        plan: As it is now.
    """

    handle: str
    run_id: str
    status: str
    revision: int
    plan: Plan
    tasks: list[Stand] = []


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `plan.draft`.

    Attributes:
        goal: The person's own words.
        today: The initiator's day, YYYY-MM-DD.
        said: What was asked back and answered since, the latest last.
        runs: The initiator's runs that this may be about, the newest first.
        about: The run that it is surely about, such as one of which a step failed; empty if only the words tell.
    """

    goal: str
    today: str
    said: list[Exchange] = []
    runs: list[OpenRun] = []
    about: str = ""


class Drafted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of `plan.draft`.

    Attributes:
        outcome: `new`: propose `plan` as a run. `change`: offer `plan` as the new plan of `run_id`. `question`: ask the
            person `text`, with `choices` where there are few. `refused`: they may not do this, `text` says why and
            `who_could` who may. `unclear`: no plan could be made of it, `text` says what is unclear.
        plan: Validated, with explicit needs.
        run_id: Of the run to change.
        revision: Of that run, as it was when this was drafted.
        text: What to tell the person, in their language as far as the model speaks it; plain text.
        choices: Few and likely answers to a question.
        who_could: People who may, as addresses or as a title such as "an administrator".
        problems: What was wrong with the last answer of the model, if that was given up.
    """

    outcome: Literal["new", "change", "question", "refused", "unclear"]
    plan: Plan | None = None
    run_id: str = ""
    revision: int = 0
    text: str = ""
    choices: list[str] = []
    who_could: list[str] = []
    problems: list[str] = []


def planning_plan(asked: Asked) -> Plan:
    """The plan of a run that draws up a plan."""
    params: dict[str, Any] = msgspec.to_builtins(asked)
    return Plan(
        title="Work out a plan",
        playbook=f"{PLANNING}@{VERSION}",
        params=params,
        tasks={TASK: Node(capability=CAPABILITY, with_={name: f"${{params.{name}}}" for name in params})},
        answer=Answer(text="${tasks.draft.outcome}"),
    )


def is_planning(playbook: str) -> bool:
    """Whether a run's `playbook` says that it draws up a plan."""
    return playbook.partition("@")[0] == PLANNING
