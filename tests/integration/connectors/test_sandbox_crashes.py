"""A write that is cut off before or after any of its requests is accepted once, or a person is asked.

The workers keep nothing between attempts: what an attempt has done is only what the sandbox has, so that cutting it
off inside the process leaves just what killing the process leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.graph import GraphClient, workers
from connectors.graph.client import GraphSession
from connectors.sandbox import control
from orchestration.capabilities.descriptor import Done, NotDone, TaskContext, Unknown, Worker
from tests.integration.connectors.conftest import Sandbox
from tests.integration.connectors.test_sandbox_office import SENDING, Office

MOST_REQUESTS = 8


class Killed(BaseException):
    """The process is gone."""


class Cut:
    """Ends the attempt before or after its n-th request."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number, self.after, self.happened = number, after, False
        self._call = GraphSession.call
        self._seen = 0

    def wrapped(self) -> Callable[..., Any]:
        async def call(session: GraphSession, *given: Any, **more: Any) -> httpx.Response:
            self._seen += 1
            if self._seen != self.number or self.happened:
                return await self._call(session, *given, **more)
            self.happened = True
            if self.after:
                await self._call(session, *given, **more)
            raise Killed

        return call


async def settle(office: Office, worker: Worker, arguments: Any, task: TaskContext, kind: str, text: str) -> Any:
    """What the engine does with a write in doubt, until it is done; whoever is asked says what is true."""
    assert worker.reconcile is not None
    for _ in range(3):
        match await worker.reconcile(arguments, task):
            case Done(output=output):
                return output
            case Unknown() if office.accepted(kind, text):
                return "a person said that it was done"
            case NotDone() | Unknown():
                fresh = datetime.now(UTC) + timedelta(minutes=1)
                return await worker.call(
                    arguments, office.sandbox.task("megan", idempotency_key=task.idempotency_key, not_after=fresh)
                )
    return None


@pytest.mark.parametrize(("name", "kind", "path", "given"), SENDING, ids=[each[0] for each in SENDING])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_write_cut_off_at_any_request_is_accepted_once(
    graph: GraphClient,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: str,
    path: str,
    given: Any,
    after: bool,
) -> None:
    offered = {each.capability.name: each for each in workers(graph)}
    office, worker = Office(sandbox, offered), offered[name]
    cut_off = 0
    for number in range(1, MOST_REQUESTS):
        key, text = uuid.uuid4().hex, f"Cut {uuid.uuid4().hex}"
        arguments = office._given(worker, given(text))
        cut = Cut(number, after=after)
        with monkeypatch.context() as patched:
            patched.setattr(GraphSession, "call", cut.wrapped())
            try:
                await worker.call(arguments, sandbox.task("megan", idempotency_key=key))
            except Killed:
                cut_off += 1
        if not cut.happened:
            break
        # Looked at long after, when nothing can come any more.
        past = datetime.now(UTC) - timedelta(minutes=30)
        looked = sandbox.task("megan", idempotency_key=key, not_after=past)
        assert await settle(office, worker, arguments, looked, kind, text) is not None
        assert office.accepted(kind, text) == 1, f"cut off {'after' if after else 'before'} request {number}"
    else:
        pytest.fail("there are more requests than were tried")
    assert cut_off >= 2
    assert control.call(sandbox.state, "accepted")["count"] >= cut_off
