"""A plan for the eyes of the person whose goal it is for: what each step does, and whom it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.expressions import ExpressionError, pieces
from orchestration.core.plan import Node, Plan, Question
from orchestration.planning.naming import WHERE, WHO, naming

_PARAMETER = "params."


Effect = Literal["read", "write", "compute", "ask"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan.

    Attributes:
        effect: What it does outside; `ask`: it asks a person.
        what: The capability's own title, whatever the plan calls the step; empty for a question.
        system: The outside system that it reaches; empty for none.
        title: What the plan calls it. A model may have written that.
        names: People, groups, mailboxes and places that it names literally; not those that only the run finds out.
        each: It is done for every item of a list.
        instead: Title of what is done once it has failed.
    """

    effect: Effect
    what: str
    system: str
    title: str
    names: list[str] = []
    each: bool = False
    instead: str = ""


def described(plan: Plan, registry: Registry) -> list[Line]:
    """The steps of a plan in its order, those inside groups one by one."""
    return list(_lines(plan.tasks, plan.params, registry, each=False))


def writes(plan: Plan, registry: Registry) -> bool:
    """Whether any task of a plan would write, a fallback's among them."""
    return any(line.effect == "write" for line in described(plan, registry))


def _lines(tasks: Mapping[str, Node], params: Mapping[str, Any], registry: Registry, *, each: bool) -> Iterator[Line]:
    for name, node in tasks.items():
        if node.body:
            yield from _lines(node.body, params, registry, each=True)
        elif node.approval is not None:
            yield _question(node, node.approval, params, each=each)
        else:
            yield _use(name, node, params, registry, each=each)


def _use(name: str, node: Node, params: Mapping[str, Any], registry: Registry, *, each: bool) -> Line:
    used = registry.capability(node.capability)
    instead = registry.capability(node.fallback.capability) if node.fallback else None
    effect: Effect = "compute" if used is not None and not used.system else "read"
    if any(known is not None and known.effect == "write" for known in (used, instead)):
        effect = "write"
    return Line(
        effect=effect,
        what=used.title if used else node.capability,
        system=used.system if used else "",
        # A write's title says what it does before it says what a model calls it; here both have their own place.
        title=node.title.removeprefix(f"{used.title}: ") if used else node.title or name,
        names=_names([node.with_, node.fallback.with_ if node.fallback else {}], params),
        each=each,
        instead=instead.title if instead else "",
    )


def _question(node: Node, asked: Question, params: Mapping[str, Any], *, each: bool) -> Line:
    named = [asked.approver_title] if asked.approver_title else []
    for text in (asked.approver, asked.approvers):
        named += _literals(text, params)
    return Line(effect="ask", what="", system="", title=node.title or asked.title, names=_once(named), each=each)


def _names(arguments: list[dict[str, Any]], params: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for each in arguments:
        for _, value in naming(each, WHO | WHERE):
            found += _literals(value, params)
    return _once(found)


def _once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name.strip()))


def _literals(value: Any, params: Mapping[str, Any]) -> list[str]:
    """The texts of a value as far as they are known before the run: its own words, and parameters."""
    if isinstance(value, dict):
        return [text for inside in value.values() for text in _literals(inside, params)]
    if isinstance(value, list | tuple):
        return [text for inside in value for text in _literals(inside, params)]
    if not isinstance(value, str):
        return []
    try:
        parts = pieces(value)
    except ExpressionError:  # told where the plan is judged
        return [value]
    known = [_known(text, params) if is_expression else text for is_expression, text in parts]
    whole = [text for text in known if text is not None]
    return ["".join(whole)] if len(whole) == len(known) else []


def _known(expression: str, params: Mapping[str, Any]) -> str | None:
    name = expression.strip().removeprefix(_PARAMETER)
    return str(params[name]) if expression.strip().startswith(_PARAMETER) and name in params else None
