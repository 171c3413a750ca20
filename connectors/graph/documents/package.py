"""Office files as what they are: zip packages of XML parts; whatever is not one is told apart."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

from orchestration.errors import InvalidContent

LARGEST_UNPACKED_BYTES = 500_000_000
LARGEST_PART_BYTES = 100_000_000
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PIECE = 16_384


@contextmanager
def package(content: bytes, file: str, main_part: str) -> Iterator[zipfile.ZipFile]:
    """The package, as long as it is needed.

    Raises:
        InvalidContent: It is none, or locked with a password, or damaged; the message says which.
    """
    if content.startswith(OLD_OFFICE):
        if _ENCRYPTED in content:
            raise InvalidContent(f"{file} is locked with a password or by a protection policy. Save it without.")
        raise InvalidContent(f"{file} is in the format of Office 2003. Save it anew in today's format.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            if main_part not in opened.namelist():
                raise InvalidContent(
                    f"{file} is not what its name says: {main_part} is missing. Save it anew in Office."
                )
            if sum(part.file_size for part in opened.infolist()) > LARGEST_UNPACKED_BYTES:
                raise InvalidContent(f"{file} is too large once unpacked (over 500 MB). Split it.")
            yield opened
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidContent(
            f"{file} is damaged and cannot be opened. Upload it again, or restore a version."
        ) from error


def root_of(opened: zipfile.ZipFile, part: str, file: str) -> ET.Element:
    """The XML of a small part.

    Raises:
        InvalidContent: The part is damaged or too large.
    """
    root: ET.Element | None = None
    for event, element in _events(opened, part, file):
        root = element if event == "start" and root is None else root
    if root is None:
        raise InvalidContent(f"{file} is damaged: {part} is empty. Restore an earlier version.")
    return root


def children_of(opened: zipfile.ZipFile, part: str, file: str, parent: str) -> Iterator[ET.Element]:
    """What stands directly in the first element named `parent`; each is gone once the next is asked for.

    A whole document as objects would have the garbage collector stop everything else for a tenth of a second.

    Raises:
        InvalidContent: The part is damaged or too large.
    """
    depth, inside = 0, -1
    holder: ET.Element | None = None
    for event, element in _events(opened, part, file):
        if event == "start":
            if holder is None and element.tag == parent:
                holder, inside = element, depth
            depth += 1
            continue
        depth -= 1
        if holder is not None and depth == inside + 1:
            yield element
            holder.clear()
        elif element is holder:
            return


def _events(opened: zipfile.ZipFile, part: str, file: str) -> Iterator[tuple[str, ET.Element]]:
    """Begins and ends of elements, parsed piece by piece, since a parse in one go would hold up everything else."""
    if opened.getinfo(part).file_size > LARGEST_PART_BYTES:
        raise InvalidContent(f"{file} is too large once unpacked ({part}). Split it.")
    # Expat bounds what entities can blow up to, and fetches nothing.
    parser: Any = ET.XMLPullParser(("start", "end"))
    try:
        content = opened.read(part)
        for at in range(0, len(content), _PIECE):
            parser.feed(content[at : at + _PIECE])
            yield from parser.read_events()
        parser.close()
        yield from parser.read_events()
    except ET.ParseError as error:
        raise InvalidContent(f"{file} is damaged: {part} is no XML ({error}). Restore an earlier version.") from error
