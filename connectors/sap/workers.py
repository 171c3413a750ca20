"""What Tandem can do with SAP."""

from __future__ import annotations

from datetime import timedelta

from connectors.ledger import SharedFiles, counted
from connectors.sap.client import SapClient
from connectors.sap.export import ExportSettings, SapExport
from orchestration.capabilities.descriptor import TaskContext, Worker, worker
from orchestration.workers.ledger import Ledger, Period

AT_ONCE = 8  # each attempt keeps one of SAP's dialogue processes busy; there are dozens, for everybody


def export_worker(settings: ExportSettings, files: SharedFiles) -> Worker:
    """Reads SAP's nightly export where SAP does not answer; dearer than SAP, so that SAP is asked while it is up."""
    entries = worker(
        "ledger.sap.entries",
        title="Read supplier invoices from SAP",
        system="SharePoint",
        name="ledger.sap.export",
        cost=5.0,
        timeout=timedelta(seconds=120),
        attempts=5,
        summarize=counted,
    )
    return entries(SapExport(settings, files).read)


def workers(client: SapClient) -> list[Worker]:
    """SAP's workers, bound to a client."""
    entries = worker(
        "ledger.sap.entries",
        title="Read supplier invoices from SAP",
        system="SAP",
        timeout=timedelta(seconds=120),
        attempts=5,
        limit=AT_ONCE,
        summarize=counted,
    )
    return [entries(_Entries(client).read)]


class _Entries:
    def __init__(self, client: SapClient) -> None:
        self._client = client

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One company's invoices of a month, as the initiator may see them."""
        return await self._client.invoices(period.month, period.company, task.initiator)
