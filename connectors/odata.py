"""Reading lists from OData services, as SAP (version 2) and Dynamics (version 4) offer them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from connectors.http import clipped, failure, open_client, origin, send
from connectors.identity.bearer import Bearer
from connectors.identity.challenge import challenge
from orchestration.errors import Invalid, InvalidContent, Refused

MOST_PAGES = 1_000


def month(text: str) -> tuple[date, date]:
    """The first day of a month and of the next one.

    Raises:
        Invalid: The text is not `YYYY-MM`.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d{2}", text):
            raise ValueError(text)
        first = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Invalid(f"{clipped(text, 40)!r} is not a month: write it like 2026-10.") from error
    return first, (first + timedelta(days=32)).replace(day=1)


def quoted(text: str) -> str:
    """A string literal of an OData filter."""
    return "'" + text.replace("'", "''") + "'"


class ODataReader:
    """Reads JSON from one system as one person after another.

    Retries are not made here: the engine makes them, and records each.
    """

    def __init__(self, system: str, url: str, *, timeout_seconds: float) -> None:
        self.system = system
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._client = open_client(url, timeout_seconds=timeout_seconds)

    async def get(self, url: str, bearer: Bearer, *, what: str, params: dict[str, str] | None = None) -> Any:
        """The JSON at `url`, numbers as exact decimals.

        Raises:
            TandemError: As `send` and `failure` say.
            InvalidContent: The answer is not JSON.
        """
        while True:
            headers = {"Authorization": f"Bearer {await bearer.token()}", "Accept": "application/json"}
            request = functools.partial(self._client.get, url, params=params, headers=headers)
            response = await send(request, system=self.system, timeout_seconds=self._timeout_seconds)
            if response.status_code != 401:
                break
            if not await bearer.satisfy(challenge(response.headers)) and not bearer.renew():
                break
        if not response.is_success:
            raise failure(response, system=self.system, what=what)
        try:
            return json.loads(response.content, parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            kind = clipped(response.headers.get("Content-Type", "no content type"), 60)
            message = (
                f"{self.system} answered with something else than JSON ({kind}): check its address in the settings."
            )
            raise InvalidContent(message) from error

    async def pages(
        self, url: str, bearer: Bearer, *, what: str, params: dict[str, str], following: Callable[[Any], str | None]
    ) -> AsyncIterator[Any]:
        """Every page of a list.

        Args:
            url: Of the first page.
            bearer: Whose token.
            what: For messages, as in `failure`.
            params: Query of the first page; the links to the others hold their own.
            following: Where a page says that the next one is, if it says so.

        Raises:
            Refused: A link leads to another host (the person's token must not go there), or the list does not end.
        """
        page, visited = await self.get(url, bearer, what=what, params=params), {url}
        yield page
        while link := following(page):
            url = _joined(url, link)
            if origin(url) != origin(self.url):
                message = f"{self.system} says that its list goes on at another address ({clipped(url, 80)})"
                raise Refused(f"{message}: not followed.")
            if url in visited or len(visited) >= MOST_PAGES:
                raise Refused(f"{self.system} does not come to an end with its list ({len(visited)} pages): given up.")
            visited.add(url)
            page = await self.get(url, bearer, what=what)
            yield page

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _joined(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return link


def _no_number(constant: str) -> Decimal:
    raise ValueError(f"{constant} is not a number")
