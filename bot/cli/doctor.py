"""`tandem doctor`: what is there on this machine and behind the settings, and what to do about what is not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bot.cli import endpoints, model, offer, playground, ports
from bot.cli.finding import Finding
from bot.cli.state import State
from bot.cli.trouble import Trouble
from orchestration.errors import TandemError

_MACHINE, _STATE, _SETTINGS, _PORTS = "This machine", "State", "Settings", "Ports"
_LOG = "tandem.db"
_LEAST_FREE_BYTES = 200 * 1024 * 1024


async def examine(state: State) -> list[Finding]:
    """Everything that was looked at, in the order in which it is shown."""
    findings = [*_machine(), *_folder(state), *await _database(state), *await _audit(state)]
    described: Mapping[str, Any] | None = None
    try:
        described = state.sandbox()
    except Trouble as trouble:
        findings.append(Finding(_STATE, "bad", trouble.message, f"rm {state.sandbox_file}"))
    findings += _ports(described)
    environment, source = _environment(described)
    if not environment:
        findings.append(
            Finding(
                _SETTINGS,
                "note",
                "TANDEM_TENANT_ID is not set and no sandbox runs, so there is no deployment to look at.",
                "For this machine: tandem up (or make run). For a tenant of your own: set what the README lists.",
            )
        )
        return findings
    return [*findings, *await _deployment(environment, source, _proxy(described)), *await _denials(environment, state)]


async def _database(state: State) -> list[Finding]:
    from bot.cli import database
    from bot.settings import InvalidSettings

    try:
        return await asyncio.to_thread(database.examine, state.root)
    except InvalidSettings:
        return []  # each of them is named with the settings
    except TandemError as error:
        return [Finding(_SETTINGS, "bad", error.message, "Mend TANDEM_DATABASE_URL.")]


async def _audit(state: State) -> list[Finding]:
    from bot.cli import verify
    from bot.cli.log import log_of

    try:
        return await asyncio.to_thread(lambda: list(verify.look(log_of(state.root), verify.folder_of(state.root))))
    except TandemError:
        return []  # what is wrong with the log is named where it is looked at


def _environment(described: Mapping[str, Any] | None) -> tuple[dict[str, str], str]:
    if "TANDEM_TENANT_ID" in os.environ:
        return dict(os.environ), "the environment"
    settings = described.get("settings") if described else None
    return (dict(settings), "the running sandbox") if isinstance(settings, dict) else ({}, "")


def _proxy(described: Mapping[str, Any] | None) -> str:
    """A window's proxy knows where the bot of this sandbox listens."""
    own = described is not None and "TANDEM_TENANT_ID" not in os.environ
    return str(described["windows"][0]["endpoint"]) if described and own else ""


async def _deployment(environment: dict[str, str], source: str, probe: str) -> list[Finding]:
    from bot.settings import InvalidSettings, read

    try:
        settings = read(environment)
    except InvalidSettings as error:
        return [Finding(_SETTINGS, "bad", problem, "The README explains each of them.") for problem in error.problems]
    return [
        Finding(_SETTINGS, "good", f"All settings fit; they are those of {source}."),
        *_policy(settings.policy, settings.sharepoint_host),
        *await endpoints.examine(settings, probe),
        *await model.examine(settings),
    ]


def _policy(path: str, sharepoint: str) -> Iterator[Finding]:
    from orchestration.validation.policy_file import SHIPPED, InvalidPolicy
    from orchestration.validation.policy_file import read as read_policy

    try:
        policy = read_policy(Path(path) if path else SHIPPED)
    except InvalidPolicy as error:
        yield from (Finding(_SETTINGS, "bad", each, "docs/policy.md explains it.") for each in error.problems)
        return
    said = f"The policy fits; rules for capabilities: {len(policy.capabilities)}, hosts: {len(policy.hosts)}."
    yield Finding(_SETTINGS, "good", said if path else "No TANDEM_POLICY: the policy that comes along holds.")
    if not sharepoint and not any("sharepoint" in host for host in policy.hosts):
        yield Finding(
            _SETTINGS,
            "note",
            "Links to SharePoint are taken out of answers and mails: neither settings nor policy name its host.",
            "Set TANDEM_SHAREPOINT_HOST, such as contoso.sharepoint.com.",
        )


