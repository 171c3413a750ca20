"""How Graph words its answers: errors, collections page by page, and $select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from connectors.sandbox.odata import ODataError

MAX_PAGE_ROWS = 999


class GraphError(Exception):
    """A refusal in Graph's shape."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def check_options(options: Mapping[str, str], allowed: set[str]) -> None:
    """Refuses query options that would silently be ignored.

    Raises:
        ODataError: Names the option.
    """
    for name in options:
        if name.startswith("$") and name not in allowed:
            raise ODataError(f"The query option '{name}' is not supported here.")


def page_rows(options: Mapping[str, str], usual: int) -> int:
    """How many entries one page has; in Graph, $top is the size of a page."""
    text = options.get("$top")
    if text is None:
        return usual
    if not text.isdigit() or not 1 <= int(text) <= MAX_PAGE_ROWS:
        raise ODataError(f"Invalid page size specified: '{text}'. Must be between 1 and {MAX_PAGE_ROWS} inclusive.")
    return int(text)


def collection(
    context: str, entries: Sequence[Any], url: str, options: Mapping[str, str], usual: int
) -> dict[str, Any]:
    """A page of `entries`, with a link to the next."""
    token = options.get("$skiptoken", "0")
    if not token.isdigit():
        raise ODataError("The $skiptoken is not one of ours.")
    begin, size = int(token), page_rows(options, usual)
    answer: dict[str, Any] = {"@odata.context": context}
    if options.get("$count", "false").lower() == "true":
        answer["@odata.count"] = len(entries)
    if begin + size < len(entries):
        answer["@odata.nextLink"] = f"{url}?{urlencode({**options, '$skiptoken': str(begin + size)})}"
    answer["value"] = entries[begin : begin + size]
    return answer


def selected(entity: dict[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """The entity with what $select asks for; annotations and the id always stay."""
    names = {name.strip() for name in options.get("$select", "").split(",") if name.strip()}
    if not names:
        return entity
    unknown = names - set(entity)
    if unknown:
        raise ODataError(f"Could not find a property named '{min(unknown)}'.")
    return {name: value for name, value in entity.items() if name in names or name == "id" or name.startswith("@")}
