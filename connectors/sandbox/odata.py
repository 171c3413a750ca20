"""OData query options over a table, for both versions: $filter, $select, $orderby, $top, $skip, $skiptoken."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import msgspec

from connectors.sandbox.tables import Kind, Row, Table, Value

Version = Literal[2, 4]
Predicate = Callable[[Row], bool]
_COMPARE = {name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")}
_TOKEN = re.compile(
    r"\s*(?:(?P<typed>(?:datetime|datetimeoffset|guid)'[^']*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<instant>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)"
    r"|(?P<number>-?\d+(?:\.\d+)?[MmDdFfLl]?)|(?P<word>[A-Za-z_][A-Za-z0-9_./]*)|(?P<mark>[(),]))"
)
# Dynamics writes a date as noon UTC, so that no time zone moves it to another day.
_NOON = time(12, tzinfo=UTC)
_MIDNIGHT = time(0, tzinfo=UTC)


class ODataError(Exception):
    """A query that cannot be answered; the text names the option and what is wrong with it."""


class Page(msgspec.Struct, frozen=True):
    """The rows of one answer, how many match in all, and where the next page begins."""

    rows: list[Row]
    count: int
    next_skip: int | None
    fields: tuple[str, ...]


def instant(value: date, version: Version) -> datetime:
    """A date as the version's services show it."""
    return datetime.combine(value, _MIDNIGHT if version == 2 else _NOON)


def run(
    table: Table, options: Mapping[str, str], version: Version, page_size: int, where: Predicate | None = None
) -> Page:
    """Answers a query.

    Args:
        table: The entity set.
        options: The query options by name.
        version: 2 or 4; they differ in literals and functions.
        page_size: How many rows the server gives at once.
        where: A condition that holds besides $filter, such as the company.

    Raises:
        ODataError: Names the option and what is wrong.
    """
    rows = table.rows if where is None else [row for row in table.rows if where(row)]
    if options.get("$filter"):
        matches = Filter(options["$filter"], table, version).predicate
        rows = [row for row in rows if matches(row)]
    for field, falling in reversed(_order(options.get("$orderby", ""), table)):
        rows = sorted(rows, key=lambda row, f=field: _sortable(row[f]), reverse=falling)  # type: ignore[misc]
    begin = _whole(options, "$skiptoken") or _whole(options, "$skip") or 0
    top = _whole(options, "$top")
    first = _whole(options, "$skip") or 0 if "$skiptoken" in options else begin
    end = len(rows) if top is None else min(len(rows), first + top)
    stop = min(end, begin + page_size)
    return Page(rows[begin:stop], len(rows), stop if stop < end else None, _selected(options.get("$select", ""), table))


