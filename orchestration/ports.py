"""What the core of Tandem needs from the rest of the world. The prose here is the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from orchestration.core.amendment import Amendment
from orchestration.core.commands import Command, RetractEntry
from orchestration.core.plan import Answer, Plan
from orchestration.core.question import Shown
from orchestration.core.retraction import Retraction
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` in the running loop once `when` has come; the result takes that back."""


class Notifier(Protocol):
    """Brings questions and outcomes to people. Delivery is at least once; the engine records the receipt.

    Every method returns an opaque receipt, or raises `Unavailable` when the person cannot be reached now: the
    engine tries again later, and at once when `Engine.nudge` says that the person appeared.
    """

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """Show a question to one of its approvers."""

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """Tell one of its approvers that a question waits for their answer."""

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        """Show the initiator what an approver asks back: the last of the question's remarks."""

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """Tell an approver that the initiator replied to what they asked: the last of the question's remarks."""

    async def ask_sign_in(self, run: RunView) -> str:
        """Ask the run's initiator to sign in."""

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """Tell the initiator how the run ended; `answer` is there if it succeeded."""


class Listener(Protocol):
    """Is told that a run has changed, after the change is on disk; must return at once and never raise."""

    def __call__(self, run: RunView) -> None:
        """`run` as it is now."""


class Applied(msgspec.Struct, frozen=True):
    """What became of a command.

    Attributes:
        run: The run after it.
        duplicate: The command's id was applied before; nothing happened this time.
    """

    run: RunView
    duplicate: bool = False


class Engine(Protocol):
    """Executes runs durably. What a call returns is on disk before it returns."""

    async def propose(self, plan: Plan, *, goal: str, initiator: Person, origin: str, command_id: str) -> Applied:
        """Open a run that waits for its initiator's start; the same `command_id` again returns the first run.

        Raises:
            InvalidPlan: The plan breaks rules; nothing was opened.
        """

    async def send(self, run_id: str, command: Command, *, command_id: str = "") -> Applied:
        """Apply a command once; the same `command_id` again changes nothing.

        Raises:
            UnknownRun: There is no such run.
            Refused: The run's rules say no; nothing changed. `code` tells which: `not_permitted`, `already_decided`,
                `outdated`, `not_running`, `invalid_choice`.
        """

    async def decide(
        self,
        run_id: str,
        approval: str,
        *,
        by: Person,
        shown: str,
        choice: str,
        comment: str = "",
        rules: dict[str, str] | None = None,
        exceptions: dict[str, str] | None = None,
        grant: bool = False,
        via: str = "",
        command_id: str = "",
    ) -> Applied:
        """Answer a question: validates the answer against what was shown, stores it whole, applies it once.

        `via` names the approval system that vouches for the person, where they answered in one.

        Raises:
            Invalid: A choice, rule or exception does not fit what was shown.
            Refused: As for `send`.
        """

    async def edit(
        self, run_id: str, approval: str, *, by: Person, shown: str, fields: dict[str, str], command_id: str = ""
    ) -> Applied:
        """Change what a write shall be done with: validates the fields, and has it asked about anew.

        Raises:
            Invalid: A field may not be changed, or its value does not fit; the message names it.
            Refused: As for `send`.
        """

    async def fork(self, run_id: str, upto: int, *, by: Person, command_id: str = "") -> Applied:
        """A new run with a copy of another one's first events, which goes on from there and writes nothing.

        It asks only its initiator, who is the other run's; where it would write, it says what.

        Raises:
            UnknownRun: There is no such run.
            Invalid: It has no such event.
            Refused: `by` is neither its initiator nor the operator, or it had ended by then.
        """

    async def foresee_amendment(self, run_id: str, plan: Plan, *, by: Person) -> Amendment:
        """What changing a run's plan would lead to; nothing is changed.

        Raises:
            UnknownRun: There is no such run.
            NotPermitted: `by` is not its initiator.
            NotRunning: It has ended otherwise than by a failure, or is about to.
            InvalidPlan: The plan breaks rules.
            Invalid: People were erased from it.
        """

    async def amend(self, run_id: str, plan: Plan, *, by: Person, revision: int, command_id: str = "") -> Applied:
        """Give a proposed, running or failed run another plan; the whole change takes effect in one transaction.

        While a write is under way the change is only accepted: nothing new is begun until that is settled, then it
        takes effect. `RunView.amending` tells so.

        Args:
            run_id: The run.
            plan: With explicit needs; what is in it as it was keeps its state.
            by: Its initiator; nobody else may.
            revision: Of the plan that the change was drawn up for.
            command_id: As for `send`.

        Raises:
            UnknownRun: There is no such run.
            InvalidPlan: The plan breaks rules; nothing was changed.
            Invalid: People were erased from it.
            NotPermitted: `by` is not its initiator.
            NotRunning: It has ended otherwise than by a failure, or is about to.
            Outdated: The plan was changed since `revision`.
            Conflict: Another change of it waits for a write.
        """

    async def foresee(self, run_id: str, command: RetractEntry) -> Retraction:
        """What taking back a result would lead to; nothing is changed.

        Raises:
            UnknownRun: There is no such run.
            Invalid: No task of the run has this result.
            Refused: As for the command.
        """

    async def view(self, run_id: str) -> RunView:
        """The run as it is now.

        Raises:
            UnknownRun: There is no such run.
        """

    async def value(self, run_id: str, entry: str) -> Any:
        """A context entry as plain JSON data; None for the empty id.

        Raises:
            UnknownRun: There is no such run or entry.
        """

    async def shown(self, run_id: str, approval: str) -> Shown:
        """What an approval shows.

        Raises:
            UnknownRun: There is no such run or approval.
        """

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunView]:
        """Runs that a person initiated (everybody's if empty), newest first."""

    def nudge(self, person: str) -> None:
        """A person can be reached now (they wrote, signed in or installed the app): deliver what waits for them."""

    def subscribe(self, listener: Listener) -> None:
        """Tell `listener` of every change from now on."""


