"""Writes .docx and .pdf files, the same bytes each time."""

from __future__ import annotations

import io
import itertools
import textwrap
import zipfile
from collections.abc import Sequence
from html import escape

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_TYPES = (
    f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_WORD}.styles+xml"/>'
    f'<Override PartName="/word/footnotes.xml" ContentType="{_WORD}.footnotes+xml"/>'
    '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    "</Types>"
)
_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/relationships/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
    "</Relationships>"
)
_DOCUMENT_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/relationships/styles" Target="styles.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/relationships/footnotes" Target="footnotes.xml"/>'
    "</Relationships>"
)
_STYLES = (
    f'{_HEAD}<w:styles xmlns:w="{_W}">'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>'
    '<w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>'
    '<w:pPr><w:spacing w:before="240" w:after="120"/></w:pPr><w:rPr><w:b/><w:sz w:val="32"/></w:rPr></w:style>'
    "</w:styles>"
)
_PAGE_LINES, _LINE_CHARACTERS = 48, 88


class _Notes:
    """A document's footnotes, and the numbers of its tracked changes."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.marks = itertools.count(100)


def docx(title: str, author: str, blocks: Sequence[str | list[list[str]]]) -> bytes:
    """A Word document.

    Args:
        title: The first heading.
        author: Its creator.
        blocks: Paragraphs, or tables as lists of rows. In a paragraph, `# ` at the beginning makes a heading, and
            `[[text]]` at the end a footnote; `++text++` is a tracked insertion, `--text--` a tracked deletion.
    """
    notes = _Notes()
    body = [
        _paragraph(block, author, notes) if isinstance(block, str) else _table(block, author, notes)
        for block in (f"# {title}", *blocks)
    ]
    document = f'{_HEAD}<w:document xmlns:w="{_W}"><w:body>{"".join(body)}<w:p/><w:sectPr/></w:body></w:document>'
    separators = "".join(
        f'<w:footnote w:type="{kind}" w:id="{number}"><w:p><w:r><w:{mark}/></w:r></w:p></w:footnote>'
        for kind, number, mark in (
            ("separator", -1, "separator"),
            ("continuationSeparator", 0, "continuationSeparator"),
        )
    )
    footnotes = "".join(
        f'<w:footnote w:id="{number}"><w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:footnote>'
        for number, text in enumerate(notes.texts, 1)
    )
    core = (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator>"
        f"<cp:lastModifiedBy>{escape(author)}</cp:lastModifiedBy></cp:coreProperties>"
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": document,
        "word/_rels/document.xml.rels": _DOCUMENT_RELATIONS,
        "word/styles.xml": _STYLES,
        "word/footnotes.xml": f'{_HEAD}<w:footnotes xmlns:w="{_W}">{separators}{footnotes}</w:footnotes>',
        "docProps/core.xml": core,
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as package:
        for name, text in parts.items():
            package.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return made.getvalue()


def pdf(title: str, author: str, pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF with these pages of lines; a page without lines has a drawing and no text, as a scan has."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    kids = []
    for lines in pages:
        stream = _page(lines)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % content
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    objects.append(b"<< /Title (%s) /Author (%s) >>" % (_pdf_text(title), _pdf_text(author)))
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    begin = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        begin,
    )
    return bytes(out)


def wrapped(paragraphs: Sequence[str]) -> list[list[str]]:
    """Paragraphs as pages of lines."""
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(paragraph, _LINE_CHARACTERS), ""]
    return [lines[at : at + _PAGE_LINES] for at in range(0, len(lines), _PAGE_LINES)]


def _paragraph(text: str, author: str, notes: _Notes) -> str:
    style = ""
    if text.startswith("# "):
        text, style = text[2:], '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
    text, _, note = text.partition("[[")
    runs = []
    for number, part in enumerate(text.split("++")):
        about = f'w:id="{next(notes.marks)}" w:author="{escape(author)}" w:date="2026-11-02T09:00:00Z"'
        inner = "".join(
            f"<w:del {about}>{_run(piece, 'delText')}</w:del>" if place % 2 else _run(piece, "t")
            for place, piece in enumerate(part.split("--"))
            if piece
        )
        runs.append(f"<w:ins {about}>{inner}</w:ins>" if number % 2 else inner)
    if note:
        notes.texts.append(note.rstrip("]"))
        runs.append(f'<w:r><w:footnoteReference w:id="{len(notes.texts)}"/></w:r>')
    return f"<w:p>{style}{''.join(runs)}</w:p>"


def _run(text: str, tag: str) -> str:
    return f'<w:r><w:{tag} xml:space="preserve">{escape(text)}</w:{tag}></w:r>'


def _table(rows: list[list[str]], author: str, notes: _Notes) -> str:
    cells = ("".join(f"<w:tc><w:tcPr/>{_paragraph(cell, author, notes)}</w:tc>" for cell in row) for row in rows)
    borders = "".join(
        f'<w:{side} w:val="single" w:sz="4"/>' for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = "<w:gridCol/>" * len(rows[0])
    body = "".join(f"<w:tr>{row}</w:tr>" for row in cells)
    return (
        f"<w:tbl><w:tblPr><w:tblBorders>{borders}</w:tblBorders></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"
    )


def _page(lines: Sequence[str]) -> bytes:
    if not lines:
        return b"0.9 g 60 80 475 680 re f 0.3 g 90 640 300 12 re f 90 600 380 12 re f 90 560 240 12 re f"
    shown = b"".join(b"(%s) Tj T*\n" % _pdf_text(line) for line in lines)
    return b"BT /F1 10.5 Tf 15 TL 60 780 Td\n" + shown + b"ET"


def _pdf_text(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
