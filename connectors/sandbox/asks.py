"""One request to Graph, whether it came alone or as a part of a batch."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from connectors.sandbox.data import Person
from connectors.sandbox.replies import GraphError


class Ask:
    """What somebody asks of Graph: with the rights of `person`, at `path` below /v1.0."""

    def __init__(
        self,
        person: Person,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: CIMultiDict[str] | CIMultiDictProxy[str],
        read: Callable[[], Awaitable[bytes]],
        content_length: int | None = None,
    ) -> None:
        self.person = person
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.read = read
        self.content_length = content_length

    @classmethod
    def of_request(cls, request: web.Request, path: str, person: Person) -> Ask:
        """The request as it came over HTTP."""
        return cls(person, request.method, path, request.query, request.headers, request.read, request.content_length)

    async def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object; an absent body is an empty one.

        Raises:
            GraphError: It is something else.
        """
        raw = await self.read()
        try:
            body = json.loads(raw) if raw.strip() else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload: it must be a JSON object.")
        return body

    def prefers(self, name: str) -> str | None:
        """What a `Prefer` header says about `name`, without quotes."""
        for header in self.headers.getall("Prefer", []):
            for part in header.split(","):
                key, _, value = part.strip().partition("=")
                if key.strip().casefold() == name.casefold():
                    return value.strip().strip('"')
        return None


def not_served(ask: Ask) -> GraphError:
    """The refusal of a method that this address does not take."""
    return GraphError(405, "methodNotAllowed", f"{ask.method} is not served on this address.")
