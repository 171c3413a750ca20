"""`tandem prune`: removes runs that ended long ago, once they are safe in a file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.durations import seconds_of
from bot.cli.log import Log
from bot.cli.running import Running
from bot.cli.trouble import Trouble
from bot.control_messages import Prune
from orchestration.engines.prune import prune as prune_store
from orchestration.errors import OwnerLocked
from orchestration.ports import Anchors, Pruned

_SECONDS = 3600.0


def before(older_than: str, now: datetime | None = None) -> datetime:
    """The instant that long ago.

    Raises:
        Trouble: It is no span of time, or a longer one than there are dates.
    """
    seconds = seconds_of(older_than)
    try:
        return (now or datetime.now(UTC)) - timedelta(seconds=seconds)
    except OverflowError:
        raise Trouble(f"{older_than!r} is longer ago than any date: write 90d, for instance") from None


def prune(log: Log, older_than: str, export: Path, anchors: Anchors | None = None) -> str:
    """Removes and says what was removed.

    Raises:
        Trouble: The span or the file cannot be used, there is no log, or a bot owns it.
    """
    instant = before(older_than)
    try:
        found = asyncio.run(_prune(log, instant, export, anchors))
    except OwnerLocked as error:
        raise Trouble(
            f"{error.message}. Nothing was removed: run this where that bot runs, with its state folder (--state)."
        ) from error
    return told(found, older_than, export)


async def _prune(log: Log, instant: datetime, export: Path, anchors: Anchors | None) -> Pruned:
    store = log.store()
    await store.open()
    try:
        return await prune_store(store, instant, export, anchors=anchors)
    finally:
        await store.close()


def told(found: Pruned, older_than: str, export: Path) -> str:
    """What became of it, for people."""
    if not found.runs + found.kept:
        return f"No run ended more than {older_than} ago: nothing was removed, and no file was written."
    runs = "1 run" if found.runs == 1 else f"{found.runs:,} runs"
    kept = f" {found.kept:,} of the exported went on meanwhile and were kept." if found.kept else ""
    return f"Removed {runs}, after exporting {found.events:,} events and what belongs to them to {export}.{kept}"


def prune_through(running: Running, older_than: str, export: Path) -> str:
    """The same, done by the bot that owns the log.

    Raises:
        Trouble: The span or the file cannot be used.
    """
    wish = Prune(before(older_than), str(export.absolute()))
    return told(running.ask("POST", "/prune", Pruned, wish, seconds=_SECONDS), older_than, export)
