"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from connectors.graph.client import SYSTEM, GraphSession, objects, texts
from orchestration.errors import InvalidContent

MOST_PAGES = 40


async def pages(
    session: GraphSession,
    path: str,
    *,
    what: str,
    query: Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
    most_pages: int = MOST_PAGES,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Each page of a list, fetched when it is asked for; at most `most_pages`.

    Raises:
        TandemError: As `connectors.http.failure` says.
        InvalidContent: The next page is said to be somewhere else than at this Graph; a token is not taken there.
    """
    body = await session.get(path, what=what, query=query, headers=headers)
    yield objects(body)
    for _ in range(most_pages - 1):
        following = texts(body, "@odata.nextLink")
        if not following:
            return
        if not following.startswith(f"{session.url}/"):
            raise InvalidContent(f"{SYSTEM} names a next page at another address when asked to {what}.")
        body = await session.get(following, what=what, headers=headers)
        yield objects(body)
