"""The log as CloudEvents 1.0 in JSON, a line each: what every other system can take in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from orchestration.ports import Archive, EventRow

_encode = msgspec.json.Encoder().encode


def lines(archive: Archive) -> Iterator[bytes]:
    """All of a run: the run itself (`tandem.log.Run`), its events, its context entries and its commands."""
    run = archive.run
    yield _line(run.run_id, "run", "tandem.log.Run", run.proposed_at, run.run_id, _encode(run))
    for row in archive.events:
        yield line(row)
    for entry in archive.entries:
        about = f"{run.run_id}/{entry.entry}"
        yield _line(run.run_id, f"entry-{entry.entry}", "tandem.log.Entry", None, about, entry.body)
    for command in archive.commands:
        body = _encode({"command_id": command.command_id})
        yield _line(run.run_id, f"command-{command.command_id}", "tandem.log.Command", None, run.run_id, body)


def line(row: EventRow) -> bytes:
    """One event, such as `tandem.TaskSucceeded`; `sequence` is its number, `link` its link of the chain."""
    about = f"{row.run_id}/{task}" if (task := _task(row.body)) else row.run_id
    more = {"sequence": str(row.seq)} | {
        name: value.hex() for name in ("link", "seal") if (value := getattr(row, name))
    }
    return _line(row.run_id, str(row.seq), f"tandem.{row.type}", row.at, about, row.body, more)


def _line(
    run_id: str, id_: str, type_: str, at: datetime | None, about: str, body: bytes, more: dict[str, str] | None = None
) -> bytes:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": f"/tandem/runs/{run_id}",
        "type": type_,
        "subject": about,
    }
    if at is not None:
        event["time"] = at
    return _encode(event | (more or {}) | _data(body)) + b"\n"


def _data(body: bytes) -> dict[str, Any]:
    """JSON as it is, and anything else so that no byte is lost."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {"data_base64": base64.b64encode(body).decode()}
    return {"datacontenttype": "application/json", "data": msgspec.Raw(body) if b"\n" not in body else value}


class _About(msgspec.Struct, frozen=True):
    task: str = ""
    approval: str = ""


def _task(body: bytes) -> str:
    """The task that an event is about; a question is named after its task."""
    try:
        about = msgspec.json.decode(body, type=_About)
    except msgspec.DecodeError:
        return ""
    return about.task or about.approval.rpartition(".")[0]
