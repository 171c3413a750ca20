"""A worker: a plain typed async function and what it declares about itself."""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

from orchestration.capabilities.surroundings import Alone, PeerResult, RunState, Surroundings
from orchestration.core.label import LABELS, UNLABELLED, Label, Source
from orchestration.core.run import Person
from orchestration.core.usage import Usage
from orchestration.errors import Invalid

Effect = Literal["read", "write"]
Dedupe = Literal["target", "two_step", "none"]


async def _unkept(note: str) -> None:
    """A read has nothing to journal, and a worker that is tried alone nowhere."""


class TaskContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker may know of the attempt it serves.

    Attributes:
        run_id: The run.
        task_id: The task's name in the plan.
        attempt: Counted from 1.
        initiator: The person as whom the worker acts, and nobody else.
        idempotency_key: For writes: the same for every attempt at the same effect; embed it in what is written.
        not_after: For writes: the worker must not start the effect later than this.
        journaled: For writes: the last note that an attempt at this effect has journaled; empty for none.
        journal: For writes in two steps: makes a note durable before it returns, such as the id of a draft that the
            second step sends. Raises `Unavailable` if the attempt is over: the second step must not be made then.
        feedback: What people wanted done differently with earlier results of this task, the latest last.
        label: How sensitive the arguments are.
        tainted: Somebody outside the company may have written part of the arguments.
        around: Answers `note`, `state`, `complete`, `used` and `peers`.
    """

    run_id: str
    task_id: str
    attempt: int
    initiator: Person
    idempotency_key: str = ""
    not_after: datetime | None = None
    journaled: str = ""
    journal: Callable[[str], Awaitable[None]] = _unkept
    feedback: list[str] = []
    label: Label = UNLABELLED
    tainted: bool = False
    around: Surroundings = Alone()

    def note(self, source: Source) -> None:
        """Say that something was read outside: its label, and whether somebody outside wrote it, go to the result.

        Raises:
            NotCleared: It is more sensitive than this worker may read; nothing of it may be used.
        """
        self.around.note(source)

    def state(self) -> RunState:
        """How the tasks stand at this moment that this one needs or watches; of others nothing is told."""
        return self.around.state()

    async def complete(self, part: str, done: int, of: int) -> None:
        """Vouch for a part of the work: `done` of `of` were dealt with; people are shown it. The last word counts.

        Raises:
            Invalid: That is less than none or more than all of them.
            Unavailable: The attempt is over.
        """
        await self.around.complete(part, done, of)

    async def used(self, usage: Usage) -> None:
        """Record what a call of a language model took, whatever came of it: it is durable when this returns."""
        await self.around.used(usage)

    def peers(self) -> AsyncIterator[PeerResult]:
        """What the tasks write that this one watches: what is there already, then each as it comes, each once.

        Ends when all of them are settled. What is more sensitive than this worker may read is left out; `state` tells
        of it. An attempt that begins after a restart is given everything again.

        Raises:
            SignInNeeded: One of them waits for the initiator to sign in, so this one does too.
        """
        return self.around.peers()


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Reconciliation found the effect in place; `output` is what the worker would have returned."""

    output: Any


class NotDone(msgspec.Struct, frozen=True, tag="not_done"):
    """Reconciliation looked and the effect is not there."""


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """Reconciliation cannot tell; a person is asked."""

    why: str


Outcome = Done | NotDone | Unknown


