"""The supplier invoice register: the workbook that Contoso's clerks keep by hand, one sheet a month."""

from __future__ import annotations

import io
import re
import zipfile
from random import Random

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from connectors.sandbox.contoso.invoices import Entry, Invoice

COLUMNS = (
    ("Invoice no.", 18),
    ("Supplier", 32),
    ("Supplier no.", 13),
    ("Invoice date", 13),
    ("Currency", 10),
    ("Gross amount", 16),
    ("Company", 10),
    ("Received by", 14),
    ("Note", 34),
)
CLERKS = ("Alex", "Alex", "Alex", "Alex W.", "J. Moreau", "J. Moreau", "temp desk")
NOTES = (
    "by mail",
    "paper original filed",
    "PO to be checked",
    "forwarded to Adele",
    "second reminder",
    "delivery note attached",
)
FIXED_TIME = (2026, 11, 2, 8, 0, 0)


def write_register(months: dict[str, list[tuple[Invoice, Entry]]], company: str) -> bytes:
    """Returns the workbook with one sheet per month, and writes each row's place into its entry's `reference`.

    The same input gives the same bytes: nothing in the file depends on the clock or on a compression library.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.creator = "Accounts Payable"
    book.properties.title = "Supplier invoice register 2026"
    for month, entries in months.items():
        _sheet(book.create_sheet(month), entries, company, Random(f"register {month}"))
    book.active = len(book.worksheets) - 1
    for sheet in book.worksheets:
        sheet.sheet_view.tabSelected = sheet is book.active
    return workbook_bytes(book)


def workbook_bytes(book: Workbook) -> bytes:
    """The workbook as a file, the same bytes for the same content."""
    buffer = io.BytesIO()
    book.save(buffer)
    return reproducible(buffer.getvalue())


def _sheet(sheet: Worksheet, entries: list[tuple[Invoice, Entry]], company: str, random: Random) -> None:
    head = PatternFill("solid", fgColor="1F3864")
    line = Border(bottom=Side(style="hair", color="BFBFBF"))
    for column, (title, width) in enumerate(COLUMNS, start=1):
        cell = sheet.cell(1, column, title)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = head
        cell.alignment = Alignment(vertical="center", horizontal="right" if title == "Gross amount" else "left")
        sheet.column_dimensions[cell.column_letter].width = width
    sheet.row_dimensions[1].height = 22
    for row, (invoice, entry) in enumerate(entries, start=2):
        entry.reference = f"{sheet.title}!{row}"
        supplier = invoice.supplier
        number: str | int = entry.number
        if entry.number.isdigit() and not entry.number.startswith("0"):
            number = int(entry.number)
        supplier_number: str | int = random.choice(
            (int(supplier.number), int(supplier.number), supplier.number.zfill(10))
        )
        amount: float | int | str = int(entry.amount) if entry.currency == "JPY" else float(entry.amount)
        if random.random() < 0.04:
            amount = f"{entry.amount:,}"
        note = random.choice(NOTES) if random.random() < 0.12 else None
        if entry.amount < 0:
            note = "entered by mistake, taken back" if entry.pair else "credit memo"
        name = supplier.name if random.random() < 0.9 else supplier.name.split()[0]
        values = (
            number,
            name,
            supplier_number,
            entry.date,
            entry.currency,
            amount,
            company,
            random.choice(CLERKS),
            note,
        )
        for column, value in enumerate(values, start=1):
            cell = sheet.cell(row, column, value)
            cell.border = line
        sheet.cell(row, 4).number_format = "yyyy-mm-dd"
        sheet.cell(row, 6).number_format = "#,##0" if entry.currency == "JPY" else "#,##0.00"
        sheet.cell(row, 6).alignment = Alignment(horizontal="right")
        if isinstance(number, int):
            sheet.cell(row, 1).alignment = Alignment(horizontal="left")
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:I{len(entries) + 1}"
    sheet.sheet_view.zoomScale = 100


def reproducible(content: bytes) -> bytes:
    """An Office file with fixed times and stored parts: nothing depends on the clock or on a compression library."""
    fixed = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*FIXED_TIME)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                text = re.sub(r"(<dcterms:(created|modified)[^>]*>)[^<]*", rf"\g<1>{fixed}", part.decode())
                part = text.encode()
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.create_system = 0
            target.writestr(info, part)
    return out.getvalue()
