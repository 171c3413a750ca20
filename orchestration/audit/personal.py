"""Which parts of an event are about people or in their words; everything else is its public skeleton.

A name means the same in every event. What is classified here is frozen with the first event that has it: moving a name
to the other side would break every chain that was written before (ADR 0014).
"""

from __future__ import annotations

from functools import cache

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
        "via", "usage", "removed",
    }
)  # fmt: skip

_COMMON = tuple(sorted(name for name in PERSONAL if "." not in name))

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode  # what is inside of fields stays as it is


@cache
def personal_of(type_: str) -> tuple[str, ...]:
    """The names of the fields that are personal in an event of this type, if it has them."""
    return (*_COMMON, *(name.partition(".")[2] for name in sorted(PERSONAL) if name.startswith(f"{type_}.")))


@cache
def _marks(type_: str) -> tuple[tuple[str, bytes], ...]:
    """The personal fields that a type has, each with what JSON holds wherever it is there, so that looking is quick."""
    from orchestration.core import events

    struct = getattr(events, type_, None)
    names = personal_of(type_)
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        names = tuple(name for name in names if name in struct.__struct_fields__)
    return tuple((name, f'"{name}":'.encode()) for name in names)


def parts(type_: str, body: bytes) -> tuple[bytes, bytes]:
    """An event's public skeleton and its personal part, which is empty where there is none.

    Raises:
        msgspec.DecodeError: The body may have a personal part and is no JSON object.
    """
    for _, mark in _marks(type_):
        if mark in body:
            break
    else:
        return body, b""
    value = _decode(body)
    personal = {name: value.pop(name) for name, _ in _marks(type_) if name in value}
    return (_encode(value), _encode(personal)) if personal else (body, b"")
