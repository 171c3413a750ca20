"""The plan: a declarative task graph, as data."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
OnExpiry = Literal["wait", "skip", "fail"]


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One possible answer."""

    id: str
    title: str


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an approval node asks a human. Text fields may hold `${expressions}`.

    Attributes:
        approver: Expression giving a person: an object with `id`, `name` and `upn`, as `people.find` returns it.
        approver_title: Who that is, for the plan card: "Alex Wilber, accounts payable".
        title: The question in one line.
        text: What the person should know before deciding.
        items: Expression giving a list of objects (`id`, `kind`, `title`, `facts`) that are decided one by one;
            empty for one answer to the whole.
        kinds: Title of each kind of item; a rule for the kind decides all its items at once.
        choices: The possible answers. Empty: approve or reject.
        default: The choice preselected for every kind.
        not_initiator: Separation of duties: the initiator may not be the approver.
        may_skip: The initiator may go on without this answer; never for what another person has to approve.
        approvers: Expression giving a list of people instead of the one `approver`.
        quorum: How many of the approvers must say the same; 1 takes the first answer. More only for approve or reject.
        due_hours: The answer is due this long after the question; 0 for never. Hours of work where `working` is given.
        working: Expression giving when the approvers work and are away, as `people.availability` returns it.
        remind_hours: Who has not answered is reminded this long after the question; 0 for never.
        escalate_to: Expression giving who is asked as well once the answer is overdue, or at once while everybody
            asked is away past the due time. They get the same time again.
        on_expiry: Overdue for good: `wait` goes on waiting, `skip` goes on without the answer, `fail` is a failure.
        delegates: Expression giving a list of people to whom an approver may hand the question.
        revises: A task whose worker takes feedback: an approver may say what to do differently instead of answering,
            and the task is done again.
        why: Why this is asked, in a sentence.
    """

    title: str
    approver: str = ""
    approver_title: str = ""
    text: str = ""
    items: str = ""
    kinds: dict[str, str] = {}
    choices: list[Choice] = []
    default: str = ""
    not_initiator: bool = False
    may_skip: bool = False
    approvers: str = ""
    quorum: int = 1
    due_hours: float = 0.0
    working: str = ""
    remind_hours: float = 0.0
    escalate_to: str = ""
    on_expiry: OnExpiry = "wait"
    delegates: str = ""
    revises: str = ""
    why: str = ""


class Fallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"with_": "with"}):
    """What is used once a task's own capability has failed for good."""

    capability: str
    with_: dict[str, Any] = {}


class ForEach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The same tasks for every item of a list; their expressions also see `for_each.item` and `for_each.index`.

    The index counts from 0. The output is `{results, failures, count}`: `results` holds what `gives` gave for every
    item that succeeded, in the order of the items; `failures` says `index`, `code` and `message` of the others.

    Attributes:
        items: Expression giving the list.
        tasks: The body; its names differ from all names outside.
        gives: The result of one item, any value with expressions over the body.
        at_once: How many items are worked on at a time.
        on_failure: `fail`: what fails in one item fails the group, at once unless the group itself is to be skipped
            or asked about. `keep`: the others go on, and the group succeeds with what they gave.
    """

    items: str
    tasks: dict[str, Node]
    gives: Any
    at_once: int = 8
    on_failure: Literal["fail", "keep"] = "fail"


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The same tasks again until something holds. Their expressions also see `repeat.round` and `repeat.last`.

    `repeat.round` counts from 1; `repeat.last` is what `gives` gave in the round before, null in the first. A round
    that gives the same as the one before ends the loop: it would go on for ever. The output is
    `{result, rounds, accepted, stopped}`; `stopped` is `accepted`, `stalled` or `exhausted`.

    Attributes:
        tasks: The body; its names differ from all names outside.
        gives: The result of a round, any value with expressions over the body.
        until: Condition over the body that ends the loop.
        accepted_by: Approvals of the body that all have to say `approve`; together with `until`, both must hold.
        at_most: Number of rounds.
        if_unmet: After a loop that stalled or was exhausted: `fail`, or `keep` its last result.
    """

    tasks: dict[str, Node]
    gives: Any
    until: str = ""
    accepted_by: list[str] = []
    at_most: int = 3
    if_unmet: Literal["fail", "keep"] = "fail"


class Node(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, rename={"with_": "with"}
):
    """One task: a capability to use, a question to a human, or a group of tasks; exactly one of the four is set.

    Attributes:
        capability: What a worker shall do.
        approval: What a human shall decide.
        for_each: Tasks for every item of a list.
        repeat: Tasks to do again until something holds.
        title: A few words for people; a capability's own title serves when empty.
        with_: Arguments; strings may hold `${expressions}` over `params`, `tasks` and `run`.
        needs: Tasks that must have succeeded; what expressions refer to is added when the plan is compiled.
        optional: Those of `needs` that may have been skipped; expressions then see null.
        watches: Tasks whose results the worker is given as they are written, while it works. It begins without them, so
            that expressions cannot read them; only a read can watch, and only reads can be watched.
        when: Condition; must be exactly true or false. False skips the task.
        fallback: Used once every attempt has failed and surely nothing was done; what it gives must fit as well.
        on_failure: After that: `fail` ends the run; `skip` goes on without it; `ask` asks the initiator: retry, go on
            without it, cancel.
        attempts: Number of tries; 0 takes the worker's own.
        timeout_seconds: Longest attempt; 0 takes the worker's own.
    """

    capability: str = ""
    approval: Question | None = None
    for_each: ForEach | None = None
    repeat: Repeat | None = None
    fallback: Fallback | None = None
    title: str = ""
    with_: dict[str, Any] = {}
    needs: list[str] = []
    optional: list[str] = []
    watches: list[str] = []
    when: str = ""
    on_failure: Literal["fail", "skip", "ask"] = "fail"
    attempts: int = 0
    timeout_seconds: float = 0.0

    @property
    def body(self) -> dict[str, Node]:
        """The tasks of a group; empty for any other node."""
        group = self.for_each or self.repeat
        return group.tasks if group else {}


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the initiator is told at the end; every string may hold `${expressions}`; skipped tasks are null.

    Attributes:
        text: One or two sentences.
        facts: (label, value) lines.
        link: Where the result is.
        link_title: What the link opens.
    """

    text: str
    facts: list[tuple[str, str]] = []
    link: str = ""
    link_title: str = "Open"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A graph of tasks with its parameters filled in.

    Attributes:
        title: For people.
        params: What expressions see as `params`.
        tasks: Nodes by name, in the order people see them.
        answer: What is said at the end.
        playbook: The vetted playbook it came from, with its version, or empty.
        deadline_hours: A run that has not ended this long after its start fails; 0 for never.
        model: The language model that drew it up, or that chose the playbook and its parameters; empty without one.
        planned_in: The run in which that was done; empty without one.
    """

    title: str
    tasks: dict[str, Node]
    answer: Answer
    params: dict[str, Any] = {}
    playbook: str = ""
    deadline_hours: float = 0.0
    model: str = ""
    planned_in: str = ""
