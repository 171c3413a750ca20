"""A stand-in for the Bot Framework channel: keeps what the bot sends, and refuses some of it for a second."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from orchestration.core.run import Person


class Channel:
    """All personal chats.

    Attributes:
        url: Where the bot sends to.
        messages: Message id => the activity as it is now.
        chats: Message id => conversation.
        throttled: How many requests were answered with 429.
        taken: How many were taken.
        forbidden: How many came without a token.
    """

    def __init__(self, everybody: list[Person], *, throttle_every: int = 25) -> None:
        self._people, self._every = {chat(person): person for person in everybody}, throttle_every
        self._numbers, self._requests = itertools.count(1), itertools.count(1)
        self.url = ""
        self.messages: dict[str, dict[str, Any]] = {}
        self.chats: dict[str, str] = {}
        self.updates: dict[str, int] = {}
        self.throttled = self.taken = self.forbidden = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Channel]:
        """Takes requests meanwhile."""
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_post("/v3/conversations/{chat}/activities", self._post)
        app.router.add_put("/v3/conversations/{chat}/activities/{message}", self._put)
        app.router.add_get("/v3/conversations/{chat}/members/{member}", self._member)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
        try:
            yield self
        finally:
            await runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not request.headers.get("Authorization", "").startswith("Bearer ey"):
            self.forbidden += 1
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        if next(self._requests) % self._every == 0:
            self.throttled += 1
            return web.json_response({"error": {"code": "Throttled"}}, status=429, headers={"Retry-After": "1"})
        self.taken += 1
        return None

    async def _post(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        activity, number = await request.json(), f"m{next(self._numbers)}"
        if activity["type"] == "message":
            self.messages[number], self.chats[number] = activity, request.match_info["chat"]
        return web.json_response({"id": number}, status=201)

    async def _put(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        number = request.match_info["message"]
        if self.chats.get(number) != request.match_info["chat"]:
            return web.json_response({"error": {"code": "NotFound"}}, status=404)
        self.messages[number] = await request.json()
        self.updates[number] = self.updates.get(number, 0) + 1
        return web.json_response({"id": number})

    async def _member(self, request: web.Request) -> web.Response:
        person = self._people[request.match_info["chat"]]
        known = {"id": request.match_info["member"], "name": person.name, "aadObjectId": person.id}
        more = {"userPrincipalName": person.upn, "tenantId": person.tenant, "userRole": "user"}
        return web.json_response({**known, **more})

    def card(self, number: str) -> Any:
        """The card of a message."""
        return self.messages[number]["attachments"][0]["content"]

    def cards(self) -> dict[str, Any]:
        """All messages with a card: id => card."""
        return {number: self.card(number) for number, each in self.messages.items() if each.get("attachments")}


def chat(person: Person) -> str:
    """The personal chat of somebody."""
    return f"a:{person.upn.partition('@')[0]}"


def activity(person: Person, service_url: str, type_: str, id_: str, **more: Any) -> dict[str, Any]:
    """What the channel sends to the bot from somebody's personal chat."""
    return {
        "type": type_,
        "id": id_,
        "channelId": "msteams",
        "serviceUrl": service_url,
        "from": {"id": f"29:{person.id}", "name": person.name, "aadObjectId": person.id},
        "recipient": {"id": "28:bot", "name": "Tandem"},
        "conversation": {"id": chat(person), "conversationType": "personal", "tenantId": person.tenant},
        "channelData": {"tenant": {"id": person.tenant}},
        **more,
    }
