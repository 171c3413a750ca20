"""What has happened in a run: frozen facts in the past tense, coded as JSON.

`evolve` is frozen by committed histories: a field may be added with a default; a changed meaning is a new event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from orchestration.core.plan import Plan
from orchestration.core.run import ApprovalKind, Person


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """`at`: when, aware UTC, never before the event before it."""

    at: datetime


class RunProposed(_Event, frozen=True, tag="RunProposed"):
    """A plan was drawn up for somebody and waits for their start."""

    run_id: str
    plan: Plan
    goal: str
    initiator: Person
    origin: str = ""


class RunStarted(_Event, frozen=True, tag="RunStarted"):
    """The initiator said go."""

    by: Person


class TaskStarted(_Event, frozen=True, tag="TaskStarted"):
    """An attempt began; for a write this is the durable intent.

    Attributes:
        inputs: Keyed digest of the arguments.
        attempts: How many tries the task has in all.
        when: What the condition said, if there is one.
        dedupe: For writes: how a second effect is prevented; empty for reads.
        key: For writes: the idempotency key.
        not_after: For writes: the worker begins the effect before this or not at all.
        deadline: The attempt is given up then.
    """

    task: str
    attempt: int
    worker: str
    version: str
    inputs: str
    deadline: datetime
    attempts: int = 1
    when: bool | None = None
    dedupe: str = ""
    key: str = ""
    not_after: datetime | None = None


class TaskSucceeded(_Event, frozen=True, tag="TaskSucceeded"):
    """A task's result is in the context."""

    task: str
    entry: str = ""
    size_bytes: int = 0
    summary: str = ""


class AttemptFailed(_Event, frozen=True, tag="AttemptFailed"):
    """An attempt ended without a result; `retry_at` says when the next one starts, none means no more of them."""

    task: str
    attempt: int
    code: str
    message: str
    retry_at: datetime | None = None


class AttemptInterrupted(_Event, frozen=True, tag="AttemptInterrupted"):
    """The process ended during a read; the task is ready again and no try is counted."""

    task: str
    attempt: int


class TaskFailed(_Event, frozen=True, tag="TaskFailed"):
    """A task is given up."""

    task: str
    code: str
    message: str


class TaskSkipped(_Event, frozen=True, tag="TaskSkipped"):
    """A task will not run: its condition was false, something it needs was skipped, or a person decided so."""

    task: str
    reason: Literal["condition", "need", "person", "rejected"]
    message: str = ""


class TaskCancelled(_Event, frozen=True, tag="TaskCancelled"):
    """A write that was under way when its run began to close ended without effect."""

    task: str


class TaskReleased(_Event, frozen=True, tag="TaskReleased"):
    """A person gave a failed or doubtful task a new set of attempts."""

    task: str


class TimerFired(_Event, frozen=True, tag="TimerFired"):
    """The time came for a task's next attempt, or for a look at its doubt."""

    task: str


class SignInRequested(_Event, frozen=True, tag="SignInRequested"):
    """An attempt found nobody signed in; the task waits."""

    task: str
    attempt: int


class SignedIn(_Event, frozen=True, tag="SignedIn"):
    """The initiator signed in; waiting tasks are ready again."""


class TaskInDoubt(_Event, frozen=True, tag="TaskInDoubt"):
    """Nobody knows whether a write happened; a look at the target proves something from `look_at` on."""

    task: str
    attempt: int
    message: str
    look_at: datetime


class DoubtResolved(_Event, frozen=True, tag="DoubtResolved"):
    """A look at the target told whether the write had happened."""

    task: str
    happened: bool


class ApprovalRequested(_Event, frozen=True, tag="ApprovalRequested"):
    """A human is asked.

    Attributes:
        approval: `{task}.{number}`.
        when: What the task's condition said, if there is one.
        entry: Context entry of what is shown.
        inputs: Digest of the arguments that an approval would allow, for writes.
    """

    approval: str
    task: str
    kind: ApprovalKind
    title: str
    approvers: list[Person]
    choices: list[str]
    entry: str
    inputs: str = ""
    when: bool | None = None


class ApprovalDecided(_Event, frozen=True, tag="ApprovalDecided"):
    """A human answered.

    Attributes:
        shown: Context entry that the answer refers to; the approval's own.
        entry: Context entry of the whole answer, if it is more than the choice.
    """

    approval: str
    by: Person
    choice: str
    shown: str
    comment: str = ""
    entry: str = ""


class ClosingBegan(_Event, frozen=True, tag="ClosingBegan"):
    """The run ends early, once writes under way are settled; its other tasks are cancelled, its questions withdrawn."""

    outcome: Literal["failed", "cancelled"]
    by: Person | None = None
    code: str = ""
    message: str = ""


class RunSucceeded(_Event, frozen=True, tag="RunSucceeded"):
    """Every task is settled and the answer is in the context."""

    answer: str


class RunFailed(_Event, frozen=True, tag="RunFailed"):
    """The run ended without its result."""

    code: str
    message: str


class RunCancelled(_Event, frozen=True, tag="RunCancelled"):
    """The run ended because a person said so."""


class NoticeDelivered(_Event, frozen=True, tag="NoticeDelivered"):
    """A card or message reached somebody's chat; `receipt` finds it again for updates."""

    notice: str
    to: str
    receipt: str


Event = (
    RunProposed
    | RunStarted
    | TaskStarted
    | TaskSucceeded
    | AttemptFailed
    | AttemptInterrupted
    | TaskFailed
    | TaskSkipped
    | TaskCancelled
    | TaskReleased
    | TimerFired
    | SignInRequested
    | SignedIn
    | TaskInDoubt
    | DoubtResolved
    | ApprovalRequested
    | ApprovalDecided
    | ClosingBegan
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | NoticeDelivered
)
