"""The bot as it is shipped, in a process of its own; it opens the questions when it is told to.

Reads lines: `open N` begins N runs and says `opened`; `go` gives the channel's limit back to it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from bot import garbage, traffic
from bot.bootstrap import Tandem, build
from bot.main import MOST_THREADS, serve
from bot.settings import read
from orchestration.core.commands import StartRun
from tests.load.people import initiator, people, plan

PEOPLE = 50


async def run() -> None:
    """Serve until SIGTERM, as `bot.main.run` does."""
    settings = read()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MOST_THREADS, "waiting"))
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    tandem = build(settings)
    garbage.settle()
    serving = asyncio.create_task(serve(tandem, settings, stopped))
    told = asyncio.create_task(_obey(tandem, settings.tenant_id))
    await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(serving, told)


async def _obey(tandem: Tandem, tenant: str) -> None:
    outbound = tandem._ways._outbound
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        if line[0] == "go":
            outbound._traffic._together = traffic.Budget(traffic.OF_TENANT)
            return
        # Teams takes 50 requests a second: half a thousand cards would take longer than all that is measured.
        outbound._traffic._together = traffic.Budget(((5_000, 1.0),))
        await _open(tandem, int(line[1]), tenant)
        sys.stdout.write("opened\n")
        sys.stdout.flush()


async def _open(tandem: Tandem, number: int, tenant: str) -> None:
    everybody, engine = people(PEOPLE, tenant), tandem._engine
    for run in range(number):
        who = initiator(run, everybody)
        applied = await engine.propose(
            plan(run, everybody), goal=f"Close {run + 1}", initiator=who, origin="", command_id=f"load:{run}"
        )
        await engine.send(applied.run.run_id, StartRun(by=who))


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    asyncio.run(run())
