"""Several small connection pools instead of a large one.

With each request, httpcore's pool goes through all its connections, and for each of them through all others: sixteen
requests at a time cost three times as much as four (measured by tests/benchmarks/bench_graph.py).
"""

from __future__ import annotations

import ssl

import httpx

CONNECTIONS = 4


class Pools(httpx.AsyncBaseTransport):
    """Sends each request through the pool that has the least to do, the first of equals, so that connections last.

    Args:
        number: Of pools, each of four connections.
        trust: Whose certificates are accepted.
    """

    def __init__(self, number: int, trust: ssl.SSLContext) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._pools = [httpx.AsyncHTTPTransport(verify=trust, limits=limits) for _ in range(number)]
        self._busy = [0] * number

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; errors are those of httpx's own transport."""
        chosen = min(range(len(self._pools)), key=lambda number: self._busy[number] // CONNECTIONS)
        self._busy[chosen] += 1
        try:
            return await self._pools[chosen].handle_async_request(request)
        finally:
            self._busy[chosen] -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()
