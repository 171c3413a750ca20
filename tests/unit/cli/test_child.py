"""A started process is watched, its last words are kept, and it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.cli.child import Child
from bot.cli.trouble import Trouble

_STUBBORN = """
import signal, subprocess, sys, pathlib, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(below.pid))
time.sleep(600)
"""
_PARENT = """
import asyncio, pathlib, sys
from bot.cli.child import Child

async def main():
    child = Child("It", [sys.executable, "-c", "import time; time.sleep(600)"], log=pathlib.Path(sys.argv[1]))
    await child.start()
    print(child.pid, flush=True)
    await child.watch()

asyncio.run(main())
"""


def python(tmp_path: Path, code: str, *arguments: str) -> Child:
    return Child("The bot", [sys.executable, "-u", "-c", code, *arguments], log=tmp_path / "logs" / "bot.log")


async def test_an_end_that_nobody_asked_for_is_told_with_the_last_words(tmp_path: Path) -> None:
    child = python(tmp_path, "print('no disk left'); raise SystemExit(3)")
    await child.start()

    with pytest.raises(Trouble, match="The bot ended with exit code 3") as caught:
        await child.watch()

    assert caught.value.log == ["no disk left"]


async def test_a_kill_is_told_as_one(tmp_path: Path) -> None:
    child = python(tmp_path, "import time; time.sleep(600)")
    await child.start()
    assert child.pid

    os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(Trouble, match=r"The bot was killed \(SIGKILL\)"):
        await child.watch()


async def test_waiting_for_readiness_ends_when_the_process_does(tmp_path: Path) -> None:
    child = python(tmp_path, "print('wrong settings'); raise SystemExit(2)")
    await child.start()

    async def never() -> bool:
        return False

    with pytest.raises(Trouble, match="exit code 2") as caught:
        await child.until(never, seconds=30)

    assert caught.value.log == ["wrong settings"]


async def test_a_process_that_is_not_ready_in_time_is_named(tmp_path: Path) -> None:
    child = python(tmp_path, "import time; time.sleep(600)")
    await child.start()

    async def never() -> bool:
        return False

    with pytest.raises(Trouble, match="The bot was not ready after 0 seconds"):
        await child.until(never, seconds=0.1)
    await child.stop()


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    child = Child("The Playground", ["no-such-program"], log=tmp_path / "log")

    with pytest.raises(Trouble, match="The Playground cannot start: no-such-program is not there"):
        await child.start()


async def test_stopping_ends_what_will_not_listen_and_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.child._GRACE_SECONDS", 0.2)
    below = tmp_path / "below"
    child = python(tmp_path, _STUBBORN, str(below))
    await child.start()

    async def started() -> bool:
        return below.exists() and bool(below.read_text())

    await child.until(started, seconds=20)
    grandchild = psutil.Process(int(below.read_text()))

    await child.stop()

    assert not psutil.pid_exists(child.pid or 0)
    assert psutil.wait_procs([grandchild], timeout=10)[1] == []


async def test_the_log_before_is_kept_once(tmp_path: Path) -> None:
    for word in ("first", "second", "third"):
        child = python(tmp_path, f"print({word!r})")
        await child.start()
        with pytest.raises(Trouble):
            await child.watch()

    logs = tmp_path / "logs"
    assert (logs / "bot.log").read_text() == "third\n"
    assert (logs / "bot.log.1").read_text() == "second\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has gone")
def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        assert psutil.wait_procs([child], timeout=10)[1] == []
