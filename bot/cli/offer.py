"""What this deployment can do, asked of a process of its own (`bot.inventory`)."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import msgspec

from bot.cli.state import State
from bot.cli.trouble import Trouble
from orchestration.capabilities import Capability, Registry, Worker

_MODULE = "bot.inventory"
_SECONDS = 60


class Offered(msgspec.Struct, frozen=True):
    """One worker as `bot.inventory` tells of it."""

    capability: Capability
    name: str
    version: str
    owner: str
    cost: float
    plugin: bool
    limit: int = 0
    resource_limit: int = 0


class Offer(msgspec.Struct, frozen=True):
    """All workers; `problems` are of packages whose workers cannot be used."""

    workers: list[Offered]
    problems: list[str]
    own_settings: bool

    def find(self, capability: str) -> Capability:
        """The capability of this name.

        Raises:
            Trouble: Nobody offers it.
        """
        names = {each.capability.name: each.capability for each in self.workers}
        if capability in names:
            return names[capability]
        near = difflib.get_close_matches(capability, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "'tandem capabilities' lists what there is."
        raise Trouble(f"Nobody offers {capability!r} here; {hint}")

    def registry(self) -> Registry:
        """A registry that knows every capability and can call none, for checking plans."""
        return Registry([_uncallable(each) for each in self.workers])


def ask(state: State) -> Offer:
    """What the deployment offers: with the settings of the environment, of the running sandbox, or all that ships.

    Raises:
        Trouble: The workers cannot even be listed; with what was said.
    """
    environment = dict(os.environ)
    if "TANDEM_TENANT_ID" not in environment and (described := state.sandbox()):
        environment |= described["settings"]
    command = [sys.executable, "-m", _MODULE]
    try:
        told = subprocess.run(  # noqa: S603 - this Python, this project
            command, env=environment, check=False, capture_output=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Trouble(f"Listing the workers took longer than {_SECONDS} seconds.") from None
    try:
        return msgspec.json.decode(told.stdout, type=Offer)
    except msgspec.DecodeError:
        said = told.stderr.decode(errors="replace").splitlines()
        raise Trouble("The workers cannot be listed; the bot would not start either.", log=said[-12:]) from None


async def _never(arguments: Any, task: Any) -> Any:
    raise NotImplementedError("this registry is for checking plans only")


def _uncallable(offered: Offered) -> Worker:
    return Worker(
        capability=offered.capability,
        name=offered.name,
        version=offered.version,
        owner=offered.owner,
        cost=offered.cost,
        input_type=msgspec.Struct,
        output_type=msgspec.Struct,
        call=_never,
        timeout=timedelta(seconds=1),
        attempts=1,
    )
