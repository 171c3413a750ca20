"""The state of one run, folded from its events."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Literal

import msgspec

from orchestration.core.plan import Plan

TaskStatus = Literal[
    "pending",  # its needs are not settled yet
    "ready",  # to be prepared: condition, arguments, worker
    "asking",  # a human's answer is awaited: the node itself, a write gate, a failure, a doubt
    "running",
    "backing_off",  # an attempt failed; the next one starts at `retry_at`
    "awaiting_sign_in",
    "in_doubt",  # a write whose outcome nobody knows yet
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
]
RunStatus = Literal["proposed", "running", "closing", "succeeded", "failed", "cancelled"]
ApprovalKind = Literal["decision", "write", "failure", "in_doubt"]

SETTLED: frozenset[str] = frozenset({"succeeded", "failed", "skipped", "cancelled"})
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Person(msgspec.Struct, frozen=True):
    """Somebody in the tenant.

    Attributes:
        id: Entra object id.
        name: Display name.
        upn: User principal name.
        tenant: Entra tenant id.
    """

    id: str
    name: str
    upn: str = ""
    tenant: str = ""


class Prepare(msgspec.Struct, frozen=True):
    """Evaluate a ready task's condition and arguments, choose its worker, and start it or ask."""

    task: str


class PrepareQuestion(msgspec.Struct, frozen=True):
    """Write up the failure of a task whose plan says `on_failure: ask`, and request an approval."""

    task: str


class Dispatch(msgspec.Struct, frozen=True):
    """Call the worker of a started attempt."""

    task: str
    attempt: int


class Reconcile(msgspec.Struct, frozen=True):
    """Look whether a write in doubt took place."""

    task: str
    attempt: int


class Ask(msgspec.Struct, frozen=True):
    """Bring an open approval to its approvers."""

    approval: str


class AskSignIn(msgspec.Struct, frozen=True):
    """Ask the initiator to sign in; `round` counts how often that became necessary."""

    round: int


class Conclude(msgspec.Struct, frozen=True):
    """Evaluate the plan's answer: every task is settled."""


class Report(msgspec.Struct, frozen=True):
    """Tell the initiator how the run ended."""


Effect = Prepare | PrepareQuestion | Dispatch | Reconcile | Ask | AskSignIn | Conclude | Report


class TaskState(msgspec.Struct):
    """Where one task stands.

    Attributes:
        unsettled: Number of needs not settled yet.
        attempt: The latest attempt, from 1.
        attempts: How many may be spent.
        spent: Attempts that count against the limit; interrupted reads and those that found nobody signed in do not.
        dedupe: For writes: how a second effect is prevented; empty for reads.
        key: For writes: the idempotency key that was journaled.
        doubt: Nobody knows whether the write happened, whatever the task waits for meanwhile.
        allowed: Digest of the arguments whose write a human allowed.
        entry: Context entry of the output; empty for none (reads as null).
        look_at: In doubt: not before this may a look at the target prove anything.
    """

    status: TaskStatus = "pending"
    unsettled: int = 0
    attempt: int = 0
    spent: int = 0
    attempts: int = 1
    dedupe: str = ""
    key: str = ""
    doubt: bool = False
    worker: str = ""
    version: str = ""
    inputs: str = ""
    allowed: str = ""
    entry: str = ""
    summary: str = ""
    code: str = ""
    message: str = ""
    approval: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deadline: datetime | None = None
    retry_at: datetime | None = None
    not_after: datetime | None = None
    look_at: datetime | None = None


class ApprovalState(msgspec.Struct):
    """One question to humans.

    Attributes:
        id: `{task}.{number}`.
        entry: Context entry of what is shown (see `question.Shown`).
        inputs: For a write: digest of the arguments that an approval allows.
        answer: Context entry of the whole answer (see `question.Answered`).
        open: Nobody has decided and nobody withdrew it.
    """

    id: str
    task: str
    kind: ApprovalKind
    title: str
    approvers: list[Person]
    choices: list[str]
    entry: str
    inputs: str
    requested_at: datetime
    open: bool = True
    choice: str = ""
    comment: str = ""
    answer: str = ""
    decided_by: Person | None = None
    decided_at: datetime | None = None


class Run(msgspec.Struct):
    """One execution of a plan for one initiator.

    `due` holds the effects that are still to be done, in the order in which they became due; `fresh` those that
    became due since somebody last emptied it. `timers` is a heap of (when, task, attempt), stale ones included.

    Attributes:
        seq: Number of events folded in.
        origin: Opaque reference to where the goal was given; only the surface that made it understands it.
        closing: What a closing run will end as.
        unsettled: Number of tasks not settled.
        awaiting: Number of tasks that wait for a sign-in.
        sign_in_round: How often the run had to ask for a sign-in.
        receipts: (notice, person id) => opaque receipt of what was delivered.
    """

    run_id: str
    status: RunStatus
    plan: Plan
    goal: str
    initiator: Person
    origin: str
    proposed_at: datetime
    seq: int = 0
    last_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    closing: Literal["", "failed", "cancelled"] = ""
    code: str = ""
    message: str = ""
    answer: str = ""
    unsettled: int = 0
    awaiting: int = 0
    sign_in_round: int = 0
    tasks: dict[str, TaskState] = {}
    dependents: dict[str, list[str]] = {}
    approvals: dict[str, ApprovalState] = {}
    receipts: dict[tuple[str, str], str] = {}
    timers: list[tuple[datetime, str, int]] = []
    due: dict[Effect, None] = {}
    fresh: list[Effect] = []


def effects(run: Run) -> list[Effect]:
    """Everything outside that the state still calls for, oldest first; what a restart must take up."""
    return list(run.due)


def wake_at(run: Run) -> datetime | None:
    """When the run next needs a `Wake`: a retry, a deadline, a look at a doubt; None if only others can move it."""
    while run.timers:
        when, name, attempt = run.timers[0]
        if timer_of(run.tasks[name]) == (when, attempt):
            return when
        heapq.heappop(run.timers)  # stale: the attempt has ended
    return None


def due_by(run: Run, now: datetime) -> list[str]:
    """The tasks that time moves by `now`, the earliest first; costs as much as there are of them."""
    found, queue = [], [0]
    while queue:
        at = queue.pop()
        if at < len(run.timers) and run.timers[at][0] <= now:  # in a heap, nothing below a later one is earlier
            found.append(run.timers[at])
            queue += (2 * at + 1, 2 * at + 2)
    live = [name for when, name, attempt in sorted(found) if timer_of(run.tasks[name]) == (when, attempt)]
    return list(dict.fromkeys(live))


def timer_of(task: TaskState) -> tuple[datetime, int] | None:
    """When and for which attempt time itself will move this task."""
    when = {"running": task.deadline, "backing_off": task.retry_at, "in_doubt": task.look_at}.get(task.status)
    return (when, task.attempt) if when is not None else None
