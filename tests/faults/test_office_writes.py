"""kill -9 at every request of every Graph write, through the whole engine: accepted once, or a person is asked."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.office_life import accepted
from tests.integration.connectors.conftest import Sandbox, running, sandbox
from tests.integration.connectors.test_sandbox_office import SENDING

__all__ = ["running", "sandbox"]
MOST_REQUESTS = 9


def live(**told: Any) -> subprocess.CompletedProcess[str]:
    """One life of the process."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.office_life", json.dumps(told)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("name", "kind", "path", "given"), SENDING, ids=[each[0] for each in SENDING])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_request_a_graph_write_is_accepted_once(
    sandbox: Sandbox, tmp_path: Path, name: str, kind: str, path: str, given: Any, after: bool
) -> None:
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
            "after": after,
        }
        first = live(**told, number=number, later=0)
        if first.returncode == 0:
            break  # the write has fewer requests than that
        assert first.returncode == -9, first.stderr
        killed += 1
        # An hour later nothing of the first life can arrive any more, and a look proves something.
        second = live(**told, number=0, later=60)
        assert second.stdout.startswith("succeeded"), (number, second.stdout, second.stderr[-2000:])
        assert accepted(sandbox, kind, text) == 1, f"killed {'after' if after else 'before'} request {number}"
        with closing(sqlite3.connect(folder / "tandem.db")) as log:
            doubts = log.execute("SELECT count(*) FROM events WHERE type = 'TaskInDoubt'").fetchone()[0]
        assert doubts >= 1, "nothing was tried again before somebody looked"
    else:
        pytest.fail("there are more requests than were tried")
    assert killed >= 1
