"""Mail, files and documents from tasks that look for them at the same time, taken up as they come."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec

from orchestration.capabilities import PeerResult, RunState, Standing, TaskContext
from orchestration.workers.sources import Document, File, Mail

PART = "sources looked through"
PATIENCE_SECONDS = 180.0  # for a source that is being asked; whoever briefs somebody has a meeting to be in time for
_BEING_ASKED = ("running", "backing_off")
Kind = Literal["mails", "files", "document", "search"]


class _Mails(msgspec.Struct):
    mails: list[Mail]


class _Files(msgspec.Struct):
    files: list[File]


class Gathered(msgspec.Struct):
    """What the watched tasks gave, and what became of those that gave nothing.

    Attributes:
        mails: Null if no mailbox was read.
        files: Null if no files were looked for.
        missing: Sentences for people, one for each source that is not in it.
    """

    mails: list[Mail] | None = None
    files: list[File] | None = None
    documents: list[Document] = []
    missing: list[str] = []


async def gather(sources: dict[str, Kind], task: TaskContext, patience_seconds: float = 0.0) -> Gathered:
    """Take up what the watched tasks give, and vouch for how many of the sources are in.

    A source that does not answer within the patience is left behind; one that has not been asked yet is waited for.
    """
    found: dict[str, PeerResult] = {}
    while True:
        try:
            async with asyncio.timeout(patience_seconds or PATIENCE_SECONDS):
                async for result in task.peers():
                    if result.task not in found:
                        found[result.task] = result
                        await _vouch(task, sources, found)
        except TimeoutError:
            late = [each for each in task.state().tasks if each.task in sources and each.task not in found]
            if not any(each.status in _BEING_ASKED for each in late):
                continue  # none of them has begun, as while the run is paused
        await _vouch(task, sources, found)
        return _put_together(sources, found, task.state())


async def _vouch(task: TaskContext, sources: dict[str, Kind], found: dict[str, PeerResult]) -> None:
    """All there is to look through is what was not left out by the plan's own condition."""
    state = task.state()
    wanted = [name for name in sources if (at := state.of(name)) is None or not _needless(at)]
    await task.complete(PART, sum(name in found for name in wanted), len(wanted))


def _needless(at: Standing) -> bool:
    return at.status == "skipped" and at.code != "failed"


def _put_together(sources: dict[str, Kind], found: dict[str, PeerResult], state: RunState) -> Gathered:
    made = Gathered(documents=[], missing=[])
    for name, kind in sources.items():
        if name not in found:
            made.missing += [said] if (at := state.of(name)) is not None and (said := _missing(at)) else []
            continue
        value: Any = found[name].value
        if kind == "mails":
            made.mails = [*(made.mails or []), *msgspec.convert(value, _Mails).mails]
        elif kind == "files":
            made.files = [*(made.files or []), *msgspec.convert(value, _Files).files]
        elif kind == "document":
            made.documents.append(msgspec.convert(value, Document))
    searched = [state.of(name) for name, kind in sources.items() if kind == "search"]
    if not made.files and any(at is not None and at.status != "succeeded" and not _needless(at) for at in searched):
        made.files = None  # that none was found would not be true
    return made


def _missing(at: Standing) -> str:
    """What people are told of a source that is not in it; nothing where there was no need for it."""
    if at.status == "succeeded":
        return f"{at.title}: left out, because it is {str(at.label).replace('_', ' ')}."
    if at.status == "failed" or at.code == "failed":
        return f"{at.title}: this did not work, so it is left out."
    if at.status in _BEING_ASKED:
        return f"{at.title}: there was no answer in time, so it is left out."
    return "" if _needless(at) else f"{at.title}: it was not done, so it is left out."
