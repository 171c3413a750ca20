"""The state of one run, folded from its events. `docs/states.md` draws the states and the ways between them."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Literal

import msgspec

from orchestration.core.label import Label, Source
from orchestration.core.plan import Node, OnExpiry, Plan
from orchestration.core.usage import Usage

TaskStatus = Literal[
    "pending",  # its needs are not settled yet
    "ready",  # to be prepared: condition, arguments, worker
    "asking",  # a human's answer is awaited: the node itself, a write gate, a failure, a doubt
    "running",
    "open",  # a group whose own tasks are under way
    "backing_off",  # an attempt failed; the next one starts at `retry_at`
    "awaiting_sign_in",
    "in_doubt",  # a write whose outcome nobody knows yet
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
]
RunStatus = Literal["proposed", "running", "closing", "succeeded", "failed", "cancelled"]
ApprovalKind = Literal["decision", "write", "failure", "in_doubt", "stale"]
Verdict = Literal["", "allowed", "approved", "granted"]

SETTLED: frozenset[str] = frozenset({"succeeded", "failed", "skipped", "cancelled"})
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
OPERATOR = "operator"  # the id of whoever has the deployment's own console; may do what an initiator may


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


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """Evaluate a ready task's condition and arguments, choose its worker, and start it or ask."""

    task: str


class PrepareQuestion(msgspec.Struct, frozen=True, tag=True):
    """Write up the failure of a task whose plan says `on_failure: ask`, and request an approval."""

    task: str


class Gather(msgspec.Struct, frozen=True, tag=True):
    """Evaluate what a group has come to: every item is done, or round `number` is."""

    task: str
    number: int


class Dispatch(msgspec.Struct, frozen=True, tag=True):
    """Call the worker of a started attempt."""

    task: str
    attempt: int


class Reconcile(msgspec.Struct, frozen=True, tag=True):
    """Look whether a write in doubt took place."""

    task: str
    attempt: int


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Bring an open approval to its approvers."""

    approval: str


class Remind(msgspec.Struct, frozen=True, tag=True):
    """Tell those who have not answered that an open approval waits for them."""

    approval: str


class AskInitiator(msgspec.Struct, frozen=True, tag=True):
    """Bring an approver's question about an approval to the initiator; `number` counts the remarks up to it."""

    approval: str
    number: int


class TellReply(msgspec.Struct, frozen=True, tag=True):
    """Tell an approver what the initiator replied to their question; `number` counts the remarks up to the reply."""

    approval: str
    number: int


class AskSignIn(msgspec.Struct, frozen=True, tag=True):
    """Ask the initiator to sign in; `round` counts how often that became necessary."""

    round: int


class ApplyAmendment(msgspec.Struct, frozen=True, tag=True):
    """Change the plan as accepted: the writes that were under way are settled."""


class Conclude(msgspec.Struct, frozen=True, tag=True):
    """Evaluate the plan's answer: every task is settled."""


class Report(msgspec.Struct, frozen=True, tag=True):
    """Tell the initiator how the run ended."""


Effect = (
    Prepare
    | PrepareQuestion
    | Gather
    | Dispatch
    | Reconcile
    | Ask
    | Remind
    | AskInitiator
    | TellReply
    | AskSignIn
    | ApplyAmendment
    | Conclude
    | Report
)


class Part(msgspec.Struct, frozen=True):
    """A part of its work that a worker vouches for: `done` of `of`."""

    done: int
    of: int


