"""Turns what is ready into a command: evaluates conditions and arguments, picks workers, writes up questions.

Everything here is decided from values in memory; the command records the outcome.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec

from orchestration.capabilities import Registry, Worker
from orchestration.core import commands as c
from orchestration.core import expressions
from orchestration.core.plan import Answer, Choice, Node, Question
from orchestration.core.question import ANSWER, CHOICES, Item, Shown
from orchestration.core.run import Conclude, Effect, Person, Prepare, PrepareQuestion
from orchestration.engines.live import LiveRun
from orchestration.errors import Invalid, TandemError

Preparable = Prepare | PrepareQuestion | Conclude
Settled = tuple[c.Command, dict[str, bytes]]  # with the context entries that it names


class InvalidArguments(Invalid):
    """What the plan gives a worker does not fit the worker's schema."""

    code = "invalid_arguments"


class Preparation:
    """Prepares the tasks of any run.

    Args:
        registry: Where workers are found.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def reads(self, live: LiveRun, effect: Effect) -> set[str]:
        """The context entries that preparing (or dispatching again) needs in memory."""
        tasks = live.run.tasks
        if isinstance(effect, Conclude):
            names = {
                path.split(".")[1]
                for path in expressions.references(msgspec.to_builtins(live.run.plan.answer))
                if path.startswith("tasks.")
            }
        elif isinstance(effect, Prepare):
            names = set(live.run.plan.tasks[effect.task].needs)
        else:
            names = set()
        return {tasks[name].entry for name in names if name in tasks}

    def prepare(self, live: LiveRun, effect: Preparable) -> c.Command:
        """The command that a due effect leads to; errors of the plan or its values become commands too."""
        match effect:
            case Conclude():
                try:
                    return self._conclude(live)
                except TandemError as error:
                    return c.FailRun(
                        code=error.code, message=f"The result is there, but the answer cannot be told: {error.message}"
                    )
            case PrepareQuestion(task=name):
                return self._failure(live, name)
            case Prepare(task=name):
                try:
                    return self._task(live, name, live.run.plan.tasks[name])
                except TandemError as error:
                    return c.FailAttempt(task=name, attempt=0, code=error.code, message=error.message)

    def arguments(self, live: LiveRun, name: str, worker: Worker) -> msgspec.Struct:
        """A task's arguments, evaluated and converted to what the worker takes.

        Raises:
            ExpressionError: A reference does not hold.
            InvalidArguments: The result does not fit.
        """
        given = expressions.resolve(live.run.plan.tasks[name].with_, live.scope())
        try:
            return msgspec.convert(given, worker.input_type)
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"{worker.capability.name} cannot take its arguments: {error}") from None

    def title(self, live: LiveRun, name: str) -> str:
        """What people call a task."""
        node = live.run.plan.tasks[name]
        capability = self._registry.capability(node.capability) if node.capability else None
        return node.title or (capability.title if capability else name)

    def _task(self, live: LiveRun, name: str, node: Node) -> c.Command:
        when = None
        if node.when:
            when = expressions.condition(node.when, live.scope())
            if not when:
                return c.SkipTask(task=name)
        if node.approval is not None:
            return self._decision(live, name, node.approval, when)
        worker = self._registry.pick(node.capability)
        arguments = self.arguments(live, name, worker)
        inputs = self._digest(live, node, worker)
        task = live.run.tasks[name]
        if worker.capability.effect == "write" and task.allowed != inputs:
            return self._write_gate(live, name, worker, arguments, inputs, when)
        live.arguments[name, task.attempt + 1] = arguments
        return c.StartTask(
            task=name,
            worker=worker.name,
            version=worker.version,
            inputs=inputs,
            timeout=timedelta(seconds=node.timeout_seconds) if node.timeout_seconds else worker.timeout,
            attempts=node.attempts or worker.attempts,
            when=when,
            dedupe=worker.capability.dedupe if worker.capability.effect == "write" else "",
            key=idempotency_key(live.run.run_id, name) if worker.capability.effect == "write" else "",
        )

    def _digest(self, live: LiveRun, node: Node, worker: Worker) -> str:
        """Digest of the arguments: who makes what of what the plan says, of which entries and parameters.

        Entries are named by their content, so that this stands for the values without coding them again.
        """
        entries = [live.run.tasks[need].entry for need in node.needs]
        about = [node.capability, worker.name, worker.version, node.with_, entries, live.params]
        return live.digest(msgspec.json.encode(about, order="deterministic"))

    def _write_gate(
        self, live: LiveRun, name: str, worker: Worker, arguments: msgspec.Struct, inputs: str, when: bool | None
    ) -> c.RequestApproval:
        assert worker.preview is not None
        preview = worker.preview(arguments)
        shown = Shown(
            kind="write",
            title=preview.title,
            on_behalf_of=live.run.initiator,
            facts=preview.facts,
            choices=CHOICES["write"],
        )
        return self._request(live, name, shown, [live.run.initiator], inputs=inputs, when=when)

    def _decision(self, live: LiveRun, name: str, asked: Question, when: bool | None) -> c.RequestApproval:
        scope = live.scope()
        try:
            approver = msgspec.convert(expressions.resolve(asked.approver, scope), Person)
            items = msgspec.convert(expressions.resolve(asked.items, scope) or [], list[Item])
            choices = msgspec.convert(expressions.resolve(msgspec.to_builtins(asked.choices), scope), list[Choice])
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"the question {asked.title!r} cannot be asked: {error}") from None
        if twice := [item for item, times in Counter(item.id for item in items).items() if times > 1]:
            raise InvalidArguments(f"the question {asked.title!r} has several items called {twice[0]!r}")
        shown = Shown(
            kind="decision",
            title=expressions.resolve_text(asked.title, scope),
            on_behalf_of=live.run.initiator,
            text=expressions.resolve_text(asked.text, scope),
            items=items,
            kinds=asked.kinds,
            choices=choices or CHOICES["decision"],
            default=asked.default,
        )
        answers = [ANSWER] if items else [choice.id for choice in shown.choices]
        return self._request(
            live, name, shown, [approver], choices=answers, not_initiator=asked.not_initiator, when=when
        )

    def _failure(self, live: LiveRun, name: str) -> c.RequestApproval:
        task = live.run.tasks[name]
        lost = [self.title(live, each) for each in self._lost_without(live, name)]
        shown = Shown(
            kind="failure",
            title=f"{self.title(live, name)}: this did not work",
            on_behalf_of=live.run.initiator,
            text=task.message,
            facts=[
                ("Tried", "once" if task.spent <= 1 else f"{task.spent} times"),
                ("Without it", f"these are left out too: {', '.join(lost)}" if lost else "everything else goes on"),
            ],
            choices=CHOICES["failure"],
        )
        return self._request(live, name, shown, [live.run.initiator])

    def doubt(self, live: LiveRun, name: str, why: str) -> Settled:
        """The question whether a write took place, when looking did not tell; changes nothing in `live`."""
        shown = Shown(
            kind="in_doubt",
            title=f"{self.title(live, name)}: was it done?",
            on_behalf_of=live.run.initiator,
            text=f"{why} Please look there yourself, then say which it is. Tandem does not try again on its own.",
            choices=CHOICES["in_doubt"],
        )
        body = msgspec.json.encode(shown)
        entry = live.digest(body)
        return _request(name, shown, [live.run.initiator], entry), {entry: body}

    def _request(
        self,
        live: LiveRun,
        name: str,
        shown: Shown,
        approvers: list[Person],
        *,
        choices: list[str] | None = None,
        inputs: str = "",
        not_initiator: bool = False,
        when: bool | None = None,
    ) -> c.RequestApproval:
        entry = live.keep(msgspec.json.encode(shown))
        asked = _request(name, shown, approvers, entry)
        return msgspec.structs.replace(
            asked, choices=choices or asked.choices, inputs=inputs, not_initiator=not_initiator, when=when
        )

    def _lost_without(self, live: LiveRun, name: str) -> list[str]:
        """Tasks that would be skipped if this one were."""
        lost, queue = {name}, [name]
        while queue:
            gone = queue.pop()
            for dependent in live.run.dependents[gone]:
                if dependent not in lost and gone not in live.run.plan.tasks[dependent].optional:
                    lost.add(dependent)
                    queue.append(dependent)
        return [each for each in live.run.plan.tasks if each in lost and each != name]

    def _conclude(self, live: LiveRun) -> c.ConcludeRun:
        asked, scope = live.run.plan.answer, live.scope()

        def told(text: str) -> str:
            return expressions.resolve_text(text, scope)

        facts = [(told(label), told(value)) for label, value in asked.facts]
        answer = Answer(text=told(asked.text), facts=facts, link=told(asked.link), link_title=told(asked.link_title))
        return c.ConcludeRun(answer=live.keep(msgspec.json.encode(answer)))


def _request(name: str, shown: Shown, approvers: list[Person], entry: str) -> c.RequestApproval:
    return c.RequestApproval(
        task=name,
        kind=shown.kind,
        title=shown.title,
        approvers=approvers,
        choices=[choice.id for choice in shown.choices],
        entry=entry,
    )


def idempotency_key(run_id: str, task: str) -> str:
    """The same for every attempt at the same effect of a run, and for no other."""
    return f"{run_id}.{task}"
