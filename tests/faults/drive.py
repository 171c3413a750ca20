"""A disk that loses power: it keeps what was synced, and of the rest whatever it likes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import apsw

from tests.faults.medium import Files

SECTOR_BYTES = 512
_names = itertools.count()


class Kept:
    """One file: what is surely on the disk, and what was written since the last sync, in order."""

    def __init__(self, synced: bytes = b"") -> None:
        self.synced = synced
        self.pending: list[tuple[int, bytes | None]] = []  # no bytes: cut off there

    def sync(self) -> None:
        """Everything is on the disk."""
        self.synced = self.after(self.pending)
        self.pending = []

    def after(self, writes: list[tuple[int, bytes | None]]) -> bytes:
        """The file if the disk had carried out just these of the pending writes."""
        body = bytearray(self.synced)
        for offset, data in writes:
            if data is None:
                del body[offset:]
                continue
            if len(body) < offset:
                body.extend(bytes(offset - len(body)))
            body[offset : offset + len(data)] = data
        return bytes(body)

    def torn(self, random: Random) -> bytes:
        """The file if the disk had carried out some sectors of the pending writes, and others not."""
        sectors: list[tuple[int, bytes | None]] = []
        for offset, data in self.pending:
            if data is None:
                sectors.append((offset, None))
                continue
            first = SECTOR_BYTES - offset % SECTOR_BYTES
            cuts = [0, *range(first, len(data), SECTOR_BYTES), len(data)]
            sectors += [(offset + start, data[start:end]) for start, end in itertools.pairwise(cuts)]
        return self.after([each for each in sectors if random.random() < 0.5])


class Drive(apsw.VFS):
    """SQLite's way to one folder, which remembers what is synced.

    Args:
        point: Called at both sides of every sync.
    """

    def __init__(self, point: Callable[[str], None]) -> None:
        self.name, self.point = f"drive-{next(_names)}", point
        self.files: dict[str, Kept] = {}
        super().__init__(self.name, base="")

    def xOpen(self, name: Any, flags: Any) -> Any:  # noqa: N802 - SQLite's word
        """See SQLite's `sqlite3_vfs`."""
        return super().xOpen(name, flags) if name is None else _File(self, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802
        """See SQLite's `sqlite3_vfs`."""
        super().xDelete(name, syncdir)
        self.files.pop(Path(name).name, None)

    def synced(self) -> Files:
        """The image at the last completed sync of each file."""
        return {name: kept.synced for name, kept in self.files.items()}

    def torn(self, random: Random) -> Files:
        """An image with part of what was not synced."""
        return {name: kept.torn(random) for name, kept in self.files.items()}

    @property
    def pending(self) -> bool:
        """Whether there is anything to tear."""
        return any(kept.pending for kept in self.files.values())

    def connect(self, path: Path) -> Any:
        """What `SqliteStore` takes for a `sqlite3.Connection`."""
        return _Connection(path, self.name)


@contextmanager
def drive(point: Callable[[str], None]) -> Iterator[Drive]:
    """A drive that SQLite knows for a while."""
    made = Drive(point)
    try:
        yield made
    finally:
        made.unregister()


class _File(apsw.VFSFile):
    def __init__(self, drive: Drive, name: Any, flags: Any) -> None:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        there = path.read_bytes() if path.exists() else b""
        super().__init__("", name, flags)
        self._drive, self._kept = drive, drive.files.setdefault(path.name, Kept(there))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._kept.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._kept.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._drive.point("sync:before")
        super().xSync(flags)
        self._kept.sync()
        self._drive.point("sync:after")


class _Connection:
    """The methods of `sqlite3.Connection` that the store uses."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._db = apsw.Connection(str(path), vfs=vfs)
        # A file of one's own making has no shared memory; the only connection does not need it.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self.execute, self.executemany, self.executescript = self._db.execute, self._db.executemany, self._db.execute
        self.close = self._db.close

    @property
    def total_changes(self) -> int:
        return self._db.total_changes()

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
