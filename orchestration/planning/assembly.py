"""From a model's answer to a plan: a playbook filled in, tasks made of steps, an open run's plan changed.

Nothing is judged here but whether the answer can be made a plan at all; see `problems` and `restraint` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import ExpressionError, expressions
from orchestration.core.plan import Answer as Ending
from orchestration.core.plan import Choice, ForEach, Node, Plan, Question
from orchestration.errors import InvalidPlan
from orchestration.planning.answer import Answer, Asking, Step, Value
from orchestration.planning.bounds import bounds_problems, expression_problems
from orchestration.planning.compiler import fill, with_needs
from orchestration.planning.draft import OpenRun
from orchestration.planning.months import Month
from orchestration.planning.parameters import Reading, missing
from orchestration.planning.playbook import NUMBER, Playbook
from orchestration.planning.schemas import Shape
from orchestration.validation.text import clean

_DEEPEST_JSON = 12


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that an answer stands for, not judged yet.

    Attributes:
        plan: With explicit needs.
        run: The open run that it changes; None for a new one.
        fresh: Those of its tasks that the model has written; the others are a playbook's, or the changed run's.
        said: Parameters whose values the model has given.
    """

    plan: Plan
    run: OpenRun | None = None
    fresh: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()


class Lacking(msgspec.Struct, frozen=True):
    """A playbook lacks a parameter; this is its own question for it."""

    question: str
    choices: list[str]


