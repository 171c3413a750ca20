"""What has happened in a run: frozen facts in the past tense, coded as JSON.

`evolve` is frozen by committed histories: a field may be added with a default; a changed meaning is a new event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from orchestration.core.label import Label, Source
from orchestration.core.plan import OnExpiry, Plan
from orchestration.core.run import ApprovalKind, Person, Verdict
from orchestration.core.usage import Usage


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
    """The initiator said go; a run that has not ended by `deadline` fails."""

    by: Person
    deadline: datetime | None = None


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
        reads: Context entries that the arguments were made from.
        label: How sensitive the arguments are; None in histories from before labels.
        tainted: Somebody outside the company may have written part of the arguments.
        verdict: For writes: why it may be done: policy allows it, a person approved it, a person's earlier word that
            the like need not be asked covers it.
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
    reads: list[str] = []
    label: Label | None = None
    tainted: bool = False
    verdict: Verdict = ""


class TaskSucceeded(_Event, frozen=True, tag="TaskSucceeded"):
    """A task's result is in the context.

    Attributes:
        label: How sensitive it is; None in histories from before labels.
        tainted: Somebody outside the company may have written part of it.
        sources: What the task itself read outside.
    """

    task: str
    entry: str = ""
    size_bytes: int = 0
    summary: str = ""
    label: Label | None = None
    tainted: bool = False
    sources: list[Source] = []


class WorkAsserted(_Event, frozen=True, tag="WorkAsserted"):
    """A worker vouches for a part of its work: all that there was to do of it is done.

    Attributes:
        part: What, such as "SAP invoices".
        done: How many of it were dealt with.
        of: How many there were.
    """

    task: str
    attempt: int
    part: str
    done: int
    of: int


class ModelUsed(_Event, frozen=True, tag="ModelUsed"):
    """The worker of an attempt called a language model; what that took is kept, whatever came of it."""

    task: str
    attempt: int
    usage: Usage


class StepJournaled(_Event, frozen=True, tag="StepJournaled"):
    """A write in two steps has made its first, such as a draft; `note` finds it again."""

    task: str
    attempt: int
    note: str


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
    """A task will not run: its condition was false, something it needs was skipped, a person or the plan decided so."""

    task: str
    reason: Literal["condition", "need", "person", "rejected", "failed", "expired", "simulated"]
    message: str = ""


class TaskCancelled(_Event, frozen=True, tag="TaskCancelled"):
    """A write that was under way when its run began to close ended without effect."""

    task: str


class TaskReleased(_Event, frozen=True, tag="TaskReleased"):
    """A person gave a failed or doubtful task a new set of attempts."""

    task: str


class TaskFellBack(_Event, frozen=True, tag="TaskFellBack"):
    """A task's own capability failed for good and surely did nothing; the plan's fallback is used from now on."""

    task: str
    capability: str


class GroupOpened(_Event, frozen=True, tag="GroupOpened"):
    """A `for_each` goes through its items, or a `repeat` begins its next round.

    Attributes:
        count: Number of items; 0 for a repeat.
        entry: Context entry of the list of items.
        when: What the condition said, if there is one.
    """

    task: str
    count: int = 0
    entry: str = ""
    when: bool | None = None


class RoundEnded(_Event, frozen=True, tag="RoundEnded"):
    """A round of a `repeat` gave a result; `again` begins the next one.

    Attributes:
        number: The round.
        entry: Context entry of its result.
    """

    task: str
    number: int
    entry: str
    verdict: Literal["accepted", "again", "stalled", "exhausted"]


class WriteKept(_Event, frozen=True, tag="WriteKept"):
    """What a write was made from was taken back, came out the same, and so the write stands as it is.

    Attributes:
        label: How sensitive that is now; None in histories from before labels.
        tainted: Somebody outside the company may have written part of it.
    """

    task: str
    label: Label | None = None
    tainted: bool = False


class TimerFired(_Event, frozen=True, tag="TimerFired"):
    """The time came for a task's next attempt, or for a look at its doubt."""

    task: str


