"""Faults on demand: a system answers with an error status, or late, for a while or for some requests."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

SYSTEMS = ("sap", "dynamics", "graph", "authority")
RETRY_AFTER_CAP_SECONDS = 5
_ASKS_TO_WAIT = (429, 503)


class Fault(msgspec.Struct):
    """What is wrong with a system, until when (monotonic clock), and for how many requests more (None: any number)."""

    until: float
    status: int | None = None
    latency_seconds: float = 0
    times: int | None = None


class Faults:
    """Which systems are broken just now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._broken: dict[str, Fault] = {}

    def break_system(
        self,
        system: str,
        seconds: float,
        status: int | None = None,
        latency_seconds: float | None = None,
        times: int | None = None,
    ) -> Fault:
        """Breaks a system: with a status, with latency, or both; with neither it answers 503.

        Raises:
            ValueError: Says what is wrong with the arguments.
        """
        if system not in SYSTEMS:
            raise ValueError(f"there is no system {system!r}; there are {', '.join(SYSTEMS)}")
        given: dict[str, object] = {"seconds": seconds, "status": status, "latency_seconds": latency_seconds}
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
        if status is None and latency_seconds is None:
            status = 503
        fault = Fault(self._clock() + seconds, status, latency_seconds or 0, times)
        self._broken[system] = fault
        return fault

    def mend(self, system: str | None = None) -> None:
        """Mends one system, or all."""
        if system is None:
            self._broken.clear()
        else:
            self._broken.pop(system, None)

    def current(self, system: str) -> Fault | None:
        """What is wrong with the system now, or None."""
        fault = self._broken.get(system)
        if fault is None or fault.until <= self._clock() or fault.times == 0:
            self._broken.pop(system, None)
            return None
        return fault

    def left_seconds(self, fault: Fault) -> float:
        """How long the fault will still last."""
        return max(0.0, fault.until - self._clock())

    def middleware(self, system_of: Callable[[web.Request], str | None]) -> object:
        """A middleware that makes broken systems behave as broken."""

        @web.middleware
        async def break_if_told(request: web.Request, handler: Handler) -> web.StreamResponse:
            system = system_of(request)
            fault = self.current(system) if system else None
            if system is None or fault is None:
                return await handler(request)
            if fault.times is not None:
                fault.times -= 1
            if fault.latency_seconds:
                await asyncio.sleep(fault.latency_seconds)
            if fault.status is None:
                return await handler(request)
            headers = {}
            if fault.status in _ASKS_TO_WAIT:
                wait = math.ceil(min(self.left_seconds(fault), RETRY_AFTER_CAP_SECONDS))
                headers["Retry-After"] = str(max(1, wait))
            return web.json_response(error_body(system, fault.status), status=fault.status, headers=headers)

        return break_if_told


def error_body(system: str, status: int) -> dict[str, object]:
    """An error as the system's own gateway words it."""
    if system == "sap":
        return {"error": {"code": f"SY/{status}", "message": {"lang": "en", "value": "Service cannot be reached"}}}
    if system == "authority":
        text = "AADSTS90033: A transient error has occurred. Please try again."
        return {"error": "temporarily_unavailable", "error_description": text, "error_codes": [90033]}
    names = {429: "TooManyRequests", 500: "generalException", 503: "serviceNotAvailable", 504: "gatewayTimeout"}
    inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "request-id": str(uuid.uuid4())}
    code = names.get(status, "generalException")
    return {"error": {"code": code, "message": "The service does not answer just now.", "innerError": inner}}
