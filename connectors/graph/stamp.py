"""Marks an Office file with the key of the write that makes it, inside the file.

SharePoint rewrites Office files on upload, so neither size nor hash proves which upload a file came from. Custom
document properties survive that. The file is edited as the package of XML parts that it is; nothing else changes.
"""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from orchestration.errors import InvalidContent

PROPERTY = "TandemKey"
SUFFIXES = (".xlsx", ".xlsm", ".docx", ".pptx")
LARGEST_UNPACKED_BYTES = 500_000_000
LARGEST_PART_BYTES = 2_000_000

_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_VALUES = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_CUSTOM = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
_CONTENT = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_FORMAT = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
_PART = "docProps/custom.xml"
_TYPE_LIST, _RELATION_LIST = "[Content_Types].xml", "_rels/.rels"
_EARLIER = re.compile(
    rb"""<(?:\w+:)?property\b[^>]*\bname=["']TandemKey["'][^>]*>.*?</(?:\w+:)?property\s*>""", re.DOTALL
)


def stamp(content: bytes, key: str) -> bytes:
    """The same file with `key` in it, instead of any key from before. CPU work: call it in a thread.

    Raises:
        InvalidContent: The content is no Office file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            if _TYPE_LIST not in package.namelist() or _RELATION_LIST not in package.namelist():
                raise InvalidContent("The content is not an Office file.")
            if sum(part.file_size for part in package.infolist()) > LARGEST_UNPACKED_BYTES:
                raise InvalidContent("The file is too large once unpacked.")
            changed = _changed(package, key)
            return _rewritten(package, changed)
    except zipfile.BadZipFile as error:
        raise InvalidContent("The content is not an Office file.") from error


def key_of(content: bytes) -> str:
    """The key that a file was stamped with; empty if it has none or is no Office file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            part = _part(package)
            if part not in package.namelist():
                return ""
            # Small, and expat bounds what entities can blow up to.
            root = ET.fromstring(_read(package, part))  # noqa: S314
    except (zipfile.BadZipFile, ET.ParseError, InvalidContent, KeyError):
        return ""
    for element in root.iter(f"{{{_PROPERTIES}}}property"):
        if element.get("name") == PROPERTY:
            return "".join(element.itertext()).strip()
    return ""


def _changed(package: zipfile.ZipFile, key: str) -> dict[str, bytes]:
    part = _part(package)
    if part in package.namelist():
        properties = _EARLIER.sub(b"", _read(package, part))
        used = [int(number) for number in re.findall(rb"""\bpid=["'](\d+)["']""", properties)]
        if b"</" in properties:
            return {part: _appended(properties, _property(key, max([1, *used]) + 1))}
        return {part: _new_part(key)}
    types = f'<Override xmlns="{_TYPES}" PartName="/{_PART}" ContentType="{_CONTENT}"/>'
    relation = f'<Relationship xmlns="{_RELATIONS}" Id="rIdTandem" Type="{_CUSTOM}" Target="{_PART}"/>'
    return {
        _TYPE_LIST: _appended(_read(package, _TYPE_LIST), types),
        _RELATION_LIST: _appended(_read(package, _RELATION_LIST), relation),
        _PART: _new_part(key),
    }


def _new_part(key: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f'{head}<Properties xmlns="{_PROPERTIES}">{_property(key, 2)}</Properties>'.encode()


def _property(key: str, number: int) -> str:
    about = f'fmtid="{_FORMAT}" pid="{number}" name={quoteattr(PROPERTY)}'
    value = f'<vt:lpwstr xmlns:vt="{_VALUES}">{escape(key)}</vt:lpwstr>'
    return f'<property xmlns="{_PROPERTIES}" {about}>{value}</property>'


def _appended(document: bytes, element: str) -> bytes:
    """The document with one more element at the end of its root, all other bytes as they are."""
    end = document.rfind(b"</")
    if end < 0 or document[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidContent("The Office file is built in an unusual way: save it anew in Office, then try again.")
    return document[:end] + element.encode() + document[end:]


def _part(package: zipfile.ZipFile) -> str:
    """Where the custom properties are, or would be."""
    try:
        root = ET.fromstring(_read(package, _RELATION_LIST))  # noqa: S314  # as in `key_of`
    except ET.ParseError as error:
        raise InvalidContent("The content is not an Office file.") from error
    for relation in root.iter(f"{{{_RELATIONS}}}Relationship"):
        if relation.get("Type") == _CUSTOM:
            return relation.get("Target", _PART).lstrip("/")
    return _PART


def _read(package: zipfile.ZipFile, part: str) -> bytes:
    if package.getinfo(part).file_size > LARGEST_PART_BYTES:
        raise InvalidContent("The Office file's properties are too large.")
    return package.read(part)


def _rewritten(package: zipfile.ZipFile, changed: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as copy:
        for part in package.infolist():
            body = changed.pop(part.filename, None)
            copy.writestr(part, package.read(part) if body is None else body, compress_type=part.compress_type)
        for name, body in changed.items():
            copy.writestr(zipfile.ZipInfo(name), body, compress_type=zipfile.ZIP_DEFLATED)
    return made.getvalue()
