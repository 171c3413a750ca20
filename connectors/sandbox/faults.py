"""Faults on demand: a system answers with an error, late, or not at all, for a while or for some requests."""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from connectors.sandbox.model.completion import outage

SYSTEMS = ("sap", "dynamics", "graph", "authority", "model")
RETRY_AFTER_CAP_SECONDS = 5
_ASKS_TO_WAIT = (429, 503)
_READS = re.compile(r"/\$batch|/getSchedule|/search/query|/extractSensitivityLabels|/createUploadSession")


class Fault(msgspec.Struct):
    """What is wrong with a system, until when (monotonic clock), and for how many requests more (None: any number).

    `path` limits it to requests at this path and below; `drop` carries writes out and then cuts the connection.
    """

    until: float
    status: int | None = None
    latency_seconds: float = 0
    times: int | None = None
    path: str = ""
    drop: bool = False
    retry_after: float | None = None

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is hit; `path` is without the system's own prefix."""
        if self.drop and (method in ("GET", "HEAD", "OPTIONS") or _READS.search(path)):
            return False
        return not self.path or _pattern(self.path).match(path) is not None

    def headers(self, left_seconds: float) -> dict[str, str]:
        """What goes along with the error: when to try again."""
        if self.status not in _ASKS_TO_WAIT:
            return {}
        if self.retry_after is not None:
            return {"Retry-After": f"{self.retry_after:g}"}
        return {"Retry-After": str(max(1, math.ceil(min(left_seconds, RETRY_AFTER_CAP_SECONDS))))}


class Faults:
    """Which systems are broken just now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._broken: dict[tuple[str, str], Fault] = {}

    def break_system(
        self,
        system: str,
        seconds: float,
        status: int | None = None,
        latency_seconds: float | None = None,
        times: int | None = None,
        path: str = "",
        drop: bool = False,
        retry_after: float | None = None,
    ) -> Fault:
        """Breaks a system, or some of its paths: with a status, with latency, or both; with neither it answers 503.

        Args:
            system: One of SYSTEMS.
            seconds: For how long.
            status: The error's status.
            latency_seconds: How late.
            times: Only for this many requests.
            path: Only at this path and below, such as /me/sendMail; * stands for one part, a final $ for "not below".
            drop: Writes are carried out, then the connection is cut without an answer.
            retry_after: What Retry-After says, decimals too; else a whole number is chosen.

        Raises:
            ValueError: Says what is wrong with the arguments.
        """
        if system not in SYSTEMS:
            raise ValueError(f"there is no system {system!r}; there are {', '.join(SYSTEMS)}")
        given: dict[str, object] = {
            "seconds": seconds,
            "status": status,
            "latency_seconds": latency_seconds,
            "retry_after": retry_after,
        }
        if path and not str(path).startswith("/"):
            raise ValueError(f"path must begin with /, such as /me/sendMail, not {path!r}")
        if drop and status is not None:
            raise ValueError("drop and status exclude each other: a dropped request is carried out and not answered")
        for name, value in given.items():  # they may come from somebody's JSON
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} must be a number, not {value!r}")
        if not 0 < seconds <= 86_400:
            raise ValueError("seconds must be above 0 and at most a day")
        if status is not None and not 400 <= status <= 599:
            raise ValueError("status must be an error: 400 to 599")
        if latency_seconds is not None and not 0 <= latency_seconds <= 600:
            raise ValueError("latency_seconds must be from 0 to 600")
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more")
        if status is None and latency_seconds is None and not drop:
            status = 503
        until = self._clock() + seconds
        fault = Fault(until, status, latency_seconds or 0, times, _bare(system, path), bool(drop), retry_after)
        self._broken[system, fault.path] = fault
        return fault

    def mend(self, system: str | None = None) -> None:
        """Mends one system, or all."""
        if system is None:
            self._broken.clear()
        else:
            for key in [key for key in self._broken if key[0] == system]:
                del self._broken[key]

    def current(self, system: str, method: str = "POST", path: str = "") -> Fault | None:
        """What is wrong for a request now, or None; a fault of the path comes before one of the whole system."""
        found = [fault for fault in self.all(system) if fault.concerns(method, path)]
        return max(found, key=lambda fault: len(fault.path), default=None)

    def all(self, system: str) -> list[Fault]:
        """All that is wrong with a system now."""
        for key, fault in list(self._broken.items()):
            if fault.until <= self._clock() or fault.times == 0:
                del self._broken[key]
        return [fault for (name, _), fault in self._broken.items() if name == system]

    def left_seconds(self, fault: Fault) -> float:
        """How long the fault will still last."""
        return max(0.0, fault.until - self._clock())

    def middleware(self, system_of: Callable[[web.Request], str | None]) -> object:
        """A middleware that makes broken systems behave as broken."""

        @web.middleware
        async def break_if_told(request: web.Request, handler: Handler) -> web.StreamResponse:
            system = system_of(request)
            fault = self.current(system, request.method, _bare(system, request.path)) if system else None
            if system is None or fault is None:
                return await handler(request)
            if fault.times is not None:
                fault.times -= 1
            if fault.latency_seconds:
                await asyncio.sleep(fault.latency_seconds)
            if fault.drop:
                response = await handler(request)
                cut(request)
                return response
            if fault.status is None:
                return await handler(request)
            headers = fault.headers(self.left_seconds(fault))
            return web.json_response(error_body(system, fault.status), status=fault.status, headers=headers)

        return break_if_told


def cut(request: web.Request) -> None:
    """Cuts the connection on which a request came; what is answered afterwards reaches nobody."""
    if request.transport is not None:
        request.transport.abort()


def _bare(system: str, path: str) -> str:
    """A path without the prefix under which the sandbox serves the system."""
    for prefix in ("/graph/v1.0", f"/{system}"):
        if path == prefix or path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix)
    return path


def _pattern(path: str) -> re.Pattern[str]:
    end = "$" if path.endswith("$") else r"(?=/|$)"
    parts = ("[^/]+" if part == "*" else re.escape(part) for part in path.rstrip("$").rstrip("/").split("/"))
    return re.compile("/".join(parts) + end, re.IGNORECASE)


def error_body(system: str, status: int) -> dict[str, object]:
    """An error as the system's own gateway words it."""
    if system == "sap":
        return {"error": {"code": f"SY/{status}", "message": {"lang": "en", "value": "Service cannot be reached"}}}
    if system == "model":
        return outage(status)
    if system == "authority":
        text = "AADSTS90033: A transient error has occurred. Please try again."
        return {"error": "temporarily_unavailable", "error_description": text, "error_codes": [90033]}
    names = {429: "TooManyRequests", 500: "generalException", 503: "serviceNotAvailable", 504: "gatewayTimeout"}
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "request-id": str(uuid.uuid4())}
    code = names.get(status, "generalException")
    return {"error": {"code": code, "message": "The service does not answer just now.", "innerError": inner}}
