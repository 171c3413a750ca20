"""What Tandem can do with SAP."""

from __future__ import annotations

from datetime import timedelta

from connectors.ledger import counted
from connectors.sap.client import SapClient
from orchestration.capabilities.descriptor import TaskContext, Worker, worker
from orchestration.workers.ledger import Ledger, Period


def workers(client: SapClient) -> list[Worker]:
    """SAP's workers, bound to a client."""
    entries = worker(
        "ledger.sap.entries",
        title="Read supplier invoices from SAP",
        system="SAP",
        timeout=timedelta(seconds=120),
        attempts=5,
        summarize=counted,
    )
    return [entries(_Entries(client).read)]


class _Entries:
    def __init__(self, client: SapClient) -> None:
        self._client = client

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One company's invoices of a month, as the initiator may see them."""
        return await self._client.invoices(period.month, period.company, task.initiator)
