"""Turns what is ready into a command: evaluates conditions and arguments, picks workers, writes up questions.

Everything here is decided from values in memory; the command records the outcome.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from orchestration.capabilities import Registry, TaskContext, Worker
from orchestration.context.audience import spoken
from orchestration.context.flow import joined
from orchestration.core import commands as c
from orchestration.core import expressions
from orchestration.core.attempts import may_begin_unasked
from orchestration.core.label import UNLABELLED, Label, within
from orchestration.core.plan import Answer, Node
from orchestration.core.run import (
    ApplyAmendment,
    Conclude,
    Dispatch,
    Effect,
    Gather,
    Prepare,
    PrepareQuestion,
    Run,
    TaskState,
    number_of,
)
from orchestration.engines.flows import flow_of, flow_of_group
from orchestration.engines.gates import Gate, admit, gate
from orchestration.engines.gathering import gathering, opening
from orchestration.engines.limits import Limits
from orchestration.engines.live import LiveRun
from orchestration.engines.questions import InvalidArguments, Questions
from orchestration.engines.scopes import around, entries, scope
from orchestration.errors import Invalid, NotCleared, TandemError
from orchestration.planning.compiler import gather_reads, tasks_read
from orchestration.validation.policy_file import Policies

Preparable = Prepare | PrepareQuestion | Gather | ApplyAmendment | Conclude
Settled = tuple[c.Command, dict[str, bytes]]  # with the context entries that it names


class Preparation:
    """Prepares the tasks of any run.

    Args:
        registry: Where workers are found.
        limits: Whose turn it is at workers that take only some at once.
        policies: What the deployment lets Tandem do.
    """

    def __init__(self, registry: Registry, limits: Limits, policies: Policies) -> None:
        self._registry, self._limits, self._questions = registry, limits, Questions(registry, policies)
        self._policies = policies

    def reads(self, live: LiveRun, effect: Effect) -> set[str]:
        """The context entries that preparing (or dispatching again) needs in memory."""
        tasks = live.run.tasks
        if isinstance(effect, Conclude):
            names = self._answered(live)
        elif isinstance(effect, Gather):
            node, prefix = live.run.nodes[effect.task], f"{effect.task}.{effect.number}."
            if node.for_each is None:
                return set(entries(live, prefix, [*node.body, *gather_reads(node).difference(node.body)]))
            numbers = range(1, live.run.groups[effect.task].count + 1)
            inside = (entry for n in numbers for entry in entries(live, f"{effect.task}.{n}.", node.body))
            return {*inside, *entries(live, prefix, gather_reads(node))}
        elif isinstance(effect, Prepare):
            before = self._questions.before(live, effect.task)
            return {*self._entries(live, effect.task), tasks[effect.task].edits, before}
        elif isinstance(effect, PrepareQuestion):
            return {self._questions.before(live, effect.task)}
        else:
            names = set()
        return {tasks[name].entry for name in names if name in tasks}

    @staticmethod
    def _answered(live: LiveRun) -> set[str]:
        """The tasks that the run's answer tells of."""
        paths = expressions.references(msgspec.to_builtins(live.run.plan.answer))
        return {name for path in paths if path.startswith("tasks.") and (name := path.split(".")[1]) in live.run.tasks}

    def _entries(self, live: LiveRun, name: str) -> list[str]:
        """The context entries that a task's expressions may read."""
        node = live.run.nodes[name]
        if "." not in name:
            return [live.run.tasks[need].entry for need in node.needs]
        return entries(live, around(name), sorted(tasks_read(node)))

    def prepare(self, live: LiveRun, effect: Preparable) -> c.Command | None:
        """The command that a due effect leads to; errors of the plan or its values become commands too.

        None leaves it due: the task waits for its turn at a worker.
        """
        match effect:
            case ApplyAmendment():
                return c.ApplyAmendment()
            case Conclude():
                try:
                    return self._conclude(live)
                except TandemError as error:
                    return c.FailRun(
                        code=error.code, message=f"The result is there, but the answer cannot be told: {error.message}"
                    )
            case PrepareQuestion(task=name):
                return self._questions.failure(live, name)
            case Gather(task=name):
                try:
                    return self._labelled(live, effect, gathering(live, effect))
                except TandemError as error:
                    return c.FailAttempt(task=name, attempt=0, code=error.code, message=error.message)
            case Prepare(task=name):
                try:
                    return self._task(live, name, used(live, name))
                except TandemError as error:
                    return c.FailAttempt(task=name, attempt=0, code=error.code, message=error.message)

    @staticmethod
    def _labelled(live: LiveRun, effect: Gather, command: c.Command) -> c.Command:
        if not isinstance(command, c.CloseGroup | c.EndRound):
            return command
        flow = flow_of_group(live.run, effect.task, effect.number)
        return msgspec.structs.replace(command, label=flow.label, tainted=flow.tainted)

    def arguments(self, live: LiveRun, name: str, worker: Worker) -> msgspec.Struct:
        """A task's arguments, evaluated and converted to what the worker takes.

        Raises:
            ExpressionError: A reference does not hold.
            InvalidArguments: The result does not fit.
        """
        try:
            return msgspec.convert(self._given(live, name), worker.input_type)
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"{worker.capability.name} cannot take its arguments: {error}") from None

    @staticmethod
    def _given(live: LiveRun, name: str) -> dict[str, Any]:
        """What the plan gives a task, with what a person has changed of it."""
        given: dict[str, Any] = expressions.resolve(used(live, name).with_, scope(live, around(name)))
        edits = _edits(live.run.tasks[name])
        return {**given, **live.value(edits)} if edits else given

    def edited(self, live: LiveRun, name: str, fields: dict[str, str]) -> bytes:
        """The context entry of a write's arguments that a person changes, with those that were changed before.

        Raises:
            Invalid: A field may not be changed, or does not fit; the message names it.
        """
        label = flow_of(live.run, name).label
        worker, arguments = self._worker_and_arguments(live, name, used(live, name), label)
        before, task = msgspec.to_builtins(arguments), live.run.tasks[name]
        edits = dict(live.value(_edits(task)) or {})
        for field, text in fields.items():
            if field not in worker.editable or task.fell_back:
                raise Invalid(f"{field!r} of {worker.capability.name} cannot be changed; nothing was changed.")
            several = isinstance(before[field], list)
            edits[field] = [line.strip() for line in text.splitlines() if line.strip()] if several else text
        try:
            msgspec.convert({**self._given(live, name), **edits}, worker.input_type)
        except msgspec.ValidationError as error:
            raise Invalid(f"This cannot be written as changed: {error}. Nothing was changed.") from None
        return msgspec.json.encode(edits)

    def may_be_shown(self, run: Run) -> None:
        """Let a copy of a run begin: it asks its initiator whatever it asks.

        Raises:
            NotCleared: A question is open that its initiator may not see.
        """
        ceiling = self._questions.ceiling(run.initiator)
        for approval in run.approvals.values():
            if approval.open and not within(approval.label or UNLABELLED, ceiling):
                raise NotCleared(
                    "A copy asks you everything, and at that event a question was open to others that is "
                    f"{spoken(approval.label or UNLABELLED)}: more than may be shown to you. Name an earlier event."
                )

    def as_begun(self, live: LiveRun, name: str, worker: Worker) -> bool:
        """Whether a task's arguments are still those with which its latest attempt began."""
        task = live.run.tasks[name]
        recorded = msgspec.structs.replace(worker, version=task.version)
        return self._digest(live, name, used(live, name), recorded) == task.inputs

    def _task(self, live: LiveRun, name: str, node: Node) -> c.Command | None:
        when = None
        if node.when:
            when = expressions.condition(node.when, scope(live, around(name)))
            if not when:
                return c.SkipTask(task=name)
        if node.approval is not None:
            return self._questions.decision(live, name, node.approval, when)
        if not node.capability:
            return opening(live, name, node, when)
        flow, passed = flow_of(live.run, name), Gate()
        worker, arguments = self._worker_and_arguments(live, name, node, flow.label)
        inputs = self._digest(live, name, node, worker)
        task, write = live.run.tasks[name], worker.capability.effect == "write"
        policy = self._policies.current()
        admit(policy, worker, live.run.initiator)
        if task.stale and self._digest(live, name, node, worker, edits=task.edits) == task.inputs:
            return c.KeepWrite(task=name, label=flow.label, tainted=flow.tainted)
        if write:
            passed = gate(policy, live, worker, arguments, flow.label, tainted=flow.tainted)
            if live.run.dry:
                seen = within(flow.label, self._questions.ceiling(live.run.initiator))
                return c.SkipTask(task=name, simulated=simulated(worker, arguments, whole=seen))
            unasked = passed.verdict and may_begin_unasked(task, inputs, tainted=flow.tainted)
            if task.allowed != inputs and not unasked:
                return self._questions.write(live, name, worker, arguments, inputs, when, passed)
        if not self._turn(live, name, worker, arguments):
            return None
        live.arguments[name, task.attempt + 1] = arguments, flow
        return c.StartTask(
            task=name,
            worker=worker.name,
            version=worker.version,
            inputs=inputs,
            timeout=timedelta(seconds=node.timeout_seconds) if node.timeout_seconds else worker.timeout,
            attempts=node.attempts or worker.attempts,
            when=when,
            dedupe=worker.capability.dedupe if write else "",
            key=secret_key(live, name, task.generation) if write else "",
            reads=flow.reads,
            label=flow.label,
            tainted=flow.tainted,
            verdict=passed.verdict,
            scope=passed.scope,
        )

    def _worker_and_arguments(
        self, live: LiveRun, name: str, node: Node, label: Label
    ) -> tuple[Worker, msgspec.Struct]:
        worker = self._worker(live, name, node, label)
        try:
            return worker, self.arguments(live, name, worker)
        except InvalidArguments:  # who cannot take what the plan gives cannot stand in for the one that it was made for
            first = self._registry.cleared(node.capability, label)[0]
            return first, self.arguments(live, name, first)

    def _worker(self, live: LiveRun, name: str, node: Node, label: Label) -> Worker:
        """Who makes the next attempt: of a write that was allowed, the worker it was allowed for, while that is up.

        Raises:
            NotCleared: Nobody may be given what is as sensitive.
        """
        picked, allowed = self._registry.pick(node.capability, label), live.run.tasks[name].allowed
        if not allowed or self._digest(live, name, node, picked) == allowed:
            return picked
        others = [each for each in self._registry.cleared(node.capability, label) if self._registry.up(each)]
        return next((each for each in others if self._digest(live, name, node, each) == allowed), picked)

    def _turn(self, live: LiveRun, name: str, worker: Worker, arguments: msgspec.Struct) -> bool:
        """Whether an attempt may begin now; if not, the engine is told when it may."""
        run, task = live.run, live.run.tasks[name]
        holder = (run.run_id, Dispatch(name, task.attempt + 1))
        resource = ""
        if worker.resource:
            about = TaskContext(run_id=run.run_id, task_id=name, attempt=task.attempt + 1, initiator=run.initiator)
            resource = worker.resource(arguments, about)
        if not self._limits.take(worker, resource, holder):
            return False
        self._registry.begin(worker, holder)
        return True

    def _digest(self, live: LiveRun, name: str, node: Node, worker: Worker, *, edits: str | None = None) -> str:
        """Digest of the arguments: who makes what of what the plan says, of which entries and parameters.

        Entries are named by their content, so that this stands for the values without coding them again.
        """
        task = live.run.tasks[name]
        edits = _edits(task) if edits is None else edits
        about: list[object] = [
            node.capability,
            worker.name,
            worker.version,
            node.with_,
            self._entries(live, name),
            live.params,
        ]
        if "." in name:  # an item of a list, or a round
            about.append(number_of(name))
        if edits or task.feedback:
            about.append({"edits": edits, "feedback": task.feedback})
        return live.digest(msgspec.json.encode(about, order="deterministic"))

    def _conclude(self, live: LiveRun) -> c.ConcludeRun:
        asked, seen = live.run.plan.answer, scope(live)
        label, ceiling = joined(live.run, self._answered(live)).label, self._questions.ceiling(live.run.initiator)
        if not within(label, ceiling):
            said = (
                f"It is done. What came of it is {spoken(label)}, and that is more than may be shown to you "
                f"(up to {spoken(ceiling)}); whoever runs Tandem can raise that in the policy file."
            )
            return c.ConcludeRun(answer=live.keep(msgspec.json.encode(Answer(text=said))))

        def told(text: str) -> str:
            return expressions.resolve_text(text, seen)

        facts = [(told(label), told(value)) for label, value in asked.facts]
        answer = Answer(text=told(asked.text), facts=facts, link=told(asked.link), link_title=told(asked.link_title))
        return c.ConcludeRun(answer=live.keep(msgspec.json.encode(answer)))


