"""Goods receipts: the warehouse's book and purchasing's list of deliveries, with the differences planted in them."""

from __future__ import annotations

import calendar
import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

import msgspec
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from connectors.sandbox.contoso.invoices import natural_key
from connectors.sandbox.contoso.register import workbook_bytes
from connectors.sandbox.contoso.suppliers import SUPPLIERS, Supplier

FOLDER = "sharepoint/Finance/Documents/Goods receipts"
WAREHOUSE = f"{FOLDER}/Warehouse book 2026.xlsx"
PURCHASING = f"{FOLDER}/Deliveries by purchase order 2026.xlsx"
TRUTH = "planted-receipts.csv"
SYSTEMS = ("warehouse", "purchasing")
MONTHS = {8: 118, 9: 126, 10: 134}
_QUIET = [("missing", "warehouse"), ("missing", "purchasing"), ("amount", "warehouse"), ("amount", "purchasing"),
          ("date", "purchasing"), ("duplicate", "warehouse")]  # fmt: skip
PLANTED = {8: _QUIET, 9: _QUIET, 10: [*_QUIET, *_QUIET[:3], ("currency", "purchasing")]}
# Supplier number => what it delivers, counted in.
GOODS = {"100234": ("Steel frames", "PCE"), "100268": ("Folding boxes", "PCE"), "100273": ("Switch gear", "PCE"),
         "100345": ("Copy paper", "BOX"), "100384": ("Solvent", "KGM"), "100453": ("Milling cutters", "PCE"),
         "100507": ("Tiles", "MTK"), "100536": ("Castings", "PCE"), "100575": ("Coating", "LTR"),
         "100628": ("Bolts M8", "PCE")}  # fmt: skip
_BY_WEIGHT = {"KGM", "LTR", "MTK"}


class Receipt(msgspec.Struct):
    """One delivery as one of the two says it."""

    number: str
    date: date
    unit: str
    quantity: int | float
    reference: str = ""

    def said(self) -> str:
        """The delivery in one line, for the truth."""
        return f"{self.reference} [{self.number}] {self.date.isoformat()} {self.quantity} {self.unit}"


class Delivery(msgspec.Struct):
    """One delivery in both lists; `kind` and `deviating` say what is planted where."""

    supplier: Supplier
    number: str
    order: int
    entries: dict[str, list[Receipt]]
    kind: str = ""
    deviating: str = ""


def write_receipts(folder: Path) -> int:
    """Writes both workbooks and the truth into a tenant's folder; returns how many deliveries there are."""
    months = {month: _month(month) for month in MONTHS}
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / WAREHOUSE).write_bytes(_warehouse(months))
    (folder / PURCHASING).write_bytes(_purchasing(months))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("month", "kind", "key", "supplier_no", "supplier", "delivery_note", "systems", *SYSTEMS))
    writer.writerows(_truth(months))
    (folder / TRUTH).write_bytes(text.getvalue().encode())
    return sum(map(len, months.values()))


def _month(month: int) -> list[Delivery]:
    random = Random(f"receipts {month}")
    suppliers = [supplier for supplier in SUPPLIERS if supplier.number in GOODS]
    last = calendar.monthrange(2026, month)[1]
    made = []
    for sequence in range(MONTHS[month]):
        supplier = random.choice(suppliers)
        unit = GOODS[supplier.number][1]
        number = f"DN{supplier.number[-3:]}/{month:02}-{sequence * 3 + random.randint(1, 3):04}"
        quantity: int | float = random.randint(4, 900)
        if unit in _BY_WEIGHT:
            quantity = round(random.uniform(20, 1500), 1)
        day = date(2026, month, random.randint(1, last))
        entries = {each: [Receipt(_written(random, number), day, unit, quantity)] for each in SYSTEMS}
        made.append(Delivery(supplier, number, random.randint(20000, 39999), entries))
    chosen = random.sample(range(len(made)), len(PLANTED[month]) + 5)
    for index, (kind, system) in zip(chosen, PLANTED[month], strict=False):
        _plant(random, made[index], kind, system)
    for index in chosen[-5:-1]:  # goods sent back: in both lists, with a minus
        for said in made[index].entries.values():
            said[0].quantity *= -1
    # Booked by mistake in the warehouse only, and taken back.
    mistaken = made[chosen[-1]].entries
    mistaken["purchasing"].clear()
    booked = mistaken["warehouse"][0]
    mistaken["warehouse"].append(msgspec.structs.replace(booked, quantity=-booked.quantity))
    return made


