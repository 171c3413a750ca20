"""A process that `tandem up` starts, watches and ends; it never outlives its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bot.cli.trouble import Trouble

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 5.0


def _die_with(parent: int) -> None:
    """Runs in the child before exec: Linux ends it when the parent goes, even by kill -9."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


class Child:
    """One process in a group of its own, so that Ctrl-C reaches only the parent, who ends all in order.

    Args:
        title: What people call it.
        command: Program and arguments.
        log: Where all that it says goes.
        directory: Its working folder.
        environment: What it gets on top of the parent's environment.
    """

    def __init__(
        self,
        title: str,
        command: Sequence[str],
        *,
        log: Path,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.title = title
        self.log = log
        self._command = [str(part) for part in command]
        self._directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id once it was started."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts it; its log starts anew, the log before stays as `.1`.

        Raises:
            Trouble: The program is not there.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        parent = os.getpid()
        with self.log.open("wb") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=self._directory,
                    env=self._environment,
                    start_new_session=True,
                    preexec_fn=lambda: _die_with(parent),
                )
            except FileNotFoundError as error:
                raise Trouble(f"{self.title} cannot start: {error.filename} is not there.") from error

    async def until(self, ready: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
        """Returns as soon as `ready` says so.

        Raises:
            Trouble: It ended before that, or took longer than `seconds`; with the end of its log.
        """
        try:
            async with asyncio.timeout(seconds):
                while not await ready():
                    if self._process is None or self._process.returncode is not None:
                        raise self.ended()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise Trouble(
                f"{self.title} was not ready after {seconds:.0f} seconds. Its log: {self.log}", log=self.tail()
            ) from None

    async def watch(self) -> None:
        """Waits for its end, which nobody asked for.

        Raises:
            Trouble: Always, when it has ended.
        """
        assert self._process is not None  # start() comes first
        await self._process.wait()
        raise self.ended()

    def ended(self) -> Trouble:
        """Why all the rest must end too."""
        code = self._process.returncode if self._process else None
        how = (
            f"was killed ({signal.Signals(-code).name})"
            if code is not None and code < 0
            else f"ended with exit code {code}"
        )
        return Trouble(f"{self.title} {how}. Its log: {self.log}", log=self.tail())

    def tail(self, lines: int = 12) -> list[str]:
        """The last lines that it said."""
        with suppress(OSError):
            return self.log.read_text("utf-8", errors="replace").splitlines()[-lines:]
        return []

    async def stop(self) -> None:
        """Asks it to end, and after five seconds ends it with all that it started; safe to call at any time."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await process.wait()
        self._signal(signal.SIGKILL)
        await process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None  # only called from stop()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
