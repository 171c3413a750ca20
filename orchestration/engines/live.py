"""A run in memory: its state, the values of its context, and what is prepared for its workers."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import msgspec

from orchestration.audit.chain import link
from orchestration.context.flow import Flow
from orchestration.core import snapshot
from orchestration.core.codec import decode
from orchestration.core.evolve import evolve, fold
from orchestration.core.run import Effect, Run
from orchestration.errors import UnknownRun
from orchestration.ports import EntryRow, EventRow, Saved, SnapshotRow, Store

log = logging.getLogger(__name__)
DIGEST_BYTES = 20
KEPT_BYTES = 32 * 1024 * 1024
SMALL_EVENTS, SMALL_BYTES = 200, 16 * 1024


class LiveRun:
    """One run that something is happening to.

    Attributes:
        run: The state.
        arguments: (task, attempt) => converted arguments of attempts that are about to be dispatched, and where they
            come from.
        ended_attempts: Attempts that ended since the last commit without their worker having answered.
        written: Entries made since the last commit.
        link: Of the last event; see `audit.chain`.
    """

    def __init__(self, run: Run, salt: bytes, *, snapshot_seq: int = 0, link: bytes = b"") -> None:
        self.run = run
        self.link = link
        self.arguments: dict[tuple[str, int], tuple[msgspec.Struct, Flow]] = {}
        self.ended_attempts: list[Effect] = []
        self.written: list[EntryRow] = []
        self._salt = salt
        self._keyed = hashlib.blake2b(key=salt, digest_size=DIGEST_BYTES)
        self._snapshot_seq = snapshot_seq
        self._params = (-1, "")
        self._kept_bytes = 0
        self._bodies: dict[str, bytes] = {}
        self._values: dict[str, Any] = {}

    @classmethod
    async def load(cls, store: Store, run_id: str) -> LiveRun:
        """The run as its log tells.

        Raises:
            UnknownRun: There is no such run.
        """
        saved = await store.load(run_id, snapshot.VERSION)
        if saved is None:
            raise UnknownRun(f"there is no run {run_id!r}: it may have been removed")
        if saved.snapshot is not None:
            try:
                run = _resumed(saved.snapshot, saved.events)
                return cls(run, saved.salt, snapshot_seq=saved.snapshot.seq, link=saved.link)
            except msgspec.MsgspecError as error:
                log.warning("run %s: its snapshot is not used (%s)", run_id, error)
                saved = Saved(saved.salt, None, await store.events(run_id), saved.link)
        return cls(_folded(saved.events), saved.salt, link=saved.link)

    def snapshot(self) -> SnapshotRow | None:
        """What the next commit shall write so that loading stays fast; mostly nothing."""
        if not snapshot.due(self.run.seq, self._snapshot_seq):
            return None
        self._snapshot_seq = self.run.seq
        try:
            body = snapshot.freeze(self.run)
        except OverflowError as error:
            log.warning("run %s has no snapshot: %s", self.run.run_id, error)
            return None
        return SnapshotRow(self.run.run_id, self.run.seq, snapshot.VERSION, body)

    def extend(self, seq: int, type_: str, body: bytes) -> bytes:
        """The link of one more event, which is the last from now on."""
        self.link = link(self.link, self.run.run_id, seq, type_, body, self._salt)
        return self.link

    def digest(self, body: bytes) -> str:
        """Digest keyed with the run's salt: without the salt nobody can test a guess against it."""
        digest = self._keyed.copy()  # quicker than keying another one
        digest.update(body)
        return digest.hexdigest()

    @property
    def params(self) -> str:
        """Digest of the run's parameters, which only a changed plan changes."""
        if self._params[0] != self.run.revision:
            body = msgspec.json.encode(self.run.plan.params, order="deterministic")
            self._params = (self.run.revision, self.digest(body))
        return self._params[1]

    @cached_property
    def about(self) -> dict[str, Any]:
        """What expressions see as `run`; it never changes."""
        run = self.run
        return {
            "id": run.run_id,
            "goal": run.goal,
            "today": run.proposed_at.date().isoformat(),
            "initiator": msgspec.to_builtins(run.initiator),
        }

    def keep(self, body: bytes) -> str:
        """Add JSON bytes to the context with the next commit; returns the entry's id."""
        entry = self.digest(body)
        self.put(entry, body)
        return entry

    def put(self, entry: str, body: bytes) -> None:
        """Add JSON bytes whose digest is known to the context with the next commit."""
        if entry not in self._bodies:
            self._bodies[entry] = body
            self._kept_bytes += len(body)
            self.written.append(EntryRow(self.run.run_id, entry, body))

    def saved(self, entry: str) -> bool:
        """Whether an entry that is named in the state is on disk, not only about to be."""
        return all(row.entry != entry for row in self.written)

    async def fetch(self, store: Store, entries: set[str]) -> None:
        """Bring entries into memory."""
        if missing := self.missing(entries):
            self._hold(await store.entries(self.run.run_id, missing))

    def missing(self, entries: set[str]) -> set[str]:
        """Those of the entries that are not in memory."""
        return {entry for entry in entries if entry and entry not in self._bodies}

    def _hold(self, bodies: dict[str, bytes]) -> None:
        self._bodies.update(bodies)
        self._kept_bytes += sum(len(body) for body in bodies.values())

    @property
    def small(self) -> bool:
        """Whether it is no burden to have it in memory."""
        return self.run.seq <= SMALL_EVENTS and self._kept_bytes <= SMALL_BYTES

    def trim(self) -> None:
        """Let go of values that are on disk once there are more than `KEPT_BYTES` of them."""
        if self._kept_bytes > KEPT_BYTES and not self.written:
            self._bodies.clear()
            self._values.clear()
            self._kept_bytes = 0

    def copy(self, entry: str) -> Any:
        """A fetched entry as plain data of the caller's own: what is done to it changes nothing for others.

        Raises:
            UnknownRun: It is not in the context.
        """
        self.value(entry)
        return msgspec.json.decode(self._bodies[entry])

    def value(self, entry: str) -> Any:
        """A fetched entry as plain data; None for the empty id.

        Raises:
            UnknownRun: It is not in the context.
        """
        if not entry:
            return None
        if entry not in self._values:
            if entry not in self._bodies:
                raise UnknownRun(f"run {self.run.run_id} has no context entry {entry}: it may have been erased")
            self._values[entry] = msgspec.json.decode(self._bodies[entry])
        return self._values[entry]


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Pauses the garbage collector, which would walk again and again through what is being made; none of it is garbage.

    A run of 100,000 events is in memory three times as fast.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_nothing_collected()
def _folded(rows: Sequence[EventRow]) -> Run:
    return fold(decode(row.body) for row in rows)


@_nothing_collected()
def _resumed(saved: SnapshotRow, rows: Sequence[EventRow]) -> Run:
    run = snapshot.thaw(saved.body)
    for row in rows:
        evolve(run, decode(row.body))
    run.fresh.clear()
    return run
