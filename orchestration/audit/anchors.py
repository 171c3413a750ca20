"""Anchors in files beside the database: lines of JSON that are only added to, each bound to the one before."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from orchestration.errors import Invalid, Unavailable
from orchestration.ports import Anchor

LARGEST_BYTES = 16 * 1024 * 1024
_NAME = re.compile(r"anchors-(\d{6})\.jsonl")
_encode = msgspec.json.Encoder().encode


class Line(Anchor, frozen=True, omit_defaults=True, kw_only=True):
    """An anchor as it is written.

    Attributes:
        chain: Digest of the line before and of this one without it.
    """

    chain: str


class Garbled(Invalid):
    """A line of the anchors is not what was written, or is missing; the message says which."""

    code = "anchors_garbled"


class FileAnchors:
    """Implements `orchestration.ports.Anchors`.

    Where the folder is on a medium that the bot may only add to (`chattr +a`, a share with such rights), not even
    whoever takes over the bot can take an anchor back.

    Args:
        folder: Of the files `anchors-000001.jsonl` and so on; made when it is needed.
        largest_bytes: A file that is larger is followed by the next one.
    """

    def __init__(self, folder: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder, self._largest_bytes = folder, largest_bytes
        self._writing = threading.Lock()  # a thread goes on when whoever waits for it is cancelled
        self._tail: tuple[Path, int, str] | None = None  # the file, its size and the last line's digest

    async def write(self, anchors: Sequence[Anchor]) -> None:
        """See `Anchors.write`."""
        if anchors:
            await asyncio.to_thread(self._alone, anchors)

    def _alone(self, anchors: Sequence[Anchor]) -> None:
        with self._writing:
            self._write(anchors)

    async def latest(self) -> datetime | None:
        """See `Anchors.latest`."""
        return await asyncio.to_thread(self._latest)

    def _latest(self) -> datetime | None:
        for path in reversed(files_of(self._folder)):
            for line in reversed(path.read_bytes().splitlines()):
                try:
                    return msgspec.json.decode(line, type=Line).at
                except msgspec.DecodeError:
                    continue
        return None

    def _write(self, anchors: Sequence[Anchor]) -> None:
        tail, self._tail = self._tail, None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = files_of(self._folder)
            last = files[-1] if files else self._folder / "anchors-000001.jsonl"
            if tail is None or tail[:2] != (last, last.stat().st_size):
                tail = self._found(files, last)
            path, size, chain = tail
            if size > self._largest_bytes:
                path, size = _after(path), 0
            lines = []
            for anchor in anchors:
                body = _encode(anchor)
                chain = _chained(chain, body)
                lines.append(body[:-1] + b',"chain":"%b"}\n' % chain.encode())
            written = b"".join(lines)
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.write(made, written) != len(written):
                    raise OSError(28, "No space left on device")
                os.fsync(made)
            finally:
                os.close(made)
            if not size:
                _sync_folder(self._folder)
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be written: {error.strerror}; heads are not anchored") from error
        self._tail = (path, size + len(written), chain)

    @staticmethod
    def _found(files: Sequence[Path], last: Path) -> tuple[Path, int, str]:
        """Where to go on; a line that was never finished goes, because nobody was told that it is there."""
        if not files:
            return last, 0, ""
        content = last.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.truncate(last, whole)
        if not whole and len(files) > 1:
            return last, 0, FileAnchors._found(files[:-1], files[-2])[2]
        before = content[:whole].splitlines()
        try:
            chain = msgspec.json.decode(before[-1], type=Line).chain if before else ""
        except msgspec.DecodeError:
            chain = "garbled"  # what follows is kept, and whoever verifies is told where it broke
        return last, whole, chain


def read(folder: Path) -> Iterator[Anchor]:
    """Every anchor, the oldest first; also while they are written.

    Raises:
        Garbled: What a line says is not what was written, or lines are missing before it.
        Unavailable: A file cannot be read.
    """
    chain = ""
    for place, path in enumerate(files_of(folder), 1):
        if path != folder / f"anchors-{place:06}.jsonl":
            raise Garbled(f"{folder / f'anchors-{place:06}.jsonl'} is missing: anchors before {path.name} are lost")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
        for number, line in enumerate(content.split(b"\n")[:-1], 1):  # after the last one: still being written
            try:
                found = msgspec.json.decode(line, type=Line)
            except msgspec.DecodeError:
                raise Garbled(f"{path}, line {number} is garbled: it is no anchor") from None
            anchor = Anchor(found.run_id, found.seq, found.digest, found.at, found.kind)
            chain = _chained(chain, _encode(anchor))
            if chain != found.chain:
                raise Garbled(f"{path}, line {number} is garbled: it was changed, or lines before it are missing")
            yield anchor


def files_of(folder: Path) -> list[Path]:
    """The files, the oldest first; none if there is no such folder."""
    try:
        return sorted(each for each in folder.iterdir() if _NAME.fullmatch(each.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"{folder} cannot be read: {error.strerror}") from error


def _after(path: Path) -> Path:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return path.with_name(f"anchors-{int(found[1]) + 1:06}.jsonl")


def _chained(before: str, body: bytes) -> str:
    return sha256(before.encode() + body).hexdigest()


def _sync_folder(folder: Path) -> None:
    """A file whose name is not on disk is lost with the power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
