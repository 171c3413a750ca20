"""What Tandem can do through Microsoft Graph."""

from __future__ import annotations

from datetime import timedelta

from connectors.graph.client import GraphClient
from connectors.graph.people import Found, People
from connectors.graph.table import Tables
from connectors.graph.upload import Uploads, preview, summary
from connectors.http import clipped
from connectors.ledger import counted
from orchestration.capabilities.descriptor import Worker, worker


def workers(client: GraphClient) -> list[Worker]:
    """Graph's workers, bound to a client."""
    uploads = Uploads(client)
    table = worker(
        "files.table",
        title="Read a workbook in SharePoint",
        system="SharePoint",
        timeout=timedelta(seconds=120),
        attempts=5,
        summarize=counted,
    )
    upload = worker(
        "files.upload",
        title="Save a file in SharePoint",
        system="SharePoint",
        effect="write",
        dedupe="target",
        timeout=timedelta(seconds=120),
        attempts=5,
        reconcile=uploads.reconcile,
        preview=preview,
        summarize=summary,
    )
    find = worker(
        "people.find",
        title="Look somebody up in the directory",
        system="Microsoft 365",
        timeout=timedelta(seconds=60),
        attempts=5,
        summarize=_name,
    )
    return [table(Tables(client).read), upload(uploads.upload), find(People(client).find)]


def _name(found: Found) -> str:
    return clipped(found.name, 80)
