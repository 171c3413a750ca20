"""What SharePoint does to an Office file on upload, and the words inside files, for search."""

from __future__ import annotations

import html
import io
import re
import zipfile
from contextlib import suppress

OFFICE = (".xlsx", ".xlsm", ".docx", ".pptx")
LONGEST_TEXT = 400_000
MOST_PAGES = 50
_CUSTOM = "docProps/custom.xml"
_TYPES, _RELATIONS = "[Content_Types].xml", "_rels/.rels"
_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_VALUES = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006"
_CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_KIND_OF_FILE = "0x0101"
_EDITOR = re.compile(rb"(<cp:lastModifiedBy>)[^<]*(</cp:lastModifiedBy>)")


def rewritten(name: str, content: bytes, editor: str) -> bytes:
    """The file as SharePoint keeps it: properties promoted, packed anew; custom properties stay. Other bytes each time.

    What is no Office package is kept as it came. CPU work: call it in a thread.
    """
    if not name.casefold().endswith(OFFICE):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = {part.filename: package.read(part) for part in package.infolist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return content
    if _TYPES not in parts or _RELATIONS not in parts:
        return content
    _promote(parts)
    core = "docProps/core.xml"
    if core in parts:
        who = html.escape(editor).encode()
        parts[core] = _EDITOR.sub(lambda found: found[1] + who + found[2], parts[core])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for part, body in parts.items():
            package.writestr(part, body)
    return made.getvalue()


def words(name: str, content: bytes) -> str:
    """The text in a file as far as search needs it; nothing where it cannot be read. CPU work: call it in a thread."""
    ending = name.casefold().rpartition(".")[2]
    if ending in ("txt", "md", "csv", "json", "html", "htm", "yml"):
        return content[:LONGEST_TEXT].decode("utf-8", "replace")
    if ending == "pdf":
        return _pdf_words(content)
    part = {"docx": r"word/(document|footnotes|header\d*)\.xml", "xlsx": r"xl/(sharedStrings|worksheets/.*)\.xml"}
    with suppress(zipfile.BadZipFile, RuntimeError, KeyError), zipfile.ZipFile(io.BytesIO(content)) as package:
        names = [n for n in package.namelist() if re.fullmatch(part.get(ending, r"ppt/slides/slide\d+\.xml"), n)]
        texts = [package.read(n).decode("utf-8", "replace") for n in names]
        spaced = [re.sub(r"</(w:p|a:p|si|c|w:tc)>|<w:tab/>", " ", text) for text in texts]
        return html.unescape(" ".join(re.sub(r"<[^>]*>", "", text) for text in spaced))[:LONGEST_TEXT]
    return ""


def _promote(parts: dict[str, bytes]) -> None:
    """SharePoint writes the content type into the custom properties, beside those that are there."""
    prop = (
        f'<property xmlns="{_PROPERTIES}" fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" '
        'pid="%d" name="ContentTypeId">'
        f'<vt:lpwstr xmlns:vt="{_VALUES}">{_KIND_OF_FILE}</vt:lpwstr></property>'
    )
    relations = parts[_RELATIONS].decode("utf-8", "replace")
    known = re.search(rf"<[^>]*{re.escape(_DOCUMENT)}/relationships/custom-properties[^>]*>", relations)
    target = re.search(r'Target="([^"]+)"', known[0]) if known else None
    name = target[1].lstrip("/") if target else _CUSTOM
    before = parts.get(name)
    if before is not None:
        if b'name="ContentTypeId"' in before or b"</" not in before:
            return
        used = [int(number) for number in re.findall(rb'\bpid="(\d+)"', before)]
        end = before.rfind(b"</")
        parts[name] = before[:end] + (prop % (max([1, *used]) + 1)).encode() + before[end:]
        return
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    parts[_CUSTOM] = f'{head}<Properties xmlns="{_PROPERTIES}">{prop % 2}</Properties>'.encode()
    override = f'<Override xmlns="{_PACKAGE}/content-types" PartName="/{_CUSTOM}" ContentType="{_CONTENT_TYPE}"/>'
    kind = f"{_DOCUMENT}/relationships/custom-properties"
    relation = f'<Relationship xmlns="{_PACKAGE}/relationships" Id="rIdSharePoint" Type="{kind}" Target="{_CUSTOM}"/>'
    for part, added in ((_TYPES, override), (_RELATIONS, relation)):
        end = parts[part].rfind(b"</")
        parts[part] = parts[part][:end] + added.encode() + parts[part][end:]


def _pdf_words(content: bytes) -> str:
    import pypdf  # slow to import, and most sandboxes are never searched

    with suppress(pypdf.errors.PyPdfError, ValueError, KeyError, TypeError, RecursionError):
        pages = pypdf.PdfReader(io.BytesIO(content)).pages[:MOST_PAGES]
        return " ".join(page.extract_text() for page in pages)[:LONGEST_TEXT]
    return ""
