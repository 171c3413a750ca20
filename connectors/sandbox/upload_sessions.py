"""Graph's upload sessions: large files in pieces, to an address that needs no token."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from aiohttp import web

from connectors.sandbox.days import iso
from connectors.sandbox.replies import GraphError

PIECE_UNIT_BYTES = 320 * 1024
LARGEST_PIECE_BYTES = 60 * 1024 * 1024
LIFETIME = timedelta(hours=12)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class UploadSession(msgspec.Struct):
    """A file that is being uploaded; `finish` stores it once all of it is there."""

    file: Path
    finish: Callable[[bytes], Awaitable[web.Response]]
    expires: datetime
    received: int = 0
    total: int | None = None

    def state(self) -> dict[str, object]:
        """What the server expects next."""
        until = "" if self.total is None else str(self.total - 1)
        return {"expirationDateTime": iso(self.expires), "nextExpectedRanges": [f"{self.received}-{until}"]}


class UploadSessions:
    """Serves the addresses that createUploadSession gives; sessions end with the process."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._open: dict[str, UploadSession] = {}

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the address of the sessions."""
        router.add_route("*", "/graph/upload", self.answer)

    def begin(self, finish: Callable[[bytes], Awaitable[web.Response]]) -> dict[str, object]:
        """A new session's uploadUrl and what it expects."""
        key = secrets.token_urlsafe(24)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"session-{secrets.token_hex(8)}"
        file.write_bytes(b"")
        session = self._open[key] = UploadSession(file, finish, datetime.now(UTC) + LIFETIME)
        return {"uploadUrl": f"{self._url}/graph/upload?tempauth={key}", **session.state()}

    async def answer(self, request: web.Request) -> web.Response:
        """One piece, the session's state, or its end."""
        key = request.query.get("tempauth", "")
        try:
            session = self._open.get(key)
            if session is None or session.expires < datetime.now(UTC):
                raise GraphError(404, "itemNotFound", "The upload session was not found")
            if request.method == "GET":
                return web.json_response(session.state())
            if request.method == "DELETE":
                self._close(key)
                return web.Response(status=204)
            if request.method != "PUT":
                raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
            return await self._piece(request, key, session)
        except GraphError as error:
            body = {"error": {"code": error.code, "message": str(error)}}
            return web.json_response(body, status=error.status)

    async def _piece(self, request: web.Request, key: str, session: UploadSession) -> web.Response:
        found = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if not found:
            raise GraphError(400, "invalidRequest", "Content-Range must be like 'bytes 0-327679/1000000'.")
        first, last, total = (int(part) for part in found.groups())
        content = await request.read()
        if len(content) != last - first + 1 or last >= total or len(content) > LARGEST_PIECE_BYTES:
            raise GraphError(400, "invalidRequest", "The piece does not have the length that Content-Range declares.")
        if session.total not in (None, total):
            raise GraphError(400, "invalidRequest", "The total length differs from the first piece's.")
        if first != session.received:
            raise GraphError(416, "invalidRange", f"The next piece must begin at {session.received}.")
        if last + 1 < total and len(content) % PIECE_UNIT_BYTES:
            raise GraphError(400, "invalidRequest", "Pieces but the last must be multiples of 320 KiB (327,680 bytes).")
        with session.file.open("ab") as out:
            out.write(content)
        session.total, session.received = total, last + 1
        if session.received < total:
            return web.json_response(session.state(), status=202)
        whole = session.file.read_bytes()
        self._close(key)
        return await session.finish(whole)

    def _close(self, key: str) -> None:
        self._open.pop(key).file.unlink(missing_ok=True)