def _plant(random: Random, delivery: Delivery, kind: str, system: str) -> None:
    delivery.kind, delivery.deviating = kind, system
    entries = delivery.entries[system]
    if kind == "missing":
        entries.clear()
    elif kind == "amount":
        entries[0].quantity += random.choice((-3, -2, -1, 1, 2, 10))
    elif kind == "currency":
        entries[0].unit = "SET" if entries[0].unit != "SET" else "PCE"
    elif kind == "date":
        entries[0].date += timedelta(days=random.randint(6, 11) * (1 if entries[0].date.day <= 15 else -1))
    elif kind == "duplicate":
        entries.append(msgspec.structs.replace(entries[0], number=delivery.number.lower()))
    else:
        raise ValueError(f"unknown kind of difference {kind!r}")


def _written(random: Random, number: str) -> str:
    return random.choice((number, number, re.sub(r"[^A-Za-z0-9]", " ", number), number.replace("/", "-").lower()))


def _sorted(deliveries: list[Delivery], system: str) -> list[tuple[Delivery, Receipt]]:
    pairs = [(delivery, entry) for delivery in deliveries for entry in delivery.entries[system]]
    return sorted(pairs, key=lambda pair: pair[1].date)


def _warehouse(months: dict[int, list[Delivery]]) -> bytes:
    """The warehouse's book: one sheet for the whole year, a heading above it, and columns in its own order."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Goods in 2026"
    sheet.cell(1, 1, "Warehouse Augsburg, goods in 2026").font = Font(bold=True, size=14)
    sheet.cell(2, 1, "One line a delivery note. Units: PCE pieces, KGM kilograms, LTR litres, MTK square metres.")
    _head(sheet, 4, (("Date", 12), ("Delivery note", 18), ("Vendor", 30), ("Vendor no.", 12), ("Goods", 20),
                     ("Quantity", 12), ("Unit", 8), ("Gate", 8)))  # fmt: skip
    random, row = Random("gates"), 4
    for deliveries in months.values():
        for delivery, entry in _sorted(deliveries, "warehouse"):
            row += 1
            entry.reference = f"{sheet.title}!{row}"
            goods = GOODS[delivery.supplier.number][0]
            number = delivery.supplier.number
            _line(sheet, row, (entry.date, entry.number, delivery.supplier.name, int(number), goods,
                               entry.quantity, entry.unit, f"G{random.randint(1, 4)}"))  # fmt: skip
    return _finished(book, 4, row, 8)


def _purchasing(months: dict[int, list[Delivery]]) -> bytes:
    """Purchasing's list: one sheet a month, with the purchase orders."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for month, deliveries in months.items():
        sheet = book.create_sheet(f"2026-{month:02}")
        _head(sheet, 1, (("Purchase order", 15), ("Supplier no.", 13), ("Supplier", 30), ("Delivery note no.", 18),
                         ("Delivered on", 13), ("Qty", 12), ("UoM", 8)))  # fmt: skip
        row = 1
        for delivery, entry in _sorted(deliveries, "purchasing"):
            row += 1
            entry.reference = f"{sheet.title}!{row}"
            _line(sheet, row, (f"PO-{delivery.order:06}", delivery.supplier.number.zfill(10), delivery.supplier.name,
                               entry.number, entry.date, entry.quantity, entry.unit))  # fmt: skip
    return _finished(book, 1, None, 7)


def _head(sheet: Worksheet, row: int, columns: Iterable[tuple[str, float]]) -> None:
    for column, (title, width) in enumerate(columns, start=1):
        cell = sheet.cell(row, column, title)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="385723")
        sheet.column_dimensions[cell.column_letter].width = width
    sheet.freeze_panes = f"A{row + 1}"


def _line(sheet: Worksheet, row: int, values: Sequence[object]) -> None:
    for column, value in enumerate(values, start=1):
        cell = sheet.cell(row, column)
        cell.value = value  # type: ignore[assignment]  # openpyxl's stubs leave out what a cell may hold
        if isinstance(value, date):
            cell.number_format = "yyyy-mm-dd"
            cell.alignment = Alignment(horizontal="left")


def _finished(book: Workbook, header: int, last: int | None, columns: int) -> bytes:
    for sheet in book.worksheets:
        sheet.auto_filter.ref = f"A{header}:{get_column_letter(columns)}{last or sheet.max_row}"
    book.properties.creator = "Operations"
    return workbook_bytes(book)


def _truth(months: dict[int, list[Delivery]]) -> Iterable[Sequence[object]]:
    for month, deliveries in months.items():
        for each in deliveries:
            if each.kind:
                number, said = each.supplier.number, [" & ".join(e.said() for e in each.entries[s]) for s in SYSTEMS]
                key = natural_key(number, each.number)
                yield (
                    f"2026-{month:02}",
                    each.kind,
                    key,
                    number,
                    each.supplier.name,
                    each.number,
                    each.deviating,
                    *said,
                )
