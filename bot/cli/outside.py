"""What `tandem doctor` says of the lists and of approval systems: whether they can be reached, and have their keys."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.finding import Finding
from bot.cli.probe import look
from bot.routes import outside
from bot.routes.signature import Keys
from orchestration.errors import TandemError
from orchestration.validation.policy_file import SHIPPED, InvalidPolicy, read

if TYPE_CHECKING:
    from bot.settings import Settings
    from orchestration.validation.policy import ApprovalSystem

_LISTS, _SYSTEMS = "Lists", "Approval systems"


def examine(settings: Settings) -> list[Finding]:
    """The bot's public address, and every approval system of the policy."""
    return [*_public(settings), *_systems(settings)]


def _public(settings: Settings) -> list[Finding]:
    if not settings.public_url:
        text = "The lists (/api/runs, /api/approvals) answer this machine only: TANDEM_PUBLIC_URL is empty"
        return [Finding(_LISTS, "off", text)]
    seen = look(f"{settings.public_url.rstrip('/')}/healthz")
    if seen.status == 200:
        return [Finding(_LISTS, "good", f"The bot is reached at {settings.public_url}")]
    why = seen.problem or f"it answers /healthz with status {seen.status}"
    way_out = "Is TANDEM_PUBLIC_URL right, is the bot up, and may this machine reach it from outside?"
    return [Finding(_LISTS, "note", f"The bot at {settings.public_url}: {why}", way_out)]


def _systems(settings: Settings) -> list[Finding]:
    try:
        systems = read(Path(settings.policy) if settings.policy else SHIPPED).approval_systems
    except InvalidPolicy:
        return []  # each problem is named with the policy
    if not systems:
        return [Finding(_SYSTEMS, "off", "None: policy names no system outside of Teams in which people decide")]
    found = [_system(each, settings) for each in systems]
    if not settings.public_url and not settings.local:
        text = "Approval systems are told to answer to this machine, since TANDEM_PUBLIC_URL is empty."
        found.append(Finding(_SYSTEMS, "bad", text, "Set it to where this bot is reached from outside."))
    return found


def _system(system: ApprovalSystem, settings: Settings) -> Finding:
    try:
        Keys(os.environ).of(system)
        asyncio.run(outside.checked(system.url, local=settings.local))
    except TandemError as error:
        return Finding(_SYSTEMS, "bad", f"{system.name}: {error.message}", "See docs/approval-workflow.md.")
    return Finding(_SYSTEMS, "good", f"{system.name}: its key is there, and its address may be called")
