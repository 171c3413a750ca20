"""What the deployment's Application Insights gets to see, received by a local ingestion endpoint."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot import telemetry

STORY = """
import asyncio, sys
from pathlib import Path
from bot import telemetry
assert telemetry.configure(Path(sys.argv[1]))
from connectors.kernel import KernelDispatcher
from orchestration.capabilities import Registry, TaskContext, worker
from tests.support.office import MEGAN, Number

async def double(number: Number, task: TaskContext) -> Number:
    return Number(number.n * 2)

made = worker("double", title="Double")(double)
context = TaskContext(run_id="run-1", task_id="step", attempt=2, initiator=MEGAN)
dispatcher = KernelDispatcher(Registry([made]))
assert asyncio.run(dispatcher.call(made, Number(21), context)).n == 42
from opentelemetry import trace
trace.get_tracer_provider().force_flush(5000)
"""


@pytest.fixture
def ingestion() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A connection string, and the telemetry that arrives there."""
    items: list[dict[str, object]] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            received = (
                json.loads(body) if body[:1] == b"[" else [json.loads(line) for line in body.splitlines() if line]
            )
            items.extend(received)
            answer = json.dumps({"itemsReceived": len(received), "itemsAccepted": len(received), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = "00000000-0000-0000-0000-000000000001"
    yield f"InstrumentationKey={key};IngestionEndpoint=http://localhost:{server.server_port}/", items
    server.shutdown()
    server.server_close()


def test_every_call_of_a_worker_is_a_span_that_names_run_task_and_capability(
    ingestion: tuple[str, list[dict[str, object]]], tmp_path: Path
) -> None:
    connection, items = ingestion
    environment = {**os.environ, telemetry.CONNECTION: connection}
    command = [sys.executable, "-W", "ignore", "-c", STORY, str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True)
    text = json.dumps(items)
    spans = [item["data"]["baseData"] for item in items if item["data"]["baseType"] == "RemoteDependencyData"]  # type: ignore[index]
    named = [span["properties"] for span in spans if span["properties"].get("tandem.run") == "run-1"]
    assert named, text
    assert (named[0]["tandem.task"], named[0]["tandem.capability"], named[0]["tandem.attempt"]) == (
        "step",
        "double",
        "2",
    )
    assert "Megan" not in text, "telemetry names no people"


def test_without_an_application_insights_nothing_is_sent(tmp_path: Path) -> None:
    assert telemetry.configure(tmp_path, {telemetry.CONNECTION: " "}) is False