class EventRow(msgspec.Struct, frozen=True):
    """One coded event of a run; `seq` counts from 1.

    Attributes:
        link: Of the chain over the run's events (`audit.chain`); empty in what was written before there was one.
        seal: What stands for the personal part in the link, once its salt was erased.
    """

    run_id: str
    seq: int
    at: datetime
    type: str
    body: bytes
    link: bytes = b""
    seal: bytes = b""


class EntryRow(msgspec.Struct, frozen=True):
    """One context entry: JSON bytes under their keyed digest."""

    run_id: str
    entry: str
    body: bytes


class RunRow(msgspec.Struct, frozen=True):
    """What can be asked of runs without folding them; written with the events that change it.

    Attributes:
        open: It may still change: it has not ended, or its end has not been told.
        due: Effects are due; a restart has to take them up.
    """

    run_id: str
    status: str
    title: str
    initiator: str
    open: bool
    due: bool
    wake_at: datetime | None
    proposed_at: datetime
    seq: int


class ApprovalRow(msgspec.Struct, frozen=True):
    """An open or closed question, one row for each person who may answer it."""

    run_id: str
    approval: str
    person: str
    open: bool


class CommandRow(msgspec.Struct, frozen=True):
    """A command that was applied."""

    command_id: str
    run_id: str


class SnapshotRow(msgspec.Struct, frozen=True):
    """A run's state after `seq` events, as `core.snapshot` of that version codes it; a short cut, never the truth."""

    run_id: str
    seq: int
    version: str
    body: bytes


class Saved(msgspec.Struct, frozen=True):
    """All that it takes to have a run in memory again.

    Attributes:
        salt: The secret that keys its digests.
        snapshot: Of the version asked for, if there is one.
        events: Those after the snapshot, in order, without their links.
        link: The last event's.
    """

    salt: bytes
    snapshot: SnapshotRow | None
    events: list[EventRow]
    link: bytes = b""


class Archive(msgspec.Struct, frozen=True):
    """All that is known of one run, but for its salt."""

    run: RunRow
    events: list[EventRow]
    entries: list[EntryRow]
    commands: list[CommandRow]


