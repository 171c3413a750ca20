"""`tandem erase`: takes a person out of the log, by the bot that owns it or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from bot.cli.log import Log
from bot.cli.running import Running
from bot.cli.trouble import Trouble
from bot.cli.verify import folder_of
from bot.control_messages import Erase
from orchestration.audit.anchors import FileAnchors
from orchestration.audit.erasure import Erased, Erasure, Found
from orchestration.engines.clock import SystemClock
from orchestration.errors import OwnerLocked

_SECONDS = 3600.0


class Eraser:
    """Finds and erases, whoever owns the log.

    Args:
        log: The log of this deployment.
        running: Its bot, if it runs.
        state: Its folder.
    """

    def __init__(self, log: Log, running: Running, state: Path) -> None:
        self._log, self._running, self._state = log, running, state

    def find(self, who: str) -> Found:
        """What erasing somebody would do.

        Raises:
            Trouble: There is no log, or it cannot be used.
            TandemError: There is nobody, or there are several.
        """
        if self._running.there():
            return self._running.ask("POST", "/erase/find", Found, Erase(who), seconds=_SECONDS)
        return asyncio.run(self._find(who))

    def erase(self, who: str) -> Erased:
        """Do it.

        Raises:
            Trouble: As for `find`.
            TandemError: As for `find`, or a run is still open.
        """
        if self._running.there():
            return self._running.ask("POST", "/erase", Erased, Erase(who), seconds=_SECONDS)
        return asyncio.run(self._erase(who))

    async def _find(self, who: str) -> Found:
        async with _Opened(self._log, self._state) as erasure:
            return await erasure.find(who)

    async def _erase(self, who: str) -> Erased:
        async with _Opened(self._log, self._state) as erasure:
            return await erasure.erase(who)


class _Opened:
    """The log, owned for a while."""

    def __init__(self, log: Log, state: Path) -> None:
        self._store, self._anchors = log.store(), FileAnchors(folder_of(state))

    async def __aenter__(self) -> Erasure:
        try:
            await self._store.open()
        except OwnerLocked as error:
            raise Trouble(
                f"{error.message}. Nothing was erased: run this where that bot runs, with its state folder (--state)."
            ) from error
        return Erasure(self._store, self._anchors, SystemClock())

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()


def foretold(found: Found) -> Iterator[str]:
    """What will go, for people."""
    person = found.person
    yield f"{' / '.join((*person.names, *person.upns))} ({person.id}) becomes {person.pseudonym!r}:"
    named = [run for run in found.runs if run.named]
    for run in named:
        what = "all of its content goes" if run.own else "their name and words go"
        yield f"  {run.run_id}  {run.title}: {what}{' (still open: cancel it first)' if run.open else ''}"
    if not named:
        yield "  no run names them"
    yield f"  {found.documents} documents, such as where they can be reached, are removed or lose their name"
    yield (
        "What was written outside (mails, files, chats) and what 'tandem prune' and 'tandem export' have written stays "
        "where it is; so do backups, and the log files of the bot."
    )


def told(erased: Erased) -> str:
    """What became of it."""
    if erased.kept:
        return f"Not done yet: these runs went on meanwhile, so ask for it again: {', '.join(erased.kept)}"
    done = f"Erased. {erased.found.person.pseudonym!r} stands where they were."
    if not erased.compacted:
        done += " Somebody was reading the database, so that its files may still hold it: ask again a little later."
    return done
