"""kill -9 at every request of every Graph write, through the whole engine: accepted once, or a person is asked."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.graph.mail import send
from tests.faults.office_life import WAIT_SECONDS, accepted, live
from tests.integration.connectors.conftest import Sandbox, running, sandbox
from tests.integration.connectors.test_sandbox_office import SENDING

__all__ = ["running", "sandbox"]
MOST_REQUESTS = 9
LATER = timedelta(hours=1)


def die(**told: Any) -> subprocess.CompletedProcess[str]:
    """A life that kill -9 ends, if it gets that far."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.office_life", json.dumps(told)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("name", "kind", "path", "given"), SENDING, ids=[each[0] for each in SENDING])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_request_a_graph_write_is_accepted_once(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: str,
    path: str,
    given: Any,
    after: bool,
) -> None:
    # The workers go by the machine's clock: for them, too, it is that much later.
    monkeypatch.setattr(send, "SHOWS_WITHIN", send.SHOWS_WITHIN - LATER)
    killed = 0
    for number in range(1, MOST_REQUESTS):
        folder, text = tmp_path / str(number), f"Killed {uuid.uuid4().hex}"
        folder.mkdir()
        told = {
            "folder": str(folder),
            "state": str(sandbox.state),
            "capability": name,
            "given": given(text),
            "kind": kind,
            "text": text,
        }
        first = die(**told, number=number, after=after)
        if first.returncode == 0:
            break  # the write has fewer requests than that
        assert first.returncode == -9, first.stderr
        killed += 1
        # An hour later nothing of the first life can arrive any more, and a look proves something.
        second = asyncio.run(asyncio.wait_for(live(**told, later=LATER), WAIT_SECONDS))
        assert second.status == "succeeded", (number, second)
        assert accepted(sandbox, kind, text) == 1, f"killed {'after' if after else 'before'} request {number}"
        with closing(sqlite3.connect(folder / "tandem.db")) as log:
            doubts = log.execute("SELECT count(*) FROM events WHERE type = 'TaskInDoubt'").fetchone()[0]
        assert doubts >= 1, "nothing was tried again before somebody looked"
    else:
        pytest.fail("there are more requests than were tried")
    assert killed >= 1
