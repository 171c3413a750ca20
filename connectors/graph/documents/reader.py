"""Reads a document of any kind, in a thread, and not too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connectors.graph.documents.package import OLD_OFFICE
from connectors.graph.documents.passage import Extent, Found
from connectors.graph.documents.plain import read_text
from connectors.graph.documents.word import read_word
from connectors.graph.documents.workbook import read_workbook
from orchestration.errors import InvalidContent

LARGEST_BYTES = 50_000_000
# Parsing holds the interpreter; each further thread at it makes everything else wait longer for its turn.
AT_ONCE = 2


def _read_pdf(content: bytes, file: str, extent: Extent) -> Found:
    from connectors.graph.documents.pdf import read_pdf

    return read_pdf(content, file, extent)


_READERS: dict[str, Callable[[bytes, str, Extent], Found]] = {
    "docx": read_word,
    "pdf": _read_pdf,
    "xlsx": read_workbook,
    "txt": read_text,
    "md": read_text,
}
KINDS = tuple(_READERS)
_PLACES: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def read(content: bytes, file: str, kind: str, extent: Extent) -> Found:
    """What a document says.

    Args:
        content: The file.
        file: Its name, for messages.
        kind: One of `KINDS`.
        extent: How much is wanted.

    Raises:
        InvalidContent: It is empty, broken, locked, or of another kind than its name says.
    """
    if not content:
        raise InvalidContent(f"{file} is empty (0 bytes). Upload it again.")
    if kind in ("txt", "md", "pdf") and content.startswith(OLD_OFFICE):
        raise InvalidContent(f"{file} is not what its name says: it is an Office file. Save it anew in Office.")
    loop = asyncio.get_running_loop()
    for closed in [each for each in _PLACES if each.is_closed()]:
        del _PLACES[closed]
    async with _PLACES.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
        found = await asyncio.to_thread(_READERS[kind], content, file, extent)
    if not found.passages and not found.notes:
        raise InvalidContent(f"{file} holds no text.")
    return found
