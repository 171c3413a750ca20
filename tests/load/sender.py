"""Sends activities by the clock and notes what comes back: `python -m tests.load.sender ORDERS RESULTS`.

Open loop: each leaves when it is due, however slow the answers to the others are, and is measured from then.
A process of its own, so that neither the bot nor the channel keeps it from its clock.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

LONGEST_SECONDS = 20.0
HEAD_START = 0.5


class Order(msgspec.Struct, frozen=True):
    """One activity: when it is due (seconds after the start), with which token, and what it says."""

    at: float
    token: str
    activity: Any


class Orders(msgspec.Struct, frozen=True):
    """All that is to be sent."""

    url: str
    orders: list[Order]


class Result(msgspec.Struct, frozen=True):
    """What became of the order with the same place.

    Attributes:
        status: Of HTTP; 0 if none came.
        seconds: From when it was due until the whole answer was there.
        left: How late it left.
    """

    status: int
    seconds: float
    left: float
    body: Any = None


async def send(orders: Orders) -> list[Result]:
    """Send everything in time."""
    loop = asyncio.get_running_loop()
    async with ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=LONGEST_SECONDS)) as http:
        start = loop.time() + HEAD_START

        async def one(order: Order) -> Result:
            due = start + order.at
            headers = {"Authorization": f"Bearer {order.token}", "Content-Type": "application/json"}
            body = msgspec.json.encode(order.activity)
            await asyncio.sleep(due - loop.time())
            left = loop.time() - due
            try:
                async with http.post(orders.url, data=body, headers=headers) as answer:
                    raw = await answer.read()
                    return Result(answer.status, loop.time() - due, left, msgspec.json.decode(raw) if raw else None)
            except (ClientError, TimeoutError) as error:
                return Result(0, loop.time() - due, left, type(error).__name__)

        return await asyncio.gather(*map(one, orders.orders))


if __name__ == "__main__":
    given, kept = Path(sys.argv[1]), Path(sys.argv[2])
    results = asyncio.run(send(msgspec.json.decode(given.read_bytes(), type=Orders)))
    kept.write_bytes(msgspec.json.encode(results))
