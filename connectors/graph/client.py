"""Microsoft Graph through msgraph-sdk: its request builders, and answers as plain JSON.

The SDK's own models are left aside: turning JSON into them costs some forty times the request. Statuses are
therefore checked here. The SDK's retries are left out too: the engine retries, and records each attempt.

Mail, calendars and chats are asked for by path, through the same SDK: their builders would import some hundred
modules of models that nobody uses.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx
import msgspec

from connectors.graph.mailbox import MailboxGate, mailbox_of
from connectors.http import failure, open_client, send
from connectors.identity import Bearer, Identity
from orchestration.core.run import Person
from orchestration.errors import Invalid, InvalidContent, Refused, TandemError

if TYPE_CHECKING:
    from msgraph import GraphServiceClient

SYSTEM = "Microsoft 365"
POOLS = 16
_USED = (
    "graph_service_client",
    "generated.drives.drives_request_builder",
    "generated.drives.item.drive_item_request_builder",
    "generated.drives.item.items.items_request_builder",
    "generated.drives.item.items.item.drive_item_item_request_builder",
    "generated.drives.item.items.item.content.content_request_builder",
    "generated.drives.item.root.root_request_builder",
    "generated.sites.sites_request_builder",
    "generated.sites.item.site_item_request_builder",
    "generated.sites.item.drive.drive_request_builder",
    "generated.users.users_request_builder",
    "generated.users.item.user_item_request_builder",
    "generated.models.o_data_errors.o_data_error",
    "generated.models.drive",
    "generated.models.drive_item",
    "generated.models.site",
    "generated.models.site_collection_response",
    "generated.models.user",
    "generated.models.user_collection_response",
)


@dataclass(frozen=True, kw_only=True)
class GraphSettings:
    """Where Microsoft Graph is.

    Attributes:
        url: With its version.
        scope: What tokens are asked for.
        timeout_seconds: Longest wait for one answer, an upload included.
    """

    url: str = "https://graph.microsoft.com/v1.0"
    scope: str = "https://graph.microsoft.com/.default"
    timeout_seconds: float = 30.0


class GraphClient:
    """One client for everybody; each request names the person as whom it goes.

    Constructing it imports msgraph-sdk, about a third of a second.
    """

    def __init__(self, settings: GraphSettings, identity: Identity) -> None:
        self.settings = settings
        self._identity = identity
        self._http = open_client(settings.url, timeout_seconds=settings.timeout_seconds, pools=POOLS)
        self.sdk = _service(settings.url.rstrip("/"), self._http)
        self._gate = MailboxGate()

    def acting_as(self, person: Person) -> GraphSession:
        """Requests as this person, for the length of one attempt."""
        bearer = self._identity.bearer(person, self.settings.scope)
        return GraphSession(self.sdk, self.settings, bearer, person, self._gate)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class GraphSession:
    """Sends requests as one person."""

    def __init__(
        self, sdk: GraphServiceClient, settings: GraphSettings, bearer: Bearer, person: Person, gate: MailboxGate
    ) -> None:
        self.sdk = sdk
        self.url = settings.url.rstrip("/")
        self.person = person
        self.gate = gate
        self._settings = settings
        self._bearer = bearer

    async def request(
        self, builder_call: Callable[..., Awaitable[Any]], *, query: Any = None, write: bool = False
    ) -> httpx.Response:
        """The answer to a request, whatever its status.

        Args:
            builder_call: A request builder's method, such as `sdk.me.get`, with all but `request_configuration` bound.
            query: The builder's own query parameters.
            write: The request changes something.

        Raises:
            SignInNeeded: The person's sign-in does not suffice.
            Unavailable, OutcomeUnknown: As `connectors.http.send` says.
        """
        from kiota_abstractions.base_request_configuration import RequestConfiguration

        async def once() -> Any:
            configuration = RequestConfiguration(options=self._options(), query_parameters=query)
            return await builder_call(request_configuration=configuration)

        return await self._answer(once, write)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        write: bool = False,
        mailbox: str | None = None,
        share: int = 1,
    ) -> httpx.Response:
        """The answer to a request by path, whatever its status; into one mailbox go at most four at a time.

        Args:
            method: Of HTTP.
            path: Such as `/me/messages`, its variable parts quoted; or a whole address below this Graph's own.
            query: Parameters, `$select` and the like.
            body: Sent as JSON.
            headers: Besides the token.
            write: The request changes something.
            mailbox: Whose it is, where the path does not tell.
            share: How many of the mailbox's four places the request takes.

        Raises:
            TandemError: As in `request`.
        """
        from kiota_abstractions.method import Method
        from kiota_abstractions.request_information import RequestInformation

        url = path if path.startswith(f"{self.url}/") else f"{self.url}{path}"
        if not {".", ".."}.isdisjoint(url.partition("?")[0].split("/")):
            raise Invalid("A name or id of '.' or '..' leads to something else than it says: it is not asked for.")
        if query:
            url += "?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        content = None if body is None else msgspec.json.encode(body)

        async def once() -> Any:
            request = RequestInformation(Method(method))
            request.url = url
            request.add_request_options(self._options())
            request.headers.add("Accept", "application/json")
            for name, value in (headers or {}).items():
                request.headers.add(name, value)
            if content is not None:
                request.set_stream_content(content, "application/json")
            return await self.sdk.request_adapter.send_primitive_async(request, "bytes", {})

        whose = mailbox_of(url.removeprefix(self.url), self.person) if mailbox is None else mailbox
        async with self.gate.into(whose, share):
            return await self._answer(once, write)

    def _options(self) -> list[Any]:
        from kiota_abstractions.native_response_handler import NativeResponseHandler
        from kiota_http.middleware.options import ResponseHandlerOption

        from connectors.graph.delegated import ActingFor

        return [ResponseHandlerOption(NativeResponseHandler()), ActingFor(self._bearer)]

    async def _answer(self, once: Callable[[], Awaitable[Any]], write: bool) -> httpx.Response:
        from kiota_http._exceptions import KiotaHTTPXError

        async def native() -> httpx.Response:
            try:
                # The native handler passes on httpx's own response, whatever the SDK's types say.
                return cast("httpx.Response", await once())
            except Exception as error:
                # Kiota has a class for endless redirections, and a bare Exception for those that it does not follow.
                if not isinstance(error, KiotaHTTPXError) and type(error) is not Exception:
                    raise
                raise Refused(f"{SYSTEM} redirects to where Tandem does not follow.") from error

        while True:
            response = await send(native, system=SYSTEM, timeout_seconds=self._settings.timeout_seconds, write=write)
            if response.status_code != 401 or not self._bearer.renew():
                return response

    async def get(
        self,
        path: str,
        *,
        what: str,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object at a path; its errors are those of `connectors.http.failure`."""
        response = await self.call("GET", path, query=query, headers=headers)
        if not response.is_success:
            raise self.failure(response, what)
        return as_object(response)

    async def read(
        self, builder_call: Callable[..., Awaitable[Any]], *, what: str, query: Any = None
    ) -> dict[str, Any]:
        """The JSON object that a GET answers; its errors are those of `connectors.http.failure`."""
        response = await self.request(builder_call, query=query)
        if not response.is_success:
            raise self.failure(response, what)
        return as_object(response)

    def failure(self, response: httpx.Response, what: str, *, write: bool = False) -> TandemError:
        """What an unsuccessful answer stands for."""
        return failure(response, system=SYSTEM, what=what, write=write)


