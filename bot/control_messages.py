"""What goes over the control socket: JSON in these shapes, one request for each command."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from orchestration.core.run import RunStatus, TaskStatus
from orchestration.core.view import RunView

SOCKET = "control.sock"  # in the data folder
# What the operating system takes as the path of a socket, with its closing zero.
LONGEST_PATH_BYTES = 104

Action = Literal["pause", "resume", "cancel"]


class OfTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`retry`, `skip`: one task of the run, by its name in the plan."""

    task: str


class OfEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`retract`: the whole id of a result, and the task whose result it is if several have the same one."""

    entry: str
    task: str = ""
    reason: str = ""


class From(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"seq": "from"}):
    """`fork`: the last event that is copied."""

    seq: int


class Prune(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`prune`: what ended before an instant, into a file that does not exist yet (absolute path)."""

    before: datetime
    export: str


class Erase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`erase`, `erase/find`: somebody, by user principal name or id."""

    person: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it stands."""

    name: str
    title: str
    status: TaskStatus
    effect: str
    summary: str
    code: str
    message: str


class Asked(msgspec.Struct, frozen=True):
    """An open question and who is to answer it."""

    title: str
    people: list[str]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands after a command.

    Attributes:
        failed: What can be tried again or left out, also inside groups.
        left_behind: Titles of writes that a person has to look after.
    """

    run_id: str
    title: str
    status: RunStatus
    paused: bool
    dry: bool
    message: str
    awaiting_sign_in: bool
    steps: list[Step]
    asked: list[Asked]
    failed: list[Step]
    left_behind: list[str]


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not carried out; `code` is that of `orchestration.errors`."""

    code: str
    message: str


class Refusal(msgspec.Struct, frozen=True):
    """The answer to it."""

    error: Problem


def standing(run: RunView) -> Standing:
    """What the operator is told of a run."""

    def steps(tasks: list[object]) -> list[Step]:
        return [msgspec.convert(each, Step, from_attributes=True) for each in tasks]

    return Standing(
        run_id=run.run_id,
        title=run.title,
        status=run.status,
        paused=run.paused,
        dry=run.dry,
        message=run.message,
        awaiting_sign_in=run.awaiting_sign_in,
        steps=steps([*run.tasks]),
        asked=[Asked(each.title, [person.name for person in each.approvers]) for each in run.approvals if each.open],
        failed=steps([*run.failed]),
        left_behind=run.left_behind,
    )
