"""What can be asked of a run. A command is refused with an error or answered with events."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from orchestration.core.label import Label, Source
from orchestration.core.plan import OnExpiry, Plan
from orchestration.core.run import ApprovalKind, Person, Verdict
from orchestration.core.usage import Usage
from orchestration.core.working_time import Availability


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
    """Let a proposed run go.

    Attributes:
        revision: Of the plan that was shown; None for whatever it is now.
    """

    by: Person
    revision: int | None = None


class CancelRun(_Command, frozen=True):
    """End the run as soon as writes under way are settled."""

    by: Person


class PauseRun(_Command, frozen=True):
    """Begin nothing new until the run is resumed."""

    by: Person


class ResumeRun(_Command, frozen=True):
    """Let a paused run go on."""

    by: Person


class RetryTask(_Command, frozen=True):
    """Try a task again: at once instead of later, or after its failure ended the run, which then goes on."""

    task: str
    by: Person


class LeaveOut(_Command, frozen=True):
    """Go on without a task whose failure ended the run, or that waits for its next attempt."""

    task: str
    by: Person


class RetractEntry(_Command, frozen=True):
    """Take back a result, and do again whatever was derived from it.

    Attributes:
        task: Whose result it is, where several tasks have the same; empty for all of them.
    """

    entry: str
    by: Person
    task: str = ""
    reason: str = ""


class ForkRun(_Command, frozen=True):
    """Make a copy of another run's events go its own way, without writes."""

    of: str
    upto: int
    by: Person


class DecideApproval(_Command, frozen=True):
    """Answer a question.

    Attributes:
        shown: The context entry that the person saw; an answer to anything else is refused.
        entry: Context entry of the whole answer, if it is more than the choice.
        grant: For writes: the like need not be asked again in this run.
        via: The approval system that vouches for who answered; empty where Tandem's own card was used.
    """

    approval: str
    by: Person
    choice: str
    shown: str
    comment: str = ""
    entry: str = ""
    grant: bool = False
    via: str = ""


class DelegateApproval(_Command, frozen=True):
    """Hand a question to an eligible colleague, named by id; `shown` as for `DecideApproval`."""

    approval: str
    by: Person
    to: str
    shown: str
    comment: str = ""


class AskBack(_Command, frozen=True):
    """Ask the initiator something before answering; `shown` as for `DecideApproval`."""

    approval: str
    by: Person
    text: str
    shown: str


class Explain(_Command, frozen=True):
    """Reply, as the initiator, to what an approver asked."""

    approval: str
    by: Person
    text: str


class GiveFeedback(_Command, frozen=True):
    """Have what is shown done differently, where its worker takes feedback; `shown` as for `DecideApproval`."""

    approval: str
    by: Person
    text: str
    shown: str


class EditArguments(_Command, frozen=True):
    """Change what a write shall be done with before it is allowed; `shown` as for `DecideApproval`.

    Attributes:
        entry: Context entry of the changed arguments by name.
    """

    approval: str
    by: Person
    shown: str
    entry: str


class RecordRefusal(_Command, frozen=True):
    """Somebody's answer was not taken."""

    approval: str
    by: Person
    code: str


class SkipApproval(_Command, frozen=True):
    """Go on without an answer, where the plan allows the initiator to."""

    approval: str
    by: Person


class ConfirmSignIn(_Command, frozen=True):
    """The initiator has signed in."""

    by: Person


class StartTask(_Command, frozen=True):
    """Begin an attempt with the worker and arguments that were chosen; `attempts` is how many the task has in all.

    Attributes:
        verdict: For writes that nobody was asked about: why they may be done.
        scope: For `granted`: what the person's word has to cover.
    """

    task: str
    worker: str
    version: str
    inputs: str
    timeout: timedelta
    attempts: int = 1
    when: bool | None = None
    dedupe: str = ""
    key: str = ""
    reads: list[str] = []
    label: Label | None = None
    tainted: bool = False
    verdict: Verdict = ""
    scope: str = ""


class SkipTask(_Command, frozen=True):
    """The task's condition was false, or this run only shows what it would write."""

    task: str
    simulated: str = ""