class Assembler:
    """Makes plans of answers.

    Args:
        registry: What this deployment can do; arguments are typed by it.
        playbooks: By name.
        today: The initiator's day.
        runs: The open runs that may be changed, by handle.
    """

    def __init__(
        self, registry: Registry, playbooks: Mapping[str, Playbook], today: date, runs: Mapping[str, OpenRun]
    ) -> None:
        self._registry, self._playbooks, self._today, self._runs = registry, playbooks, today, runs

    def assemble(self, answer: Answer) -> Proposal | Lacking:
        """The plan of an answer whose outcome is `playbook`, `plan` or `change`.

        Raises:
            InvalidPlan: Every reason why no plan can be made of it, for the model.
        """
        if answer.outcome == "change":
            return self._change(answer)
        if answer.outcome == "playbook":
            return self._playbook(answer)
        if not answer.tasks:
            raise InvalidPlan(["tasks: there is no task"])
        lacking = [f"{field}: must not be empty" for field, text in _required(answer) if not text.strip()]
        steps, ending = self._steps(answer, {}), _ending(answer)
        if lacking:
            raise InvalidPlan(lacking)
        plan = with_needs(Plan(title=clean(answer.title, 120), tasks=steps, answer=ending))
        return Proposal(plan=plan, fresh=frozenset(plan.tasks))

    def _playbook(self, answer: Answer) -> Proposal | Lacking:
        playbook = self._playbooks.get(answer.playbook)
        if playbook is None:
            raise InvalidPlan([f"playbook: there is no {answer.playbook!r}; there are {_listed(self._playbooks)}"])
        return self._filled(playbook, _values(answer.parameters), {})

    def _filled(self, playbook: Playbook, given: dict[str, str], before: dict[str, str]) -> Proposal | Lacking:
        values, wrong = dict(before), list[str]()
        for name, text in given.items():
            parameter = playbook.params.get(name)
            if parameter is None:
                wrong.append(f"parameters: {playbook.name} has no {name!r}; it has {_listed(playbook.params)}")
            elif not text.strip():
                values.pop(name, None)
            elif (accepted := parameter.accepts(text)) is None:
                wanted = f": one of {', '.join(each.id for each in parameter.choices)}" if parameter.choices else ""
                wrong.append(f"parameters.{name}: {clean(text, 60)!r} is not a {parameter.type}{wanted}")
            else:
                values[name] = accepted
        wrong += bounds_problems("parameters", given)
        if wrong:
            raise InvalidPlan(wrong)
        if asked := missing(playbook, Reading(values, {}), self._today):
            return Lacking(asked.question, [title for _, title in asked.choices])
        said = frozenset(name for name in given if name in values and values[name] != before.get(name))
        return Proposal(plan=fill(playbook, values), said=said)

    def _change(self, answer: Answer) -> Proposal | Lacking:
        run = self._runs.get(answer.run)
        if run is None:
            there = f"there are {_listed(self._runs)}" if self._runs else "no run can be changed: answer with a plan"
            raise InvalidPlan([f"run: there is no run {answer.run!r}; {there}"])
        whole = all(step.kind == "keep" for step in answer.tasks) and {s.name for s in answer.tasks} >= set(
            run.plan.tasks
        )
        if not answer.tasks or (whole and not answer.answer.text):
            changed = self._with_parameters(run, answer)
        else:
            changed = self._with_tasks(run, answer)
        if isinstance(changed, Lacking):
            return changed
        if _bare(changed.plan) == _bare(run.plan):
            raise InvalidPlan(["this changes nothing: the run's plan is so already"])
        return msgspec.structs.replace(changed, run=run)

    def _with_parameters(self, run: OpenRun, answer: Answer) -> Proposal | Lacking:
        given = _values(answer.parameters)
        name = run.plan.playbook.partition("@")[0]
        if answer.playbook and answer.playbook != name:
            raise InvalidPlan([f"playbook: run {run.handle} does not follow {answer.playbook!r}"])
        if (playbook := self._playbooks.get(name)) is not None:
            return self._filled(playbook, given, texts_of(run.plan, playbook))
        params = _changed_params(run.plan, given)
        plan = msgspec.structs.replace(run.plan, params=params)
        return Proposal(plan=plan, said=frozenset(given))

    def _with_tasks(self, run: OpenRun, answer: Answer) -> Proposal:
        given = _values(answer.parameters)
        params = _changed_params(run.plan, given)
        tasks = self._steps(answer, run.plan.tasks)
        ending = _ending(answer) if answer.answer.text.strip() else run.plan.answer
        plan = msgspec.structs.replace(
            run.plan,
            title=clean(answer.title, 120) or run.plan.title,
            params=params,
            tasks=tasks,
            answer=ending,
            playbook="",
        )
        plan = with_needs(plan)
        fresh = frozenset(name for name, node in plan.tasks.items() if run.plan.tasks.get(name) != node)
        kept = {step.name for step in answer.tasks if step.kind == "keep"}
        return Proposal(plan=plan, fresh=fresh - kept, said=frozenset(given))

    def _steps(self, answer: Answer, kept: Mapping[str, Node]) -> dict[str, Node]:
        """The nodes of an answer's steps, in their order.

        Raises:
            InvalidPlan: Names every step that makes no node.
        """
        wrong: list[str] = []
        names = [step.name for step in answer.tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        wrong += [f"tasks: there are two called {clean(name, 60)!r}" for name in twice]
        tasks: dict[str, Node] = {}
        for step in answer.tasks:
            path = f"tasks.{clean(step.name, 60)}"
            if step.kind != "keep":
                tasks[step.name] = self._node(path, step, set(names), wrong)
            elif (node := kept.get(step.name)) is not None:
                tasks[step.name] = _trimmed(node, set(names))
            else:
                wrong.append(f"{path}: keep names a task of the changed run, and it has no such task")
        wrong += bounds_problems("title", answer.title)
        wrong += bounds_problems("answer", msgspec.to_builtins(answer.answer))
        if wrong:
            raise InvalidPlan(wrong)
        return tasks

    def _node(self, path: str, step: Step, names: set[str], wrong: list[str]) -> Node:
        common: dict[str, Any] = {"title": self._title(step), "on_failure": step.on_failure}
        needs = list(dict.fromkeys([*step.needs, *step.optional]))
        around: dict[str, Any] = {"needs": needs, "optional": list(dict.fromkeys(step.optional)), "when": step.when}
        wrong += bounds_problems(f"{path}.title", step.title)
        wrong += expression_problems(f"{path}.when", step.when)
        if step.kind == "question":
            if step.question is None:
                wrong.append(f"{path}.question: a step of kind question needs one")
            if step.for_each:
                wrong.append(f"{path}.for_each: a person is asked once, not for every item")
            asking = step.question or Asking()
            wrong += bounds_problems(f"{path}.question", msgspec.to_builtins(asking))
            return Node(approval=_question(asking), **common, **around)
        if step.question is not None:
            wrong.append(f"{path}.question: belongs to a step of kind question; null here")
        with_ = self._arguments(path, step, wrong)
        if not step.for_each.strip():
            return Node(capability=step.capability, with_=with_, **common, **around)
        wrong += bounds_problems(f"{path}.for_each", step.for_each)
        return _for_each(step, with_, names, common, around)

    def _title(self, step: Step) -> str:
        """The step's own title; a write's begins with what it does, so that none is taken for a read."""
        title = clean(step.title, 120)
        capability = self._registry.capability(step.capability) if step.kind == "capability" else None
        if capability is None or capability.effect == "read" or title.startswith(capability.title):
            return title
        return f"{capability.title}: {title}" if title else ""

    def _arguments(self, path: str, step: Step, wrong: list[str]) -> dict[str, Any]:
        """The arguments, typed by the capability's schema as far as it is known."""
        capability = self._registry.capability(step.capability)
        fields = Shape(capability.input_schema).fields() if capability else None
        properties, required = (fields[0], fields[1]) if fields else ({}, [])
        found: dict[str, Any] = {}
        for value in step.arguments:
            here = f"{path}.arguments.{clean(value.name, 60)}"
            shape = properties.get(value.name, Shape({}))
            if value.name in found:
                wrong.append(f"{here}: is there twice")
            elif not value.value.strip() and value.name not in required and "string" not in shape.kinds():
                continue  # said to be left out
            else:
                try:
                    found[value.name] = _typed(value.value, shape)
                except ValueError as error:
                    wrong.append(f"{here}: {error}")
        wrong += bounds_problems(f"{path}.arguments", found)
        return found


def texts_of(plan: Plan, playbook: Playbook) -> dict[str, str]:
    """The texts of the parameters with which a playbook's plan was filled in."""
    texts = {name: str(value) for name, value in plan.params.items() if name in playbook.params}
    return {name: text for name, text in texts.items() if playbook.params[name].accepts(text) == text}


def _typed(text: str, shape: Shape) -> Any:
    """The value that a text stands for where this is wanted.

    Raises:
        ValueError: It is none such; says why.
    """
    kinds = shape.kinds()
    if is_expression(text) or "string" in kinds:
        return text.strip() if is_expression(text) else text
    if not kinds and not text.lstrip().startswith(("[", "{")):
        return text
    items = shape.items()
    if items is not None and "string" in items.kinds() and not text.lstrip().startswith("["):
        return [text]
    try:
        value = msgspec.json.decode(text)
        if _depth(value) > _DEEPEST_JSON:
            raise ValueError("it is nested too deeply")
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        wanted = " or ".join(sorted(kinds - {"null"})) or "a value"
        raise ValueError(f"must be JSON ({wanted}), or one expression: {error}") from None
    return value


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inside), default=0)


