"""The loopback proxy of one person's Playground window: real channel tokens inwards, checked bot tokens outwards."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from yarl import URL

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Person
from connectors.sandbox.guard import refuse_browsers
from connectors.sandbox.playground import personal_chat
from connectors.sandbox.token_service import SignIn
from connectors.sandbox.tokens import CHANNEL_AUDIENCE, Mint, TokenRefused

CONNECTOR = "/_connector"
TIMEOUT = ClientTimeout(total=120, connect=5)
_PASSED_HEADERS = ("Content-Type", "Retry-After")


class Window:
    """One Playground window. It signs for its own person only, so it is no oracle for other identities."""

    def __init__(self, person: Person, port: int, playground_port: int, bot_url: str, mint: Mint) -> None:
        self.person = person
        self.port = port
        self.playground_port = playground_port
        self.service_url = f"http://localhost:{port}{CONNECTOR}"
        self.endpoint = f"http://127.0.0.1:{port}/api/messages"
        self._bot = URL(bot_url) / "api/messages"
        self._mint = mint
        self._http: ClientSession | None = None
        self.windows: list[Window] = [self]

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the proxy's paths."""
        router.add_route("HEAD", "/api/messages", self.probe)
        router.add_post("/api/messages", self.inward)
        router.add_route("*", CONNECTOR + "/{path:.*}", self.outward)

    async def open(self) -> None:
        """Opens the client for both directions."""
        self._http = ClientSession(timeout=TIMEOUT)

    async def close(self) -> None:
        """Closes the client."""
        if self._http:
            await self._http.close()

    async def probe(self, request: web.Request) -> web.Response:
        """The Playground's question whether a bot is there."""
        try:
            async with self._client.head(self._bot) as answer:
                return web.Response(status=200 if answer.status < 500 else 503)
        except (ClientError, TimeoutError):
            return web.Response(status=503)

    async def inward(self, request: web.Request) -> web.Response:
        """Playground to bot: the activity of the window's person, with a channel token."""
        reason = refuse_browsers(request)
        if reason:
            return _refused(403, reason)
        raw = await request.read()
        try:
            activity = json.loads(raw)
            sender, service_url = activity["from"], activity["serviceUrl"]
            sent_by = (sender["id"], sender["aadObjectId"])
        except (ValueError, KeyError, TypeError):
            return _refused(400, "not an activity with from.id, from.aadObjectId and serviceUrl")
        if sent_by != (self.person.teams_id, self.person.id):
            return _refused(403, f"this window is {self.person.name}'s; the activity is somebody else's")
        if service_url != self.service_url:
            return _refused(403, f"start the Playground with --service-url {self.service_url} (it sent {service_url})")
        acted(request, self.person.key)
        try:
            status, headers, body = await self._to_bot(raw)
        except (ClientError, TimeoutError) as error:
            return _refused(502, f"the bot at {self._bot} does not answer ({type(error).__name__})")
        return web.Response(status=status, headers=headers, body=body)

    async def outward(self, request: web.Request) -> web.Response:
        """Bot to Playground, if the bot shows its own token."""
        if "Origin" in request.headers:
            return _refused(403, "requests with an Origin header are refused")
        try:
            caller = self._mint.caller(request.headers.get("Authorization"), CHANNEL_AUDIENCE)
        except TokenRefused as error:
            return _refused(401, error.detail)
        if caller.app != self._mint.tenant.file.apps.bot.id:
            return _refused(403, "this token is not the bot's")
        if request.method == "POST" and request.match_info["path"].rstrip("/") == "v3/conversations":
            return await self._open_chat(request)
        target = URL(f"http://127.0.0.1:{self.playground_port}{request.raw_path}", encoded=True)
        headers = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
        try:
            body = await request.read()
            async with self._client.request(request.method, target, data=body or None, headers=headers) as answer:
                return web.Response(status=answer.status, headers=_passed(answer.headers), body=await answer.read())
        except (ClientError, TimeoutError) as error:
            message = f"{self.person.name}'s Playground on port {self.playground_port} does not answer"
            return _refused(502, f"{message} ({type(error).__name__})")

    async def _open_chat(self, request: web.Request) -> web.Response:
        """A new personal chat, as Teams makes it: only with somebody who has the app, that is, a window."""
        try:
            wanted = await request.json()
            (member,) = [each["id"] for each in wanted["members"]]
            group = wanted.get("isGroup", False)
        except (ValueError, KeyError, TypeError, AttributeError):
            return _refused(400, "a personal chat has exactly one member with an id")
        known = (window for window in self.windows if member in (window.person.id, window.person.teams_id))
        window = next(known, None)
        if window is None or group:
            return _refused(403, "the bot is not installed in this person's personal scope")
        chat = personal_chat(self._mint.tenant, window.person)
        return web.json_response({"id": chat, "serviceUrl": window.service_url}, status=201)

    async def deliver_sign_in(self, sign_in: SignIn, code: str) -> str | None:
        """Tells the bot that the person has signed in, as Teams does; returns what went wrong, or None."""
        about = sign_in.conversation
        invoke = {
            "type": "invoke",
            "name": "signin/verifyState",
            "id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "locale": "en-US",
            "from": {"id": self.person.teams_id, "name": self.person.name, "aadObjectId": self.person.id},
            "conversation": about.get("conversation"),
            "recipient": about.get("bot"),
            "channelData": {"tenant": {"id": self._mint.tenant.id}, "source": {"name": "message"}},
            "value": {"state": code},
        }
        try:
            status, _, _ = await self._to_bot(json.dumps(invoke).encode())
        except (ClientError, TimeoutError):
            return f"nothing answers at {self._bot}."
        return None if status < 300 else f"it answered with status {status}."

    async def _to_bot(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        token = self._mint.channel_token(self.service_url)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        async with self._client.post(self._bot, data=raw, headers=headers) as answer:
            return answer.status, _passed(answer.headers), await answer.read()

    @property
    def _client(self) -> ClientSession:
        if self._http is None:
            raise RuntimeError("the window is not open")
        return self._http


def _passed(headers: Any) -> dict[str, str]:
    return {name: headers[name] for name in _PASSED_HEADERS if name in headers}


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": str(status), "message": f"Sandbox proxy: {message}"}}, status=status)
