"""Graph's workers for the everyday playbooks: whose a file is and who gets it, who is listed, what is on today."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from connectors.graph import roster, share
from connectors.graph.calendar import agenda
from connectors.graph.client import GraphClient
from connectors.graph.people import Found
from connectors.graph.provenance import Provenance
from connectors.http import clipped
from orchestration.capabilities.descriptor import Worker, worker
from orchestration.core.label import LABELS
from orchestration.validation.egress import Egress

_PATIENCE = timedelta(seconds=60)


def workers(client: GraphClient, egress: Egress) -> list[Worker]:
    """The workers, bound to a client and to the rules for what goes out."""
    read_from = Provenance(lambda address, home: egress.policy.is_inside(address, home))  # noqa: PLW0108 - in force then
    shares = share.Shares(client, egress=egress)
    return [
        worker(
            "people.roster",
            title="Look up who is meant",
            system="Microsoft 365",
            clearance=LABELS[-1],
            timeout=_PATIENCE,
            attempts=5,
            summarize=roster.summary,
        )(roster.Rosters(client).read),
        worker(
            "calendar.agenda",
            title="Read your calendar",
            system="Outlook",
            clearance=LABELS[-1],
            timeout=_PATIENCE,
            attempts=5,
            summarize=agenda.summary,
        )(agenda.Agendas(client, read_from).read),
        worker(
            "files.owner",
            title="Look up who owns a file",
            system="SharePoint",
            clearance=LABELS[-1],
            timeout=_PATIENCE,
            attempts=5,
            summarize=_name,
        )(shares.owner),
        worker(
            "files.share",
            title="Share a file",
            system="SharePoint",
            clearance=LABELS[-1],
            effect="write",
            dedupe="target",
            timeout=_PATIENCE,
            attempts=5,
            reconcile=shares.reconcile,
            preview=partial(share.preview, egress=egress),
            summarize=share.summary,
            destination=share.destination,
            editable=("message",),
            compensation="If it has to go, take the permission away in SharePoint.",
        )(shares.share),
    ]


def _name(found: Found) -> str:
    return clipped(found.name, 80)
