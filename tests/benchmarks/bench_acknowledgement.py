"""How soon people see that they were heard, with many at once: over HTTP, with real tokens.

    .venv/bin/python -m tests.benchmarks.bench_acknowledgement --people 50 --delay-ms 50

Every person writes a goal at the same moment; what counts is when the first sign (typing or a message) reaches their
chat, and when the plan does. The stand-in for Teams takes `--delay-ms` for each request; it and the people share the
bot's process, so that the figures are too high rather than too low.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from bot.main import MOST_THREADS, serve
from bot.settings import read
from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.server import Sandbox
from orchestration.core.run import Person
from tests.integration.sandbox.world import free_ports
from tests.support.teams import Teams


class Chats:
    """Everybody's chats; knows when something first arrived in each."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay = delay_seconds
        self.first: dict[str, float] = {}
        self.plan: dict[str, float] = {}
        self.requests = 0

    async def post(self, request: web.Request) -> web.Response:
        """A message, or a typing sign."""
        body, chat = await request.json(), request.match_info["id"]
        self.requests += 1
        await asyncio.sleep(self._delay)
        self.first.setdefault(chat, time.perf_counter())
        if body["type"] == "message":
            self.plan.setdefault(chat, time.perf_counter())
        return web.json_response({"id": f"m{self.requests}"}, status=201)

    async def member(self, request: web.Request) -> web.Response:
        """Somebody in a chat."""
        who = request.match_info["member"]
        return web.json_response({"id": who, "name": who, "userPrincipalName": f"{who}@contoso.example"})


async def measure(people: int, delay_seconds: float) -> dict[str, Any]:
    """Run it once; times in milliseconds."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MOST_THREADS))  # as `bot.main.run` does
    base, chats = free_ports(0, 1, 11, 12, 17, 18, 19), Chats(delay_seconds)
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        app = web.Application()
        app.router.add_post("/_connector/v3/conversations/{id}/activities", chats.post)
        app.router.add_put("/_connector/v3/conversations/{id}/activities/{activity}", chats.post)
        app.router.add_get("/_connector/v3/conversations/{id}/members/{member}", chats.member)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", base + 17).start()
        url = f"http://127.0.0.1:{base + 19}"
        sandbox = Sandbox(
            CONTOSO, state, port_base=base, bot_url=url, windows=["megan", "alex"], playground_port=base + 17
        )
        serving = asyncio.create_task(sandbox.run())
        while not (state / "sandbox.json").exists():  # noqa: ASYNC110 - it says so on disk only
            await asyncio.sleep(0.05)
        more = {"TANDEM_PORT": str(base + 19), "TANDEM_DATA_DIR": str(state), "TANDEM_LOG_LEVEL": "WARNING"}
        settings = read({**sandbox.describe()["settings"], **more})
        teams, stopped = Teams(settings, Person(str(uuid.uuid4()), "Nobody"), sign_in=False), asyncio.Event()
        bot = asyncio.create_task(serve(teams, settings, stopped))
        while not teams.engine.running:  # noqa: ASYNC110 - the engine sets no event
            await asyncio.sleep(0.05)
        service_url = f"http://127.0.0.1:{base + 17}/_connector/"
        headers = {"Authorization": f"Bearer {sandbox.mint.channel_token(service_url)}"}
        sent: dict[str, float] = {}
        accepted: list[float] = []

        async def say(http: ClientSession, number: int) -> None:
            chat = f"a:{number}"
            activity = {
                "type": "message",
                "id": f"in-{number}",
                "text": "count the stock for October 2026",
                "channelId": "msteams",
                "serviceUrl": service_url,
                "from": {"id": f"29:{number}", "name": f"Person {number}", "aadObjectId": str(uuid.uuid4())},
                "recipient": {"id": "28:bot", "name": "Tandem"},
                "conversation": {"id": chat, "conversationType": "personal", "tenantId": settings.tenant_id},
            }
            sent[chat] = time.perf_counter()
            async with http.post(f"{url}/api/messages", json=activity, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
            accepted.append(time.perf_counter() - sent[chat])

        async with ClientSession() as http:
            await say(http, people)  # the bot's own token and the channel's keys are fetched once a day
            accepted.clear()
            del sent[f"a:{people}"]
            await asyncio.sleep(1)  # so that the limits for all together are free again
            await asyncio.gather(*(say(http, number) for number in range(people)))
            async with asyncio.timeout(60):
                while len(chats.plan) <= people:  # noqa: ASYNC110 - fifty events in one
                    await asyncio.sleep(0.01)
        stopped.set()
        await bot
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    return {
        "people": people,
        "delay_ms": round(delay_seconds * 1000),
        "first_sign": _spread([chats.first[chat] - at for chat, at in sent.items()]),
        "plan": _spread([chats.plan[chat] - at for chat, at in sent.items()]),
        "accepted": _spread(accepted),
        "requests": chats.requests,
    }


def _spread(seconds: list[float]) -> dict[str, int]:
    ordered = sorted(seconds)
    return {
        "median_ms": round(statistics.median(ordered) * 1000),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000),
        "max_ms": round(ordered[-1] * 1000),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--delay-ms", type=float, default=50.0)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.people, given.delay_ms / 1000))))


if __name__ == "__main__":
    main()
