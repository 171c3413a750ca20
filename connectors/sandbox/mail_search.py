"""Finding mail: $filter, $search and $orderby, with Outlook's rules about which of them go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from connectors.sandbox.messages import Address, Message
from connectors.sandbox.odata import Filter
from connectors.sandbox.replies import GraphError
from connectors.sandbox.tables import Kind, Table

_FIELDS: dict[str, Kind] = {
    "subject": "string",
    "isRead": "boolean",
    "isDraft": "boolean",
    "hasAttachments": "boolean",
    "importance": "string",
    "receivedDateTime": "date",
    "sentDateTime": "date",
    "createdDateTime": "date",
    "lastModifiedDateTime": "date",
    "internetMessageId": "string",
    "conversationId": "string",
    "from/emailAddress/address": "string",
    "from/emailAddress/name": "string",
    "sender/emailAddress/address": "string",
}
_PROPERTY = re.compile(
    r"singleValueExtendedProperties/any\(\s*(?P<v>\w+)\s*:\s*(?P=v)/id eq '(?P<id>[^']+)'"
    r"(?:\s+and\s+(?P=v)/value eq '(?P<value>(?:[^']|'')*)')?\s*\)",
    re.IGNORECASE,
)
_CATEGORY = re.compile(r"categories/any\(\s*(?P<v>\w+)\s*:\s*(?P=v) eq '(?P<value>(?:[^']|'')*)'\s*\)", re.IGNORECASE)
_TERM = re.compile(r'(?:(?P<field>[A-Za-z]+)(?P<op>:|>=|<=|>|<|=))?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"()]+))')
_EDGES = re.compile(r"[()]")


def find(messages: list[Message], options: Mapping[str, str]) -> list[Message]:
    """The messages that the query options ask for, in the order they ask for.

    Raises:
        ODataError: A $filter or $orderby that cannot be read.
        GraphError: Options that Outlook does not take together.
    """
    searched, filtered = options.get("$search"), options.get("$filter")
    if searched is not None and (filtered or options.get("$orderby")):
        other = "$filter" if filtered else "$orderby"
        raise GraphError(400, "SearchWithFilter", f"The query parameter '{other}' is not supported with '$search'.")
    if searched is not None:
        matches = _search(searched)
        return sorted((m for m in messages if matches(m)), key=lambda m: m.sent, reverse=True)
    if filtered:
        accepts = _filter(filtered)
        messages = [m for m in messages if accepts(m)]
    field, _, direction = options.get("$orderby", "receivedDateTime desc").partition(" ")
    if filtered and "$orderby" in options and field not in filtered:
        raise GraphError(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
    if field not in _FIELDS or direction.strip() not in ("", "asc", "desc"):
        raise GraphError(400, "RequestBroker--ParseUri", f"Could not find a property named '{field}' to sort by.")
    return sorted(messages, key=lambda m: (_row(m)[field], m.id), reverse=direction.strip() == "desc")


def _row(message: Message) -> dict[str, Any]:
    return {
        "subject": message.subject,
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "hasAttachments": any(not each.inline for each in message.attachments),
        "importance": message.importance,
        "receivedDateTime": message.sent,
        "sentDateTime": message.sent,
        "createdDateTime": message.created,
        "lastModifiedDateTime": message.sent,
        "internetMessageId": message.internet_id,
        "conversationId": message.conversation,
        "from/emailAddress/address": message.sender.address,
        "from/emailAddress/name": message.sender.name,
        "sender/emailAddress/address": message.sender.address,
    }


def _filter(text: str) -> Callable[[Message], bool]:
    """A $filter; what asks about parts of a collection becomes a made-up property of its own."""
    extras: list[Callable[[Message], bool]] = []

    def by_property(found: re.Match[str]) -> str:
        wanted, value = found["id"].casefold(), found["value"]

        def has(message: Message) -> bool:
            own = {name.casefold(): text for name, text in message.properties.items()}
            return wanted in own and (value is None or own[wanted] == value.replace("''", "'"))

        extras.append(has)
        return f"_part{len(extras) - 1} eq true"

    def by_category(found: re.Match[str]) -> str:
        value = found["value"].replace("''", "'")
        extras.append(lambda message: value in message.categories)
        return f"_part{len(extras) - 1} eq true"

    plain = _CATEGORY.sub(by_category, _PROPERTY.sub(by_property, text))
    fields: dict[str, Kind] = {**_FIELDS, **{f"_part{i}": "boolean" for i in range(len(extras))}}
    predicate = Filter(plain, Table("message", "", ("id",), fields, frozenset(), []), 4).predicate
    return lambda message: predicate({**_row(message), **{f"_part{i}": e(message) for i, e in enumerate(extras)}})


def _search(text: str) -> Callable[[Message], bool]:
    """A $search in Outlook's keyword language: words, "phrases", property:value, OR, NOT; words are joined by AND."""
    bare = text.strip()
    if bare.startswith('"') and bare.endswith('"') and len(bare) > 1:
        bare = bare[1:-1].replace('\\"', '"')
    if not bare.strip():
        raise GraphError(400, "ErrorInvalidUrlQuery", "The $search clause is empty.")
    groups: list[list[Callable[[Message], bool]]] = [[]]
    negate = False
    for found in _TERM.finditer(_EDGES.sub(" ", bare)):
        word = found["word"]
        if not found["field"] and word in ("AND", "OR", "NOT"):
            if word == "OR":
                groups.append([])
            negate = word == "NOT"
            continue
        term = _term(found["field"], found["op"], found["phrase"] if found["phrase"] is not None else word)
        groups[-1].append((lambda m, t=term: not t(m)) if negate else term)  # type: ignore[misc]
        negate = False
    return lambda message: any(group and all(term(message) for term in group) for group in groups)


