"""Microsoft Graph v1.0, as far as Tandem uses it: the front door; people and files are apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.authority import GRAPH_AUDIENCE
from connectors.sandbox.data import Person
from connectors.sandbox.drive import DriveError
from connectors.sandbox.graph_files import FilesApi
from connectors.sandbox.graph_people import PeopleApi
from connectors.sandbox.odata import ODataError
from connectors.sandbox.replies import GraphError
from connectors.sandbox.tokens import Mint, TokenRefused

PREFIX = "/graph/v1.0"


class Graph:
    """Serves /graph/v1.0/...; whatever it does, it does with the rights of the token's person."""

    def __init__(self, mint: Mint, people: PeopleApi, files: FilesApi) -> None:
        self._mint = mint
        self._people = people
        self._files = files

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds Graph's paths; Graph's own addressing (root:/path:/content) is not aiohttp's, so one route takes all."""
        router.add_route("*", PREFIX + "/{path:.*}", self.answer)
        router.add_get("/graph/download", self._files.download)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One Graph request."""
        ids = {"request-id": str(uuid.uuid4())}
        if "client-request-id" in request.headers:
            ids["client-request-id"] = request.headers["client-request-id"]
        try:
            response = await self._answer(request)
        except (GraphError, DriveError) as error:
            response = _error(error.status, error.code, str(error), ids)
        except ODataError as error:
            response = _error(400, "BadRequest", str(error), ids)
        except TokenRefused as error:
            response = _error(401, "InvalidAuthenticationToken", error.detail, ids)
            response.headers["WWW-Authenticate"] = 'Bearer realm="", error="invalid_token"'
        response.headers.update(ids)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        # Clients escape the colons and slashes of "root:/path:" or not; both mean the same.
        path = "/" + unquote(request.raw_path.partition("?")[0]).removeprefix(PREFIX).strip("/")
        response = await self._files.answer(request, path, person)
        if response is None:
            response = self._people.answer(request, path, person)
        if response is None:
            segment = path.strip("/").rpartition("/")[2]
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
        return response

    def _person(self, request: web.Request) -> Person:
        caller = self._mint.caller(request.headers.get("Authorization"), GRAPH_AUDIENCE)
        if caller.person is None:
            message = "Insufficient privileges to complete the operation: this is an app's own token, not a person's."
            raise GraphError(403, "Authorization_RequestDenied", message)
        acted(request, caller.person.key)
        return caller.person


def _error(status: int, code: str, message: str, ids: Mapping[str, str]) -> web.Response:
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", **ids}
    return web.json_response({"error": {"code": code, "message": message, "innerError": inner}}, status=status)
