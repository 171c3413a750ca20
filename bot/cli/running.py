"""The bot that runs with a state folder, asked over its control socket."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

from bot.cli.trouble import Trouble
from bot.control_messages import LONGEST_PATH_BYTES, SOCKET, Refusal
from orchestration.capabilities import Health

_SECONDS = 60.0
_Answer = TypeVar("_Answer")


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """See `HTTPConnection.connect`."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Running:
    """One bot.

    Args:
        state: Its folder.
    """

    def __init__(self, state: Path) -> None:
        self._state, self._path = state, state / SOCKET

    def there(self) -> bool:
        """Whether a bot answers."""
        connection = _Connection(self._path, _SECONDS)
        try:
            connection.connect()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def health(self) -> dict[str, Health] | None:
        """Worker => how it does; None if no bot runs here.

        Raises:
            Trouble: A bot runs, and cannot tell.
        """
        if not self.there():
            return None
        return {each.worker: each for each in self.ask("GET", "/health", list[Health])}

    def ask(
        self, method: str, path: str, answer: type[_Answer], body: object = None, *, seconds: float = _SECONDS
    ) -> _Answer:
        """Let the bot do something, and return what it answers.

        Args:
            method: GET asks, POST does.
            path: Such as `/health`.
            answer: The shape of the answer.
            body: What is sent along.
            seconds: How long it may take.

        Raises:
            Trouble: No bot runs here, or it refuses; the message is for the person at the terminal.
        """
        if len(os.fsencode(self._path)) >= LONGEST_PATH_BYTES:
            raise Trouble(
                f"{self._path} is too long a path for a socket: give the bot a shorter folder (TANDEM_DATA_DIR)."
            )
        connection = _Connection(self._path, seconds)
        try:
            connection.request(method, quote(path), body=msgspec.json.encode(body or {}) if method == "POST" else None)
            response = connection.getresponse()
            said = response.read()
        except (FileNotFoundError, ConnectionRefusedError):
            raise Trouble(self._nobody()) from None
        except PermissionError:
            raise Trouble(
                f"{self._path} belongs to another user: run this command as the user that the bot runs as."
            ) from None
        except TimeoutError:
            raise Trouble(
                f"The bot has not answered for {seconds:.0f} seconds; it may still do what you asked. "
                "'tandem history' tells what became of it."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(
                f"The bot went away while it was asked ({error}); 'tandem history' tells what it has done."
            ) from None
        finally:
            connection.close()
        return self._read(response.status, said, answer)

    def _read(self, status: int, said: bytes, answer: type[_Answer]) -> _Answer:
        try:
            if status == http.client.OK:
                return msgspec.json.decode(said, type=answer)
            refused = msgspec.json.decode(said, type=Refusal)
        except msgspec.DecodeError:
            raise Trouble(
                f"The bot's answer (HTTP {status}) is not one that this Tandem knows: is it of another version?"
            ) from None
        raise Trouble(refused.error.message)

    def _nobody(self) -> str:
        return (
            f"No bot runs with the state folder {self._state}, and only a running bot can do this. "
            "Start it with 'tandem up' or 'tandem serve', or name its folder: --state DIR. "
            "If it runs on another machine, run this command there."
        )