class KeepWrite(_Command, frozen=True):
    """A write whose sources were taken back would be the same again; its sources may be labelled otherwise now."""

    task: str
    label: Label | None = None
    tainted: bool = False


class OpenGroup(_Command, frozen=True):
    """Begin a group: go through `count` items, or begin the next round."""

    task: str
    count: int = 0
    entry: str = ""
    when: bool | None = None


class CloseGroup(_Command, frozen=True):
    """Every item of a `for_each` is settled, and what it gives is in the context."""

    task: str
    entry: str
    size_bytes: int = 0
    summary: str = ""
    label: Label | None = None
    tainted: bool = False


class EndRound(_Command, frozen=True):
    """A round of a `repeat` has given a result.

    Attributes:
        entry: Context entry of the round's result.
        met: What was to hold holds.
        outputs: Context entries of the loop's output by how it ends.
    """

    task: str
    number: int
    entry: str
    met: bool
    outputs: dict[str, str]
    label: Label | None = None
    tainted: bool = False


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
    quorum: int = 1
    due_hours: float = 0.0
    remind_hours: float = 0.0
    working: list[Availability] = []
    escalate_to: Person | None = None
    on_expiry: OnExpiry = "wait"
    delegates: list[Person] = []
    revises: str = ""
    label: Label | None = None
    tainted: bool = False
    scope: str = ""
    editable: bool = False


class CompleteTask(_Command, frozen=True):
    """An attempt has a result."""

    task: str
    attempt: int
    entry: str
    size_bytes: int = 0
    summary: str = ""
    label: Label | None = None
    tainted: bool = False
    sources: list[Source] = []


class AssertWork(_Command, frozen=True):
    """The worker of an attempt vouches for a part of its work: `done` of `of`."""

    task: str
    attempt: int
    part: str
    done: int
    of: int


class RecordUsage(_Command, frozen=True):
    """The worker of an attempt called a language model."""

    task: str
    attempt: int
    usage: Usage


class AmendPlan(_Command, frozen=True):
    """The run shall have another plan from now on.

    Attributes:
        revision: Of the plan that this changes.
    """

    plan: Plan
    by: Person
    revision: int


class ApplyAmendment(_Command, frozen=True):
    """No write is under way any more that an accepted change of the plan waited for."""


class DropAmendment(_Command, frozen=True):
    """An accepted change of the plan cannot be made."""

    code: str
    message: str


class JournalStep(_Command, frozen=True):
    """The first step of a write in two steps is made."""

    task: str
    attempt: int
    note: str


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
    """An attempt found nobody signed in, or a sign-in that does not suffice; `code` and `message` say which."""

    task: str
    attempt: int
    code: str = ""
    message: str = ""


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
    label: Label | None = None
    tainted: bool = False
    sources: list[Source] = []
    jitter: float = 0.5


class ConcludeRun(_Command, frozen=True):
    """The plan's answer has been evaluated into a context entry."""

    answer: str


class FailRun(_Command, frozen=True):
    """The plan's answer could not be evaluated."""

    code: str
    message: str


class LeaveFeedback(_Command, frozen=True):
    """Say what one thinks of the run's answer."""

    by: Person
    reaction: Literal["like", "dislike"]
    text: str = ""


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
    | PauseRun
    | ResumeRun
    | RetryTask
    | LeaveOut
    | RetractEntry
    | ForkRun
    | DecideApproval
    | DelegateApproval
    | AskBack
    | Explain
    | GiveFeedback
    | EditArguments
    | RecordRefusal
    | SkipApproval
    | ConfirmSignIn
    | StartTask
    | SkipTask
    | KeepWrite
    | OpenGroup
    | CloseGroup
    | EndRound
    | RequestApproval
    | CompleteTask
    | AssertWork
    | RecordUsage
    | AmendPlan
    | ApplyAmendment
    | DropAmendment
    | JournalStep
    | FailAttempt
    | AwaitSignIn
    | DoubtTask
    | InterruptTask
    | ResolveDoubt
    | ConcludeRun
    | FailRun
    | LeaveFeedback
    | RecordDelivery
    | Wake
)
