"""What can be asked of a run. A command is refused with an error or answered with events."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from orchestration.core.plan import Plan
from orchestration.core.run import ApprovalKind, Person


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ProposeRun(_Command, frozen=True):
    """Open a run with a plan; it waits for its initiator's start."""

    run_id: str
    plan: Plan
    goal: str
    initiator: Person
    origin: str = ""


class StartRun(_Command, frozen=True):
    """Let a proposed run go."""

    by: Person


class CancelRun(_Command, frozen=True):
    """End the run as soon as writes under way are settled."""

    by: Person


class DecideApproval(_Command, frozen=True):
    """Answer a question.

    Attributes:
        shown: The context entry that the person saw; an answer to anything else is refused.
        entry: Context entry of the whole answer, if it is more than the choice.
    """

    approval: str
    by: Person
    choice: str
    shown: str
    comment: str = ""
    entry: str = ""


class SkipApproval(_Command, frozen=True):
    """Go on without an answer, where the plan allows the initiator to."""

    approval: str
    by: Person


class ConfirmSignIn(_Command, frozen=True):
    """The initiator has signed in."""

    by: Person


class StartTask(_Command, frozen=True):
    """Begin an attempt with the worker and arguments that were chosen; `attempts` is how many the task has in all."""

    task: str
    worker: str
    version: str
    inputs: str
    timeout: timedelta
    attempts: int = 1
    when: bool | None = None
    dedupe: str = ""
    key: str = ""


class SkipTask(_Command, frozen=True):
    """The task's condition was false."""

    task: str


class RequestApproval(_Command, frozen=True):
    """Ask a human about a task."""

    task: str
    kind: ApprovalKind
    title: str
    approvers: list[Person]
    choices: list[str]
    entry: str
    inputs: str = ""
    not_initiator: bool = False
    when: bool | None = None


class CompleteTask(_Command, frozen=True):
    """An attempt has a result."""

    task: str
    attempt: int
    entry: str
    size_bytes: int = 0
    summary: str = ""


class FailAttempt(_Command, frozen=True):
    """An attempt, or its preparation (attempt 0), raised an error.

    Attributes:
        jitter: Random number from 0 to 1, drawn outside.
    """

    task: str
    attempt: int
    code: str
    message: str
    retryable: bool = False
    retry_after: timedelta | None = None
    jitter: float = 0.5


class AwaitSignIn(_Command, frozen=True):
    """An attempt found nobody signed in."""

    task: str
    attempt: int


class DoubtTask(_Command, frozen=True):
    """A write ended and nobody knows whether it happened; `look_after`: a look failed, look again then or later."""

    task: str
    attempt: int
    message: str
    look_after: timedelta | None = None


class InterruptTask(_Command, frozen=True):
    """The process that ran this attempt is gone."""

    task: str
    attempt: int


class ResolveDoubt(_Command, frozen=True):
    """A look at the target told whether a write happened; where it cannot tell, `RequestApproval` asks a human.

    Attributes:
        jitter: Random number from 0 to 1, drawn outside.
    """

    task: str
    attempt: int
    outcome: Literal["done", "not_done"]
    entry: str = ""
    size_bytes: int = 0
    summary: str = ""
    jitter: float = 0.5


class ConcludeRun(_Command, frozen=True):
    """The plan's answer has been evaluated into a context entry."""

    answer: str


class FailRun(_Command, frozen=True):
    """The plan's answer could not be evaluated."""

    code: str
    message: str


class RecordDelivery(_Command, frozen=True):
    """A notice reached somebody."""

    notice: str
    to: str
    receipt: str


class Wake(_Command, frozen=True):
    """Time has passed; do what is due. `jitter` is a random number from 0 to 1, drawn outside."""

    jitter: float = 0.5


Command = (
    ProposeRun
    | StartRun
    | CancelRun
    | DecideApproval
    | SkipApproval
    | ConfirmSignIn
    | StartTask
    | SkipTask
    | RequestApproval
    | CompleteTask
    | FailAttempt
    | AwaitSignIn
    | DoubtTask
    | InterruptTask
    | ResolveDoubt
    | ConcludeRun
    | FailRun
    | RecordDelivery
    | Wake
)
