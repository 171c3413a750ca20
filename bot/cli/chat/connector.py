"""A small Bot Framework connector: what the bot sends to one person's chat arrives here.

The sandbox's proxy checks the bot's token before it passes anything on; here only loopback is listened on, and browsers
are refused.

Source: Bot Framework REST API, "Bot Connector service": conversations, activities, members.
"""

from __future__ import annotations

import errno
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from bot.cli.chat.window import Seat
from bot.cli.trouble import Trouble

_BASE = "/_connector/v3/conversations"
_LARGEST_BYTES = 1024 * 1024
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}

Arrived = Callable[[str, dict[str, Any], bool], None]


class Connector:
    """Takes the bot's messages for one chat.

    Args:
        seat: Whose chat.
        arrived: Is told id, activity, and whether it takes the place of the message with that id.
        knows: Whether the chat has a message with this id.
    """

    def __init__(self, seat: Seat, arrived: Arrived, knows: Callable[[str], bool]) -> None:
        self._seat, self._arrived, self._knows = seat, arrived, knows

    async def listen(self, until_closed: AsyncExitStack) -> None:
        """Listens until the stack is closed.

        Raises:
            Trouble: The port is taken: the person's window is open elsewhere.
        """
        app = web.Application(client_max_size=_LARGEST_BYTES, middlewares=[_no_browser])
        chat = f"{_BASE}/{{conversation}}"
        app.router.add_post(_BASE, self._open)
        app.router.add_post(f"{chat}/activities", self._here(self._post))
        app.router.add_post(f"{chat}/activities/{{activity}}", self._here(self._post))
        app.router.add_put(f"{chat}/activities/{{activity}}", self._here(self._put))
        app.router.add_get(f"{chat}/members", self._here(self._members))
        app.router.add_get(f"{chat}/pagedmembers", self._here(self._paged))
        app.router.add_get(f"{chat}/members/{{member}}", self._here(self._member))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        until_closed.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, "127.0.0.1", self._seat.port).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Trouble(
                f"{self._seat.name}'s window is open elsewhere: port {self._seat.port} is taken by a Playground or "
                "another 'tandem chat'. Close that one, or start the rest with: tandem up --no-playground"
            ) from error

    def _here(self, answer: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[..., Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            if request.match_info["conversation"] != self._seat.conversation["id"]:
                return _error(404, "ConversationNotFound", f"This is the chat of {self._seat.name} only.")
            return await answer(request)

        return handler

    async def _open(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"id": self._seat.conversation["id"], "serviceUrl": self._seat.service_url}, status=201
        )

    async def _post(self, request: web.Request) -> web.Response:
        return await self._take(request, f"m-{uuid.uuid4()}", update=False)

    async def _put(self, request: web.Request) -> web.Response:
        id_ = request.match_info["activity"]
        if not self._knows(id_):
            return _error(404, "ActivityNotFoundInConversation", f"This chat has no message {id_}.")
        return await self._take(request, id_, update=True)

    async def _take(self, request: web.Request, id_: str, *, update: bool) -> web.Response:
        try:
            activity = await request.json()
            kind = activity["type"]
        except (ValueError, KeyError, TypeError):
            return _error(400, "BadSyntax", "This is not an activity.")
        if kind == "message":
            self._arrived(id_, activity, update)
        return web.json_response({"id": id_}, status=200 if update else 201)

    async def _members(self, request: web.Request) -> web.Response:
        return web.json_response([self._account()])

    async def _paged(self, request: web.Request) -> web.Response:
        return web.json_response({"members": [self._account()]})

    async def _member(self, request: web.Request) -> web.Response:
        if request.match_info["member"] not in (self._seat.user["id"], self._seat.user["aadObjectId"]):
            return _error(404, "MemberNotFoundInConversation", "Nobody else is in this chat.")
        return web.json_response(self._account())

    def _account(self) -> dict[str, str]:
        return {**self._seat.user, "tenantId": self._seat.tenant, "userRole": "user"}


@web.middleware
async def _no_browser(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if "Origin" in request.headers or request.host.rpartition(":")[0] not in _LOCAL:
        return _error(403, "Forbidden", "Only the sandbox's proxy on this machine may deliver here.")
    return await handler(request)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
