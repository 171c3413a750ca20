"""The ports that Tandem listens on, all on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from bot.cli.trouble import Trouble

BOT = 3978
SANDBOX = 56200
PLAYGROUND = 56151


@dataclass(frozen=True)
class Ports:
    """Where everything listens; the numbers of issue and README unless told otherwise.

    Attributes:
        bot: The bot.
        sandbox: The sandbox's authority; +1 is all its other systems, +11 and up the proxies of the windows.
        playground: The first person's Playground; the next ones follow.
        windows: How many people have one.
    """

    bot: int = BOT
    sandbox: int = SANDBOX
    playground: int = PLAYGROUND
    windows: int = 2

    def needed(self, *, bot: bool = True, playground: bool = True) -> dict[int, tuple[str, str]]:
        """Port => who needs it, and the option that moves it."""
        ports = {self.bot: ("the bot", "--bot-port")} if bot else {}
        ports |= {
            self.sandbox: ("the sandbox's authority", "--port-base"),
            self.sandbox + 1: ("the sandbox", "--port-base"),
        }
        for window in range(self.windows):
            ports[self.sandbox + 11 + window] = ("the sandbox's proxy", "--port-base")
            if playground:
                ports[self.playground + window] = ("the Playground", "--playground-port")
        return ports


def require_free(needed: Mapping[int, tuple[str, str]]) -> None:
    """Makes sure that every port can be listened on.

    Raises:
        Trouble: Some are taken; names all of them and the ways out.
    """
    taken = [(port, *use) for port, use in needed.items() if not _free(port)]
    if taken:
        lines = [f"Port {port} is taken, and {user} needs it ({option} moves it)." for port, user, option in taken]
        lines.append(f"Is another Tandem running? 'lsof -i :{taken[0][0]}' shows who listens there.")
        raise Trouble("\n".join(lines))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def answers(port: int, path: str, *, holding: bytes) -> bool:
    """Whether GET of a path on loopback is answered with `holding` somewhere in the answer."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
                return holding in await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