class Preview(msgspec.Struct, frozen=True):
    """What a person is shown before a write: a title and (label, value) lines, nothing that the write will not do."""

    title: str
    facts: list[tuple[str, str]]


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a write goes, as far as its arguments tell: what people are shown, and what a grant is bound to.

    Attributes:
        recipients: Who gets it: addresses, also as `Alex Wilber <alex@contoso.com>`; names where there is none.
        place: Where it is put, such as a site and folder, or a team and channel.
        asked_each_time: What goes there has to be seen each time, such as the file that is shared; "do not ask again"
            is not offered.
    """

    recipients: list[str] = []
    place: str = ""
    asked_each_time: bool = False


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked for, by schema.

    Attributes:
        name: Dotted, such as `ledger.sap.entries`.
        title: A few words for people, in the imperative: "Read supplier invoices from SAP".
        effect: A `read` may be repeated freely; a `write` changes something outside.
        dedupe: How a write is kept from happening twice; `none` for reads.
        system: The outside system that it reaches, as people call it; empty if it only computes.
        input_schema: JSON Schema of the arguments.
        output_schema: JSON Schema of the result.
    """

    name: str
    title: str
    effect: Effect
    dedupe: Dedupe
    system: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Who offers a capability.

    Attributes:
        capability: What it does.
        name: Unique among workers; the function's qualified name unless given.
        version: Recorded with each attempt.
        owner: Who answers for it.
        cost: Relative; the registry prefers the lower.
        input_type: msgspec Struct of the arguments.
        output_type: msgspec Struct of the result.
        call: The function.
        timeout: Longest time an attempt may take.
        attempts: How many tries a task gets when the plan says nothing.
        reconcile: For writes: looks whether an effect with this key took place.
        preview: For writes: what a person is shown before it happens.
        summarize: One line of figures about a result, for the progress card.
        compensation: For writes: how a person undoes one, in one sentence; empty if that cannot be.
        limit: Attempts at once in this process, over all runs; 0 for any number.
        resource: What an attempt needs for itself, such as one mailbox; empty for nothing.
        resource_limit: Attempts at once with the same resource.
        editable: For writes: arguments of text, or lists of texts, that a person may change before allowing it.
        destination: For writes: who gets it and where it is put.
        takes_feedback: It reads `TaskContext.feedback`, so that people may say what to do differently.
        label: How sensitive what it reads outside is, where it notes nothing.
        clearance: The most sensitive that it may be given or read.
    """

    capability: Capability
    name: str
    version: str
    owner: str
    cost: float
    input_type: type[msgspec.Struct]
    output_type: type[msgspec.Struct]
    call: Callable[[Any, TaskContext], Awaitable[Any]]
    timeout: timedelta
    attempts: int
    reconcile: Callable[[Any, TaskContext], Awaitable[Outcome]] | None = None
    preview: Callable[[Any], Preview] | None = None
    summarize: Callable[[Any], str] | None = None
    compensation: str = ""
    limit: int = 0
    resource: Callable[[Any, TaskContext], str] | None = None
    resource_limit: int = 0
    editable: tuple[str, ...] = ()
    destination: Callable[[Any], Destination] | None = None
    takes_feedback: bool = False
    label: Label = UNLABELLED
    clearance: Label = "confidential"


class Dispatcher(Protocol):
    """Calls workers. The adapter over Semantic Kernel is one; a direct call is another."""

    async def call(self, worker: Worker, arguments: msgspec.Struct, task: TaskContext) -> msgspec.Struct:
        """The worker's result; its errors pass through unchanged."""


