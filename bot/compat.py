"""The Bot Framework SDK 4.17.1 as it should be: every defect we met is mended here and nowhere else.

1. Replies to `Action.Execute` are serialised twice and end as HTTP 500: `Adapter.answer` serialises models only.
2. Each connector client builds a list in quadratic time: `ClientRetryPolicy.safe_codes` becomes a set.
3. A bad token mostly ends as HTTP 500: `Adapter.authenticate` raises `Unauthenticated` for every kind of it.
4. One endpoint override leaves the others without defaults: `Endpoints` sets all of them, always.
5. `Entity` drops unknown fields on the wire: `StreamInfo` carries those of streaming messages, `MessageEntity` those of
   the label of a model's words and of citations.
6. Stock credentials ask for a new token, blocking, in every turn: `BotTokens` keeps one, fetched in a thread.

Found beside them: signing keys are fetched with blocking calls, and a key that is new to us ends as an `IndexError` for
a day (`ChannelKeys`); the connector opens a new connection for every message and repeats some requests by itself
(`_Pool`).

`tests/unit/bot/test_compat.py` shows each defect in the SDK itself: a test fails as soon as upstream has mended it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import msal  # type: ignore[import-untyped]
import requests
from botbuilder.core import CloudAdapterBase, InvokeResponse, TurnContext
from botbuilder.core.serializer_helper import serializer_helper
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Activity, Entity
from botframework.connector.auth import AppCredentials, ServiceClientCredentialsFactory, UserTokenClient
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from jwt.algorithms import RSAAlgorithm
from msrest.serialization import Model
from msrest.universal_http.requests import ClientRetryPolicy
from requests.adapters import HTTPAdapter

from bot.settings import Settings
from connectors.http import is_loopback
from orchestration.errors import Refused, Unavailable

log = logging.getLogger(__name__)

REQUEST_SECONDS = 15.0
KEYS_SECONDS = 24 * 3600.0
KEYS_AGAIN_SECONDS = 60.0
AFTER_FAILURE_SECONDS = 5.0
RENEW_SECONDS = 300.0
CHANNEL_SCOPE = "https://api.botframework.com"

ClientRetryPolicy.safe_codes = frozenset({*range(500), 501, 505} - {408})  # type: ignore[assignment]


class Unauthenticated(Refused):
    """A request does not prove that it comes from the channel."""

    code = "unauthenticated"


class StreamInfo(Entity):
    """The entity that marks a message as part of a stream."""

    _attribute_map = {  # noqa: RUF012 - msrest reads this name on the class
        "type": {"key": "type", "type": "str"},
        "stream_id": {"key": "streamId", "type": "str"},
        "stream_type": {"key": "streamType", "type": "str"},
        "stream_sequence": {"key": "streamSequence", "type": "int"},
    }

    def __init__(self, *, stream_type: str, stream_sequence: int | None = None, stream_id: str | None = None) -> None:
        super().__init__(type="streaminfo")
        self.stream_id = stream_id
        self.stream_type = stream_type
        self.stream_sequence = stream_sequence


class MessageEntity(Entity):
    """The entity that says of a message who made it and where its content comes from.

    Source: Microsoft Learn, "Bot messages with AI-generated content".
    """

    _attribute_map = {  # noqa: RUF012 - msrest reads this name on the class
        "type": {"key": "type", "type": "str"},
        "kind": {"key": "@type", "type": "str"},
        "context": {"key": "@context", "type": "str"},
        "at_id": {"key": "@id", "type": "str"},
        "additional_type": {"key": "additionalType", "type": "[str]"},
        "citation": {"key": "citation", "type": "[object]"},
    }

    def __init__(self, *, by_model: bool = False, citation: list[dict[str, Any]] | None = None) -> None:
        super().__init__(type="https://schema.org/Message")
        self.kind, self.context, self.at_id = "Message", "https://schema.org", ""
        self.additional_type = ["AIGeneratedContent"] if by_model else None
        self.citation = citation or None


class _Session(requests.Session):
    """A session with a time limit; for a local address neither proxies nor trust roots of the environment count.

    It serves a request or two an hour, so that no connection is kept open for it.
    """

    def __init__(self, url: str, ca_file: str = "") -> None:
        super().__init__()
        self.headers["Connection"] = "close"
        if is_loopback(url):
            self.trust_env = False
        if ca_file:
            self.trust_env = False
            self.verify = ca_file

    def request(self, *args: Any, **named: Any) -> requests.Response:
        """See `requests.Session.request`."""
        named["timeout"] = named.get("timeout") or REQUEST_SECONDS
        return super().request(*args, **named)


class _Pool(HTTPAdapter):
    """One pool of connections for all messages; repeats nothing, since `Outbound` does that and keeps the order."""

    @property
    def max_retries(self) -> Any:
        """None at all, whatever the SDK sets."""
        return requests.adapters.Retry(0, read=False)

    @max_retries.setter
    def max_retries(self, value: Any) -> None:
        pass

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:
        """See `HTTPAdapter.send`."""
        named["timeout"] = REQUEST_SECONDS
        if is_loopback(request.url or ""):
            named["proxies"] = {}
        return super().send(request, *args, **named)


class ChannelKeys:
    """The channel's signing keys, fetched in a thread; a key that is not known yet is looked for at once.

    Takes the place of the SDK's own metadata object in `JwtTokenExtractor.metadataCache`.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._clock = url, clock
        self._keys: dict[str, ChannelKey] = {}
        self._fetched_at = float("-inf")
        self._not_before = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> ChannelKey:
        """The key with this id.

        Raises:
            Unauthenticated: The channel does not publish it.
            Unavailable: The channel's metadata cannot be read, and the key is not known.
        """
        if key_id in self._keys and self._clock() - self._fetched_at < KEYS_SECONDS:
            return self._keys[key_id]  # whoever shows a known key does not wait while a forged one is looked for
        async with self._lock:
            now = self._clock()
            old = now - self._fetched_at >= KEYS_SECONDS
            if (old or key_id not in self._keys) and now >= self._not_before:
                await self._refresh(now)
        if key_id in self._keys:
            return self._keys[key_id]
        if not self._keys:
            raise Unavailable("The channel's signing keys cannot be read now.")
        raise Unauthenticated("The token is signed with a key that the channel does not publish.")

    async def _refresh(self, now: float) -> None:
        try:
            self._keys = await asyncio.to_thread(self._fetch)
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            log.warning("the channel's signing keys at %s cannot be read: %s", self._url, error)
            self._not_before = now + AFTER_FAILURE_SECONDS
            return
        self._fetched_at, self._not_before = now, now + KEYS_AGAIN_SECONDS

    def _fetch(self) -> dict[str, ChannelKey]:
        with _Session(self._url) as session:
            metadata = session.get(self._url)
            metadata.raise_for_status()
            answer = session.get(metadata.json()["jwks_uri"])
            answer.raise_for_status()
            return {key["kid"]: ChannelKey(key) for key in answer.json()["keys"] if key.get("kty", "RSA") == "RSA"}


