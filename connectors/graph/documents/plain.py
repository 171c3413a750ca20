"""Text files, in whatever encoding; a passage is a paragraph, with its lines."""

from __future__ import annotations

import codecs

from connectors.graph.documents.passage import Extent, Found, Gathering, Kind
from orchestration.errors import InvalidContent

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED_FROM = 200_000


def read_text(content: bytes, file: str, extent: Extent) -> Found:
    """The paragraphs of a text or Markdown file. CPU work: call it in a thread.

    Raises:
        InvalidContent: It is not text.
    """
    text, note = _decoded(content, file)
    gathering = Gathering(extent.most_characters)
    paragraph: list[str] = []
    first = 1
    for number, line in enumerate([*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""], 1):
        if line.strip():
            if not paragraph:
                first = number
            paragraph.append(line)
        elif paragraph:
            where = f"line {first}" if len(paragraph) == 1 else f"lines {first}-{first + len(paragraph) - 1}"
            if not gathering.add(where, "\n".join(paragraph), _kind(paragraph, file)):
                break
            paragraph = []
    notes = [note] if note else []
    if gathering.full:
        notes.append(f"Only the first {extent.most_characters:,} characters were read.")
    return Found(passages=gathering.passages, notes=notes, complete=not gathering.full)


def _kind(lines: list[str], file: str) -> Kind:
    return "heading" if file.lower().endswith(".md") and len(lines) == 1 and lines[0].startswith("#") else "text"


def _decoded(content: bytes, file: str) -> tuple[str, str]:
    """The text, and what is to be said about its encoding."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding), ""
            except UnicodeDecodeError:
                return content.decode(encoding, "replace"), f"Some characters of {file} are damaged."
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if text:
        if "\x00" in text:
            raise InvalidContent(f"{file} is not text. Save it as text, or give it the ending of what it is.")
        return text, ""
    return _guessed(content, file)


def _guessed(content: bytes, file: str) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    best = from_bytes(content[:_GUESSED_FROM]).best()
    if best is None or (b"\x00" in content and not best.encoding.startswith(("utf_16", "utf_32"))):
        raise InvalidContent(f"{file} is not text. Save it as text, or give it the ending of what it is.")
    text = content.decode(best.encoding, "replace")
    name = best.encoding.replace("_", "-")
    return text, f"{file} does not say its encoding; {name} was taken. Where letters look wrong, save it as UTF-8."
