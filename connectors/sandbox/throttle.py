"""Outlook's limit: four requests at a time to one mailbox."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from datetime import UTC, datetime

import jwt
from aiohttp import web
from aiohttp.typedefs import Handler

AT_A_TIME = 4
RETRY_AFTER_SECONDS = 1
MAILBOX_PATH = re.compile(
    r"/graph/v1\.0/(?:me|users/(?P<user>[^/]+))/(?:messages|mailFolders|sendMail|mailboxSettings|calendar|calendars|calendarView|events)\b",
    re.IGNORECASE,
)


class MailboxGate:
    """Counts the requests under way at each mailbox; a fifth is refused as Outlook refuses it."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self.refused = 0

    def middleware(self) -> object:
        """The middleware that counts."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            found = MAILBOX_PATH.match(request.path)
            if not found:
                return await handler(request)
            mailbox = _mailbox(found["user"], request)
            if self._under_way[mailbox] >= AT_A_TIME:
                self.refused += 1
                return too_many()
            self._under_way[mailbox] += 1
            try:
                return await handler(request)
            finally:
                self._under_way[mailbox] -= 1
                if not self._under_way[mailbox]:
                    del self._under_way[mailbox]

        return count


def too_many() -> web.Response:
    """The refusal in Graph's shape."""
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "request-id": str(uuid.uuid4())}
    message = "Application is over its MailboxConcurrency limit."
    body = {"error": {"code": "ApplicationThrottled", "message": message, "innerError": inner}}
    return web.json_response(body, status=429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _mailbox(user: str | None, request: web.Request) -> str:
    """Whose mailbox; who `me` is follows from the token, which is checked later."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        claims = {}
    own = {str(claims.get(name, "")).casefold() for name in ("oid", "upn")}
    return str(claims.get("oid", "")) if user is None or user.casefold() in own else user.casefold()