class SignInRequested(_Event, frozen=True, tag="SignInRequested"):
    """An attempt found nobody signed in, or a sign-in that does not suffice; the task waits.

    Attributes:
        code: What is the matter; empty in histories from before this was kept.
        message: The same for people.
    """

    task: str
    attempt: int
    code: str = ""
    message: str = ""


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
        quorum: How many must say the same.
        due_at: When the answer is due.
        remind_at: When those who have not answered are reminded.
        escalate_to: Who is asked as well once it is overdue.
        delegates: To whom an approver may hand the question.
        revises: The task to whose worker an approver may give feedback instead of an answer; empty for none.
        label: How sensitive what is shown is; None in histories from before labels.
        tainted: Somebody outside the company may have written part of it.
        scope: For writes: digest of capability, recipients and label that "do not ask again in this run" would cover;
            empty where that is not offered.
        editable: For writes: the arguments can be changed before they are allowed.
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
    quorum: int = 1
    due_at: datetime | None = None
    remind_at: datetime | None = None
    escalate_to: Person | None = None
    on_expiry: OnExpiry = "wait"
    delegates: list[Person] = []
    revises: str = ""
    label: Label | None = None
    tainted: bool = False
    scope: str = ""
    editable: bool = False


class ApprovalVoted(_Event, frozen=True, tag="ApprovalVoted"):
    """One of several people whose answers are needed gave theirs; `ApprovalDecided` follows the last one needed.

    Attributes:
        via: The approval system that vouches for them; empty where Tandem's own card was used.
    """

    approval: str
    by: Person
    choice: str
    shown: str
    comment: str = ""
    via: str = ""


class ApprovalReminded(_Event, frozen=True, tag="ApprovalReminded"):
    """Whoever has not answered is to be reminded."""

    approval: str


class ApprovalEscalated(_Event, frozen=True, tag="ApprovalEscalated"):
    """Somebody else is asked as well, because nobody answered in time or everybody asked is away."""

    approval: str
    to: Person
    due_at: datetime | None


class ApprovalExpired(_Event, frozen=True, tag="ApprovalExpired"):
    """Nobody answered in time. With `on_expiry: wait` the question stays open; else it is closed."""

    approval: str


class ApprovalDecided(_Event, frozen=True, tag="ApprovalDecided"):
    """A human answered.

    Attributes:
        shown: Context entry that the answer refers to; the approval's own.
        entry: Context entry of the whole answer, if it is more than the choice.
        via: The approval system that vouches for who answered; empty where Tandem's own card was used.
    """

    approval: str
    by: Person
    choice: str
    shown: str
    comment: str = ""
    entry: str = ""
    via: str = ""


class ApprovalDelegated(_Event, frozen=True, tag="ApprovalDelegated"):
    """An approver handed a question to an eligible colleague, who is asked instead."""

    approval: str
    by: Person
    to: Person
    comment: str = ""


class ApprovalQuestioned(_Event, frozen=True, tag="ApprovalQuestioned"):
    """An approver asks the initiator something before answering; the question stays open."""

    approval: str
    by: Person
    text: str


class ApprovalExplained(_Event, frozen=True, tag="ApprovalExplained"):
    """The initiator replied to an approver's question."""

    approval: str
    by: Person
    text: str


class FeedbackGiven(_Event, frozen=True, tag="FeedbackGiven"):
    """An approver wants what is shown done differently: a task is done again and its worker sees this text.

    `EntryRetracted` of what the task had made follows and says what else is done again.
    """

    approval: str
    task: str
    by: Person
    text: str


class ArgumentsEdited(_Event, frozen=True, tag="ArgumentsEdited"):
    """An approver changed what a write shall be done with; the question is withdrawn and asked anew with the change.

    Attributes:
        entry: Context entry of the changed arguments by name.
    """

    approval: str
    by: Person
    entry: str


class GrantGiven(_Event, frozen=True, tag="GrantGiven"):
    """An approver need not be asked about the like again in this run.

    Attributes:
        scope: Digest of capability, recipients and label that it covers.
        capability: Of the write that was allowed, for people.
    """

    approval: str
    by: Person
    scope: str
    capability: str


