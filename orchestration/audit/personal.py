"""Which parts of an event are about people or in their words; everything else is its public skeleton.

A name means the same in every event. What is classified here is frozen with the first event that has it: moving a name
to the other side would break every chain that was written before (ADR 0014).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

PERSONAL = frozenset(
    {
        "plan", "goal", "initiator", "origin", "by", "to", "approvers", "escalate_to", "delegates", "receipt",
        "comment", "text", "title", "summary", "message", "sources", "note", "part", "EntryRetracted.reason",
    }
)  # fmt: skip
PUBLIC = frozenset(
    {
        "run_id", "task", "tasks", "groups", "writes", "worker", "version", "capability", "approval", "notice", "of",
        "entry", "inputs", "reads", "shown", "answer", "scope", "key", "dedupe", "revises", "code", "choice", "choices",
        "via",
    }
)  # fmt: skip

# Of a plan: its shape is public, whatever people or models wrote into it is not.
PLAN_PUBLIC = frozenset(
    {
        "tasks", "capability", "approval", "for_each", "repeat", "fallback", "needs", "optional", "on_failure",
        "attempts", "timeout_seconds", "not_initiator", "may_skip", "quorum", "due_hours", "remind_hours", "on_expiry",
        "revises", "watches", "at_once", "accepted_by", "at_most", "if_unmet", "playbook", "deadline_hours",
    }
)  # fmt: skip
PLAN_PERSONAL = frozenset(
    {
        "title", "params", "answer", "with", "when", "approver", "approver_title", "text", "items", "kinds", "choices",
        "default", "approvers", "working", "escalate_to", "delegates", "why", "gives", "until",
    }
)  # fmt: skip
_NODES = frozenset({"for_each", "repeat", "fallback", "approval"})
_COMMON = tuple(sorted(name for name in PERSONAL if "." not in name))

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@cache
def personal_of(type_: str) -> tuple[str, ...]:
    """The names of the fields that are personal in an event of this type, if it has them."""
    return (*_COMMON, *(name.partition(".")[2] for name in sorted(PERSONAL) if name.startswith(f"{type_}.")))


@cache
def _marks(type_: str) -> tuple[bytes, ...]:
    """What JSON holds wherever one of these fields is there; only those that the type has, so that looking is quick."""
    from orchestration.core import events

    struct = getattr(events, type_, None)
    names = personal_of(type_)
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        names = tuple(name for name in names if name in struct.__struct_fields__)
    return tuple(f'"{name}":'.encode() for name in names)


def parts(type_: str, body: bytes) -> tuple[bytes, bytes]:
    """An event's public skeleton and its personal part, which is empty where there is none.

    Raises:
        msgspec.DecodeError: The body may have a personal part and is no JSON object.
    """
    for mark in _marks(type_):
        if mark in body:
            break
    else:
        return body, b""
    value = _decode(body)
    if not isinstance(value, dict):
        raise msgspec.DecodeError("the body is no JSON object")
    personal = {name: value.pop(name) for name in personal_of(type_) if name in value}
    if not personal:
        return body, b""
    if "plan" in personal:
        value["plan"] = _shape(personal["plan"])
    return _encode(value), _encode(personal)


def _shape(node: Any) -> Any:
    """What of a plan, or of a part of it, is public."""
    if not isinstance(node, dict):
        return None
    shape = {}
    for name, value in node.items():
        if name in _NODES:
            shape[name] = value if isinstance(value, str) else _shape(value)
        elif name == "tasks" and isinstance(value, dict):
            shape[name] = {task: _shape(each) for task, each in value.items()}
        elif name in PLAN_PUBLIC:
            shape[name] = value
    return shape
