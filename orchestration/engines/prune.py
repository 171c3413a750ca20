"""Removes what is old, after all of it is safe in a file."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from orchestration.errors import Invalid
from orchestration.ports import Archive, Pruned, RunRow, Store

_STEP_BYTES = 4 * 1024 * 1024
_STEP_RUNS = 200

Remove = Callable[[Sequence[RunRow]], Awaitable[list[str]]]


async def prune(store: Store, before: datetime, export: Path, *, remove: Remove | None = None) -> Pruned:
    """Remove every run that ended before an instant, once it is in the file, on disk.

    The file gets a line of JSON for each run, event, context entry and command (`kind` says which), but no salts:
    without them the digests in the events cannot be tested against a guess. It is new, and only its owner may read it.
    Whatever stops this, what was removed is in the file; what is in the file may not have been removed.

    Args:
        store: Open.
        before: A run counts by its last event; one that is open is never old.
        export: A file that does not exist yet; it is not made when there is nothing to remove.
        remove: Instead of `store.remove`, where others use the store at the same time.

    Raises:
        Invalid: The file exists or cannot be written.
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
            lines.append(_lines(archive))
            if len(step) < _STEP_RUNS and sum(map(len, lines)) < _STEP_BYTES and place < len(ended):
                continue
            await asyncio.to_thread(_write, file, b"".join(lines))
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


def _lines(archive: Archive) -> bytes:
    run_id = archive.run.run_id
    lines: list[Any] = [{"kind": "run", **msgspec.to_builtins(archive.run)}]
    lines += [
        {"kind": "event", "run_id": run_id, "seq": row.seq, "at": row.at, "type": row.type, **_body(row.body)}
        for row in archive.events
    ]
    lines += [{"kind": "entry", "run_id": run_id, "entry": row.entry, **_body(row.body)} for row in archive.entries]
    lines += [{"kind": "command", "run_id": run_id, "command_id": row.command_id} for row in archive.commands]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _body(body: bytes) -> dict[str, Any]:
    """JSON as it is, and anything else so that no byte is lost."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {"base64": base64.b64encode(body).decode()}
    return {"body": msgspec.Raw(body) if b"\n" not in body else value}