class TaskState(msgspec.Struct, omit_defaults=True):
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
        fell_back: The plan's fallback is used instead of the task's own capability.
        interrupted: How often the process ended during an attempt.
        generation: How often a write was begun anew on purpose, or allowed with other arguments than it had been tried
            with; part of its idempotency key.
        journal: What the worker of a write wanted to be known of its first step, such as the id of a draft.
        stale: A write that was made, or is being made, from what has been taken back since.
        written: The write of this generation took place.
        label: How sensitive the result is; None while there is none, and in histories from before labels.
        tainted: Somebody outside the company may have written part of the result.
        sources: What the task itself read outside.
        edits: Context entry of arguments that a person has changed, by name.
        feedback: What approvers wanted done differently, the latest last.
        feedback_label: How sensitive what they saw then was, the most of all; their words may tell of it.
        parts: What the worker has vouched for, by part.
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
    fell_back: bool = False
    interrupted: int = 0
    generation: int = 0
    journal: str = ""
    stale: bool = False
    written: bool = False
    label: Label | None = None
    tainted: bool = False
    sources: list[Source] = []
    edits: str = ""
    feedback: list[str] = []
    feedback_label: Label | None = None
    parts: dict[str, Part] = {}


class GroupState(msgspec.Struct):
    """How far a `for_each` or `repeat` is. Its tasks are in `Run.tasks` as `{group}.{number}.{name}`, from 1.

    Attributes:
        count: Items in all; for a repeat the rounds begun.
        begun: Items or rounds begun so far.
        first: A repeat's first round since it was last begun anew.
        items: Context entry of the list.
        unsettled: Number => tasks not settled, of what is begun and not settled.
        results: A repeat's results by round, as context entries.
        attempts: The highest attempt of any removed task, so that none is counted twice.
        generation: Above that of any removed write that was tried, so that no idempotency key is used twice.
        open: It was begun and has come to no result or failure since; also while its run has ended.
    """

    count: int = 0
    begun: int = 0
    first: int = 1
    items: str = ""
    unsettled: dict[int, int] = {}
    results: list[str] = []
    attempts: int = 0
    generation: int = 0
    open: bool = False


class Vote(msgspec.Struct, frozen=True):
    """One answer of several that an approval needs."""

    by: Person
    choice: str
    comment: str = ""


class Remark(msgspec.Struct, frozen=True):
    """One line of what an approver and the initiator said to each other about a question."""

    by: Person
    text: str
    at: datetime