class AnswerRefused(_Event, frozen=True, tag="AnswerRefused"):
    """Somebody's answer was not taken and changed nothing; told once for each person, question and reason.

    Attributes:
        code: Why: `not_permitted`, `already_decided`, `outdated`, `invalid` and the like.
    """

    approval: str
    by: Person
    code: str


class RunPaused(_Event, frozen=True, tag="RunPaused"):
    """Nothing new is begun until the run is resumed; what is under way ends."""

    by: Person


class RunResumed(_Event, frozen=True, tag="RunResumed"):
    """A paused run goes on."""

    by: Person


class RunReopened(_Event, frozen=True, tag="RunReopened"):
    """A run that had failed goes on: what failed or was cancelled is to be done again."""

    by: Person
    deadline: datetime | None = None


class EntryRetracted(_Event, frozen=True, tag="EntryRetracted"):
    """A result was taken back; what was derived from it is done again. A run that had ended goes on.

    Attributes:
        entry: The context entry.
        tasks: Done again: what made the entry, and what was derived from it.
        groups: Groups that are gathered again because a task inside is done again.
        writes: Writes made from it: a person is asked about each.
    """

    entry: str
    by: Person
    tasks: list[str]
    groups: list[str] = []
    writes: list[str] = []
    reason: str = ""
    deadline: datetime | None = None


class AmendmentAccepted(_Event, frozen=True, tag="AmendmentAccepted"):
    """The initiator consented to another plan; it takes effect once the writes under way are settled.

    If the run ends with one of these, it never does.
    """

    plan: Plan
    by: Person


class AmendmentDropped(_Event, frozen=True, tag="AmendmentDropped"):
    """An accepted change of the plan could not be made any more; the run goes on as it was."""

    code: str
    message: str


class PlanAmended(_Event, frozen=True, tag="PlanAmended"):
    """The run has another plan from here on. What is in both as it was keeps its state.

    Attributes:
        plan: The whole plan, as it is now.
        by: The initiator, who consented.
        revision: Counted from 1.
        tasks: Changed, or made from what is: whatever they have come to, they begin anew, in the order of the plan.
        writes: Already written, and changed, or made from what is done anew: a person is asked about each that would
            come out differently.
        removed: Not in the plan any more, or there as something else: whatever they wrote stands.
        deadline: The run fails if it has not ended by then; counts if it had failed, or the plan says another time.
    """

    plan: Plan
    by: Person
    revision: int
    tasks: list[str] = []
    writes: list[str] = []
    removed: list[str] = []
    deadline: datetime | None = None


class RunForked(_Event, frozen=True, tag="RunForked"):
    """What is before this was copied from another run; from here on this one goes its own way, without writes."""

    of: str
    upto: int
    by: Person


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


class FeedbackLeft(_Event, frozen=True, tag="FeedbackLeft"):
    """The initiator said what they think of the run's answer."""

    by: Person
    reaction: Literal["like", "dislike"]
    text: str = ""


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
    | WorkAsserted
    | ModelUsed
    | StepJournaled
    | AttemptFailed
    | AttemptInterrupted
    | TaskFailed
    | TaskSkipped
    | TaskCancelled
    | TaskReleased
    | TaskFellBack
    | GroupOpened
    | RoundEnded
    | WriteKept
    | TimerFired
    | SignInRequested
    | SignedIn
    | TaskInDoubt
    | DoubtResolved
    | ApprovalRequested
    | ApprovalVoted
    | ApprovalReminded
    | ApprovalEscalated
    | ApprovalExpired
    | ApprovalDecided
    | ApprovalDelegated
    | ApprovalQuestioned
    | ApprovalExplained
    | FeedbackGiven
    | ArgumentsEdited
    | GrantGiven
    | AnswerRefused
    | RunPaused
    | RunResumed
    | RunReopened
    | EntryRetracted
    | AmendmentAccepted
    | AmendmentDropped
    | PlanAmended
    | RunForked
    | ClosingBegan
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | FeedbackLeft
    | NoticeDelivered
)