def _term(field: str | None, op: str | None, value: str) -> Callable[[Message], bool]:
    wanted = value.casefold().rstrip("*")
    if field is None:
        return lambda m: wanted in _everything(m)
    name = field.casefold()
    if name in ("received", "sent"):
        return _dated(op or ":", value)
    if name == "hasattachments":
        return lambda m: bool(m.attachments) == (wanted in ("true", "yes"))
    parts: dict[str, Callable[[Message], str]] = {
        "subject": lambda m: m.subject,
        "body": lambda m: m.body,
        "from": lambda m: _names([m.sender]),
        "to": lambda m: _names(m.to),
        "cc": lambda m: _names(m.cc),
        "bcc": lambda m: _names(m.bcc),
        "recipients": lambda m: _names(m.everybody),
        "participants": lambda m: _names([m.sender, *m.everybody]),
        "attachment": lambda m: " ".join(each.name for each in m.attachments),
        "importance": lambda m: m.importance,
    }
    if name not in parts:
        raise GraphError(400, "ErrorInvalidUrlQuery", f"Syntax error: '{field}' is no property that can be searched.")
    return lambda m: wanted in parts[name](m).casefold()


def _dated(op: str, value: str) -> Callable[[Message], bool]:
    first, _, last = value.partition("..")
    try:
        begin, end = _day(first), _day(last or first)
    except ValueError:
        raise GraphError(400, "ErrorInvalidUrlQuery", f"Syntax error: {value!r} is not a date.") from None
    return {
        ">=": lambda m: m.sent.date() >= begin,
        ">": lambda m: m.sent.date() > begin,
        "<=": lambda m: m.sent.date() <= begin,
        "<": lambda m: m.sent.date() < begin,
    }.get(op, lambda m: begin <= m.sent.date() <= end)


def _day(text: str) -> date:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).date() if "T" in text else date.fromisoformat(text)
    except ValueError:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC).date()


def _names(addresses: list[Address]) -> str:
    return " ".join(f"{each.name} {each.address}" for each in addresses)


def _everything(message: Message) -> str:
    names = _names([message.sender, *message.everybody])
    attached = " ".join(each.name for each in message.attachments)
    return f"{message.subject} {message.body} {names} {attached}".casefold()