class ApprovalState(msgspec.Struct):
    """One question to humans.

    Attributes:
        id: `{task}.{number}`.
        entry: Context entry of what is shown (see `question.Shown`).
        inputs: For a write: digest of the arguments that an approval allows.
        answer: Context entry of the whole answer (see `question.Answered`).
        open: Nobody has decided and nobody withdrew it.
        quorum: How many must say the same.
        votes: Answers so far, where one is not enough.
        due_at: When the answer is due; moved on by an escalation.
        escalate_to: Who is asked as well once it is overdue; None for nobody, or when that has been done.
        escalated_to: Who was asked as well because it was overdue, or because everybody asked was away.
        expired: Nobody answered in time.
        delegates: To whom an approver may hand it.
        delegated: (who handed it on, to whom), the latest last.
        revises: The task to whose worker feedback goes; empty for none.
        remarks: What was asked back and replied.
        replaced: It was withdrawn because an approver changed the arguments or gave feedback.
        label: How sensitive what is shown is.
        tainted: Somebody outside the company may have written part of it.
        scope: What "do not ask again in this run" would cover; empty where that is not offered.
        editable: The arguments can be changed before they are allowed.
        via: The approval system that vouches for who decided; empty where Tandem's own card was used.
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
    quorum: int = 1
    votes: list[Vote] = []
    due_at: datetime | None = None
    remind_at: datetime | None = None
    escalate_to: Person | None = None
    on_expiry: OnExpiry = "wait"
    expired: bool = False
    escalated_to: Person | None = None
    delegates: list[Person] = []
    delegated: list[tuple[Person, Person]] = []
    revises: str = ""
    remarks: list[Remark] = []
    replaced: bool = False
    label: Label | None = None
    tainted: bool = False
    scope: str = ""
    editable: bool = False
    via: str = ""


class Gone(msgspec.Struct, frozen=True):
    """What is kept of a task that the plan does not have any more.

    Attributes:
        attempt: Its highest; one of this name that comes later counts on.
        generation: Above that of any write of it that was tried, so that no idempotency key is used twice.
    """

    attempt: int
    generation: int


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
        nodes: Task => node, of every task there is, also of those in groups.
        paused: Nothing new is begun.
        deadline: When the run fails if it has not ended.
        reopened: How often the run went on after it had ended.
        dry: A copy made to see what would happen: it writes nothing, and asks only its initiator.
        left_behind: Writes that stand although what they were made from was taken back: of groups that were begun anew,
            and of tasks that were left out.
        grants: What need not be asked again: scope => who said so.
        revision: How often the plan was changed.
        amending: The plan that takes effect once the writes under way are settled; nothing new is begun until then.
        gone: Tasks that a changed plan does not have any more, or has as something else.
        once: The nodes of such tasks, as they were last, for people.
        usage: Task => the calls of language models that its attempts made, also those before it was done again.
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
    nodes: dict[str, Node] = {}
    groups: dict[str, GroupState] = {}
    dependents: dict[str, list[str]] = {}
    approvals: dict[str, ApprovalState] = {}
    receipts: dict[tuple[str, str], str] = {}
    timers: list[tuple[datetime, str, int]] = []
    due: dict[Effect, None] = {}
    fresh: list[Effect] = []
    paused: bool = False
    deadline: datetime | None = None
    reopened: int = 0
    dry: bool = False
    left_behind: list[str] = []
    grants: dict[str, Person] = {}
    usage: dict[str, list[Usage]] = {}
    revision: int = 0
    amending: Plan | None = None
    gone: dict[str, Gone] = {}
    once: dict[str, Node] = {}

    @property
    def held(self) -> bool:
        """Whether nothing new is to be begun for now."""
        return self.paused or self.amending is not None


def askers(remarks: list[Remark], initiator: Person, number: int) -> list[Person]:
    """Those who asked back since the reply before the one that is remark `number`, from 1."""
    ours, before = (initiator.id, OPERATOR), remarks[: number - 1]
    since = max((at for at, each in enumerate(before, 1) if each.by.id in ours), default=0)
    return list({each.by.id: each.by for each in before[since:]}.values())


def group_of(name: str) -> str:
    """The group that a task belongs to, such as `review` for `review.3.summarize`; empty at the top level."""
    return name.rsplit(".", 2)[0] if "." in name else ""


def number_of(name: str) -> int:
    """The item or round that a task of a group belongs to."""
    return int(name.rsplit(".", 2)[1])


def effects(run: Run) -> list[Effect]:
    """Everything outside that the state still calls for, oldest first; what a restart must take up."""
    return list(run.due)


def wake_at(run: Run) -> datetime | None:
    """When the run next needs a `Wake`: a retry, a deadline, a look at a doubt; None if only others can move it."""
    while run.timers:
        when, name, attempt = run.timers[0]
        if timer_of(run, name) == (when, attempt):
            return when
        heapq.heappop(run.timers)  # stale: the attempt has ended
    return None


def due_by(run: Run, now: datetime) -> list[str]:
    """The tasks that time moves by `now`, the earliest first; "" is the run itself. Costs as much as there are."""
    found, queue = [], [0]
    while queue:
        at = queue.pop()
        if at < len(run.timers) and run.timers[at][0] <= now:  # in a heap, nothing below a later one is earlier
            found.append(run.timers[at])
            queue += (2 * at + 1, 2 * at + 2)
    live = [name for when, name, attempt in sorted(found) if timer_of(run, name) == (when, attempt)]
    return list(dict.fromkeys(live))


def timer_of(run: Run, name: str) -> tuple[datetime, int] | None:
    """When and for which attempt time itself will move a task; "" is the run with its deadline."""
    if not name:
        return (run.deadline, 0) if run.deadline is not None and run.status == "running" else None
    task = run.tasks.get(name)
    if task is None:
        return None
    match task.status:
        case "running":
            when = task.deadline
        case "backing_off":
            when = task.retry_at
        case "in_doubt":
            when = task.look_at
        case "asking" if (approval := run.approvals.get(task.approval)) is not None and approval.open:
            when = min((at for at in (approval.remind_at, approval.due_at) if at is not None), default=None)
        case _:
            when = None
    return (when, task.attempt) if when is not None else None
