"""Who may come in at all: by the right host name, from no other site's page, and not too often."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.api.problems import Problem

MOST_CALLERS = 10_000


class Gate:
    """Checks Host and Origin.

    Args:
        public_url: Where this bot is reached from outside; empty: only as this machine.
        own_port: The port that it listens on.
    """

    def __init__(self, public_url: str, own_port: str) -> None:
        self._hosts = {f"{name}:{own_port}" for name in ("localhost", "127.0.0.1", "[::1]")}
        self._origins: set[str] = set()
        if public_url:
            parts = urlsplit(public_url)
            self._hosts.add(parts.netloc.lower())
            self._origins.add(f"{parts.scheme}://{parts.netloc}".lower())

    def check(self, request: web.Request, *, pages: bool) -> None:
        """Let a request pass; `pages` if Tandem's own pages may send it.

        Raises:
            Problem: The request was meant for another host, or a page of another site sends it.
        """
        if request.headers.get("Host", "").lower() not in self._hosts:
            detail = "This host name is not this bot's. Call it as TANDEM_PUBLIC_URL says, or as localhost."
            raise Problem(421, "wrong_host", detail)
        origin = request.headers.get("Origin", "").lower()
        if origin and not (pages and origin in self._origins):
            raise Problem(403, "wrong_origin", "Pages of other sites may not call this. Call it from a program.")


class Buckets:
    """How often each person may call: a bucket of `burst` calls that fills again at `per_second`.

    Args:
        burst: Calls at once.
        per_second: Calls that come back each second.
        now: Seconds, monotonic.
    """

    def __init__(self, burst: int, per_second: float, now: Callable[[], float]) -> None:
        self._burst, self._rate, self._now = burst, per_second, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> None:
        """One call of this person.

        Raises:
            Problem: Too many; says when the next one is possible.
        """
        now = self._now()
        left, at = self._left.pop(who, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._rate)
        self._left[who] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        if left < 1:
            wait = str(math.ceil((1 - left) / self._rate))
            raise Problem(429, "too_many", f"Too many requests: come back in {wait} s.", {"Retry-After": wait})
