"""Another system in a process of its own: slow, sometimes down, and it remembers everything that it accepted."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

SLOW_SECONDS = 0.01
DOWN = 0.1
LOST = 0.1
WORK = ("/read", "/upload", "/draft", "/send", "/post")


class Target(ThreadingHTTPServer):
    """Serves one chaos on loopback.

    Attributes:
        accepted: The key of each write, once for each time that it took place.
        begun: Numbers of the runs that somebody was about to start.
        runs: Number => id of the runs that they were told of.
        at_work: Somebody's engine has begun to work since this was last cleared.
        decided: (run, question, choice) of the answers that somebody was told are taken.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.random = Random(seed)
        self.lock, self.at_work = threading.Lock(), threading.Event()
        self.accepted: list[str] = []
        self.drafts: list[str] = []
        self._numbers = itertools.count()
        self.begun: set[int] = set()
        self.runs: dict[int, str] = {}
        self.decided: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str, body: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        """What a request leads to; no answer at all for `IM_A_TEAPOT`."""
        with self.lock:
            match path:
                case "/begin":
                    self.begun.add(body["number"])
                case "/started":
                    self.runs[body["number"]] = body["run"]
                case "/decided":
                    self.decided.append((body["run"], body["approval"], body["choice"]))
                case "/numbers":
                    self.at_work.set()
                    following = max(self.begun, default=-1) + 1
                    return HTTPStatus.OK, {"untold": sorted(self.begun - set(self.runs)), "next": following}
                case "/look":
                    return HTTPStatus.OK, body["key"] in self.accepted
                case "/seen":  # by a person, who does not know the secret part of a key
                    return HTTPStatus.OK, any(key.rpartition(".")[0] == body["write"] for key in self.accepted)
                case _:
                    return self._work(path, body)
        return HTTPStatus.OK, True

    def _work(self, path: str, body: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        if self.random.random() < DOWN:
            return HTTPStatus.SERVICE_UNAVAILABLE, "busy"
        match path:
            case "/read":
                return HTTPStatus.OK, body["n"]
            case "/draft":
                self.drafts.append(f"{body['key']} #{next(self._numbers)}")
                return HTTPStatus.OK, self.drafts[-1]
            case "/send" if body["draft"] not in self.drafts:
                return HTTPStatus.CONFLICT, "sent already"
            case "/send":
                self.drafts.remove(body["draft"])
            case "/upload" if body["key"] in self.accepted:
                return HTTPStatus.CONFLICT, "there already"
        self.accepted.append(body["key"])
        return (HTTPStatus.IM_A_TEAPOT if self.random.random() < LOST else HTTPStatus.OK), True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Target

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        if len(request := self.rfile.read(length)) < length:  # who sent it died in the middle
            self.close_connection = True
            return
        slow = SLOW_SECONDS if self.path in WORK else 0.0
        time.sleep(self.server.random.uniform(0, slow))
        status, answer = self.server.answer(self.path, json.loads(request))
        time.sleep(self.server.random.uniform(0, slow))
        if status is HTTPStatus.IM_A_TEAPOT:
            self.close_connection = True
            return
        said = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Nobody reads it."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            """The other side died, as it is meant to."""


@contextmanager
def target(seed: int) -> Iterator[Target]:
    """A target at work."""
    server = Target(seed)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
