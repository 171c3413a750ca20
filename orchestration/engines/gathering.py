"""Begins groups and evaluates what they have come to."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestration.core import commands as c
from orchestration.core import expressions
from orchestration.core.grouping import LARGEST_COUNT
from orchestration.core.plan import ForEach, Node, Repeat
from orchestration.core.question import APPROVE
from orchestration.core.run import Gather
from orchestration.engines.live import LiveRun
from orchestration.engines.scopes import around, scope
from orchestration.errors import Invalid, TandemError


class InvalidItems(Invalid):
    """What a group is to go through is no list, or too long."""

    code = "invalid_items"


def opening(live: LiveRun, name: str, node: Node, when: bool | None) -> c.OpenGroup:
    """The command that begins a group.

    Raises:
        ExpressionError: Its items cannot be evaluated.
        InvalidItems: They are no list, or too many.
    """
    if node.for_each is None:
        return c.OpenGroup(task=name, when=when)
    items = expressions.resolve(node.for_each.items, scope(live, around(name)))
    if not isinstance(items, list):
        raise InvalidItems(f"for_each.items: {node.for_each.items} gives no list, so there is nothing to go through")
    if len(items) > LARGEST_COUNT:
        raise InvalidItems(f"for_each.items: {len(items):,} items are too many, at most {LARGEST_COUNT:,} can be")
    return c.OpenGroup(task=name, count=len(items), entry=live.keep(msgspec.json.encode(items)), when=when)


def gathering(live: LiveRun, effect: Gather) -> c.Command:
    """The command that ends a group, or a round of it.

    Raises:
        ExpressionError: A result or condition cannot be evaluated.
    """
    node = live.run.nodes[effect.task]
    if node.for_each is not None:
        return _items(live, effect.task, node.for_each)
    assert node.repeat is not None
    return _round(live, effect, node.repeat)


def _items(live: LiveRun, name: str, each: ForEach) -> c.Command:
    results: list[Any] = []
    failures: list[dict[str, Any]] = []
    count = live.run.groups[name].count
    for number in range(1, count + 1):
        prefix = f"{name}.{number}."
        if (failed := _failed(live, prefix, each.tasks)) is not None:
            failures.append({"index": number - 1, **failed})
            continue
        try:
            results.append(expressions.resolve(each.gives, scope(live, prefix)))
        except TandemError as error:
            if each.on_failure == "fail":
                raise
            failures.append({"index": number - 1, "code": error.code, "message": error.message})
    if failures and each.on_failure == "fail":  # a group around keeps going, so the run did not end of it
        said = f"{len(failures)} of {count} failed: {failures[0]['message']}"
        return c.FailAttempt(task=name, attempt=0, code=failures[0]["code"], message=said)
    body = msgspec.json.encode({"results": results, "failures": failures, "count": count})
    summary = f"{len(results)} of {count}" if failures else str(count)
    return c.CloseGroup(task=name, entry=live.keep(body), size_bytes=len(body), summary=summary)


def _round(live: LiveRun, effect: Gather, repeat: Repeat) -> c.Command:
    name, number = effect.task, effect.number
    prefix = f"{name}.{number}."
    if (failed := _failed(live, prefix, repeat.tasks)) is not None:
        return c.FailAttempt(task=name, attempt=0, code=failed["code"], message=failed["message"])
    seen = scope(live, prefix)
    result = expressions.resolve(repeat.gives, seen)
    met = all(_accepted(live, prefix + each) for each in repeat.accepted_by)
    if met and repeat.until:
        met = expressions.condition(repeat.until, seen)
    outputs = {
        stopped: live.keep(
            msgspec.json.encode(
                {"result": result, "rounds": number, "accepted": stopped == "accepted", "stopped": stopped}
            )
        )
        for stopped in (("accepted",) if met else ("stalled", "exhausted") if repeat.if_unmet == "keep" else ())
    }
    return c.EndRound(task=name, number=number, entry=live.keep(msgspec.json.encode(result)), met=met, outputs=outputs)


def _accepted(live: LiveRun, name: str) -> bool:
    task = live.run.tasks[name]
    approval = live.run.approvals.get(task.approval)
    return task.status == "succeeded" and approval is not None and approval.choice == APPROVE


def _failed(live: LiveRun, prefix: str, body: dict[str, Node]) -> dict[str, Any] | None:
    """Why an item or round has no result: its first task that failed."""
    for child in body:
        task = live.run.tasks[prefix + child]
        if task.status == "failed":
            return {"code": task.code, "message": task.message}
    return None
