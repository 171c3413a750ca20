"""From a model's answer to a plan: a playbook filled in, tasks made of steps, an open run's plan changed.

Nothing is judged here but whether the answer can be made a plan at all; see `problems` and `restraint` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.plan import Answer as Ending
from orchestration.core.plan import Node, Plan
from orchestration.errors import InvalidPlan
from orchestration.planning.answer import LONGEST_TITLE, Answer, Value
from orchestration.planning.bounds import bounds_problems
from orchestration.planning.compiler import fill, with_needs
from orchestration.planning.draft import OpenRun
from orchestration.planning.months import Month
from orchestration.planning.parameters import Reading, missing
from orchestration.planning.playbook import NUMBER, Playbook
from orchestration.planning.steps import Stepping
from orchestration.validation.text import clean


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
        self._stepping = Stepping(registry)
        self._playbooks, self._today, self._runs = playbooks, today, runs

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
        if lacking := [f"{field}: must not be empty" for field, text in _required(answer) if not text.strip()]:
            raise InvalidPlan(lacking)
        tasks, ending = self._stepping.nodes(answer.tasks, {}), _ending(answer)
        plan = with_needs(Plan(title=clean(answer.title, LONGEST_TITLE), tasks=tasks, answer=ending))
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
        kept = {step.name for step in answer.tasks if step.kind == "keep"}
        untouched = len(kept) == len(answer.tasks) and kept >= run.plan.tasks.keys() and not answer.answer.text
        only_parameters = untouched or not answer.tasks
        changed = self._with_parameters(run, answer) if only_parameters else self._with_tasks(run, answer)
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

    def _with_tasks(self, run: OpenRun, answer: Answer) -> Proposal | Lacking:
        given = _values(answer.parameters)
        params = _changed_params(run.plan, given)
        tasks = self._stepping.nodes(answer.tasks, run.plan.tasks)
        before = run.plan.answer
        ending = _ending(answer, before.link_title) if answer.answer.text.strip() else before
        plan = msgspec.structs.replace(
            run.plan,
            title=clean(answer.title, LONGEST_TITLE) or run.plan.title,
            params=params,
            tasks=tasks,
            answer=ending,
            playbook="",
        )
        plan = with_needs(plan)
        same = {name: _as_before(node, run.plan.tasks.get(name)) for name, node in plan.tasks.items()}
        if same == run.plan.tasks and ending == before and given:
            return self._with_parameters(run, answer)
        plan = msgspec.structs.replace(plan, tasks=same)
        fresh = frozenset(name for name, node in plan.tasks.items() if run.plan.tasks.get(name) != node)
        kept = {step.name for step in answer.tasks if step.kind == "keep"}
        return Proposal(plan=plan, fresh=fresh - kept, said=frozenset(given))


def _as_before(node: Node, old: Node | None) -> Node:
    """The task as it was, if a model has only repeated it: it is told without what the plan is not run by."""
    if old is None:
        return node
    told: dict[str, Any] = {"title": old.title}
    if node.approval is not None and old.approval is not None:
        told["approval"] = msgspec.structs.replace(node.approval, approver_title=old.approval.approver_title)
    if set(node.needs) == set(old.needs):
        told["needs"] = old.needs
    return old if msgspec.structs.replace(node, **told) == old else node


def texts_of(plan: Plan, playbook: Playbook) -> dict[str, str]:
    """The texts of the parameters with which a playbook's plan was filled in."""
    texts = {name: str(value) for name, value in plan.params.items() if name in playbook.params}
    return {name: text for name, text in texts.items() if playbook.params[name].accepts(text) == text}


def _ending(answer: Answer, link_title: str = "Open") -> Ending:
    """The end of an answer.

    Raises:
        InvalidPlan: What stands there is too large, or hides something.
    """
    ending = answer.answer
    told = {"title": answer.title, "answer": msgspec.to_builtins(ending)}
    if wrong := [problem for path, text in told.items() for problem in bounds_problems(path, text)]:
        raise InvalidPlan(wrong)
    facts = [(fact.label, fact.value) for fact in ending.facts]
    return Ending(text=ending.text, facts=facts, link=ending.link, link_title=link_title)


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
        old, said = found[name], " ".join(text.split())
        if isinstance(old, int | float):
            if NUMBER.fullmatch(said):
                found[name] = float(said) if "." in said else int(said)
            else:
                wrong.append(f"parameters.{name}: {clean(said, 60)!r} is not a number")
        elif isinstance(old, str) and Month.exact(old) and not Month.exact(said):
            wrong.append(f"parameters.{name}: {clean(said, 60)!r} is not a month such as 2026-10")
        else:
            found[name] = said
    if wrong:
        raise InvalidPlan(wrong)
    return found


def _bare(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, model="", planned_in="")


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(names) or "none"
