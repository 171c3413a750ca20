"""One person at a real terminal: `tandem chat` inside tmux."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

_SETTINGS = Path(__file__).with_name("tmux.conf")
_SIZE = ("-x", "110", "-y", "50")
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 20.0
ROOT = Path(__file__).parents[2]


class Tmux:
    """A tmux server of its own, so that nobody's sessions are touched."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def run(self, *arguments: str, check: bool = True) -> str:
        """One tmux command; returns what it prints."""
        command = ["tmux", "-S", str(self._socket), "-f", str(_SETTINGS), *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=20).stdout

    def end(self) -> None:
        """Ends every terminal."""
        self.run("kill-server", check=False)


class Terminal:
    """One person's terminal.

    Args:
        tmux: Where it opens.
        person: Key of the person.
        state: State folder of the running product.
    """

    def __init__(self, tmux: Tmux, person: str, state: Path) -> None:
        self._tmux, self._person, self._state = tmux, person, state
        self.opens()

    def opens(self) -> None:
        """Opens the chat, or opens it anew in a fresh terminal."""
        person = self._person
        chat = shlex.join([sys.executable, "-m", "bot.cli", "chat", "--as", person, "--state", str(self._state)])
        # The terminal stays, so that one that was left can still be read.
        left = f"{chat}; echo left with $?; exec sleep 600"
        self._tmux.run("kill-session", "-t", f"={person}", check=False)
        self._tmux.run("new-session", "-d", "-s", person, *_SIZE, "-c", str(ROOT), left)

    def text(self) -> str:
        """All that it has shown so far."""
        return self._tmux.run("capture-pane", "-p", "-J", "-S", "-", "-t", self._person)

    def sees(self, what: str | re.Pattern[str], *, seconds: float = _PATIENCE_SECONDS, after: str = "") -> str:
        """Waits until the terminal has shown this (below the last `after`, if given); returns the matching text."""
        pattern = re.compile(re.escape(what)) if isinstance(what, str) else what
        deadline = time.monotonic() + seconds
        while True:
            text = self.text()
            start = text.rfind(after) if after else 0
            found = pattern.search(text, start) if start >= 0 else None
            if found:
                return found[0]
            if time.monotonic() > deadline:
                raise AssertionError(f"{self._person} does not see {pattern.pattern!r}:\n{text}")
            time.sleep(_LOOK_SECONDS)

    def types(self, text: str) -> None:
        """Types a line."""
        self._tmux.run("send-keys", "-t", self._person, "-l", text)
        self._tmux.run("send-keys", "-t", self._person, "Enter")

    def number(self, label: str) -> str:
        """The newest number of a button or input whose label begins so, as soon as it is there."""
        pattern = re.compile(rf"\[(\d+)\] {re.escape(label)}")
        self.sees(pattern)
        return pattern.findall(self.text())[-1]

    def presses(self, title: str) -> None:
        """Types the number of a button."""
        self.types(self.number(title))

    def fills(self, label: str, value: str) -> None:
        """Types the number of an input and its value, and waits until it is taken."""
        number = self.number(label)
        self.types(f"{number} {value}")
        self.sees(re.compile(rf"> {number} {re.escape(value)}\s+\[{number}\] "))

    def leaves(self) -> str:
        """Leaves the chat; returns how it ended."""
        self.types("/quit")
        return self.sees(re.compile(r"left with \d+"))
