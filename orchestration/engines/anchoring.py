"""Anchors the heads of runs outside the database: every few seconds, and soon after a run has ended."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from orchestration.errors import TandemError
from orchestration.ports import Anchor, Anchors, Clock, Store

log = logging.getLogger(__name__)
EVERY = timedelta(seconds=2)
SOON = timedelta(seconds=0.05)  # a little, so that runs that end together are one writing
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Anchoring:
    """Notes heads that are on disk and anchors them in the background; whoever writes events never waits for it.

    Args:
        anchors: Where.
        store: Tells heads that an earlier process had no time to anchor.
        clock: Tells the time.
    """

    def __init__(self, anchors: Anchors, store: Store, clock: Clock) -> None:
        self._anchors, self._store, self._clock = anchors, store, clock
        self._waiting: dict[str, tuple[int, bytes]] = {}
        self._ended = asyncio.Event()
        self._caught_up = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with what the log says: a head that is anchored twice does no harm."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    def note(self, run_id: str, seq: int, link: bytes, *, ended: bool) -> None:
        """A head is on disk."""
        self._waiting[run_id] = (seq, link)
        if ended:
            self._ended.set()

    async def stop(self) -> None:
        """Anchor what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._anchor()

    async def _work(self) -> None:
        while True:
            try:
                await self._anchor()
            except Exception:  # the log goes on, and so does this
                log.exception("heads of runs could not be anchored")
            try:
                async with asyncio.timeout(EVERY.total_seconds()):
                    await self._ended.wait()
                await asyncio.sleep(SOON.total_seconds())
            except TimeoutError:
                pass
            self._ended.clear()

    async def _anchor(self) -> None:
        self._caught_up = self._caught_up or await self._catch_up()
        await self._write()

    async def _catch_up(self) -> bool:
        try:
            latest = await self._anchors.latest()
            heads = await self._store.heads(latest - EVERY * 30 if latest is not None else _EPOCH)
        except TandemError as error:
            log.warning("heads of runs from before this start are not anchored yet: %s", error)
            return False
        for head in heads:
            self._waiting.setdefault(head.run_id, (head.seq, bytes.fromhex(head.digest)))
        return True

    async def _write(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        now = self._clock.now()
        try:
            await self._anchors.write([Anchor(run_id, seq, link.hex(), now) for run_id, (seq, link) in waiting.items()])
        except asyncio.CancelledError:
            self._waiting = waiting | self._waiting
            raise
        except TandemError as error:
            log.warning("%s", error)
            self._waiting = waiting | self._waiting
