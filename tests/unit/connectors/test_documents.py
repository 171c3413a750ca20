"""Documents are read with the place of each passage; what cannot be read is named, and the rest goes on."""

from __future__ import annotations

import io

import openpyxl
import pytest
from pypdf import PdfReader, PdfWriter

from connectors.graph.documents import Extent, Found, read
from orchestration.errors import InvalidContent
from tests.support.documents import docx, p, pdf, r

OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


async def found(content: bytes, file: str, **extent: int) -> Found:
    return await read(content, file, file.rpartition(".")[2], Extent(**extent))


def told(document: Found) -> list[tuple[str, str]]:
    return [(each.where, each.text) for each in document.passages]


async def test_a_word_document_is_read_by_paragraph() -> None:
    made = docx(
        p(r("Plan"), style="Heading1") + p() + p(r("One "), r("two")) + p("<w:r><w:t>a</w:t><w:br/><w:t>b</w:t></w:r>")
    )
    document = await found(made, "Plan.docx")
    assert told(document) == [("paragraph 1", "Plan"), ("paragraph 3", "One two"), ("paragraph 4", "a\nb")]
    assert [each.kind for each in document.passages] == ["heading", "text", "text"]
    assert document.complete
    assert document.notes == []


async def test_tracked_changes_are_read_as_accepted_and_told() -> None:
    inserted = f'<w:ins w:author="Alex Wilber">{r("five")}</w:ins>'
    deleted = '<w:del w:author="Lee Gu"><w:r><w:delText>four</w:delText></w:r></w:del>'
    document = await found(docx(p(r("We need "), deleted, inserted, r(" days."))), "Plan.docx")
    assert told(document) == [
        ("paragraph 1", "We need five days."),
        ("paragraph 1, tracked changes", "deleted by Lee Gu: “four”; inserted by Alex Wilber: “five”"),
    ]
    assert document.notes == [
        (
            "Plan.docx has tracked changes (1 insertion, 1 deletion, by Alex Wilber, Lee Gu); "
            "it was read as if all were accepted."
        )
    ]


async def test_tables_footnotes_and_comments_keep_their_places() -> None:
    cell = "<w:tc>{}</w:tc>".format
    rows = (cell(p(r("Item"))) + cell(p(r("Price"))), cell(p(r("Pen"))) + cell(p(r("2"))))
    table = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"
    noted = p(r("Paid"), '<w:r><w:footnoteReference w:id="7"/></w:r>', '<w:r><w:commentReference w:id="3"/></w:r>')
    line = f'<w:footnote w:type="separator" w:id="0">{p(r("-"))}</w:footnote>'
    notes = f'{line}<w:footnote w:id="7">{p(r("Net 30"))}</w:footnote>'
    comments = f'<w:comment w:id="3" w:author="Lee Gu">{p(r("Really?"))}</w:comment>'
    document = await found(docx(table + noted, footnotes=notes, comments=comments), "a.docx")
    assert told(document) == [
        ("table 1, row 1", "Item | Price"),
        ("table 1, row 2", "Pen | 2"),
        ("paragraph 1", "Paid[footnote 1]"),
        ("paragraph 1, footnote 1", "Net 30"),
        ("paragraph 1, comment", "Lee Gu: Really?"),
    ]
    assert [each.kind for each in document.passages] == ["table", "table", "text", "footnote", "comment"]


async def test_reading_ends_where_enough_is_read_and_says_so() -> None:
    document = await found(docx(p(r("abcdef")) * 3), "a.docx", most_characters=9)
    assert told(document) == [("paragraph 1", "abcdef"), ("paragraph 2", "abc")]
    assert not document.complete
    assert document.notes == ["Only the first 9 characters were read."]


async def test_a_pdf_is_read_by_page() -> None:
    document = await found(pdf("First page", "Second page"), "a.pdf")
    assert told(document) == [("page 1", "First page"), ("page 2", "Second page")]
    assert (document.pages, document.complete, document.notes) == (2, True, [])


async def test_pages_without_text_are_named() -> None:
    document = await found(pdf("Text", "", "", "More", ""), "a.pdf")
    assert [each.where for each in document.passages] == ["page 1", "page 4"]
    assert document.notes == ["Pages 2-3, 5 of a.pdf hold no text; they may be pictures, such as scans."]