class ChannelKey:
    """One signing key, in the shape that the SDK's token extractor expects."""

    def __init__(self, key: dict[str, Any]) -> None:
        self.public_key = RSAAlgorithm.from_jwk(json.dumps(key))
        self.endorsements: list[str] = key.get("endorsements", [])


class Endpoints:
    """All seven endpoint settings of the SDK together, so that none of them is left without a value."""

    def __init__(self, settings: Settings) -> None:
        self.APP_ID = settings.app_id
        self.APP_TYPE = settings.app_type
        self.APP_TENANTID = settings.tenant_id
        self.TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL = settings.channel_metadata_url
        self.TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL = settings.channel_metadata_url
        self.TO_BOT_FROM_CHANNEL_TOKEN_ISSUER = settings.channel_issuer
        self.TO_CHANNEL_FROM_BOT_OAUTH_SCOPE = CHANNEL_SCOPE
        self.TO_CHANNEL_FROM_BOT_LOGIN_URL = settings.bot_authority
        self.OAUTH_URL = settings.token_service_url
        self.VALIDATE_AUTHORITY = True


class BotTokens(ServiceClientCredentialsFactory):
    """The bot's own tokens for the channel and the token service: one for each scope, renewed early, in a thread."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        self._app: Any = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self._not_before = 0.0
        self._lock = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None
        self.pool = _Pool(pool_maxsize=32)

    async def is_valid_app_id(self, app_id: str) -> bool:
        """Whether a token is meant for this bot."""
        return app_id == self._settings.app_id

    async def is_authentication_disabled(self) -> bool:
        """Never: there is no path without authentication."""
        return False

    async def create_credentials(
        self, app_id: str, oauth_scope: str, login_endpoint: str, validate_authority: bool
    ) -> AppCredentials:
        """Credentials of the bot for `oauth_scope`; the authority being down shows when they are used."""
        if not await self.is_valid_app_id(app_id):
            raise Unauthenticated(f"{app_id!r} is not this bot.")
        if self._is_due(oauth_scope):
            if not self._good(oauth_scope):
                await self._renewed(oauth_scope)
            elif self._renewing is None or self._renewing.done():  # no turn waits while the old one is good
                self._renewing = asyncio.get_running_loop().create_task(self._renewed(oauth_scope))
        return _Signed(self, app_id, oauth_scope)

    def token(self, scope: str) -> str:
        """The token for `scope`.

        Raises:
            Unavailable: There is none; the log says why.
        """
        if not self._good(scope):
            raise Unavailable("Tandem cannot prove to Teams who it is: the authority gave it no token (see the log).")
        return self._tokens[scope][0]

    def _good(self, scope: str) -> bool:
        return self._tokens.get(scope, ("", 0.0))[1] > self._now()

    async def _renewed(self, scope: str) -> None:
        async with self._lock:
            if self._is_due(scope):
                await self._renew(scope)

    def _is_due(self, scope: str) -> bool:
        now = self._now()
        return self._tokens.get(scope, ("", 0.0))[1] - RENEW_SECONDS <= now and now >= self._not_before

    async def _renew(self, scope: str) -> None:
        try:
            answer = await asyncio.to_thread(self._acquire, scope)
        except (requests.RequestException, ValueError, OSError) as error:
            answer = {"error": type(error).__name__, "error_description": str(error)}
        if "access_token" not in answer:
            self._not_before = self._now() + AFTER_FAILURE_SECONDS
            why = f"{answer.get('error')}: {answer.get('error_description')}"
            log.error("no token for the bot from %s: %s", self._settings.bot_authority, why)
            return
        self._tokens[scope] = answer["access_token"], self._now() + float(answer.get("expires_in", 0))

    def _acquire(self, scope: str) -> dict[str, Any]:
        if self._app is None:
            self._app = self._client()
        if self._settings.app_type == "UserAssignedMSI":
            answer: dict[str, Any] = self._app.acquire_token_for_client(resource=scope)
            return answer
        # Its own cache would hand out the old token: this is only called when that is about to expire.
        self._app.remove_tokens_for_client()
        scopes = [scope if scope.endswith("/.default") else f"{scope}/.default"]
        given: dict[str, Any] = self._app.acquire_token_for_client(scopes)
        return given

    def _client(self) -> Any:
        settings = self._settings
        session = _Session(settings.authority, settings.ca_file)
        if settings.app_type == "UserAssignedMSI":
            identity = msal.UserAssignedManagedIdentity(client_id=settings.app_id)
            return msal.ManagedIdentityClient(identity, http_client=session)
        return msal.ConfidentialClientApplication(
            settings.app_id,
            client_credential=settings.app_secret,
            authority=settings.bot_authority,
            instance_discovery=not settings.local,
            http_client=session,
        )


class _Signed(AppCredentials):
    """What the SDK signs one client's requests with."""

    def __init__(self, tokens: BotTokens, app_id: str, scope: str) -> None:
        super().__init__(app_id, oauth_scope=scope)
        self._tokens = tokens

    def get_access_token(self, force_refresh: bool = False) -> str:
        """See `BotTokens.token`."""
        return self._tokens.token(self.oauth_scope)

    def signed_session(self, session: requests.Session | None = None) -> requests.Session:
        """The session with the bot's token and the shared connections."""
        session = session or requests.Session()
        session.mount("https://", self._tokens.pool)
        session.mount("http://", self._tokens.pool)
        session.headers["Authorization"] = f"Bearer {self.get_access_token()}"
        return session


