"""The bot's HTTP face: the channel's activities, and a health check."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web
from botbuilder.core import Bot
from botbuilder.schema import Activity
from msrest.exceptions import ClientException

from bot.compat import Adapter, Unauthenticated
from orchestration.errors import Unavailable

log = logging.getLogger(__name__)

LARGEST_BYTES = 256 * 1024


class _Envelope(msgspec.Struct, rename="camel"):
    """What every activity must have before anything else is looked at."""

    type: str
    service_url: str
    channel_id: str
    conversation: dict[str, Any]


def create_app(adapter: Adapter, bot: Bot, *, healthy: Callable[[], bool]) -> web.Application:
    """The application: POST /api/messages and GET /healthz.

    Args:
        adapter: Authenticates requests and runs turns.
        bot: Handles activities.
        healthy: Whether the rest of the process can do its work.
    """
    app = web.Application(client_max_size=LARGEST_BYTES)
    routes = _Routes(adapter, bot, healthy)
    app.router.add_post("/api/messages", routes.messages)
    app.router.add_get("/healthz", routes.health)
    return app


class _Routes:
    def __init__(self, adapter: Adapter, bot: Bot, healthy: Callable[[], bool]) -> None:
        self._adapter, self._bot, self._healthy = adapter, bot, healthy

    async def health(self, _: web.Request) -> web.Response:
        """200 while activities can be handled."""
        if self._healthy():
            return web.json_response({"status": "ok"})
        return web.json_response({"status": "starting or stopping"}, status=503)

    async def messages(self, request: web.Request) -> web.Response:
        """One activity of the channel."""
        header = request.headers.get("Authorization", "")
        if not header:
            return _problem(401, "unauthenticated", "The Authorization header with the channel's token is missing.")
        if request.content_type != "application/json":
            return _problem(415, "unsupported_media_type", "Send the activity as application/json.")
        try:
            plain = _envelope(await request.read())
            proof = await self._adapter.authenticate(_outside(plain), header)
            activity = _activity(plain)
        except web.HTTPRequestEntityTooLarge:
            return _problem(413, "too_large", f"An activity may have {LARGEST_BYTES // 1024} KB at most.")
        except ValueError as error:
            return _problem(400, "invalid", str(error))
        except Unauthenticated as error:
            log.warning("an activity was refused: %s", error.message)
            return _problem(401, "unauthenticated", "The request does not prove that it comes from the channel.")
        except Unavailable as error:
            return _problem(503, error.code, error.message)
        return await self._turn(proof, activity)

    async def _turn(self, proof: Any, activity: Activity) -> web.Response:
        if not self._healthy():
            return _problem(503, "unavailable", "The bot is starting or stopping; send the activity again.")
        try:
            status, body = await self._adapter.answer(proof, activity, self._bot.on_turn)
        except Unavailable as error:
            return _problem(503, error.code, error.message)
        except Exception:  # the SDK may raise anything; the sender learns nothing of the inside
            log.exception("activity %s of type %s failed", activity.id, activity.type)
            return _problem(500, "error", "The activity could not be handled; the log says why.")
        return web.Response(status=status) if body is None else web.json_response(body, status=status)


def _envelope(raw: bytes) -> Any:
    """The body as plain data, whole enough to be authenticated and answered.

    Raises:
        ValueError: It is no activity; the message says why.
    """
    try:
        plain = msgspec.json.decode(raw)
        envelope = msgspec.convert(plain, _Envelope)
    except msgspec.ValidationError as error:
        raise ValueError(f"this is not an activity: {error}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    if not (envelope.type and envelope.service_url and envelope.channel_id and envelope.conversation.get("id")):
        raise ValueError("an activity needs type, channelId, serviceUrl and conversation.id")
    return plain


def _outside(plain: Any) -> Activity:
    """As much of an activity as authentication needs: the rest takes the SDK long, and anybody may send it."""
    return Activity(type=plain["type"], channel_id=plain["channelId"], service_url=plain["serviceUrl"])


def _activity(plain: Any) -> Activity:
    """The whole activity.

    Raises:
        ValueError: It is none; the message says why.
    """
    try:
        activity: Activity = Activity.deserialize(plain)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    except (ClientException, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is not an activity: {error}") from error
    return activity


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
