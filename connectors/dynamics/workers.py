"""What Tandem can do with Dynamics 365 Finance."""

from __future__ import annotations

from datetime import timedelta

from connectors.dynamics.client import DynamicsClient
from connectors.ledger import counted
from orchestration.capabilities.descriptor import TaskContext, Worker, worker
from orchestration.core.label import LABELS, Label, Source
from orchestration.workers.ledger import Ledger, Period

AT_ONCE = 8  # Dynamics answers 429 to an app with more than a few dozen requests at a time, whoever they are for


def workers(client: DynamicsClient, label: Label = "confidential") -> list[Worker]:
    """Dynamics' workers, bound to a client; `label` is how sensitive the deployment calls its data."""
    entries = worker(
        "ledger.dynamics.entries",
        title="Read vendor invoices from Dynamics",
        system="Dynamics",
        label=label,
        clearance=LABELS[-1],
        timeout=timedelta(seconds=120),
        attempts=5,
        limit=AT_ONCE,
        summarize=counted,
    )
    return [entries(_Entries(client, label).read)]


class _Entries:
    def __init__(self, client: DynamicsClient, label: Label) -> None:
        self._client, self._label = client, label

    async def read(self, period: Period, task: TaskContext) -> Ledger:
        """One legal entity's invoices of a month, as the initiator may see them."""
        title = f"Vendor invoices {period.month}, legal entity {period.company}"
        task.note(Source(title=title, system="Dynamics", label=self._label, reader=task.initiator.id))
        return await self._client.invoices(period.month, period.company, task.initiator)
