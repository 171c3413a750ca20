"""Whom and which places a plan names: in which arguments, by which texts, and read from where."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from orchestration.core.expressions import ExpressionError, condition_references, pieces
from orchestration.core.plan import Node, Plan
from orchestration.planning.bounds import STRING

# Arguments that say who gets something, is let in, is looked up, or whose things are read; at any depth.
WHO = frozenset(
    {
        "to", "cc", "bcc", "recipient", "recipients", "person", "people", "who", "whom", "user", "users", "upn",
        "email", "emails", "address", "addresses", "group", "groups", "member", "members", "owner", "owners",
        "approver", "approvers", "attendee", "attendees", "invitee", "invitees", "participant", "participants",
        "guest", "guests", "contact", "contacts", "mailbox", "chat", "chats", "team", "teams", "channel", "channels",
    }
)  # fmt: skip
# And those that say where a write puts something.
WHERE = frozenset({"site", "sites"})

_PATH = r"(?:tasks|params|run|for_each)(?:\.\w+|\[\d+\])*"
_COMPARED = re.compile(rf"(?P<text>{STRING.pattern})|{_PATH}\s*[=!]=\s*(?:null\b|{STRING.pattern})")


def named_by(plan: Plan) -> Iterator[str]:
    """Whom and which places a plan names literally: what was agreed when it was shown, or vetted as a playbook."""
    for node in all_nodes(plan.tasks):
        values = [value for _, value in naming(node.with_, WHO | WHERE)]
        if node.approval is not None:
            values += [node.approval.approver, node.approval.approvers, node.approval.escalate_to]
        yield from literals(values)
        yield from (
            str(plan.params[read.split(".")[1]])
            for read in reads(values)
            if read.startswith("params.") and read.split(".")[1] in plan.params
        )


def without_comparisons(expression: str) -> str:
    """The expression but for what it only compares: that decides which of several are meant, and names nobody."""
    return _COMPARED.sub(lambda found: found["text"] or "true", expression)


def reads(values: Any) -> set[str]:
    """What the expressions of a nested value read, but for what they only compare."""
    return {
        read
        for text in strings(values)
        for is_expression, piece in pieces_of(text)
        if is_expression
        for read in condition_references(without_comparisons(piece))
    }


def naming(value: Any, names: Collection[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every argument, at any depth, whose name says that it names somebody, with its path."""
    if isinstance(value, dict):
        for name, each in value.items():
            here = f"{path}.{name}" if path else str(name)
            if str(name).casefold() in names:
                yield here, each
            else:
                yield from naming(each, names, here)
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from naming(each, names, f"{path}[{place}]")


def all_nodes(tasks: Mapping[str, Node]) -> Iterator[Node]:
    """Tasks and those inside groups."""
    for node in tasks.values():
        yield node
        yield from all_nodes(node.body)


def strings(value: Any) -> Iterator[str]:
    """Every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def pieces_of(text: str) -> tuple[tuple[bool, str], ...]:
    """`expressions.pieces`, and nothing for a text that cannot be read."""
    try:
        return pieces(text)
    except ExpressionError:  # told where the plan is judged
        return ()


def literals(value: Any) -> Iterator[str]:
    """What the texts of a nested value say by themselves, in expressions too."""
    for text in strings(value):
        for is_expression, piece in pieces_of(text):
            if is_expression:
                yield from (found[1:-1] for found in STRING.findall(piece))
            else:
                yield piece
