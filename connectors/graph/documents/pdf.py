"""PDFs, page by page."""

from __future__ import annotations

import time

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from connectors.graph.documents.passage import Extent, Found, Gathering
from connectors.graph.documents.turns import PatientFile
from connectors.graph.wording import counted
from orchestration.errors import InvalidContent

LONGEST_SECONDS = 60.0


def read_pdf(content: bytes, file: str, extent: Extent) -> Found:
    """The text of a PDF's pages, each one a passage. CPU work: call it in a thread.

    A page that cannot be read is named, and the others are read all the same.

    Raises:
        InvalidContent: It is no PDF, damaged, locked with a password, or holds no text at all.
    """
    reader, total = _opened(content, file)
    if extent.first_page > total:
        raise InvalidContent(f"{file} has {counted(total, 'page')}: page {extent.first_page} is not there.")
    last = min(total, extent.first_page + extent.most_pages - 1)
    gathering = Gathering(extent.most_characters)
    blank: list[int] = []
    broken: list[int] = []
    until = time.monotonic() + LONGEST_SECONDS
    read_to = extent.first_page - 1
    for number in range(extent.first_page, last + 1):
        if gathering.full or time.monotonic() > until:
            break
        read_to = number
        try:
            text = reader.pages[number - 1].extract_text()
        except Exception:  # noqa: BLE001  # a page can be damaged in any way; the others are wanted
            broken.append(number)
            continue
        if text.strip():
            gathering.add(f"page {number}", text)
        else:
            blank.append(number)
    if not gathering.passages and len(broken) + len(blank) == read_to - extent.first_page + 1:
        _nothing(file, extent.first_page, read_to, total, broken)
    notes = [f"{_pages(blank)} of {file} hold no text; they may be pictures, such as scans."] if blank else []
    if broken:
        notes.append(f"{_pages(broken)} of {file} are damaged and could not be read.")
    if gathering.full:
        notes.append(f"Only the first {extent.most_characters:,} characters were read, to page {read_to} of {total}.")
    elif extent.first_page > 1 or read_to < total:
        rest = f" Read on with first_page {read_to + 1}." if read_to < total else ""
        notes.append(f"{file} has {total} pages; pages {extent.first_page} to {read_to} were read.{rest}")
    whole = extent.first_page == 1 and read_to == total and not gathering.full and not broken
    return Found(passages=gathering.passages, notes=notes, pages=total, complete=whole)


def _opened(content: bytes, file: str) -> tuple[PdfReader, int]:
    damaged = f"{file} is damaged and cannot be opened. Upload it again, or save it anew as a PDF."
    if b"%PDF-" not in content[:1024]:
        raise InvalidContent(f"{file} is not a PDF, whatever its name says. Save it anew as a PDF.")
    try:
        reader = PdfReader(PatientFile(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InvalidContent(f"{file} is locked with a password. Save a copy without one.")
        total = len(reader.pages)
    except InvalidContent:
        raise
    except DependencyError as error:
        raise InvalidContent(f"{file} is locked in a way that Tandem cannot open. Save a copy without.") from error
    except (PyPdfError, RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError, OSError) as error:
        raise InvalidContent(damaged) from error
    if not total:
        raise InvalidContent(damaged)
    return reader, total


def _nothing(file: str, first: int, last: int, total: int, broken: list[int]) -> None:
    if broken:
        raise InvalidContent(f"{file} is damaged: none of its pages can be read. Save it anew as a PDF.")
    where = f"on {counted(total, 'page')}" if (first, last) == (1, total) else f"on pages {first} to {last}"
    raise InvalidContent(
        f"{file} holds no text {where}, only pictures, as scans do. Have its text recognised (OCR), then try again."
    )


def _pages(numbers: list[int]) -> str:
    """Page numbers in few words: "Page 3", "Pages 3-5, 9"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    more = ", …" if len(told) > 12 else ""
    return f"{'Page' if len(numbers) == 1 else 'Pages'} {', '.join(told[:12])}{more}"