def worker(
    capability: str,
    *,
    title: str,
    effect: Effect = "read",
    dedupe: Dedupe = "none",
    system: str = "",
    version: str = "1",
    owner: str = "tandem",
    cost: float = 1.0,
    timeout: timedelta = timedelta(seconds=60),
    attempts: int = 3,
    name: str = "",
    reconcile: Callable[[Any, TaskContext], Awaitable[Outcome]] | None = None,
    preview: Callable[[Any], Preview] | None = None,
    summarize: Callable[[Any], str] | None = None,
    compensation: str = "",
    limit: int = 0,
    resource: Callable[[Any, TaskContext], str] | None = None,
    resource_limit: int = 0,
    editable: tuple[str, ...] = (),
    destination: Callable[[Any], Destination] | None = None,
    takes_feedback: bool = False,
    label: Label = UNLABELLED,
    clearance: Label | None = None,
) -> Callable[[Callable[[Any, TaskContext], Awaitable[Any]]], Worker]:
    """Declare an async function `(arguments, task) -> result` as a worker.

    Works on plain functions and on bound methods (`worker(...)(self.read)`), so that a worker that needs a client
    is a method of an object that holds it. Arguments and result must be annotated with msgspec Structs: their JSON
    Schemas are the capability's.

    Args:
        capability: Dotted name of what it does.
        title: A few words for people, imperative.
        effect: `read` or `write`; a write must have a `preview`.
        dedupe: For writes, how a second effect is prevented; `target` and `two_step` must have a `reconcile`.
        system: The outside system that it reaches, as people call it; empty if it only computes.
        version: Recorded with each attempt; raise it when results change.
        owner: Who answers for it.
        cost: Relative cost; the registry prefers the lower.
        timeout: Longest time one attempt may take.
        attempts: Tries that a task gets when the plan says nothing.
        name: Unique worker name; defaults to `capability@qualified_function_name`.
        reconcile: For writes: `(arguments, task) -> Done | NotDone | Unknown`.
        preview: For writes: `(arguments) -> Preview`.
        summarize: `(result) -> str`, one short line of figures for the progress card.
        compensation: For writes: how a person undoes one, in one sentence; empty if that cannot be.
        limit: Attempts at once in this process, over all runs; 0 for any number. It is this worker's own: another one
            for the same capability reaches something else.
        resource: `(arguments, task) -> str`, what an attempt needs for itself, such as one mailbox; empty for nothing.
        resource_limit: Attempts at once with the same resource; comes with `resource`.
        editable: For writes: arguments of text, or lists of texts, that a person may change before allowing it.
        destination: For writes: `(arguments) -> Destination`; without one, "do not ask again" is not offered.
        takes_feedback: It reads `TaskContext.feedback`, so that people may say what to do differently.
        label: How sensitive what it reads outside is, where it notes nothing with `TaskContext.note`. A worker without
            a system reads nothing outside: what it makes is as sensitive as its arguments.
        clearance: The most sensitive that it may be given or read; without a word, `confidential` for a worker that
            reaches a system, and everything for one that only computes.

    Raises:
        Invalid: The annotations are missing, or a write lacks what makes it safe.
    """

    def declare(function: Callable[[Any, TaskContext], Awaitable[Any]]) -> Worker:
        where = getattr(function, "__qualname__", repr(function))
        hints = typing.get_type_hints(function)
        names = list(inspect.signature(function).parameters)
        output_type = hints.get("return")
        input_type = hints.get(names[0]) if names else None
        for what, found in (("first argument", input_type), ("result", output_type)):
            if not (isinstance(found, type) and issubclass(found, msgspec.Struct)):
                raise Invalid(f"worker {where}: annotate the {what} with a msgspec Struct")
        assert input_type is not None
        assert output_type is not None
        if effect == "write" and not system:
            raise Invalid(f"worker {where}: a write needs system=, which says what it changes")
        if effect == "write" and preview is None:
            raise Invalid(f"worker {where}: a write needs preview=, so that people see what they allow")
        if effect == "write" and dedupe != "none" and reconcile is None:
            raise Invalid(f"worker {where}: dedupe={dedupe!r} needs reconcile=, to look whether a lost write happened")
        if limit < 0 or resource_limit < 0:
            raise Invalid(f"worker {where}: a limit cannot be negative; 0 is for no limit")
        if (resource is None) != (resource_limit == 0):
            raise Invalid(f"worker {where}: resource= and resource_limit= come together")
        if strange := set(editable) - set(input_type.__struct_fields__):
            raise Invalid(f"worker {where}: editable= names {', '.join(sorted(strange))}, which it does not take")
        return Worker(
            capability=Capability(
                name=capability,
                title=title,
                effect=effect,
                dedupe=dedupe,
                system=system,
                input_schema=msgspec.json.schema(input_type),
                output_schema=msgspec.json.schema(output_type),
            ),
            name=name or f"{capability}@{where}",
            version=version,
            owner=owner,
            cost=cost,
            input_type=input_type,
            output_type=output_type,
            call=function,
            timeout=timeout,
            attempts=attempts,
            reconcile=reconcile,
            preview=preview,
            summarize=summarize,
            compensation=compensation,
            limit=limit,
            resource=resource,
            resource_limit=resource_limit,
            editable=editable,
            destination=destination,
            takes_feedback=takes_feedback,
            label=label,
            clearance=clearance or ("confidential" if system else LABELS[-1]),
        )

    return declare