def is_expression(text: str) -> bool:
    """Whether a text is one `${expression}` and nothing else."""
    text = text.strip()
    try:
        found = expressions(text)
    except ExpressionError:
        return False
    return len(found) == 1 and text.startswith("${") and text[2:-1].strip() == found[0]


def _for_each(
    step: Step, with_: dict[str, Any], names: set[str], common: dict[str, Any], around: dict[str, Any]
) -> Node:
    """The task for every item; a condition that reads the item is the item's, any other the whole's."""
    own = "for_each" in step.when
    inner = _free(f"{step.name[:34]}_each", names)
    body = Node(capability=step.capability, with_=with_, title=common["title"], when=step.when if own else "")
    group = ForEach(
        items=step.for_each.strip() if is_expression(step.for_each) else f"${{{step.for_each.strip()}}}",
        tasks={inner: body},
        gives=f"${{tasks.{inner}}}",
        on_failure="keep" if step.on_failure == "skip" else "fail",
    )
    kept: dict[str, Any] = {"when": ""} if own else {}
    return Node(for_each=group, **common, **{**around, **kept})


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _question(asking: Asking) -> Question:
    approver = asking.approver.strip() or "initiator"
    known = {"initiator": "You", "${run.initiator}": "You", "manager(initiator)": "Your manager"}
    return Question(
        approver=approver,
        approver_title=known.get(approver, ""),
        title=clean(asking.title, 240),
        text=asking.text,
        choices=[Choice(each.id, clean(each.title, 120)) for each in asking.choices],
    )


def _trimmed(node: Node, names: set[str]) -> Node:
    """A task that stays, without what it needs only in order to come after a task that goes."""
    return msgspec.structs.replace(
        node,
        needs=[each for each in node.needs if each in names],
        optional=[each for each in node.optional if each in names],
        watches=[each for each in node.watches if each in names],
    )


def _ending(answer: Answer) -> Ending:
    ending = answer.answer
    return Ending(text=ending.text, facts=[(fact.label, fact.value) for fact in ending.facts], link=ending.link)


def _required(answer: Answer) -> Iterator[tuple[str, str]]:
    yield "title", answer.title
    yield "answer.text", answer.answer.text


def _values(given: list[Value]) -> dict[str, str]:
    return {value.name: value.value for value in given}


def _changed_params(plan: Plan, given: dict[str, str]) -> dict[str, Any]:
    """A plan's parameters with these instead, of the same kinds.

    Raises:
        InvalidPlan: There is no such parameter, or a value is of another kind.
    """
    found, wrong = dict(plan.params), [*bounds_problems("parameters", given)]
    for name, text in given.items():
        if name not in found:
            wrong.append(f"parameters: the run has no {name!r}; it has {_listed(found)}")
            continue
        old, text = found[name], " ".join(text.split())
        if isinstance(old, int | float) and not isinstance(old, bool):
            if NUMBER.fullmatch(text):
                found[name] = float(text) if "." in text else int(text)
            else:
                wrong.append(f"parameters.{name}: {clean(text, 60)!r} is not a number")
        elif isinstance(old, str) and Month.exact(old) and not Month.exact(text):
            wrong.append(f"parameters.{name}: {clean(text, 60)!r} is not a month such as 2026-10")
        else:
            found[name] = text
    if wrong:
        raise InvalidPlan(wrong)
    return found


def _bare(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, model="", planned_in="")


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(names) or "none"
