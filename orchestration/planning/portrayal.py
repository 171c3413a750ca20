"""Plans in the shape of answers: how a model is shown an open run, and a playbook as an example."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orchestration.core.expressions import ExpressionError, pieces
from orchestration.core.plan import Node, Plan, Question
from orchestration.planning.answer import Answer, Asking, Ending, Fact, Option, Step, Value
from orchestration.planning.compiler import fill, tasks_read
from orchestration.planning.playbook import Playbook

_PARAMETER = re.compile(r"(?<![\w.])params\.(\w+)")
_SAMPLES = {"month": "2026-10", "text": "Megan Bowen", "number": "3", "person": "Megan Bowen <megan@contoso.com>"}


def portrayed(plan: Plan) -> Answer:
    """An open run's plan as an answer that would keep it, each task told as far as answers can tell it.

    A task that an answer cannot make again, such as a group of several tasks, is of kind `keep`.
    """
    return Answer(
        outcome="plan",
        playbook=plan.playbook.partition("@")[0],
        parameters=[Value(name, str(value)) for name, value in plan.params.items()],
        title=plan.title,
        tasks=[
            _step(name, node) or Step(name=name, kind="keep", title=_titled(node)) for name, node in plan.tasks.items()
        ],
        answer=_ending(plan),
    )


def sampled(playbook: Playbook) -> dict[str, str]:
    """A value for each parameter: its default, or one that anybody might give."""
    return {
        name: parameter.default or (parameter.choices[0].id if parameter.choices else _SAMPLES[parameter.type])
        for name, parameter in playbook.params.items()
    }


def example(playbook: Playbook) -> Answer | None:
    """A playbook as the plan that would be made had there been no playbook for it; None if answers cannot tell it."""
    texts = sampled(playbook)
    plan = _inlined(fill(playbook, texts))
    steps = [_step(name, node) for name, node in plan.tasks.items()]
    made = [step for step in steps if step is not None]
    if len(made) < len(steps):
        return None
    return Answer(outcome="plan", title=plan.title, tasks=made, answer=_ending(plan))


def _step(name: str, node: Node) -> Step | None:
    """A task as a step that says all of it; None if there is no such step."""
    if node.repeat or node.fallback or node.watches or node.attempts or node.timeout_seconds:
        return None
    read = tasks_read(node)
    common: dict[str, Any] = {
        "name": name,
        "title": node.title,
        "needs": [each for each in node.needs if each not in read and each not in node.optional],
        "optional": node.optional,
        "when": node.when,
        "on_failure": node.on_failure,
    }
    if node.approval is not None:
        asking = _asking(node.approval)
        return None if asking is None else Step(kind="question", question=asking, **common)
    if node.for_each is not None:
        return _group(node, common)
    return Step(kind="capability", capability=node.capability, arguments=_arguments(node.with_), **common)


def _group(node: Node, common: dict[str, Any]) -> Step | None:
    """A group of one task whose result is that task's."""
    group = node.for_each
    if group is None or len(group.tasks) != 1 or (node.when and next(iter(group.tasks.values())).when):
        return None
    ((name, inner),) = group.tasks.items()
    if not inner.capability or group.gives != f"${{tasks.{name}}}" or _step(name, inner) is None:
        return None
    told = {**common, "title": node.title or inner.title, "when": node.when or inner.when}
    told["on_failure"] = "skip" if group.on_failure == "keep" else node.on_failure
    if group.on_failure == "keep" and node.on_failure != "fail":
        return None
    return Step(
        kind="capability",
        capability=inner.capability,
        arguments=_arguments(inner.with_),
        for_each=group.items,
        **told,
    )


def _asking(question: Question) -> Asking | None:
    plain = Question(
        approver=question.approver,
        approver_title=question.approver_title,
        title=question.title,
        text=question.text,
        choices=question.choices,
    )
    if plain != question:
        return None
    return Asking(
        approver=question.approver,
        title=question.title,
        text=question.text,
        choices=[Option(each.id, each.title) for each in question.choices],
    )


def _arguments(with_: Mapping[str, Any]) -> list[Value]:
    return [
        Value(name, each if isinstance(each, str) else msgspec.json.encode(each).decode())
        for name, each in with_.items()
    ]


def _ending(plan: Plan) -> Ending:
    facts = [Fact(label, value) for label, value in plan.answer.facts]
    return Ending(text=plan.answer.text, facts=facts, link=plan.answer.link)


def _titled(node: Node) -> str:
    return node.title or (node.approval.title if node.approval and "${" not in node.approval.title else "")


def _inlined(plan: Plan) -> Plan:
    """The plan without parameters: their values stand where they were read."""
    plain: dict[str, Any] = _without(msgspec.to_builtins(plan), plan.params)
    return msgspec.structs.replace(msgspec.convert(plain, Plan), params={})


def _without(value: Any, params: Mapping[str, Any], *, bare: bool = False) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, params, bare=name == "when") for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without(each, params) for each in value]
    if not isinstance(value, str):
        return value
    if bare:
        return _quoted(value, params)
    try:
        cut = pieces(value)
    except ExpressionError:
        return value
    if len(cut) == 1 and cut[0][0] and (found := _PARAMETER.fullmatch(cut[0][1])):
        return params.get(found[1], "")
    return "".join(_piece(piece, params) if is_expression else piece for is_expression, piece in cut)


def _piece(expression: str, params: Mapping[str, Any]) -> str:
    if found := _PARAMETER.fullmatch(expression):
        return str(params.get(found[1], ""))
    return f"${{{_quoted(expression, params)}}}"


def _quoted(expression: str, params: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda found: _literal(params.get(found[1], "")), expression)


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else f"'{value}'"
