"""Excel workbooks: what every row says, with formulas beside their results and merged cells told."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl

from connectors.graph.documents.package import package
from connectors.graph.documents.passage import Extent, Found, Gathering
from connectors.graph.documents.turns import PatientFile
from connectors.graph.wording import counted, one_line
from orchestration.errors import InvalidContent

MOST_ROWS = 200_000
MOST_BLANK_ROWS = 10_000
_TYPES = "[Content_Types].xml"
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})["']""")
_PIECE = 65_536


def read_workbook(content: bytes, file: str, extent: Extent) -> Found:
    """The rows of all sheets, each one a passage. CPU work: call it in a thread.

    Raises:
        InvalidContent: It is no workbook, or damaged, or locked.
    """
    with package(content, file, _TYPES) as opened:
        try:
            return _read(content, opened, file, extent)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, ET.ParseError) as error:
            raise InvalidContent(f"{file} is no workbook, or damaged. Save it anew in Excel.") from error


def _read(content: bytes, opened: zipfile.ZipFile, file: str, extent: Extent) -> Found:
    results = openpyxl.load_workbook(PatientFile(content), read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(PatientFile(content), read_only=True, data_only=False)
    gathering = Gathering(extent.most_characters)
    notes: list[str] = []
    uncalculated = 0
    try:
        sheets: list[Any] = results.worksheets  # without those that are only a chart
        for sheet in sheets:
            if gathering.full:
                break
            if sheet.sheet_state != "visible":
                notes.append(f"The sheet {sheet.title} of {file} is hidden; it was read all the same.")
            merged = _merged(opened, sheet._worksheet_path)  # noqa: SLF001  # nothing else says which part it is
            missing, cut = _rows(gathering, sheet, formulas[sheet.title], merged)
            uncalculated += missing
            if merged:
                notes.append(f"The sheet {sheet.title} has {counted(len(merged), 'merged area')}.")
            if cut:
                notes.append(f"The sheet {sheet.title} was read to row {cut:,} only.")
    finally:
        results.close()
        formulas.close()
    if uncalculated:
        said = counted(uncalculated, "formula has", "formulas have")
        notes.append(f"{said} no result in {file}: open and save it in Excel, then their results can be read.")
    if gathering.full:
        notes.append(f"Only the first {extent.most_characters:,} characters were read.")
    whole = not gathering.full and not any("only." in note for note in notes)
    return Found(passages=gathering.passages, notes=notes, complete=whole)


def _rows(gathering: Gathering, results: Any, formulas: Any, merged: dict[str, str]) -> tuple[int, int]:
    """How many formulas have no result, and the row at which reading ended early, or 0."""
    uncalculated = blank = 0
    for each in (results, formulas):
        each.reset_dimensions()  # what the file says about its size may be wrong
    for number, (values, written) in enumerate(zip(results.iter_rows(), formulas.iter_rows(), strict=False), 1):
        if number > MOST_ROWS or blank > MOST_BLANK_ROWS:
            return uncalculated, number - 1 if number > MOST_ROWS else 0
        told: list[tuple[str, str]] = []
        for value, formula in zip(values, written, strict=False):
            text = _shown(value.value)
            source = getattr(formula.value, "text", formula.value)  # array formulas are objects with a text
            if isinstance(source, str) and source.startswith("=") and formula.data_type == "f":
                uncalculated += value.value is None
                text = f"{text or 'no result yet'} ({one_line(source)})"
            if text:
                place = formula.coordinate
                told.append((place, f"{place} (to {merged[place]}): {text}" if place in merged else f"{place}: {text}"))
        if told:
            blank = 0
            first, last = told[0][0], told[-1][0]
            where = f"{results.title}!{first}" if first == last else f"{results.title}!{first}:{last}"
            if not gathering.add(where, " | ".join(text for _, text in told), "table"):
                return uncalculated, 0
        else:
            blank += 1
    return uncalculated, 0


def _shown(value: Any) -> str:
    """A cell's value as a person would read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(round(value, 10))
    return one_line(str(value))


def _merged(opened: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Merged areas: their first cells, and the last ones; they stand at the end of a sheet's XML."""
    found: dict[str, str] = {}
    rest = b""
    with opened.open(part.lstrip("/")) as stream:
        while piece := stream.read(_PIECE):
            both = rest + piece
            found |= {match[1].decode(): match[2].decode() for match in _MERGED.finditer(both)}
            rest = both[-200:]
    return found