async def test_three_hundred_pages_are_read_a_hundred_at_a_time() -> None:
    made = pdf(*(f"Page {number}" for number in range(1, 301)))
    document = await found(made, "Long.pdf")
    assert (len(document.passages), document.pages, document.complete) == (100, 300, False)
    assert document.notes == ["Long.pdf has 300 pages; pages 1 to 100 were read. Read on with first_page 101."]
    rest = await found(made, "Long.pdf", first_page=201)
    assert told(rest)[-1] == ("page 300", "Page 300")
    assert rest.notes == ["Long.pdf has 300 pages; pages 201 to 300 were read."]
    with pytest.raises(InvalidContent, match="has 300 pages: page 301 is not there"):
        await found(made, "Long.pdf", first_page=301)


def locked(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret"))))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


async def test_a_pdf_that_only_forbids_changes_is_read() -> None:
    assert told(await found(locked(""), "a.pdf")) == [("page 1", "Secret")]


@pytest.mark.parametrize(
    ("content", "file", "said"),
    [
        (b"", "a.pdf", r"a\.pdf is empty \(0 bytes\)"),
        (pdf("", ""), "Scan.pdf", r"Scan\.pdf holds no text on 2 pages, only pictures.*OCR"),
        (locked("secret"), "a.pdf", r"a\.pdf is locked with a password\. Save a copy without"),
        (b"%PDF-1.4\nbroken", "a.pdf", r"a\.pdf is damaged and cannot be opened"),
        (pdf("a")[:60], "a.pdf", r"a\.pdf is damaged"),
        (b"hello", "a.pdf", r"a\.pdf is not a PDF"),
        (OLD_OFFICE + b"x" * 100, "a.docx", "format of Office 2003"),
        (OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"), "a.docx", "locked with a password"),
        (b"PK\x03\x04 no zip", "a.docx", r"a\.docx is damaged"),
        (docx("<w:p>"), "a.docx", r"a\.docx is damaged: word/document\.xml is no XML"),
        (docx(""), "a.docx", r"a\.docx holds no text"),
        (docx(""), "a.xlsx", r"a\.xlsx is no workbook"),
        (bytes(range(256)) * 4, "a.txt", r"a\.txt is not text"),
        (b"PK\x03\x04\x00\x00", "a.md", r"a\.md is not text"),
    ],
)
async def test_what_cannot_be_read_is_named(content: bytes, file: str, said: str) -> None:
    with pytest.raises(InvalidContent, match=said):
        await found(content, file)


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Costs"
    sheet["A1"] = "Costs of October"
    sheet.merge_cells("A1:C1")
    sheet["A3"], sheet["B3"], sheet["C3"] = "Pens", 2, 1.5
    sheet["C4"] = "=SUM(B3:C3)"
    book.create_sheet("Secret").sheet_state = "hidden"
    book["Secret"]["B2"] = True
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


async def test_a_workbook_is_read_by_row_with_merged_cells_and_formulas() -> None:
    document = await found(workbook(), "Costs.xlsx")
    assert told(document) == [
        ("Costs!A1", "A1 (to C1): Costs of October"),
        ("Costs!A3:C3", "A3: Pens | B3: 2 | C3: 1.5"),
        ("Costs!C4", "C4: no result yet (=SUM(B3:C3))"),
        ("Secret!B2", "B2: TRUE"),
    ]
    assert document.notes == [
        "The sheet Costs has 1 merged area.",
        "The sheet Secret of Costs.xlsx is hidden; it was read all the same.",
        "1 formula has no result in Costs.xlsx: open and save it in Excel, then their results can be read.",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
async def test_text_is_read_by_lines_in_any_unicode_encoding(encoding: str) -> None:
    document = await found("# Größe\r\n\r\nEins\r\nzwei\r\n".encode(encoding), "a.md")
    assert told(document) == [("line 1", "# Größe"), ("lines 3-4", "Eins\nzwei")]
    assert [each.kind for each in document.passages] == ["heading", "text"]
    assert document.notes == []


async def test_an_old_encoding_is_guessed_and_said() -> None:
    text = "Die Prüfung der Belege für März ergab größere Abweichungen als im Frühjahr. " * 5
    document = await found(text.encode("cp1252"), "Alt.txt")
    assert document.passages[0].text == text.strip()
    assert "does not say its encoding" in document.notes[0]


async def test_invisible_characters_are_left_out() -> None:
    assert told(await found("in\u200bvi\u202esible".encode(), "a.txt")) == [("line 1", "invisible")]
