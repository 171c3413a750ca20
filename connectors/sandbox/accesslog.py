"""One JSON line per request, and counts: what was asked, of which system, for whom. Never a token, a code or a body."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from aiohttp import web
from aiohttp.typedefs import Handler

PERSON = web.RequestKey("person", str)
_SECRET_QUERY = {"code", "tempauth", "state", "token", "assertion"}


def acted(request: web.Request, person: str) -> None:
    """Notes for the log on whose behalf a request came."""
    request[PERSON] = person


class AccessLog:
    """Writes <state>/sandbox/access.log; the previous run's log is kept as access.log.1."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._out: TextIO | None = None
        self.counts: Counter[tuple[str, str, int]] = Counter()

    def middleware(self, system: str | None = None) -> object:
        """A middleware that notes every request; the system is the path's first part unless given."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            started = time.perf_counter()
            status = 500
            try:
                response = await handler(request)
                status = response.status
                return response
            except web.HTTPException as error:
                status = error.status
                raise
            finally:
                named = system or request.path.strip("/").partition("/")[0]
                self._write(request, named, status, time.perf_counter() - started)

        return note

    @staticmethod
    def _shown(request: web.Request) -> dict[str, object] | None:
        """Whose token came along, and for what, as the token itself says: nothing that could be used again."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            body = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            return {"for": claims.get("oid"), "at": claims.get("aud"), "by": claims.get("azp"), **_kind(claims)}
        except (ValueError, IndexError, AttributeError):
            return {"unreadable": True}

    def _write(self, request: web.Request, system: str, status: int, seconds: float) -> None:
        self.counts[system, request.method, status] += 1
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "system": system,
            "method": request.method,
            "path": request.path,
            "query": {k: "..." if k.lower() in _SECRET_QUERY else v for k, v in request.query.items()},
            "person": request.get(PERSON),
            "token": self._shown(request),
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        if self._out is None:  # not before the first request: a second sandbox that cannot start leaves the log alone
            if self._file.exists():
                self._file.replace(self._file.with_name(self._file.name + ".1"))
            self._out = self._file.open("a", encoding="utf-8", buffering=1)
        self._out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Closes the file."""
        if self._out:
            self._out.close()


def _kind(claims: dict[str, object]) -> dict[str, object]:
    return {"app_only": True} if claims.get("idtyp") == "app" else {}
