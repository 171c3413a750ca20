"""The operator's door: commands over a Unix socket in the data folder, served by the process that owns the log.

Whoever may open the socket is the operator: it belongs to the folder's owner, and nobody else may use it.
"""

from __future__ import annotations

import logging
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from bot.control_messages import (
    LONGEST_PATH_BYTES,
    SOCKET,
    Erase,
    From,
    OfEntry,
    OfTask,
    Problem,
    Prune,
    Refusal,
    standing,
)
from orchestration.audit.erasure import Erasure
from orchestration.capabilities import Health
from orchestration.core import commands as c
from orchestration.core.run import OPERATOR, Person
from orchestration.errors import Invalid, NotFound, NotPermitted, Refused, TandemError, Unavailable, UnknownRun
from orchestration.ports import Applied, Engine, Pruned

log = logging.getLogger(__name__)
LARGEST_BYTES = 64 * 1024
DRAIN_SECONDS = 2.0

_Wish = TypeVar("_Wish")
_STATUS: list[tuple[type[TandemError], int]] = [
    (UnknownRun, 404),
    (NotFound, 404),
    (Invalid, 400),
    (NotPermitted, 403),
    (Refused, 409),
    (Unavailable, 503),
]


class Control:
    """Serves the control socket.

    Args:
        folder: The data folder; the socket in it is `control.sock`.
        engine: Carries the commands out.
        health: How the workers do.
        prune: Removes old runs after exporting them.
        erasure: Finds and erases people.
        forget: Lets go of what is in memory of a person with that id.
    """

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        health: Callable[[], Sequence[Health]],
        prune: Callable[[datetime, Path], Awaitable[Pruned]],
        erasure: Callable[[], Erasure],
        forget: Callable[[str], Awaitable[None]],
    ) -> None:
        self._path = folder / SOCKET
        self._engine, self._health, self._prune = engine, health, prune
        self._erasure, self._forget = erasure, forget
        self._runner: web.AppRunner | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen; a socket that another process left behind is replaced.

        Where none can be made the bot serves people all the same, and says so in its log.
        """
        try:
            listening = self._listening()
        except OSError as error:
            log.warning("there is no control socket: %s cannot be made: %s", self._path, error)
            return
        self._inode = self._path.stat().st_ino
        app = web.Application(client_max_size=LARGEST_BYTES, middlewares=[_told])
        app.router.add_get("/health", self._tell_health)
        app.router.add_post("/prune", self._remove)
        app.router.add_post("/erase/find", self._find_person)
        app.router.add_post("/erase", self._erase)
        app.router.add_get("/runs/{run}", self._tell_run)
        app.router.add_post("/runs/{run}/{action:pause|resume|cancel}", self._steer)
        app.router.add_post("/runs/{run}/{action:retry|skip}", self._take_up)
        app.router.add_post("/runs/{run}/retract", self._retract)
        app.router.add_post("/runs/{run}/fork", self._fork)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    def _listening(self) -> socket.socket:
        if len(os.fsencode(self._path)) >= LONGEST_PATH_BYTES:
            raise OSError("its path is longer than a socket's may be; choose a shorter data folder")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)  # whoever left it does not own the log any more
            listening.bind(str(self._path))
            self._path.chmod(0o600)  # before anybody can connect: it does not listen yet
        except OSError:
            listening.close()
            raise
        return listening

    async def stop(self) -> None:
        """Stop listening and remove the socket, unless it is another process's by now."""
        if self._runner is None:
            return
        await self._runner.cleanup()
        self._runner = None
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            pass

    # --- commands

    async def _tell_health(self, _: web.Request) -> web.Response:
        return _answer(self._health())

    async def _tell_run(self, request: web.Request) -> web.Response:
        return _answer(standing(await self._engine.view(request.match_info["run"])))

    async def _steer(self, request: web.Request) -> web.Response:
        by = _operator(request, self._path)
        commands: dict[str, c.Command] = {
            "pause": c.PauseRun(by=by),
            "resume": c.ResumeRun(by=by),
            "cancel": c.CancelRun(by=by),
        }
        return await self._send(request, commands[request.match_info["action"]])

    async def _take_up(self, request: web.Request) -> web.Response:
        wish = await _wish(request, OfTask)
        kind = c.RetryTask if request.match_info["action"] == "retry" else c.LeaveOut
        return await self._send(request, kind(task=wish.task, by=_operator(request, self._path)))

    async def _retract(self, request: web.Request) -> web.Response:
        wish = await _wish(request, OfEntry)
        by = _operator(request, self._path)
        return await self._send(request, c.RetractEntry(entry=wish.entry, task=wish.task, by=by, reason=wish.reason))

    async def _send(self, request: web.Request, command: c.Command) -> web.Response:
        return self._applied(await self._engine.send(request.match_info["run"], command))

    async def _fork(self, request: web.Request) -> web.Response:
        wish = await _wish(request, From)
        by = _operator(request, self._path)
        return self._applied(await self._engine.fork(request.match_info["run"], wish.seq, by=by))

    @staticmethod
    def _applied(applied: Applied) -> web.Response:
        return _answer(standing(applied.run))

    async def _remove(self, request: web.Request) -> web.Response:
        wish = await _wish(request, Prune)
        if not Path(wish.export).is_absolute() or wish.before.tzinfo is None:
            raise Invalid("prune needs an absolute path in 'export' and an instant with its time zone in 'before'")
        return _answer(await self._prune(wish.before, Path(wish.export)))

    async def _find_person(self, request: web.Request) -> web.Response:
        wish = await _wish(request, Erase)
        return _answer(await self._erasure().find(wish.person))

    async def _erase(self, request: web.Request) -> web.Response:
        wish = await _wish(request, Erase)
        erased = await self._erasure().erase(wish.person)
        await self._forget(erased.found.person.id)
        return _answer(erased)


@web.middleware
async def _told(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Whatever goes wrong is told in one shape."""
    try:
        return await handler(request)
    except TandemError as error:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        return _refusal(status, error.code, error.message)
    except web.HTTPException as error:
        return _refusal(error.status, "invalid", f"{request.method} {request.path}: {error.reason}")
    except Exception:  # the operator is told where to look; the socket goes on serving
        log.exception("the control command %s failed", request.path)
        return _refusal(500, "error", "The command failed inside Tandem; the bot's log says why.")


async def _wish(request: web.Request, kind: type[_Wish]) -> _Wish:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"{request.path}: the request does not fit: {error}") from None
    except msgspec.DecodeError as error:
        raise Invalid(f"{request.path}: the body is not JSON: {error}") from None


def _operator(request: web.Request, path: Path) -> Person:
    """Who is at the other end, as the operating system vouches; where it does not, the folder's owner."""
    user = path.parent.stat().st_uid
    connected = request.transport.get_extra_info("socket") if request.transport else None
    if connected is not None and hasattr(socket, "SO_PEERCRED"):
        _, user, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return Person(OPERATOR, pwd.getpwuid(user).pw_name)
    except KeyError:
        return Person(OPERATOR, f"user {user}")


def _answer(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(Refusal(Problem(code, message))), content_type="application/json"
    )
