"""The bot as a process: `python -m bot.main`."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from aiohttp import web

from bot import garbage, telemetry
from bot.settings import Settings, read
from orchestration.errors import Invalid, TandemError

log = logging.getLogger(__name__)
DRAIN_SECONDS = 5.0
MOST_THREADS = 32
OWN = ("bot", "connectors", "orchestration")


class Service(Protocol):
    """What `bot.bootstrap.build` makes: everything wired, nothing started."""

    app: web.Application

    async def start(self) -> None:
        """Take up the work; `app` reports healthy from then on."""

    async def stop(self) -> None:
        """End cleanly; what is open goes on with the next start."""


async def serve(service: Service, settings: Settings, stopped: asyncio.Event) -> None:
    """Serve until `stopped`: listen first, so that the health check can tell "starting" from "not there".

    Raises:
        Invalid: The port is taken.
        OwnerLocked: Another process owns the event log.
    """
    runner = web.AppRunner(service.app, access_log=None, shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, settings)
        stopping = asyncio.create_task(stopped.wait())
        starting = asyncio.create_task(service.start())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                log.info("Tandem listens on http://%s:%s", settings.host, settings.port)
                await stopping
        finally:
            for task in (starting, stopping):  # a standby may be told to stop while it waits for the log
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await service.stop()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.host, int(settings.port)).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Invalid(f"The bot cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
        raise Invalid(
            f"Port {settings.port} is taken: another bot may be running. End it, or set TANDEM_PORT to a free port."
        ) from error


async def run(settings: Settings) -> None:
    """Build the bot and serve until SIGTERM or SIGINT."""
    telemetry.configure(Path(settings.data_dir))
    # The SDK sends each message in a thread: a small machine's few would all wait for the first slow chats.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MOST_THREADS, "waiting"))
    from bot.bootstrap import build

    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    service = build(settings)
    garbage.settle()
    await serve(service, settings, stopped)


def log_at(level: str) -> None:
    """Log from `level` on; libraries never in more detail than INFO, where they write addresses and arguments."""
    known = logging.getLevelNamesMapping()[level]
    logging.getLogger().setLevel(max(known, logging.INFO))
    for name in OWN:
        logging.getLogger(name).setLevel(known)


def main() -> int:
    """Run the bot; returns the process's exit code."""
    try:
        settings = read()
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        log_at(settings.log_level)
        os.umask(0o077)  # the log of runs and waiting telemetry hold people's content
        asyncio.run(run(settings))
    except TandemError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