def used(live: LiveRun, name: str) -> Node:
    """A task's node, with the plan's fallback in place of its own capability once that has failed."""
    node = live.run.nodes[name]
    if node.fallback is None or not live.run.tasks[name].fell_back:
        return node
    return msgspec.structs.replace(node, capability=node.fallback.capability, with_=node.fallback.with_)


def _edits(task: TaskState) -> str:
    """What a person changed of a task's arguments: not of a fallback's, nor of what is asked about anew."""
    return "" if task.fell_back or task.stale else task.edits


def simulated(worker: Worker, arguments: msgspec.Struct, *, whole: bool) -> str:
    """What a write would have done; only that it would have been, to somebody who may not see more."""
    assert worker.preview is not None
    if not whole:
        return f"{worker.capability.title} would have been done; what it is may not be shown to you."
    preview = worker.preview(arguments)
    facts = "; ".join(f"{label}: {value}" for label, value in preview.facts)
    return f"Would have been written: {preview.title}" + (f" ({facts})" if facts else "")


def secret_key(live: LiveRun, task: str, generation: int) -> str:
    """The idempotency key of a write, which nobody can foresee who does not have the log.

    What carries the key at the target is taken for the run's own write: a colleague who knew it could put something
    else there first.
    """
    key = idempotency_key(live.run.run_id, task, generation)
    return f"{key}.{live.digest(key.encode())[:16]}"


def idempotency_key(run_id: str, task: str, generation: int) -> str:
    """The same for every attempt at the same effect of a run, and for no other."""
    return f"{run_id}.{task}.{generation}" if generation else f"{run_id}.{task}"
