"""Microsoft Graph v1.0, as far as Tandem uses it: the front door; people, files, mail and so on are apart."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.asks import Ask
from connectors.sandbox.authority import GRAPH_AUDIENCE
from connectors.sandbox.batch import batch
from connectors.sandbox.data import Person
from connectors.sandbox.drive import DriveError
from connectors.sandbox.faults import Faults, cut, error_body
from connectors.sandbox.graph_calendar import CalendarApi
from connectors.sandbox.graph_chats import ChatsApi
from connectors.sandbox.graph_files import FilesApi
from connectors.sandbox.graph_mail import MailApi
from connectors.sandbox.graph_people import PeopleApi
from connectors.sandbox.graph_sharing import SharingApi
from connectors.sandbox.hurdles import CONTEXT, Hurdles
from connectors.sandbox.odata import ODataError
from connectors.sandbox.replies import GraphError
from connectors.sandbox.throttle import MAILBOX_PATH
from connectors.sandbox.tokens import Mint, TokenRefused
from connectors.sandbox.upload_sessions import UploadSessions

PREFIX = "/graph/v1.0"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"


_MAILBOX = re.compile(r"/(?:me|users/(?P<user>[^/]+))/(?P<rest>.+)")


class _Challenge(Exception):
    """The token is good, but not good enough; `claims` says what another one must have."""

    def __init__(self, message: str, claims: str) -> None:
        super().__init__(message)
        self.claims = claims


class Graph:
    """Serves /graph/v1.0/...; whatever it does, it does with the rights of the token's person."""

    def __init__(
        self,
        mint: Mint,
        faults: Faults,
        hurdles: Hurdles,
        *,
        people: PeopleApi,
        files: FilesApi,
        sharing: SharingApi,
        mail: MailApi,
        calendar: CalendarApi,
        chats: ChatsApi,
        sessions: UploadSessions,
    ) -> None:
        self._mint = mint
        self._faults = faults
        self._hurdles = hurdles
        self._people = people
        self._files = files
        self._sharing = sharing
        self._mail = mail
        self._calendar = calendar
        self._chats = chats
        self._sessions = sessions

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds Graph's paths; Graph's own addressing (root:/path:/content) is not aiohttp's, so one route takes all."""
        router.add_route("*", PREFIX + "/{path:.*}", self.answer)
        router.add_get("/graph/download", self._files.download)
        self._sessions.register(router)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One Graph request, or a batch of them."""
        ids = {"request-id": str(uuid.uuid4())}
        if "client-request-id" in request.headers:
            ids["client-request-id"] = request.headers["client-request-id"]

        async def safely(answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
            try:
                return await answer
            except (GraphError, DriveError) as error:
                return _error(error.status, error.code, str(error), ids)
            except ODataError as error:
                return _error(400, "BadRequest", str(error), ids)
            except TokenRefused as error:
                response = _error(401, "InvalidAuthenticationToken", error.detail, ids)
                response.headers["WWW-Authenticate"] = 'Bearer realm="", error="invalid_token"'
                return response
            except _Challenge as error:
                response = _error(401, "InvalidAuthenticationToken", str(error), ids)
                wanted = base64.b64encode(error.claims.encode()).decode()
                response.headers["WWW-Authenticate"] = (
                    f'Bearer realm="", authorization_uri="{self._mint.issuer}/authorize", client_id="{GRAPH_APP}", '
                    f'error="insufficient_claims", claims="{wanted}"'
                )
                return response

        async def whole() -> web.StreamResponse:
            person = self._person(request)
            # Clients escape the colons and slashes of "root:/path:" or not; both mean the same.
            path = "/" + unquote(request.raw_path.partition("?")[0]).removeprefix(PREFIX).strip("/")
            ask = Ask.of_request(request, path, person)
            if path == "/$batch" and request.method == "POST":
                return await batch(ask, lambda part: safely(self._part(part, request)))
            return await self._answer(ask)

        response = await safely(whole())
        response.headers.update(ids)
        return response

    async def _part(self, ask: Ask, request: web.Request) -> web.StreamResponse:
        """One request of a batch; faults hit it as if it had come alone."""
        fault = self._faults.current("graph", ask.method, ask.path)
        if fault is not None and fault.path:  # one of all Graph has hit the batch itself
            if fault.times is not None:
                fault.times -= 1
            if fault.status is not None:
                headers = fault.headers(self._faults.left_seconds(fault))
                return web.json_response(error_body("graph", fault.status), status=fault.status, headers=headers)
            if fault.drop:
                response = await self._answer(ask)
                cut(request)
                return response
        return await self._answer(ask)

    async def _answer(self, ask: Ask) -> web.StreamResponse:
        path, person = ask.path, ask.person
        response = await self._files.answer(ask, path, person)
        if response is None and path == "/security/dataSecurityAndGovernance/sensitivityLabels":
            response = self._sharing.security_labels(ask)
        if response is None:
            response = await self._chats.answer(ask, path, person)
        if response is None and (found := _MAILBOX.fullmatch(path)):
            response = await self._in_mailbox(ask, found["user"], found["rest"])
        if response is None:
            response = self._people.answer(ask, path, person)
        if response is None:
            segment = path.strip("/").rpartition("/")[2]
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
        return response

    async def _in_mailbox(self, ask: Ask, user: str | None, rest: str) -> web.StreamResponse | None:
        if MAILBOX_PATH.match(f"{PREFIX}{ask.path}") is None:
            return None
        owner = ask.person if user is None else self._mint.tenant.person_by_name(user)
        if owner is None:
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
        if owner.key != ask.person.key and not rest.endswith("getSchedule"):
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        response = await self._mail.answer(ask, rest, owner)
        return response if response is not None else await self._calendar.answer(ask, rest, ask.person)

    def _person(self, request: web.Request) -> Person:
        caller = self._mint.caller(request.headers.get("Authorization"), GRAPH_AUDIENCE)
        if caller.person is None:
            message = "Insufficient privileges to complete the operation: this is an app's own token, not a person's."
            raise GraphError(403, "Authorization_RequestDenied", message)
        acted(request, caller.person.key)
        newer = self._hurdles.find("challenge", caller.person.key, "graph")
        if newer and caller.claims.get("cae") != newer.id:
            raise _Challenge("Continuous access evaluation resulted in challenge.", newer.demand)
        higher = self._hurdles.find("step-up", caller.person.key, "graph")
        if higher and CONTEXT not in (caller.claims.get("acrs") or []):
            raise _Challenge("The token does not have the authentication context that is required.", higher.demand)
        return caller.person


def _error(status: int, code: str, message: str, ids: Mapping[str, str]) -> web.Response:
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", **ids}
    return web.json_response({"error": {"code": code, "message": message, "innerError": inner}}, status=status)
