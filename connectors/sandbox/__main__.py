"""`python -m connectors.sandbox`: serves a tenant until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from connectors.sandbox.model.recordings import ANSWERS
from connectors.sandbox.server import PLAYGROUND_PORT, PORT_BASE, serve
from orchestration.errors import TandemError

CONTOSO = Path(__file__).parent / "contoso"


def main() -> int:
    """Runs the sandbox; returns the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox", description="Serve a sandbox tenant on loopback."
    )
    parser.add_argument("--data", type=Path, default=CONTOSO, help="the tenant's data folder (default: contoso)")
    parser.add_argument("--state", type=Path, default=Path(".tandem"), help="keys, sign-ins, uploads, logs")
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    parser.add_argument("--bot-url", default="http://127.0.0.1:3978")
    parser.add_argument("--window", action="append", help="a person with a Playground window; may be repeated")
    parser.add_argument("--playground-port", type=int, default=PLAYGROUND_PORT)
    parser.add_argument(
        "--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day that mail and calendars take for today"
    )
    parser.add_argument(
        "--model", choices=("recorded", "none"), default="none", help="serve a model that plays back recordings"
    )
    parser.add_argument(
        "--recordings", type=Path, action="append", default=[], help="a folder with more recordings; may be repeated"
    )
    given = parser.parse_args()
    windows = given.window or ("megan", "alex")
    try:
        asyncio.run(_until_told(given, windows))
    except KeyboardInterrupt:
        return 0
    except TandemError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


async def _until_told(given: argparse.Namespace, windows: list[str] | tuple[str, ...]) -> None:
    recordings = [ANSWERS, *given.recordings] if given.model == "recorded" else None
    serving = asyncio.ensure_future(
        serve(
            given.data,
            given.state,
            given.port_base,
            given.bot_url,
            windows,
            given.playground_port,
            given.today,
            recordings,
        )
    )
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has none; there Ctrl-C arrives as KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(name, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    sys.exit(main())
