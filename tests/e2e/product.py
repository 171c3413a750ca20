"""The whole of Tandem in processes of its own, started as a person starts it."""

from __future__ import annotations

import itertools
import os
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack, closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

_ADDRESS = re.compile(r"^\s+(?P<name>\S.*): (?P<url>http://localhost:\d+)\s*$")
_START_SECONDS = 120.0
_END_SECONDS = 30.0


_BLOCK = 30
_BLOCKS = 40  # for each worker
_WORKERS = 8
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", f"gw{_WORKERS - 1}")[2:]) % _WORKERS
_next_block = itertools.count(os.getpid())


def free_ports(count: int) -> int:
    """The first of `count` adjoining ports that nobody listens on, another block at each call.

    Each worker has blocks of its own, for what is free when it is looked at may be taken before it is listened on. All
    lie below the ports that other tests draw (from 20,000) and that the system gives to outgoing connections.
    """
    assert count <= _BLOCK
    for block in itertools.islice(_next_block, _BLOCKS):
        base = 10_200 + (_worker * _BLOCKS + block % _BLOCKS) * _BLOCK
        with ExitStack() as stack:
            try:
                for port in range(base, base + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise RuntimeError("no free ports")


class Product:
    """`tandem up` with a state folder and ports of its own.

    Attributes:
        state: The state folder; it outlives `end`, so that a second `start` goes on where the first stopped.
        windows: Person's name => address of their Playground, once it is up.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        base = free_ports(24)
        self.sandbox_port, self.playground_port, self.bot_port = base, base + 16, base + 20
        self.windows: dict[str, str] = {}
        self.output: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._bot: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **environment: str) -> None:
        """Runs `tandem up` until it says that it is up.

        Args:
            options: More options of `tandem up`; without `--model` there is none.
            environment: Settings for the bot on top of the sandbox's, such as a crash point.
        """
        command = [sys.executable, "-m", "bot.cli", "up", "--no-open", "--state", str(self.state), *options]
        command += ["--port-base", str(self.sandbox_port), "--playground-port", str(self.playground_port)]
        command += ["--bot-port", str(self.bot_port)]
        command += [] if "--model" in options else ["--model", "none"]
        self.windows, self.output = {}, []
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process, lines), daemon=True).start()
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                text = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not up after {_START_SECONDS:.0f} s\n{self.story()}") from None
            if text is None:
                raise AssertionError(f"tandem up ended with {self._process.wait()}\n{self.story()}")
            if found := _ADDRESS.match(text):
                self.windows[found["name"]] = found["url"]
            if text.startswith("Ctrl-C"):
                return

    def serve(self, **environment: str) -> None:
        """Runs the bot by itself (after `start("--no-bot")`), so that it can die and come back under open windows."""
        command = [sys.executable, "-m", "bot.cli", "serve", "--state", str(self.state), "--port", str(self.bot_port)]
        with (self.state / "logs" / "serve.log").open("ab") as log:
            self._bot = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._healthy():
            if self._bot.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the bot is not up\n{self.story()}")
            time.sleep(0.05)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.bot_port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_for_death(self) -> int:
        """Waits until the bot that `serve` began has died; returns its exit code, negative for a signal."""
        assert self._bot is not None
        return self._bot.wait(_END_SECONDS)

    def end(self) -> int | None:
        """Ctrl-C; returns the exit code. No process may be left, and none is.

        Raises:
            AssertionError: Something was left, and has been killed.
        """
        if self._bot is not None:
            self._bot.terminate()
            self._bot.wait(_END_SECONDS)
            self._bot = None
        if self._process is None:
            return None
        family = self.processes()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(_END_SECONDS)
        finally:
            _, left = psutil.wait_procs(family, timeout=5)
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=5)
            if self._process.stdout:
                self._process.wait(5)
        self._process = None
        assert not left, f"left behind: {left}"
        return code

    def wait_for_end(self) -> int:
        """Waits until `tandem up` has ended by itself; returns its exit code."""
        assert self._process is not None
        return self._process.wait(_END_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """`tandem up` and everything below it, as of now."""
        try:
            top = psutil.Process(self._process.pid) if self._process else None
            return [top, *top.children(recursive=True)] if top else []
        except psutil.NoSuchProcess:
            return []

    def process(self, module: str) -> psutil.Process:
        """The one process that runs this, such as `bot.main` or `connectors.sandbox`."""
        found = [process for process in self.processes()[1:] if module in process.cmdline()]
        assert len(found) == 1, f"{module}: {found}"
        return found[0]

    def kill(self, module: str) -> None:
        """`kill -9` of one part."""
        self.process(module).kill()

    def command(self, *arguments: str) -> str:
        """Another command of `tandem` with this state folder; returns what it prints."""
        command = [sys.executable, "-m", "bot.cli", *arguments, "--state", str(self.state)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def sandbox(self, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Asks the sandbox's control desk: GET without a body, POST with one."""
        from connectors.sandbox.control import call

        return call(self.state, action, body)

    def writes(self) -> list[dict[str, Any]]:
        """The files that the sandbox's SharePoint has accepted since it started."""
        return list(self.sandbox("writes")["writes"])

    def content(self, write: dict[str, Any]) -> bytes:
        """The bytes of an accepted file."""
        kept = (self.state / "sandbox" / "files").iterdir()
        return next(body for path in kept if sha256(body := path.read_bytes()).hexdigest() == write["sha256"])

    def events(self) -> list[str]:
        """The types of all events in the log, in order of time."""
        with closing(sqlite3.connect(f"file:{self.state / 'tandem.db'}?mode=ro", uri=True)) as log:
            return [type_ for (type_,) in log.execute("SELECT type FROM events ORDER BY at, seq")]

    def story(self) -> str:
        """What all processes said, for the message of a failure."""
        logs = sorted((self.state / "logs").glob("*.log"))
        parts = [f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]) for log in logs]
        return "\n".join(["".join(self.output), *parts])

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for text in process.stdout:
                self.output.append(text)
                lines.put(text)
        lines.put(None)
