"""`files.table` and `files.rows`: what stands in a sheet of a workbook in SharePoint."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec

from connectors.graph.client import GraphClient
from connectors.graph.places import Item, download, find, library
from connectors.graph.provenance import Provenance
from connectors.graph.sheet import LARGEST_BYTES, Columns, entries, texts
from connectors.odata import month
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent, NotFound, NotPermitted
from orchestration.validation.names import path_of
from orchestration.workers.ledger import Ledger

_PREVIOUS = "{previous_month}"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.table`.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        path: Of the workbook, in the site's default library.
        sheet: Name of the sheet.
        columns: Which header means what.
        source: What the ledger is called for people.
        period: `YYYY-MM` that the ledger is of; the sheet's name unless given.
        currency: What all amounts are counted in, where no column says: `EUR`, `PCE`.
        documents: What the rows are called, in the plural; invoices unless given.
        only_period: Leave out rows whose date is not in the period: for a sheet that holds more than one month.
    """

    site: str
    path: str
    sheet: str
    columns: Columns
    source: str = "Register"
    period: str = ""
    currency: str = ""
    documents: str = ""
    only_period: bool = False


class Rows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.rows`.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        path: Of the workbook, in the site's default library; `{previous_month}` in it stands for the month before
            `month`, as `YYYY-MM`.
        sheet: Name of the sheet.
        columns: Field => header.
        month: `YYYY-MM`, for the placeholder.
        optional: Nothing to read is no error: no such site, workbook, sheet or header, no rights, no workbook at all.
    """

    site: str
    path: str
    sheet: str
    columns: dict[str, str]
    month: str = ""
    optional: bool = False


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a sheet, as texts.

    Attributes:
        rows: Field => text, where there is one.
        month: The month that `{previous_month}` stood for, or the given one.
        link: Where a person finds the workbook; empty if there was nothing to read.
    """

    rows: list[dict[str, str]]
    month: str = ""
    link: str = ""


class Tables:
    """Reads tables through a Graph client."""

    def __init__(self, client: GraphClient, provenance: Provenance | None = None) -> None:
        self._client, self._provenance = client, provenance or Provenance()

    async def read(self, table: Table, task: TaskContext) -> Ledger:
        """The sheet as a ledger, as the initiator may see it.

        Raises:
            Invalid: Neither a column nor `currency` says what amounts are counted in, or both do.
            NotFound: There is no such site, workbook or sheet.
            InvalidContent: The workbook is not what it should be; file, sheet and cells are named.
        """
        unit = table.currency.strip().upper()
        if bool(unit) == bool(table.columns.currency.strip()):
            raise Invalid("files.table needs either a column for the currency, or one currency for the whole sheet.")
        period = table.period or table.sheet
        item, content = await self._content(table.site, table.path, task)
        found = await asyncio.to_thread(entries, content, item.name, table.sheet, table.columns, unit)
        if table.only_period:
            first, after = month(period)
            found = [entry for entry in found if first <= entry.date < after]
        return Ledger(
            source=table.source, period=period, entries=found, link=item.web_url, documents=table.documents.strip()
        )

    async def rows(self, wanted: Rows, task: TaskContext) -> Read:
        """The columns of a sheet as texts, as the initiator may see them.

        Raises:
            Invalid: The path has a placeholder, and no month is given for it.
            NotFound, NotPermitted, InvalidContent: As `read` says, unless that is no error here.
        """
        path, of = _placed(wanted.path, wanted.month)
        try:
            item, content = await self._content(wanted.site, path, task)
            found = await asyncio.to_thread(texts, content, item.name, wanted.sheet, wanted.columns)
        except (NotFound, NotPermitted, InvalidContent):
            if not wanted.optional:
                raise
            return Read(rows=[], month=of)
        return Read(rows=found, month=of, link=item.web_url)

    async def _content(self, site: str, path: str, task: TaskContext) -> tuple[Item, bytes]:
        path = path_of(path)
        session = self._client.acting_as(task.initiator)
        place = await library(session, site)
        item = await find(session, place, path)
        if item is None or not item.is_file:
            message = f"There is no workbook {path} in the site {place.site}."
            raise NotFound(f"{message} Put it there, or correct the path in the playbook.")
        if item.size_bytes > LARGEST_BYTES:
            size = f"{item.size_bytes // 1_000_000} MB"
            raise InvalidContent(f"{item.name} is too large ({size}): Tandem reads workbooks up to 50 MB.")
        await self._provenance.file(session, task, drive=place.drive_id, item=item.body)
        return item, await download(session, place, item)


def _placed(path: str, given: str) -> tuple[str, str]:
    """The path with its placeholder filled in, and the month that it is about."""
    if _PREVIOUS not in path:
        return path, given
    before = f"{month(given)[0] - timedelta(days=1):%Y-%m}"
    return path.replace(_PREVIOUS, before), before


def counted_rows(read: Read) -> str:
    """How many rows were read: "20 rows", or that there was nothing."""
    number = len(read.rows)
    return f"{number:,} row{'' if number == 1 else 's'}" if read.link else "nothing there"