class Pruned(msgspec.Struct):
    """What became of old runs.

    Attributes:
        runs: Exported and removed.
        events: Exported with all of them.
        kept: Exported but not removed, because they went on meanwhile.
    """

    runs: int = 0
    events: int = 0
    kept: int = 0


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was true of a run at some time, kept where who can write to the log cannot.

    Attributes:
        kind: `head`: the link of event `seq`. `erased`: digest of what an erasure leaves (`audit.chain.remains`).
            `pruned`: the run is removed, and its last event was `seq`.
        digest: Hexadecimal.
        at: When it was anchored.
    """

    run_id: str
    seq: int
    digest: str
    at: datetime
    kind: Literal["head", "erased", "pruned"] = "head"


class Anchors(Protocol):
    """Remembers heads of runs outside the database. One process writes at a time: the owner of the log."""

    async def write(self, anchors: Sequence[Anchor]) -> None:
        """Keep them, in order and for good.

        Raises:
            Unavailable: They could not be kept; writing them again does no harm.
        """

    async def latest(self) -> datetime | None:
        """When the last one was kept; None if there is none.

        Raises:
            Unavailable: They cannot be read.
        """


class Rewrite(msgspec.Struct, frozen=True):
    """What an erasure changes in one run, in one transaction.

    Attributes:
        run: As it was read; where the run has gone on since, or is open, nothing is changed.
        title: Instead of its own.
        salt: Instead of its own.
        events: Bodies and seals instead of those with the same number.
        entries: Context entry => what is left of it; None removes it.
        people: Id of a person => what stands for it, in the run's row and its approvals.
        commands: Id of a command => what stands for it.
    """

    run: RunRow
    title: str
    salt: bytes
    events: Sequence[EventRow]
    entries: dict[str, bytes | None]
    people: dict[str, str]
    commands: dict[str, str]


class Batch(msgspec.Struct, frozen=True):
    """What one transaction writes; `salts` are of runs opened in it, a snapshot replaces the one before."""

    events: Sequence[EventRow] = ()
    entries: Sequence[EntryRow] = ()
    runs: Sequence[RunRow] = ()
    approvals: Sequence[ApprovalRow] = ()
    commands: Sequence[CommandRow] = ()
    salts: Sequence[tuple[str, bytes]] = ()
    snapshots: Sequence[SnapshotRow] = ()


class Store(Protocol):
    """The event log, its projections and the context entries. One process owns it.

    Every method raises `Invalid` while the store is not open, and `LogLost` when the log cannot be reached any more:
    ownership may have gone to another process, so that it must be closed, opened and every run reloaded.
    """

    async def open(self) -> None:
        """Take ownership and bring the schema up to date.

        Raises:
            OwnerLocked: Another process owns the log; the message names it as far as known.
            Invalid: A newer Tandem wrote it, or it is not where the settings say.
            Unavailable: Its server does not answer now.
        """

    async def close(self) -> None:
        """Let go of the log; safe to call twice."""

    async def append(self, batch: Batch) -> None:
        """Write all of the batch in one durable transaction, or nothing.

        When it returns, the batch survives a crash of the machine. Entries that exist are left as they are;
        an event (run_id, seq) that exists is an error.

        Raises:
            CommitUncertain: Whether it was written is unknown; the store must be reopened and every run reloaded.
        """

    async def load(self, run_id: str, version: str) -> Saved | None:
        """A run's salt, its snapshot if that is of `version`, and the events after it, all of one moment.

        None if there is no such run, or its salt was erased.
        """

    async def events(self, run_id: str, *, after: int = 0) -> list[EventRow]:
        """The events of a run with a `seq` above `after`, in order; empty if there are none."""

    async def salt(self, run_id: str) -> bytes | None:
        """The secret that keys the run's digests; None if there is no such run or it was erased."""

    async def entries(self, run_id: str, entries: Iterable[str]) -> dict[str, bytes]:
        """Those of the entries that exist."""

    async def open_runs(self) -> list[RunRow]:
        """Every run that may still change, oldest first."""

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunRow]:
        """Runs of an initiator (everybody's if empty), newest first."""

    async def open_approvals(self, person: str) -> list[ApprovalRow]:
        """The open questions to a person, oldest first."""

    async def command(self, command_id: str) -> str | None:
        """The run that a command was applied to, if it was."""

    async def commands(self, command_ids: Sequence[str]) -> dict[str, str]:
        """Those of the commands that were applied, and to which runs, in one round trip."""

    async def get(self, kind: str, key: str) -> bytes | None:
        """A small durable document that is not a fact of any run, such as a conversation reference."""

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """Write such a document durably, replacing the one before."""

    async def drop(self, kind: str, key: str) -> None:
        """Remove such a document durably; nothing happens if there is none."""

    async def documents(self, kind: str) -> dict[str, bytes]:
        """All documents of a kind by key."""

    async def ended(self, before: datetime) -> list[RunRow]:
        """Runs that are not open and whose last event is older, oldest first."""

    async def archive(self, run: RunRow) -> Archive:
        """All that is known of a run."""

    async def remove(self, runs: Sequence[RunRow]) -> list[str]:
        """Remove every row of these runs durably, in one transaction; the ids of those that were removed.

        A run that is open, or has other events than its row says, is left as it is.
        """

    async def heads(self, after: datetime) -> list[Anchor]:
        """The last link of every run whose last event is not older, if it has one."""

    async def kinds(self) -> list[str]:
        """The kinds of documents that there are."""

    async def rewrite(self, change: Rewrite) -> bool:
        """Erase durably, in one transaction, and drop the run's snapshot; False if the run has changed meanwhile."""

    async def compact(self) -> bool:
        """Give back the space of what was removed, so that no file of the database holds it any more.

        False if somebody who reads kept a part of it from going just now: ask again later.
        """
