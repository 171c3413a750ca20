"""A run's state as bytes, so that a long history need not be folded from its start.

A snapshot is a short cut and never the truth: whoever cannot read one folds the events.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec

from orchestration.core.run import Run

_EVENTS = 10_000
_SHARE = 4

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Run] = msgspec.msgpack.Decoder(Run)


def _version() -> str:
    sources = sorted(
        (each for each in files("orchestration.core").iterdir() if each.name.endswith(".py")),
        key=lambda each: each.name,
    )
    return hashlib.blake2b(b"\0".join(each.read_bytes() for each in sources), digest_size=8).hexdigest()


# What a state means is in the code that folds and reads it. All of the core counts, so that nobody has to remember to
# raise a number; a change that would not have mattered costs one fold of each long run.
VERSION = _version()


def due(seq: int, before: int) -> bool:
    """Whether a run with `seq` events shall have a new snapshot, the one before being of `before` events.

    Every 10,000 events, which are folded in some 50 ms; of a long run, whose state is large, once its history has grown
    by a quarter. So all snapshots of a run together cost no more than a few times its last one.
    """
    return seq - before >= max(_EVENTS, before // _SHARE)


def freeze(run: Run) -> bytes:
    """The state as MessagePack.

    Raises:
        OverflowError: A parameter holds a number beyond 64 bits, which MessagePack does not have.
    """
    own = {name: node for name, node in run.nodes.items() if run.plan.tasks.get(name) is not node}
    return _encoder.encode(msgspec.structs.replace(run, nodes=own, fresh=[]))


def thaw(body: bytes) -> Run:
    """The state again, equal to the one that was frozen.

    Raises:
        msgspec.MsgspecError: The bytes are no state of this version.
    """
    run = _decoder.decode(body)
    run.nodes = run.plan.tasks | run.nodes
    return run
