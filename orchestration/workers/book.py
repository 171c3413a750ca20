"""An Excel workbook being written: how cells are kept what they are, and how they look.

Every text is written as text: nothing that came from a ledger, a person or a goal can become a formula or a link.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import xlsxwriter

from orchestration.validation.cells import may_be_formula
from orchestration.workers.discrepancy import decimals, one_line

_TEXT_LIMIT = 32_000  # a cell holds 32,767 characters
_EXACT_DIGITS = 15  # an Excel number does not keep more
_FIRST_DAY = date(1900, 3, 1)  # before it, Excel's calendar is wrong
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_NAME_LENGTH = 31

HEADER = {
    "bold": True,
    "font_color": "#FFFFFF",
    "bg_color": "#1F3864",
    "valign": "vcenter",
    "text_wrap": True,
    "border": 1,
    "border_color": "#BFBFBF",
}
CELL = {"valign": "top", "border": 1, "border_color": "#D9D9D9"}
MARKED = {"bg_color": "#FFF2CC"}
ABSENT = {"italic": True, "font_color": "#7F7F7F", "bg_color": "#FFF2CC"}


class Book:
    """A workbook being written; its bytes are in `content` when the block ends.

    Args:
        content: Receives the .xlsx.
        title: Document property.
        author: Document property.
        day: Recorded as the day it was made, so that the same content gives the same bytes.
    """

    def __init__(self, content: io.BytesIO, *, title: str, author: str, day: date) -> None:
        self._book: Any = xlsxwriter.Workbook(
            content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self._book.set_properties(
            {"title": title, "author": one_line(author), "created": datetime.combine(day, time(), UTC)}
        )
        self._names: list[str] = []
        self._formats: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def names(self) -> list[str]:
        """The sheets, in order."""
        return list(self._names)

    def sheet(self, name: str, *, landscape: bool = False) -> Any:
        """A new sheet, set up to be printed one page wide; its name is made fit for Excel and unlike the others."""
        fit = self._fit(name)
        sheet = self._book.add_worksheet(fit)
        self._names.append(fit)
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&F · &A&RPage &P of &N")
        if landscape:
            sheet.set_landscape()
        return sheet

    def _fit(self, name: str) -> str:
        plain = " ".join(one_line(name.translate(_NOT_IN_NAMES), _NAME_LENGTH).split()) or "System"
        taken = {each.casefold() for each in self._names} | {"history"}  # which Excel keeps for itself
        fit, number = plain, 2
        while fit.casefold() in taken:
            fit, number = f"{plain[: _NAME_LENGTH - 5]} ({number})", number + 1
        return fit

    def bars(self, sheet: Any, at: tuple[int, int], *, title: str, labels: range, label: int, value: int) -> None:
        """A bar chart of the numbers in one column against the texts in another.

        Args:
            sheet: Where the figures are and the chart goes.
            at: Row and column of its upper left corner.
            title: Its heading.
            labels: The rows, without gaps.
            label: Column of the texts.
            value: Column of the numbers.
        """
        name, first, last = sheet.get_name(), labels.start, labels.stop - 1
        chart = self._book.add_chart({"type": "bar"})
        chart.add_series(
            {
                "name": title,
                "categories": [name, first, label, last, label],
                "values": [name, first, value, last, value],
                "fill": {"color": "#1F3864"},
                "gap": 60,
                "data_labels": {"value": True},
            }
        )
        chart.set_title({"name": title, "name_font": {"size": 12, "color": "#1F3864"}, "overlay": False})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "line": {"none": True}, "major_tick_mark": "none"})
        chart.set_x_axis({"visible": False, "min": 0, "major_gridlines": {"visible": False}})
        chart.set_size({"width": 560, "height": 250})
        chart.set_chartarea({"border": {"color": "#D9D9D9"}})
        sheet.insert_chart(*at, chart, {"description": f"Bar chart: {title}", "object_position": 2})

    def format(self, *parts: dict[str, Any]) -> Any:
        """A cell format, each kind of which the file holds once."""
        merged = {key: value for part in parts for key, value in part.items()}
        name = repr(sorted(merged.items()))
        if name not in self._formats:
            self._formats[name] = self._book.add_format(merged)
        return self._formats[name]

    def text(self, sheet: Any, row: int, column: int, value: str, *formats: dict[str, Any]) -> None:
        """Text that stays text, also when somebody edits the cell later."""
        value = one_line(value, _TEXT_LIMIT)
        quoted = {"quote_prefix": True} if may_be_formula(value) else {}
        sheet.write_string(row, column, value, self.format(*formats, quoted))

    def amount(
        self, sheet: Any, row: int, column: int, value: Decimal, currency: str, *formats: dict[str, Any]
    ) -> None:
        """A number with as many decimals as it has; text where Excel could not keep it exactly."""
        places = decimals(value, currency)
        if len(value.normalize().as_tuple().digits) > _EXACT_DIGITS:
            self.text(sheet, row, column, f"{value:f}", *formats, {"align": "right"})
        else:
            shown = "#,##0" + ("." + "0" * places if places else "")
            sheet.write_number(row, column, float(value), self.format(*formats, {"num_format": shown}))

    def day(self, sheet: Any, row: int, column: int, value: date, *formats: dict[str, Any]) -> None:
        """A date, written the same in every country."""
        if value < _FIRST_DAY:
            self.text(sheet, row, column, value.isoformat(), *formats)
        else:
            moment = datetime.combine(value, time())
            sheet.write_datetime(
                row, column, moment, self.format(*formats, {"num_format": "yyyy-mm-dd", "align": "left"})
            )
