"""What Tandem can do with Dynamics 365 Finance."""

from __future__ import annotations

from datetime import timedelta

from connectors.dynamics.client import DynamicsClient
from connectors.ledger import counted
from orchestration.capabilities.descriptor import TaskContext, Worker, worker
from orchestration.workers.ledger import Ledger, Period

AT_ONCE = 8  # Dynamics answers 429 to an app with more than a few dozen requests at a time, whoever they are for


def workers(client: DynamicsClient) -> list[Worker]:
    """Dynamics' workers, bound to a client."""
    entries = worker(
        "ledger.dynamics.entries",
        title="Read vendor invoices from Dynamics",
        system="Dynamics",
        timeout=timedelta(seconds=120),
        attempts=5,
        limit=AT_ONCE,
        summarize=counted,
    )
    return [entries(_Entries(client).read)]


class _Entries:
    def __init__(self, client: DynamicsClient) -> None:
        self._client = client

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One legal entity's invoices of a month, as the initiator may see them."""
        return await self._client.invoices(period.month, period.company, task.initiator)
