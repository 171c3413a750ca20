"""What this deployment can do, as a process of its own: `python -m bot.inventory` prints it as JSON.

The command line asks it rather than importing the bot, whose packages take seconds to load.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec

from bot.bootstrap import Connections
from bot.settings import InvalidSettings, read
from orchestration.capabilities import Registry, Worker, plugins
from orchestration.core.run import Person

# For a machine without settings: every system that Tandem knows, none of which is called.
_NOBODY = "00000000-0000-0000-0000-000000000000"
_SAMPLE = {
    **dict.fromkeys(("TANDEM_TENANT_ID", "TANDEM_APP_ID", "TANDEM_SSO_APP_ID"), _NOBODY),
    **dict.fromkeys(("TANDEM_APP_SECRET", "TANDEM_SSO_APP_SECRET"), "unused"),
    **dict.fromkeys(("TANDEM_SAP_URL", "TANDEM_SAP_FACADE_URL", "TANDEM_SAP_TOKEN_URL"), "https://sap.example"),
    **dict.fromkeys(("TANDEM_SAP_FACADE_SCOPE", "TANDEM_SAP_CLIENT_ID", "TANDEM_SAP_CLIENT_SECRET"), "unused"),
    **dict.fromkeys(("TANDEM_SAP_EXPORT_SITE", "TANDEM_SAP_EXPORT_PATH"), "unused"),
    **dict.fromkeys(("TANDEM_DYNAMICS_URL",), "https://dynamics.example"),
    **dict.fromkeys(("TANDEM_DYNAMICS_SCOPE",), "unused"),
}


class _Nobody:
    """Implements `AssertionSource` for a process that calls nothing."""

    async def assertion(self, person: Person) -> str | None:
        """Nobody is signed in here."""
        return None


def inventory() -> dict[str, Any]:
    """Every worker, what plugins could not be used, and whether the settings are this deployment's own."""
    try:
        settings, own = read(), True
    except InvalidSettings:
        settings, own = read(_SAMPLE), False
    registry = Registry(Connections(settings, _Nobody()).workers)
    before = set(_named(registry))
    problems = plugins.register(registry)
    workers = [_described(each, plugin=name not in before) for name, each in _named(registry).items()]
    return {"workers": workers, "problems": problems, "own_settings": own}


def _named(registry: Registry) -> dict[str, Worker]:
    return {each.name: each for known in registry.capabilities() for each in registry.offering(known.name)}


def _described(worker: Worker, *, plugin: bool) -> dict[str, Any]:
    return {
        "capability": msgspec.to_builtins(worker.capability),
        "name": worker.name,
        "version": worker.version,
        "owner": worker.owner,
        "cost": worker.cost,
        "limit": worker.limit,
        "resource_limit": worker.resource_limit,
        "plugin": plugin,
    }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # what went wrong is in the answer
    sys.stdout.buffer.write(msgspec.json.encode(inventory()))