def _whole(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise ODataError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _selected(text: str, table: Table) -> tuple[str, ...]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names:
        if name != "*" and name not in table.fields:
            raise ODataError(f"$select: {table.name} has no property {name!r}")
    return tuple(table.fields) if not names or "*" in names else tuple(names)


def _order(text: str, table: Table) -> list[tuple[str, bool]]:
    order = []
    for part in (part.split() for part in text.split(",") if part.strip()):
        if part[0] not in table.fields:
            raise ODataError(f"$orderby: {table.name} has no property {part[0]!r}")
        if len(part) > 2 or part[1:] not in ([], ["asc"], ["desc"]):
            raise ODataError(f"$orderby: expected 'asc' or 'desc' after {part[0]}, found {' '.join(part[1:])!r}")
        order.append((part[0], part[1:] == ["desc"]))
    return order


def _sortable(value: Value) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


class Filter:
    """A $filter expression, checked against the table's fields and compiled to a predicate.

    Takes comparisons of a field with a literal, and, or, not, parentheses, startswith, endswith, and substringof (V2)
    or contains (V4).
    """

    def __init__(self, text: str, table: Table, version: Version) -> None:
        self._table = table
        self._version = version
        self._tokens = self._cut(text)
        self._at = 0
        self.predicate = self._either()
        if self._at < len(self._tokens):
            raise self._unexpected("the end")

    def _cut(self, text: str) -> list[tuple[str, str, int]]:
        tokens, at = [], 0
        while at < len(text) and text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise ODataError(f"$filter: cannot read {text[at:][:20]!r} at position {at + 1}")
            kind = str(found.lastgroup)
            tokens.append((kind, found[kind], found.start(kind) + 1))
            at = found.end()
        return tokens

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end", 0)

    def _take(self) -> tuple[str, str, int]:
        token = self._peek()
        self._at += 1
        return token

    def _unexpected(self, wanted: str) -> ODataError:
        kind, text, at = self._peek()
        found = "it ends" if kind == "end" else f"there is {text!r} at position {at}"
        return ODataError(f"$filter: expected {wanted}, but {found}")

    def _expect(self, mark: str) -> None:
        if self._peek()[:2] != ("mark", mark):
            raise self._unexpected(repr(mark))
        self._at += 1

    def _either(self) -> Predicate:
        left = self._both()
        while self._peek()[:2] == ("word", "or"):
            self._at += 1
            left = _or(left, self._both())
        return left

    def _both(self) -> Predicate:
        left = self._one()
        while self._peek()[:2] == ("word", "and"):
            self._at += 1
            left = _and(left, self._one())
        return left

    def _one(self) -> Predicate:
        kind, text, _ = self._peek()
        if (kind, text) == ("word", "not"):
            self._at += 1
            inner = self._one()
            return lambda row: not inner(row)
        if (kind, text) == ("mark", "("):
            self._at += 1
            inner = self._either()
            self._expect(")")
            return inner
        if kind != "word":
            raise self._unexpected("a property or a function")
        self._at += 1
        if self._peek()[:2] == ("mark", "("):
            return self._function(text)
        field = self._field(text)
        return self._comparison(field)

    def _field(self, name: str) -> str:
        if name not in self._table.fields:
            raise ODataError(f"$filter: {self._table.name} has no property {name!r}")
        if name in self._table.not_filterable:
            raise ODataError(f"$filter: the property {name!r} cannot be filtered")
        return name

    def _comparison(self, field: str) -> Predicate:
        kind, name, _ = self._peek()
        if kind != "word" or name not in _COMPARE:
            raise self._unexpected(f"one of {', '.join(_COMPARE)} after {field}")
        self._at += 1
        wanted = self._literal(field)
        version = self._version

        def matches(row: Row) -> bool:
            value: Any = row[field]
            if isinstance(value, date) and not isinstance(value, datetime):
                value = instant(value, version)
            if value is None or wanted is None:
                return {"eq": value is wanted, "ne": value is not wanted}.get(name, False)
            return bool(_COMPARE[name](value, wanted))

        return matches

    def _literal(self, field: str) -> Any:
        kind, text, at = self._take()
        expected: Kind = self._table.fields[field]
        if (kind, text) == ("word", "null"):
            return None
        if expected == "string" and kind == "string":
            return text[1:-1].replace("''", "'")
        if expected in ("decimal", "integer") and kind == "number":
            return Decimal(text.rstrip("MmDdFfLl"))
        if expected == "boolean" and (kind, text) in (("word", "true"), ("word", "false")):
            return text == "true"
        written = "datetime'2026-10-01T00:00:00'" if self._version == 2 else "2026-10-01T00:00:00Z"
        if expected == "date" and (kind == "typed" if self._version == 2 else kind == "instant"):
            bare = re.sub(r"^[a-z]+'|'$", "", text)
            try:
                found = datetime.fromisoformat(bare)
            except ValueError:
                raise ODataError(f"$filter: {text} at position {at} is not a date; write {written}") from None
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        names = {"string": "text in single quotes", "date": f"a date like {written}", "boolean": "true or false"}
        self._at -= 1
        raise self._unexpected(f"{names.get(expected, 'a number')} to compare {field} with")

    def _function(self, name: str) -> Predicate:
        known = ("startswith", "endswith", "substringof" if self._version == 2 else "contains")
        if name not in known:
            raise ODataError(f"$filter: there is no function {name!r}; there are {', '.join(known)}")
        self._expect("(")
        first = self._take()
        self._expect(",")
        second = self._take()
        self._expect(")")
        field_token, text_token = (second, first) if name == "substringof" else (first, second)
        if field_token[0] != "word" or text_token[0] != "string":
            order = "'text', Property" if name == "substringof" else "Property, 'text'"
            raise ODataError(f"$filter: {name} takes ({order})")
        field = self._field(field_token[1])
        if self._table.fields[field] != "string":
            raise ODataError(f"$filter: {name} needs text, and {field!r} is {self._table.fields[field]}")
        part = text_token[1][1:-1].replace("''", "'").casefold()
        test = {"startswith": str.startswith, "endswith": str.endswith}.get(name, str.__contains__)
        predicate: Predicate = lambda row: test(str(row[field]).casefold(), part)  # noqa: E731
        if self._version == 2 and self._peek()[:2] == ("word", "eq"):
            self._at += 1
            if self._take()[:2] != ("word", "true"):
                self._at -= 1
                raise self._unexpected("true")
        return predicate


def _or(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) or right(row)


def _and(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) and right(row)
