"""What the cells of a clerk's sheet mean: amounts, dates, identifiers, however they were typed."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

from connectors.http import clipped

Cell = object
CENT = Decimal("0.01")
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar",
            "feb february februar",
            "mar march mär märz",
            "apr april",
            "may mai",
            "jun june juni",
            "jul july juli",
            "aug august",
            "sep sept september",
            "oct october okt oktober",
            "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for name in names.split()
}

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00)?)?")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})\.? ([a-zä]+)\.?,? (\d{4})")
_MONTH_FIRST = re.compile(r"([a-zä]+)\.? (\d{1,2}),? (\d{4})")


class Unreadable(Exception):
    """A cell does not hold what its column needs; the message reads on after the cell's name."""


def shown(value: Cell) -> str:
    """A cell in a message."""
    return f"{clipped(str(value), 40)!r}"


def is_blank(value: Cell) -> bool:
    """Whether a cell holds nothing that a person would see."""
    return value is None or (isinstance(value, str) and not value.strip())


def identifier(value: Cell) -> str:
    """A supplier or invoice number; Excel makes numbers of those that look like numbers.

    Raises:
        Unreadable: It cannot be one.
    """
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise Unreadable(f"{shown(value)} is not a number or text that names something")


def amount(value: Cell, code: str = "") -> Decimal:
    """An amount of money, exactly as written.

    One separator before three digits, as in `1,250`, groups thousands: money has no three decimals. Where it has
    (`code` is of such a currency), the text can be read in two ways.

    A number in a workbook is a binary double; its shortest decimal form is what was typed. What sums of doubles
    leave behind after the sixth decimal is dropped.

    Raises:
        Unreadable: It is none, or may be read in two ways.
    """
    if isinstance(value, bool):
        raise Unreadable(f"{shown(value)} is not a number")
    if isinstance(value, int | float):
        return _in_cents(Decimal(str(round(value, 6))))
    if not isinstance(value, str):
        raise Unreadable(f"{shown(value)} is not a number")
    text = re.sub(r"[\s'’\u00a0\u202f]", "", value).replace("\u2212", "-")
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    elif text.startswith("-") or text.endswith("-"):
        text, negative = (text[1:] if text.startswith("-") else text[:-1]), True
    if not _NUMBER.fullmatch(text):
        raise Unreadable(f"{shown(value)} is not a number")
    number = _in_cents(Decimal(_with_point(text, value, code)))
    return -number if negative else number


def _with_point(text: str, value: str, code: str) -> str:
    """The digits with a decimal point, whichever way the separators were used."""
    points, commas = text.count("."), text.count(",")
    if points and commas:
        mark = max(".", ",", key=text.rfind)
        whole, _, rest = text.rpartition(mark)
        groups = re.split(r"[.,]", whole)
        if mark in whole or not _grouped(groups):
            raise Unreadable(f"{shown(value)} is not a number: its separators do not fit together")
        return f"{''.join(groups)}.{rest}"
    mark = "." if points else ","
    groups = text.split(mark)
    if points + commas > 1:
        if not _grouped(groups):
            raise Unreadable(f"{shown(value)} is not a number: its separators do not fit together")
        return "".join(groups)
    if points + commas == 1 and len(groups[1]) == 3 and _grouped(groups) and groups[0].strip("0"):
        if code in THREE_DECIMALS:
            raise Unreadable(f"{shown(value)} can be read in two ways: enter it as a number")
        return "".join(groups)
    return ".".join(groups)


def _grouped(groups: list[str]) -> bool:
    return 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])


def _in_cents(number: Decimal) -> Decimal:
    cents = number.quantize(CENT)
    return cents if cents == number else number


def day(value: Cell) -> date:
    """A date, as a date cell or as text that can be read in one way only.

    Raises:
        Unreadable: It is none, or may be read in two ways.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Unreadable(f"{shown(value)} is a number, not a date: format the cell as a date")
    if not isinstance(value, str):
        raise Unreadable(f"{shown(value)} is not a date")
    text = " ".join(value.split())
    try:
        found = _written(text, value)
    except ValueError:  # 31 February
        found = None
    if found is None:
        raise Unreadable(f"{shown(value)} is not a date")
    return found


def _written(text: str, value: str) -> date | None:
    if match := _ISO.fullmatch(text):
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DOTTED.fullmatch(text):
        return date(int(match[3]), int(match[2]), int(match[1]))
    if match := _SLASHED.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if first <= 12 and second <= 12 and first != second:
            raise Unreadable(f"{shown(value)} can be read in two ways: enter it as a date, or like {year}-12-31")
        return date(year, second, first) if first > 12 else date(year, first, second)
    if match := _DAY_FIRST.fullmatch(text.lower()):
        return _named(match[3], match[2], match[1])
    if match := _MONTH_FIRST.fullmatch(text.lower()):
        return _named(match[3], match[1], match[2])
    return None


def _named(year: str, name: str, day_: str) -> date | None:
    number = MONTHS.get(name)
    return date(int(year), number, int(day_)) if number else None


def currency(value: Cell) -> str:
    """A code of three letters: of a currency (ISO 4217), or of a unit such as PCE or KGM.

    Raises:
        Unreadable: It is none.
    """
    text = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise Unreadable(f"{shown(value)} is not a code of three letters such as EUR or KGM")
    return text
