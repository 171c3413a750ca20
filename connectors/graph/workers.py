"""What Tandem can do through Microsoft Graph."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from connectors.graph import chat, everyday
from connectors.graph.calendar import availability, create, free_time
from connectors.graph.chat import Chats
from connectors.graph.client import GraphClient
from connectors.graph.files import Files, found_summary, read_summary
from connectors.graph.group import Groups, Members
from connectors.graph.mail import draft, letter, search, send
from connectors.graph.mailbox import PLACES
from connectors.graph.people import Found, People
from connectors.graph.provenance import Provenance
from connectors.graph.table import Tables, counted_rows
from connectors.graph.upload import Uploads, destination, preview, summary
from connectors.http import clipped
from connectors.ledger import counted
from orchestration.capabilities.descriptor import Worker, worker
from orchestration.core.label import LABELS
from orchestration.validation.egress import Egress

_read = partial(worker, timeout=timedelta(seconds=60), attempts=5, clearance=LABELS[-1])
# What leaves Tandem is checked against where it goes before it is written.
_write = partial(worker, effect="write", timeout=timedelta(seconds=120), attempts=5, clearance=LABELS[-1])
# Outlook serves four requests at a time in one mailbox: who would be the fifth need not wait at the cost of its time.
_one_mailbox: dict[str, Any] = {"resource": lambda _, task: task.initiator.id, "resource_limit": PLACES}


def workers(client: GraphClient, egress: Egress | None = None) -> list[Worker]:
    """Graph's workers, bound to a client and to the rules for what goes out."""
    egress = egress or Egress()
    own = [*_sharepoint(client, egress), *_mail(client, egress), *_calendar(client, egress), *_people(client)]
    return [*own, _teams(client, egress), *everyday.workers(client, egress)]


def _provenance(egress: Egress) -> Provenance:
    return Provenance(lambda address, home: egress.policy.is_inside(address, home))  # noqa: PLW0108 - in force then


def _sharepoint(client: GraphClient, egress: Egress) -> list[Worker]:
    read_from = _provenance(egress)
    uploads, files, tables = Uploads(client, egress=egress), Files(client, read_from), Tables(client, read_from)
    table = _read(
        "files.table",
        title="Read a workbook in SharePoint",
        system="SharePoint",
        timeout=timedelta(seconds=120),
        summarize=counted,
    )
    rows = _read(
        "files.rows",
        title="Read rows of a workbook in SharePoint",
        system="SharePoint",
        timeout=timedelta(seconds=120),
        summarize=counted_rows,
    )
    upload = _write(
        "files.upload",
        title="Save a file in SharePoint",
        system="SharePoint",
        dedupe="target",
        reconcile=uploads.reconcile,
        preview=preview,
        summarize=summary,
        compensation="If it has to go, delete the file in SharePoint.",
        destination=destination,
        editable=("name",),
    )
    find = _read("files.search", title="Search for files", system="SharePoint", summarize=found_summary)
    read = _read(
        "files.read",
        title="Read a document",
        system="SharePoint",
        timeout=timedelta(seconds=180),
        summarize=read_summary,
    )
    return [table(tables.read), rows(tables.rows), upload(uploads.upload), find(files.search), read(files.read)]


def _mail(client: GraphClient, egress: Egress) -> list[Worker]:
    drafts, sends = draft.Drafts(client, egress=egress), send.Sends(client, egress=egress)
    # A second draft is not refused by Outlook: the first one is looked for once it cannot come any more.
    save = _write(
        "mail.draft",
        title="Save a draft in the mailbox",
        system="Outlook",
        dedupe="two_step",
        reconcile=drafts.reconcile,
        preview=partial(draft.preview, egress=egress),
        summarize=draft.summary,
        destination=letter.destination,
        editable=("to", "subject", "text"),
        compensation="If it has to go, delete the draft in Outlook.",
        **_one_mailbox,
    )
    post = _write(
        "mail.send",
        title="Send a mail",
        system="Outlook",
        dedupe="two_step",
        reconcile=sends.reconcile,
        preview=partial(send.preview, egress=egress),
        summarize=send.summary,
        destination=letter.destination,
        editable=("to", "subject", "text"),
        compensation="A mail that was sent stays sent; write to its recipients if they have to know.",
        **_one_mailbox,
    )
    find = _read("mail.search", title="Search the mailbox", system="Outlook", summarize=search.summary, **_one_mailbox)
    return [find(search.MailSearch(client, _provenance(egress)).search), save(drafts.draft), post(sends.send)]


def _calendar(client: GraphClient, egress: Egress) -> list[Worker]:
    meetings = create.Meetings(client, egress=egress)
    free = _read(
        "calendar.free_time",
        title="Find when everybody is free",
        system="Outlook",
        summarize=free_time.summary,
        **_one_mailbox,
    )
    enter = _write(
        "calendar.create",
        title="Enter a meeting and invite people",
        system="Outlook",
        dedupe="target",
        reconcile=meetings.reconcile,
        preview=partial(create.preview, egress=egress),
        summarize=create.summary,
        destination=create.destination,
        editable=("subject", "place", "text"),
        compensation="If it has to go, cancel the meeting in your calendar; everybody invited is told.",
        **_one_mailbox,
    )
    return [free(free_time.Calendars(client).free_time), enter(meetings.create)]


def _people(client: GraphClient) -> list[Worker]:
    people = People(client)
    find = _read("people.find", title="Look somebody up in the directory", system="Microsoft 365", summarize=_name)
    manager = _read("people.manager", title="Look up somebody's manager", system="Microsoft 365", summarize=_name)
    presence = _read(
        "people.availability",
        title="Look up when people work and are away",
        system="Outlook",
        summarize=availability.summary,
    )
    members = _read("people.members", title="Look up who is in a group", system="Microsoft 365", summarize=_members)
    in_group = members(Groups(client).members)
    return [find(people.find), manager(people.manager), in_group, presence(availability.Presence(client).read)]


def _teams(client: GraphClient, egress: Egress) -> Worker:
    chats = Chats(client, egress=egress)
    # Nothing in Teams refuses a second message; reconcile looks for the reference that the first one carries.
    post = _write(
        "chat.post",
        title="Post a message in Teams",
        system="Teams",
        dedupe="none",
        reconcile=chats.reconcile,
        preview=partial(chat.preview, egress=egress),
        summarize=chat.summary,
        destination=chat.destination,
        editable=("text",),
        compensation="If it has to go, delete the message in Teams.",
    )
    return post(chats.post)


def _members(members: Members) -> str:
    return "1 person" if len(members.people) == 1 else f"{len(members.people)} people"


def _name(found: Found) -> str:
    return clipped(found.name, 80)
