"""Word documents: paragraphs, tables, notes and comments, with tracked changes told apart.

The text is read as if all changes were accepted; what was inserted and deleted, and by whom, follows its paragraph.
Read from the XML itself, since python-docx leaves out changes and footnotes.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from connectors.graph.documents.package import children_of, package, root_of
from connectors.graph.documents.passage import Extent, Found, Gathering, Kind
from connectors.graph.wording import counted, one_line
from connectors.http import clipped
from orchestration.errors import InvalidContent

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_RELATIONS = "_rels/.rels"
_DOCUMENT = "/officeDocument"
_INSERTED = frozenset({f"{_W}ins", f"{_W}moveTo"})
_DELETED = frozenset({f"{_W}del", f"{_W}moveFrom"})
_LITERAL = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_SKIPPED = frozenset({f"{_W}pPr", f"{_W}rPr", f"{_W}instrText", f"{_W}delInstrText", f"{_W}sectPr", _FALLBACK})
_NOTES = {f"{_W}footnoteReference": "footnote", f"{_W}endnoteReference": "endnote"}


class _Change:
    def __init__(self, verb: str, author: str) -> None:
        self.verb, self.author, self.text = verb, author, ""


class _Paragraph:
    """The text of one paragraph, and what hangs on it."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.changes: list[_Change] = []
        self.notes: list[tuple[str, str]] = []
        self.comments: list[str] = []

    def take(self, element: ET.Element, change: _Change | None = None) -> None:
        for child in element:
            tag = child.tag
            if tag in _SKIPPED:
                continue
            if tag in _INSERTED or tag in _DELETED:
                verb = "inserted" if tag in _INSERTED else "deleted"
                found = _Change(verb, one_line(child.get(f"{_W}author", "")) or "somebody")
                self.take(child, found)
                if found.text.strip():
                    self.changes.append(found)
            elif tag in (f"{_W}t", f"{_W}delText"):
                self._say(child.text or "", change)
            elif tag in _LITERAL:
                self._say(_LITERAL[tag], change)
            elif tag in _NOTES:
                self.notes.append((_NOTES[tag], child.get(f"{_W}id", "")))
                self._say(f"[{_NOTES[tag]} {len(self.notes)}]", None)
            elif tag == f"{_W}commentReference":
                self.comments.append(child.get(f"{_W}id", ""))
            else:
                if tag == f"{_W}p":  # of a text box
                    self._say("\n", change)
                self.take(child, change)

    def _say(self, text: str, change: _Change | None) -> None:
        if change is not None:
            change.text += text
        if change is None or change.verb == "inserted":
            self.text.append(text)


class _Reader:
    def __init__(self, opened: zipfile.ZipFile, main: str, file: str, extent: Extent) -> None:
        self.gathering = Gathering(extent.most_characters)
        self.changes: list[_Change] = []
        folder = posixpath.dirname(main)
        self._texts = {
            kind: _notes(opened, f"{folder}/{kind}s.xml", kind, file) for kind in ("footnote", "endnote", "comment")
        }
        self._paragraphs = self._tables = 0

    def body(self, elements: Iterable[ET.Element]) -> None:
        for child in elements:
            if self.gathering.full:
                return
            if child.tag == f"{_W}p":
                self._paragraphs += 1
                self._paragraph(child, f"paragraph {self._paragraphs}")
            elif child.tag == f"{_W}tbl":
                self._tables += 1
                self._table(child, f"table {self._tables}")
            elif child.tag not in _SKIPPED:  # content controls, and whatever else wraps paragraphs
                self.body(child)

    def _paragraph(self, element: ET.Element, where: str) -> None:
        found = _Paragraph()
        found.take(element)
        self.gathering.add(where, "".join(found.text), _kind(element))
        self._attached(found, where)

    def _table(self, element: ET.Element, where: str) -> None:
        for number, row in enumerate(_inside(element, f"{_W}tr"), 1):
            cells = []
            attached = []
            for cell in _inside(row, f"{_W}tc"):
                found = _Paragraph()
                for paragraph in cell.iter(f"{_W}p"):
                    found.text.append("\n" if found.text else "")
                    found.take(paragraph)
                cells.append(one_line("".join(found.text)))
                attached.append(found)
            if any(cells):
                self.gathering.add(f"{where}, row {number}", " | ".join(cells), "table")
            for found in attached:
                self._attached(found, f"{where}, row {number}")

    def _attached(self, found: _Paragraph, where: str) -> None:
        for number, (kind, key) in enumerate(found.notes, 1):
            self.gathering.add(f"{where}, {kind} {number}", self._texts[kind].get(key, ""), "footnote")
        for key in found.comments:
            self.gathering.add(f"{where}, comment", self._texts["comment"].get(key, ""), "comment")
        if found.changes:
            told = "; ".join(f"{each.verb} by {each.author}: “{each.text.strip()}”" for each in found.changes)
            self.gathering.add(f"{where}, tracked changes", told, "comment")
            self.changes += found.changes


def read_word(content: bytes, file: str, extent: Extent) -> Found:
    """The passages of a Word document. CPU work: call it in a thread.

    Raises:
        InvalidContent: It is no Word document, or damaged, or locked.
    """
    with package(content, file, _RELATIONS) as opened:
        main = _main_part(opened, file)
        reader = _Reader(opened, main, file, extent)
        reader.body(children_of(opened, main, file, f"{_W}body"))
    notes = _change_note(reader.changes, file)
    if reader.gathering.full:
        notes.append(f"Only the first {extent.most_characters:,} characters were read.")
    return Found(passages=reader.gathering.passages, notes=notes, complete=not reader.gathering.full)


def _main_part(opened: zipfile.ZipFile, file: str) -> str:
    for relation in root_of(opened, _RELATIONS, file):
        if relation.get("Type", "").endswith(_DOCUMENT):
            part = relation.get("Target", "").lstrip("/")
            if part in opened.namelist() and part.startswith("word/"):
                return part
    raise InvalidContent(f"{file} is not a Word document, whatever its name says. Save it anew in Word.")


def _notes(opened: zipfile.ZipFile, part: str, kind: str, file: str) -> dict[str, str]:
    """The texts of footnotes, endnotes or comments by their ids."""
    if part not in opened.namelist():
        return {}
    found = {}
    for element in root_of(opened, part, file).iter(f"{_W}{kind}"):
        if element.get(f"{_W}type") in ("separator", "continuationSeparator", "continuationNotice"):
            continue
        text = _Paragraph()
        text.take(element)
        author = one_line(element.get(f"{_W}author", ""))
        said = "".join(text.text).strip()
        found[element.get(f"{_W}id", "")] = f"{author}: {said}" if author else said
    return found


def _inside(element: ET.Element, tag: str) -> Iterator[ET.Element]:
    """Rows of a table or cells of a row, also those in content controls, but not those of tables inside."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", *_INSERTED):
            yield from _inside(child, tag)


def _kind(paragraph: ET.Element) -> Kind:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = style.get(f"{_W}val", "") if style is not None else ""
    return "heading" if name.startswith(("Heading", "Title", "berschrift", "Titel")) else "text"


def _change_note(changes: list[_Change], file: str) -> list[str]:
    if not changes:
        return []
    inserted = sum(change.verb == "inserted" for change in changes)
    authors = ", ".join(clipped(author, 60) for author in sorted({change.author for change in changes})[:5])
    told = f"{counted(inserted, 'insertion')}, {counted(len(changes) - inserted, 'deletion')}, by {authors}"
    return [f"{file} has tracked changes ({told}); it was read as if all were accepted."]
