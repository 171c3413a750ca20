"""Asking the bot that runs: what people are told when it cannot be asked."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli.running import Running
from bot.cli.trouble import Trouble
from bot.control_messages import SOCKET, Standing

REFUSED = b'{"error": {"code": "refused", "message": "No."}}'


@pytest.fixture
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        yield Path(folder)


@contextmanager
def answering(state: Path, said: bytes) -> Iterator[None]:
    """Something listens that gives one answer."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state / SOCKET))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(5)


def test_without_a_bot_people_are_told_what_to_do(state: Path) -> None:
    running = Running(state)
    assert not running.there()
    assert running.health() is None
    with pytest.raises(
        Trouble, match=r"No bot runs with the state folder .*'tandem up' or 'tandem serve'.*--state DIR"
    ):
        running.ask("GET", "/runs/x", Standing)


def test_a_socket_that_nobody_listens_at_is_no_bot(state: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(state / SOCKET))
    assert not Running(state).there()
    with pytest.raises(Trouble, match="No bot runs"):
        Running(state).ask("GET", "/runs/x", Standing)


def test_a_path_that_no_socket_can_have_is_named() -> None:
    with pytest.raises(Trouble, match="too long a path for a socket"):
        Running(Path("/" + "x" * 200)).ask("GET", "/runs/x", Standing)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is it of another version"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\noops", "is it of another version"),
        (b"", "The bot went away while it was asked"),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s" % (len(REFUSED), REFUSED), r"^No\.$"),
    ],
)
def test_whatever_comes_back_is_one_message(state: Path, said: bytes, told: str) -> None:
    with answering(state, said), pytest.raises(Trouble, match=told):
        Running(state).ask("GET", "/runs/x", Standing)


def test_a_bot_that_takes_too_long_may_still_do_it(state: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state / SOCKET))
        listening.listen()
        with pytest.raises(Trouble, match="it may still do what you asked"):
            Running(state).ask("POST", "/runs/x/cancel", Standing, seconds=0.05)
