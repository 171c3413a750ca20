"""What a death leaves behind: what the log is kept in, as it is at that instant, and the world, which goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from tests.faults.medium import Files
from tests.faults.world import World


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One instant; `point` is the first one at which everything was like this."""

    point: str
    files: Files
    world: bytes


class Camera:
    """Takes an image at every point. What leaves the same behind is one image: its next life would be the same.

    A point stops the thread that reaches it, so that the image holds nothing later than the point on that thread's
    side; what the other thread does meanwhile may be in it, as it may be when a process dies.

    Args:
        take: What a death would leave at this instant.
        world: What is outside.
    """

    def __init__(self, take: Callable[[], Files], world: World) -> None:
        self._take, self._world, self._lock = take, world, threading.Lock()
        self._images: dict[bytes, Image] = {}
        self.points: dict[str, int] = {}

    def __call__(self, name: str) -> None:
        """This point is reached."""
        with self._lock:
            files, world = self._take(), self._world.freeze()
            self.points[name] = number = self.points.get(name, 0) + 1
            digest = blake2b(world)
            for body in files.values():
                digest.update(body)
            key = digest.digest()
            self._images.setdefault(key, Image(point=f"{name} {number}", files=files, world=world))

    @property
    def images(self) -> list[Image]:
        """All that differ, in order."""
        return list(self._images.values())
