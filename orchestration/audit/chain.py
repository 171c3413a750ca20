"""The chain over a run's events: each link is a digest of the one before and of its event (ADR 0014).

What is personal in an event enters only as a commitment keyed with the run's salt, so that both can be erased later
while the chain still holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b, sha256

from orchestration.audit.personal import parts
from orchestration.ports import EntryRow, EventRow

COMMITMENT_BYTES = 32
ENTRY_BYTES = 20  # as `engines.live` names context entries
_START = bytes(sha256().digest_size)


def link(before: bytes, run_id: str, seq: int, type_: str, body: bytes, salt: bytes, seal: bytes = b"") -> bytes:
    """The link of an event.

    Args:
        before: The link of the event before it; empty at the beginning of a chain.
        run_id: Its run; a body that was moved to another one does not fit there.
        seq: Its number.
        type_: Its type, which decides what of it is personal.
        body: Its JSON.
        salt: The run's.
        seal: The commitment, where the personal part or its salt has been erased.
    """
    skeleton, personal = parts(type_, body)
    if personal:
        skeleton += seal or commitment(salt, seq, personal)
    head = f"{seq}:{len(run_id)}:{run_id}:".encode()
    return sha256((before or _START) + head + skeleton).digest()  # the quickest that is sound, where the chip knows it


def commitment(salt: bytes, seq: int, personal: bytes) -> bytes:
    """What stands for the personal part of an event; without the salt nobody can test a guess against it."""
    return blake2b(b"%d:%b" % (seq, personal), key=salt, digest_size=COMMITMENT_BYTES).digest()


def entry_digest(salt: bytes, body: bytes) -> str:
    """The id of a context entry."""
    return blake2b(body, key=salt, digest_size=ENTRY_BYTES).hexdigest()


def remains(salt: bytes, events: Iterable[EventRow], entries: Iterable[EntryRow]) -> str:
    """Digest of what an erasure left of a run and the chain cannot vouch for any more; empty if there is nothing.

    That is the personal part of every sealed event, and every context entry whose id is not of this salt. It is
    anchored when the erasure is made, so that nobody can write something else in its place.
    """
    digest, there = blake2b(key=salt, digest_size=COMMITMENT_BYTES), False
    for row in events:
        if row.seal:
            personal = parts(row.type, row.body)[1]
            digest.update(b"%d:%d:%b" % (row.seq, len(personal), personal))
            there = True
    for entry in sorted(entries, key=lambda each: each.entry):
        if entry_digest(salt, entry.body) != entry.entry:
            digest.update(b"%b:%d:%b" % (entry.entry.encode(), len(entry.body), entry.body))
            there = True
    return digest.hexdigest() if there else ""
