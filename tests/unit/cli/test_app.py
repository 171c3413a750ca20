"""The command line: what it takes, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def tandem(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=60)


def test_help_lists_the_commands(tmp_path: Path) -> None:
    told = tandem("--help", folder=tmp_path)

    assert told.returncode == 0
    commands = {
        "up",
        "chat",
        "serve",
        "sandbox",
        "break",
        "runs",
        "history",
        "pause",
        "resume",
        "cancel",
        "retry",
        "skip",
        "retract",
        "replay",
        "prune",
        "doctor",
        "capabilities",
        "playbook",
        "worker",
    }
    assert commands <= set(told.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs"], "There is no event log .tandem/tandem.db yet"),
        (["serve"], "TANDEM_TENANT_ID is not set, and no sandbox runs in the state folder .tandem"),
        (["break", "sap"], "No sandbox is running with the state folder .tandem"),
        (["break", "sap", "--for", "a while"], "'a while' is not a span of time"),
        (["up", "--people", "megan,megan"], "give each person's key once"),
        (["history"], "There is no event log .tandem/tandem.db yet"),
        (["pause", "last"], "There is no event log .tandem/tandem.db yet"),
        (["retract", "abc"], "'abc' is not how an entry's id begins: give 6 or more of its characters"),
        (["replay", "last", "--from", "3"], "A replay never writes: say so with --dry-run"),
        (["chat"], "Nothing is running with the state folder .tandem. Start it in another terminal"),
        (["playbook", "run", "nope"], "There is no playbook 'nope'"),
        (["playbook", "new", "No Name"], "'No Name' is no name for a playbook"),
        (["playbook", "check", "nowhere.yaml"], "There is no file nowhere.yaml"),
        (["worker", "new", "noname"], "'noname' is no name for a capability"),
    ],
)
def test_what_cannot_be_done_is_one_message_and_exit_code_1(tmp_path: Path, arguments: list[str], says: str) -> None:
    told = tandem(*arguments, folder=tmp_path)

    assert told.returncode == 1
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_the_command_line_starts_without_the_heavy_packages(tmp_path: Path) -> None:
    heavy = ("aiohttp", "botbuilder", "msgraph", "semantic_kernel", "openpyxl", "prompt_toolkit", "jsonschema", "yaml")
    code = f"import bot.cli.app, sys; print([name for name in {heavy!r} if name in sys.modules])"

    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert told.stdout.strip() == "[]"