class Adapter(CloudAdapter):
    """`CloudAdapter` whose every request is authenticated, and whose every failure has a name."""

    def __init__(self, settings: Settings, *, tokens: BotTokens | None = None) -> None:
        super().__init__(
            ConfigurationBotFrameworkAuthentication(
                Endpoints(settings), credentials_factory=tokens or BotTokens(settings)
            )
        )
        self.app_id = settings.app_id
        self._issuer = settings.channel_issuer
        keys: dict[str, Any] = JwtTokenExtractor.metadataCache
        keys[settings.channel_metadata_url] = ChannelKeys(settings.channel_metadata_url)

    async def authenticate(self, activity: Activity, header: str) -> Any:
        """Proof that the channel sent the activity, in the SDK's own shape.

        Raises:
            Unauthenticated: It did not, or the proof is missing, expired or forged.
            Unavailable: The channel's keys cannot be read now.
        """
        try:
            self._only_channel(header)
            return await self.bot_framework_authentication.authenticate_request(activity, header)
        except (Unauthenticated, Unavailable):
            raise
        except Exception as error:  # the SDK raises bare Exception, IndexError, TypeError and more for bad tokens
            raise Unauthenticated(f"The request is not from the channel: {error}") from error

    def _only_channel(self, header: str) -> None:
        """Refuse what the SDK would check by other rules: tokens of skills and of the emulator."""
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token:
            raise Unauthenticated("The Authorization header with the channel's bearer token is missing.")
        said = jwt.decode(token, options={"verify_signature": False})
        if said.get("iss") != self._issuer:
            raise Unauthenticated("The token was not issued by the channel.")
        if "exp" not in said:
            raise Unauthenticated("The token would be good for ever.")
        if jwt.get_unverified_header(token).get("alg") != "RS256":
            raise Unauthenticated("The token is not signed as the channel signs.")

    async def answer(
        self, proof: Any, activity: Activity, logic: Callable[[TurnContext], Awaitable[None]]
    ) -> tuple[int, Any]:
        """Run a turn; returns the HTTP status and the plain JSON body (None for none)."""
        response: InvokeResponse | None = await self.process_activity(proof, activity, logic)
        if response is None:
            return 201, None
        body = response.body
        return int(response.status), serializer_helper(body) if isinstance(body, Model) else body

    async def user_tokens(self) -> UserTokenClient:
        """A client of the token service, as the bot itself."""
        claims = CloudAdapterBase.create_claims_identity(self, self.app_id)
        return await self.bot_framework_authentication.create_user_token_client(claims)