async def _denials(environment: Mapping[str, str], state: State) -> list[Finding]:
    """Rules of the policy that forbid nothing, since what they name is not there."""
    from orchestration.planning import draft
    from orchestration.validation.policy_file import InvalidPolicy
    from orchestration.validation.policy_file import read as read_policy

    try:
        policy = read_policy(Path(environment["TANDEM_POLICY"])) if environment.get("TANDEM_POLICY") else None
        if policy is None or not (policy.initiators or "deny" in policy.capabilities.values()):
            return []
        offered = await asyncio.to_thread(offer.ask, state)
    except (InvalidPolicy, Trouble):
        return []  # said elsewhere, or whoever starts the bot is told
    planning = draft.CAPABILITY  # is there once a model is
    idle = policy.idle_rules([planning, *(each.capability.name for each in offered.workers)])
    return [Finding(_SETTINGS, "bad", each, "'tandem capabilities' lists what there is.") for each in idle]


def _machine() -> Iterator[Finding]:
    found = platform.python_version()
    if (3, 11) <= sys.version_info < (3, 14):
        yield Finding(_MACHINE, "good", f"Python {found}")
    else:
        yield Finding(_MACHINE, "bad", f"Python {found} is not supported.", "Install 3.11, 3.12 or 3.13.")
    try:
        yield Finding(_MACHINE, "good", f"Tandem {version('tandem')}")
    except PackageNotFoundError:
        yield Finding(_MACHINE, "bad", "Tandem is not installed as a package.", "In the project's folder: make setup")
    yield _node()
    try:
        playground.find()
        yield Finding(_MACHINE, "good", "Microsoft 365 Agents Playground")
    except Trouble as trouble:
        yield Finding(_MACHINE, "note", trouble.message, "Or do without: tandem up --no-playground, and tandem chat")


def _node() -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding(
            _MACHINE, "note", "Node.js is not installed; only the Playground needs it.", "Install version 20 or newer."
        )
    told = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)  # noqa: S603 - found on PATH
    number = told.stdout.strip().lstrip("v")
    major = int(number.partition(".")[0]) if number.partition(".")[0].isdecimal() else 0
    if major < 20:
        return Finding(
            _MACHINE, "note", f"Node.js {number or '?'} is too old for the Playground.", "Install 20 or newer."
        )
    return Finding(_MACHINE, "good", f"Node.js {number}")


def _folder(state: State) -> Iterator[Finding]:
    root = state.root
    above = next(each for each in (root, *root.resolve().parents) if each.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        way_out = "Change its rights, or choose another folder: --state DIR (TANDEM_DATA_DIR for the bot)"
        yield Finding(_STATE, "bad", f"{above} cannot be written.", way_out)
    elif not root.exists():
        yield Finding(_STATE, "good", f"{root} is not there yet and can be made.")
    else:
        yield Finding(_STATE, "good", f"{root} can be written.")
    free = shutil.disk_usage(above).free
    if free < _LEAST_FREE_BYTES:
        yield Finding(
            _STATE, "bad", f"Only {free // 1_048_576} MB are free there.", "Make room: the log must be written."
        )
    if (root / _LOG).exists():
        yield from _log(root / _LOG)


def _log(log: Path) -> Iterator[Finding]:
    from filelock import FileLock, Timeout

    from orchestration.stores.sqlite import SCHEMA_VERSION

    try:
        with closing(sqlite3.connect(f"{log.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            runs, open_runs = db.execute("SELECT count(*), coalesce(sum(open), 0) FROM runs").fetchone()
    except sqlite3.DatabaseError as error:
        yield Finding(_STATE, "bad", f"{log} cannot be read as an event log: {error}", "Put back a copy of it.")
        return
    if schema > SCHEMA_VERSION:
        text = f"{log} has schema {schema}; this Tandem knows {SCHEMA_VERSION}."
        yield Finding(_STATE, "bad", text, "Update Tandem, or use the state folder of this version.")
    else:
        yield Finding(_STATE, "good", f"{log}: schema {schema}, {runs} runs, {open_runs} open")
    try:
        with FileLock(f"{log}.lock", timeout=0):
            yield Finding(_STATE, "good", "Nobody owns the log; the next bot will.")
    except Timeout:
        owner = Path(f"{log}.owner")
        holder = f"process {owner.read_text('utf-8').strip()}" if owner.exists() else "a process"
        yield Finding(_STATE, "good", f"The log is owned by a running bot ({holder}); a second one would be refused.")
    except OSError as error:
        yield Finding(_STATE, "bad", f"{log}.lock cannot be used: {error.strerror}", "Change its rights.")


def _ports(described: Mapping[str, Any] | None) -> Iterator[Finding]:
    if described is not None:
        yield Finding(_PORTS, "good", f"The sandbox of this state folder is running (process {described.get('pid')}).")
        return
    needed = ports.Ports().needed()
    try:
        ports.require_free(needed)
        yield Finding(_PORTS, "good", f"All {len(needed)} ports that 'tandem up' takes are free.")
    except Trouble as trouble:
        for line in trouble.message.splitlines()[:-1]:
            yield Finding(_PORTS, "note", line, f"See who: lsof -i :{line.split()[1]}")
