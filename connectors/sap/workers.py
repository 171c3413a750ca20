"""What Tandem can do with SAP."""

from __future__ import annotations

from datetime import timedelta

from connectors.ledger import SharedFiles, counted
from connectors.sap.client import SapClient
from connectors.sap.export import ExportSettings, SapExport
from orchestration.capabilities.descriptor import TaskContext, Worker, worker
from orchestration.core.label import LABELS, Label, Source
from orchestration.workers.ledger import Ledger, Period

AT_ONCE = 8  # each attempt keeps one of SAP's dialogue processes busy; there are dozens, for everybody


def export_worker(settings: ExportSettings, files: SharedFiles) -> Worker:
    """Reads SAP's nightly export where SAP does not answer; dearer than SAP, so that SAP is asked while it is up."""
    entries = worker(
        "ledger.sap.entries",
        title="Read supplier invoices from SAP",
        system="SharePoint",
        name="ledger.sap.export",
        label=settings.label,
        clearance=LABELS[-1],
        cost=5.0,
        timeout=timedelta(seconds=120),
        attempts=5,
        summarize=counted,
    )
    return entries(SapExport(settings, files).read)


def workers(client: SapClient, label: Label = "confidential") -> list[Worker]:
    """SAP's workers, bound to a client; `label` is how sensitive the deployment calls its data."""
    entries = worker(
        "ledger.sap.entries",
        title="Read supplier invoices from SAP",
        system="SAP",
        label=label,
        clearance=LABELS[-1],
        timeout=timedelta(seconds=120),
        attempts=5,
        limit=AT_ONCE,
        summarize=counted,
    )
    return [entries(_Entries(client, label).read)]


class _Entries:
    def __init__(self, client: SapClient, label: Label) -> None:
        self._client, self._label = client, label

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One company's invoices of a month, as the initiator may see them."""
        title = f"Supplier invoices {period.month}, company {period.company}"
        task.note(Source(title=title, system="SAP", label=self._label, reader=task.initiator.id))
        return await self._client.invoices(period.month, period.company, task.initiator)
