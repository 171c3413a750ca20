"""The Bot Framework token service: it keeps people's sign-ins and hands their tokens to the bot."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.hurdles import Hurdles
from connectors.sandbox.sessions import Sessions
from connectors.sandbox.tokens import CHANNEL_AUDIENCE, Caller, Mint, TokenRefused

PREFIX = "/token-service"
CONNECTION = "tandem"
SIGN_IN_SECONDS = 900
CODE_SECONDS = 300
RENEW_BEFORE_SECONDS = 300


class SignIn(msgspec.Struct):
    """A sign-in that somebody was asked for: for whom, and where the answer goes."""

    person: Person
    connection: str
    conversation: dict[str, Any]
    until: float


class TokenService:
    """Serves /token-service/api/..., to the bot only: each request carries the bot's own token."""

    def __init__(
        self,
        tenant: Tenant,
        mint: Mint,
        sessions: Sessions,
        url: str,
        hurdles: Hurdles,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tenant = tenant
        self._mint = mint
        self._sessions = sessions
        self._url = url
        self._hurdles = hurdles
        self._clock = clock
        self._asked: dict[str, SignIn] = {}
        self._codes: dict[str, tuple[SignIn, float]] = {}
        self._issued: dict[tuple[str, str], str] = {}

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the token service's paths."""
        for kind in ("usertoken", "UserToken"):
            router.add_get(f"{PREFIX}/api/{kind}/GetToken", self._for_bot(self._get_token))
            router.add_get(f"{PREFIX}/api/{kind}/GetTokenStatus", self._for_bot(self._status))
            router.add_delete(f"{PREFIX}/api/{kind}/SignOut", self._for_bot(self._sign_out))
            router.add_post(f"{PREFIX}/api/{kind}/exchange", self._for_bot(self._exchange))
            router.add_post(f"{PREFIX}/api/{kind}/GetAadTokens", self._for_bot(self._aad_tokens))
        for kind in ("botsignin", "BotSignIn"):
            router.add_get(f"{PREFIX}/api/{kind}/GetSignInResource", self._for_bot(self._resource))
            router.add_get(f"{PREFIX}/api/{kind}/GetSignInUrl", self._for_bot(self._link))

    def asked(self, number: str) -> SignIn | None:
        """The sign-in with this number, while it may still be answered."""
        found = self._asked.get(number)
        return found if found and found.until > self._clock() else None

    def allowed(self, number: str) -> str:
        """Notes that the person has agreed; returns the code that the bot redeems for the token."""
        sign_in = self._asked.pop(number)
        code = f"{secrets.randbelow(1_000_000):06}"
        self._codes[code] = (sign_in, self._clock() + CODE_SECONDS)
        return code

    def _for_bot(self, answer: Callable[[web.Request], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            try:
                self._check_bot(self._mint.caller(request.headers.get("Authorization"), CHANNEL_AUDIENCE))
            except TokenRefused as error:
                return _error(401, "Unauthorized", error.detail)
            response: web.StreamResponse = await answer(request)
            return response

        return handler

    def _check_bot(self, caller: Caller) -> None:
        if caller.app != self.tenant.file.apps.bot.id or caller.person is not None:
            raise TokenRefused("audience", "The token service answers the bot's own registration only.")

    def _asks_for(self, request: web.Request) -> tuple[Person, str] | web.Response:
        user, connection = request.query.get("userId", ""), request.query.get("connectionName", "")
        if not user:
            return _error(400, "BadArgument", "userId is missing")
        if connection != CONNECTION:
            message = f"There is no OAuth connection {connection!r} on this bot; there is {CONNECTION!r}."
            return _error(404, "NotFound", message)
        person = self.tenant.person_by_teams_id(user)
        if person is None:
            return web.Response(status=404)
        acted(request, person.key)
        return person, connection

    async def _get_token(self, request: web.Request) -> web.StreamResponse:
        found = self._asks_for(request)
        if isinstance(found, web.Response):
            return found
        person, connection = found
        code = request.query.get("code")
        if code:
            self._redeem(code, person, connection)
        if not self._sessions.is_signed_in(person.key, connection):
            return web.Response(status=404)
        if self._hurdles.find("lost", person.key):
            return web.Response(status=404)
        token = self._odd(person) or self._token(person, connection)
        expires = datetime.fromtimestamp(self._expiry(token), UTC)
        return web.json_response(
            {
                "channelId": request.query.get("channelId", "msteams"),
                "connectionName": connection,
                "token": token,
                "expiration": f"{expires:%Y-%m-%dT%H:%M:%S.0000000Z}",
            }
        )

    def _redeem(self, code: str, person: Person, connection: str) -> None:
        sign_in, until = self._codes.get(code, (None, 0.0))
        if sign_in is None or until <= self._clock():
            self._codes.pop(code, None)
            return
        if sign_in.person.key == person.key and sign_in.connection == connection:
            del self._codes[code]
            self._signed_in(person, connection, page=True)

    def _signed_in(self, person: Person, connection: str, *, page: bool) -> None:
        self._sessions.sign_in(person.key, connection)
        self._hurdles.signed_in(person.key, page=page)
        self._issued.pop((person.key, connection), None)

    def _odd(self, person: Person) -> str:
        for kind in ("stranger", "tenant", "unsigned", "audience", "expired"):
            if self._hurdles.find(kind, person.key):
                return self._mint.odd_user_token(person, kind)
        return ""

    def _token(self, person: Person, connection: str) -> str:
        """The same token until it is about to expire, as the real service does; clients cache by it."""
        issued = self._issued.get((person.key, connection))
        if issued:
            try:
                claims = self._mint.verify(issued, self._mint.user_audience)
                if claims["exp"] - time.time() > RENEW_BEFORE_SECONDS:
                    return issued
            except TokenRefused:
                pass
        self._issued[person.key, connection] = self._mint.user_token(person)
        return self._issued[person.key, connection]

    @staticmethod
    def _expiry(token: str) -> int:
        return int(jwt.decode(token, options={"verify_signature": False})["exp"])

    async def _status(self, request: web.Request) -> web.StreamResponse:
        person = self.tenant.person_by_teams_id(request.query.get("userId", ""))
        signed_in = person is not None and self._sessions.is_signed_in(person.key, CONNECTION)
        status = {
            "channelId": request.query.get("channelId", "msteams"),
            "connectionName": CONNECTION,
            "hasToken": signed_in,
            "serviceProviderDisplayName": "Azure Active Directory v2",
        }
        return web.json_response([status])

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        person = self.tenant.person_by_teams_id(request.query.get("userId", ""))
        if person is None:
            return web.Response(status=404)
        acted(request, person.key)
        self._sessions.sign_out(person.key, request.query.get("connectionName"))
        return web.json_response({"body": "Token signed out"})

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        """Single sign-on: the client's own token for the connection's; the Playground has none, a tab has."""
        found = self._asks_for(request)
        if isinstance(found, web.Response):
            return found
        person, connection = found
        try:
            token = json.loads(await request.text()).get("token") or ""
            claims = self._mint.verify(token, self._mint.user_audience)
        except (ValueError, AttributeError, TokenRefused) as error:
            detail = error.detail if isinstance(error, TokenRefused) else str(error)
            return _error(400, "BadArgument", f"The token cannot be exchanged: {detail}")
        if claims.get("oid") != person.id:
            return _error(400, "BadArgument", "The token is another person's.")
        self._signed_in(person, connection, page=False)
        return await self._get_token(request)

    async def _aad_tokens(self, request: web.Request) -> web.StreamResponse:
        return _error(400, "BadArgument", "The connection is AAD v2: use on-behalf-of instead of GetAadTokens.")

    async def _link(self, request: web.Request) -> web.StreamResponse:
        made = self._ask(request)
        return made if isinstance(made, web.Response) else web.Response(text=made)

    async def _resource(self, request: web.Request) -> web.StreamResponse:
        made = self._ask(request)
        if isinstance(made, web.Response):
            return made
        exchange = {"id": secrets.token_hex(16), "uri": self._mint.user_audience, "providerId": self.tenant.id}
        return web.json_response({"signInLink": made, "tokenExchangeResource": exchange})

    def _ask(self, request: web.Request) -> str | web.Response:
        try:
            state = json.loads(base64.b64decode(request.query.get("state", ""), validate=True))
            connection = state.get("connectionName") or state["connection_name"]
            conversation = state["conversation"]
            user = conversation["user"]["id"]
            app = state.get("msAppId") or state.get("ms_app_id")
        except (ValueError, KeyError, TypeError, AttributeError):
            return _error(400, "BadArgument", "state is not a token exchange state")
        if app != self.tenant.file.apps.bot.id or connection != CONNECTION:
            return _error(400, "BadArgument", f"there is no connection {connection!r} for app {app!r}")
        person = self.tenant.person_by_teams_id(str(user))
        if person is None:
            return _error(400, "BadArgument", f"{user!r} is nobody's Teams id in this tenant")
        acted(request, person.key)
        now = self._clock()
        self._asked = {number: sign_in for number, sign_in in self._asked.items() if sign_in.until > now}
        number = secrets.token_urlsafe(18)
        self._asked[number] = SignIn(person, connection, conversation, now + SIGN_IN_SECONDS)
        return f"{self._url}{PREFIX}/sign-in?state={number}"


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
