"""Removes what is old, after all of it is safe in a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from orchestration.audit import cloudevents
from orchestration.errors import Invalid
from orchestration.ports import Anchor, Anchors, Pruned, RunRow, Store

_STEP_BYTES = 4 * 1024 * 1024
_STEP_RUNS = 200

Remove = Callable[[Sequence[RunRow]], Awaitable[list[str]]]


async def prune(
    store: Store, before: datetime, export: Path, *, remove: Remove | None = None, anchors: Anchors | None = None
) -> Pruned:
    """Remove every run that ended before an instant, once it is in the file, on disk.

    The file gets a CloudEvent for each run, event, context entry and command (`audit.cloudevents`), but no salts:
    without them the digests in the events cannot be tested against a guess. It is new, and only its owner may read it.
    Whatever stops this, what was removed is in the file; what is in the file may not have been removed.

    Args:
        store: Open.
        before: A run counts by its last event; one that is open is never old.
        export: A file that does not exist yet; it is not made when there is nothing to remove.
        remove: Instead of `store.remove`, where others use the store at the same time.
        anchors: Are told what is about to be removed, so that nobody takes it for a theft.

    Raises:
        Invalid: The file exists or cannot be written.
        Unavailable: The anchors cannot be written.
    """
    removing = remove or store.remove
    await asyncio.to_thread(_check, export)
    found = Pruned()
    ended = await store.ended(before)
    if not ended:
        return found
    with await asyncio.to_thread(_create, export) as file:
        step: list[RunRow] = []
        lines: list[bytes] = []
        for place, row in enumerate(ended, 1):
            archive = await store.archive(row)
            found.events += len(archive.events)
            step.append(row)
            lines.append(b"".join(cloudevents.lines(archive)))
            if len(step) < _STEP_RUNS and sum(map(len, lines)) < _STEP_BYTES and place < len(ended):
                continue
            await asyncio.to_thread(_write, file, b"".join(lines))
            if anchors is not None:
                now = datetime.now(UTC)
                await anchors.write([Anchor(each.run_id, each.seq, "", now, "pruned") for each in step])
            gone = await removing(step)
            found.runs, found.kept = found.runs + len(gone), found.kept + len(step) - len(gone)
            step, lines = [], []
    return found


def _check(path: Path) -> None:
    if path.exists():
        raise Invalid(f"{path} exists already: give the name of a new file, so that nothing is overwritten")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Invalid(f"{path.parent} is not a folder that can be written: make it, or export to another one")


def _create(path: Path) -> BinaryIO:
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            _sync_folder(path.parent)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}; nothing was removed") from error
    return file


def _sync_folder(path: Path) -> None:
    """A file whose name is not on disk is lost with the power."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(file: BinaryIO, lines: bytes) -> None:
    try:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise Invalid(
            f"{file.name} cannot be written any more: {error.strerror}; all that was removed so far is in it, "
            "and nothing more was removed"
        ) from error
