"""`ledger.sap.export`: supplier invoices from the file that SAP writes every night, for when SAP itself is down.

The file is a CSV with a header, comma or semicolon, in UTF-8; its columns are the fields of `A_SupplierInvoice` that
`connectors.sap.invoice` names, with days such as 2026-10-31 and amounts such as 1250.00.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from connectors.http import clipped
from connectors.ledger import SharedFile, SharedFiles
from connectors.odata import month
from connectors.sap.client import SYSTEM
from connectors.sap.invoice import FIELDS, entry
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import Label
from orchestration.errors import Invalid, InvalidContent, NotFound, NotPermitted, Unavailable
from orchestration.workers.ledger import Entry, Ledger, Period

COME_AGAIN = timedelta(seconds=30)
_LAST_NIGHT = timedelta(hours=26)
_WAY_OUT = "Have it corrected in SAP, so that the next export is right."


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Where the export is.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        path: Of the file, in the site's default library.
        label: How sensitive SAP's data is, wherever it lies.
    """

    site: str
    path: str
    label: Label = "confidential"


class SapExport:
    """Reads the export as the person acted for; who may not open the file does not get its invoices.

    Args:
        settings: Where it is.
        files: Fetches it.
        now: Tells how old it is.
    """

    def __init__(
        self, settings: ExportSettings, files: SharedFiles, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._files, self._now = settings, files, now

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One company's invoices of a month, as they were when the export was written; `note` says how long ago.

        Raises:
            Invalid: The month or the company code is none.
            Unavailable: The export cannot stand in for SAP: it is not there, not readable, or does not reach back so
                far. SAP may be up again later.
        """
        first, after = month(period.month)
        if not period.company.strip():
            raise Invalid("SAP needs a company code, such as 1010.")
        try:
            file = await self._files.fetch(
                self._settings.site, self._settings.path, task, at_least=self._settings.label
            )
            entries = await asyncio.to_thread(_entries, file, period.company.strip(), first, after)
        except (NotFound, NotPermitted, InvalidContent) as error:
            said = f"SAP's nightly export cannot be used instead of SAP. {error.message}"
            raise Unavailable(said, retry_after=COME_AGAIN) from error
        note = _age(file.modified, self._now())
        return Ledger(source=SYSTEM, period=period.month, entries=entries, link=file.link, note=note)


def _entries(file: SharedFile, company: str, first: date, after: date) -> list[Entry]:
    found = []
    for number, row in enumerate(_rows(file), start=2):
        if (row["CompanyCode"] or "").strip() != company:
            continue
        try:
            day = date.fromisoformat((row["DocumentDate"] or "").strip())
        except ValueError:
            said = f"{file.name}, row {number}: DocumentDate {clipped(row['DocumentDate'] or '', 40)!r} is not a day"
            raise InvalidContent(f"{said} such as 2026-10-31. {_WAY_OUT}") from None
        if first <= day < after:
            found.append(entry(row, day, way_out=_WAY_OUT))
    if not found:  # nothing there is not the same as nothing happened
        raise InvalidContent(f"{file.name} has no invoices of company {clipped(company, 20)} in {first:%Y-%m}.")
    return found


def _rows(file: SharedFile) -> list[dict[str, str | None]]:
    try:
        text = file.content.decode("utf-8-sig")
        header = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidContent(f"{file.name} is not a CSV file in UTF-8.") from error
    if missing := [field for field in FIELDS if field not in (reader.fieldnames or ())]:
        raise InvalidContent(f"{file.name} has no column {', '.join(missing)}.")
    return rows


def _age(written: datetime | None, now: datetime) -> str:
    """Where the entries come from: "from last night's export, 14 hours old"."""
    if written is None:
        return "from an export of unknown age"
    age = max(now - written, timedelta(0))
    hours = age // timedelta(hours=1)
    if age <= _LAST_NIGHT:
        old = f"{hours} hour{'' if hours == 1 else 's'} old" if hours else "less than an hour old"
        return f"from last night's export, {old}"
    days = round(age / timedelta(days=1))
    old = f"{hours} hours old" if days < 2 else f"{days} days old"
    return f"from the export of {written:%a} {written.day} {written:%b}, {old}"
