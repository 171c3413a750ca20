"""CSV tables with typed columns, as an ERP's OData service would expose them."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

import msgspec
import yaml

Kind = Literal["string", "date", "decimal", "integer", "boolean"]
Value = str | date | Decimal | int | bool | None
Row = dict[str, Value]


class Problems:
    """Collects everything that is wrong with the data, so that one start names it all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: list[str] = []

    def add(self, file: Path, message: str, *, row: int | None = None, column: str | None = None) -> None:
        """Notes one problem with its file, row (as a spreadsheet counts, the header is row 1) and column."""
        try:
            name = file.relative_to(self.root).as_posix()
        except ValueError:
            name = file.as_posix()
        place = [name, *([f"row {row}"] if row else []), *([f"column {column}"] if column else [])]
        self.found.append(f"{', '.join(place)}: {message}")


class TableShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `fields.yml` says about one table."""

    key: list[str]
    service: str = ""
    types: dict[str, Kind] = {}
    not_filterable: list[str] = []


class Table(msgspec.Struct, frozen=True):
    """One entity set: its columns, their kinds, and all rows."""

    name: str
    service: str
    key: tuple[str, ...]
    fields: dict[str, Kind]
    not_filterable: frozenset[str]
    rows: list[Row]


def read_csv(file: Path, required: tuple[str, ...], problems: Problems) -> list[tuple[int, dict[str, str]]]:
    """Reads a CSV file as (row number, cells by column), noting what is wrong instead of raising.

    Args:
        file: UTF-8 (a BOM is fine), comma separated, the first row names the columns.
        required: Columns that must be there.
        problems: Where problems are noted.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problems.add(file, "the file is missing")
        return []
    except UnicodeDecodeError as error:
        problems.add(file, f"not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'")
        return []
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        problems.add(file, f"not readable as CSV: {error}")
        return []
    if not lines:
        problems.add(file, "the file is empty; its first row must name the columns", row=1)
        return []
    header = [name.strip() for name in lines[0]]
    if len(header) == 1 and ";" in header[0]:
        problems.add(file, "columns are separated by semicolons; use commas", row=1)
        return []
    for name in sorted({name for name in header if header.count(name) > 1}):
        problems.add(file, "the column is named twice" if name else "a column has no name", row=1, column=name or None)
    missing = [name for name in required if name not in header]
    for name in missing:
        problems.add(file, "the column is missing", row=1, column=name)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            problems.add(file, f"{len(cells)} cells where the header has {len(header)}", row=number)
            continue
        rows.append((number, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}))
    return [] if missing else rows


def convert(text: str, kind: Kind) -> Value:
    """Turns a cell into a value of `kind`; an empty cell is "" for strings and null for the rest.

    Raises:
        ValueError: With a sentence that says what the cell should look like.
    """
    if kind == "string":
        return text
    if not text:
        return None
    if kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a date like 2026-10-31") from None
    if kind == "decimal":
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise ValueError(f"{text!r} is not a number like 1250.00 (no thousands separators)")
        return number
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number") from None
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def load_tables(folder: Path, problems: Problems) -> dict[str, Table]:
    """Loads every table that `folder`/fields.yml describes, each from the CSV file of its name."""
    description = folder / "fields.yml"
    if not folder.is_dir():
        return {}
    try:
        shapes = msgspec.convert(yaml.safe_load(description.read_text(encoding="utf-8")), dict[str, TableShape])
    except FileNotFoundError:
        problems.add(description, "the file is missing; it names the tables, their keys and their columns' types")
        return {}
    except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(description, str(error).replace("\n", " "))
        return {}
    for stray in sorted(file for file in folder.glob("*.csv") if file.stem not in shapes):
        problems.add(stray, f"no table of this name in {description.name}")
    return {name: _load(folder / f"{name}.csv", name, shape, problems) for name, shape in shapes.items()}


def _load(file: Path, name: str, shape: TableShape, problems: Problems) -> Table:
    raw = read_csv(file, (*shape.key, *shape.types), problems)
    columns = list(raw[0][1]) if raw else [*shape.key, *shape.types]
    fields: dict[str, Kind] = {column: shape.types.get(column, "string") for column in columns}
    rows: list[Row] = []
    seen: dict[tuple[Value, ...], int] = {}
    for number, cells in raw:
        row: Row = {}
        for column, text in cells.items():
            try:
                row[column] = convert(text, fields[column])
            except ValueError as error:
                problems.add(file, str(error), row=number, column=column)
                row[column] = None
        key = tuple(row[column] for column in shape.key)
        if "" in key or None in key:
            problems.add(file, "a key column is empty", row=number, column=", ".join(shape.key))
        elif key in seen:
            named = ", ".join(f"{column} {value}" for column, value in zip(shape.key, key, strict=True))
            problems.add(file, f"{named} is already in row {seen[key]}", row=number, column=", ".join(shape.key))
        else:
            seen[key] = number
        rows.append(row)
    return Table(name, shape.service, tuple(shape.key), fields, frozenset(shape.not_filterable), rows)