def as_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        InvalidContent: There is none.
    """
    try:
        body = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, ValueError):
        body = _mended(response.content)
    if not isinstance(body, dict):
        raise InvalidContent(f"{SYSTEM} answered with something else than JSON: check TANDEM_GRAPH_URL.")
    return body


def _mended(content: bytes) -> Any:
    """JSON with halves of characters in it, as old mail has them: replaced, since nothing could be stored with them."""
    try:
        loose = json.dumps(json.loads(content.decode(errors="replace")), ensure_ascii=False)
        return json.loads(loose.encode(errors="replace"))
    except ValueError:
        return None


def texts(body: Mapping[str, Any], name: str) -> str:
    """A text of a JSON object; empty where there is none."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def objects(body: Mapping[str, Any], name: str = "value") -> list[dict[str, Any]]:
    """The objects in a list of a JSON object."""
    value = body.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def inner(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object inside a JSON object; empty where there is none."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _service(url: str, http: httpx.AsyncClient) -> GraphServiceClient:
    with warnings.catch_warnings():
        # The generated builders warn about classes of their own when they are imported. Importing those that are
        # used here and now also spares the first requests the wait.
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in _USED:
            importlib.import_module(f"msgraph.{module}")
    from kiota_http.kiota_client_factory import KiotaClientFactory
    from kiota_http.middleware import ParametersNameDecodingHandler
    from kiota_http.observability_options import ObservabilityOptions
    from msgraph import GraphServiceClient
    from msgraph.graph_request_adapter import GraphRequestAdapter

    from connectors.graph.delegated import DelegatedAuthentication
    from connectors.graph.redirects import Redirections

    # The default middleware but for the retries, the rewriting of /me, and headers that nobody reads. Kiota's factory
    # and not Graph's own, whose transport does not close its connections (msgraph-core 1.5.2).
    middleware = [Redirections(), ParametersNameDecodingHandler()]
    client = KiotaClientFactory.create_with_custom_middleware(middleware, http)
    adapter = GraphRequestAdapter(DelegatedAuthentication(), client)
    adapter.base_url = url
    # Addresses hold the names of files and people, which are not for telemetry.
    adapter.observability_options = ObservabilityOptions(include_euii_attributes=False)
    return GraphServiceClient(request_adapter=adapter)
