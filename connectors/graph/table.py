"""`files.table`: the invoices in a sheet of a workbook in SharePoint."""

from __future__ import annotations

import asyncio

import msgspec

from connectors.graph.client import GraphClient
from connectors.graph.places import download, find, library, path_of
from connectors.graph.sheet import LARGEST_BYTES, Columns, entries
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.ledger import Ledger


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.table`.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        path: Of the workbook, in the site's default library.
        sheet: Name of the sheet.
        columns: Which header means what.
        source: What the ledger is called for people.
        period: `YYYY-MM` that the ledger is of; the sheet's name unless given.
    """

    site: str
    path: str
    sheet: str
    columns: Columns
    source: str = "Register"
    period: str = ""


class Tables:
    """Reads tables through a Graph client."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def read(self, table: Table, task: TaskContext) -> Ledger:
        """The sheet as a ledger, as the initiator may see it.

        Raises:
            NotFound: There is no such site, workbook or sheet.
            InvalidContent: The workbook is not what it should be; file, sheet and cells are named.
        """
        path = path_of(table.path)
        session = self._client.acting_as(task.initiator)
        place = await library(session, table.site)
        item = await find(session, place, path)
        if item is None or not item.is_file:
            message = f"There is no workbook {path} in the site {place.site}."
            raise NotFound(f"{message} Put it there, or correct the path in the playbook.")
        if item.size_bytes > LARGEST_BYTES:
            size = f"{item.size_bytes // 1_000_000} MB"
            raise InvalidContent(f"{item.name} is too large ({size}): Tandem reads workbooks up to 50 MB.")
        content = await download(session, place, item)
        found = await asyncio.to_thread(entries, content, item.name, table.sheet, table.columns)
        return Ledger(source=table.source, period=table.period or table.sheet, entries=found, link=item.web_url)
