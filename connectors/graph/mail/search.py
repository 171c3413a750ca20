"""`mail.search`: mails of a mailbox, newest first, with their text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph.batch import Part, batch
from connectors.graph.client import GraphClient, GraphSession, as_object, inner, objects, texts
from connectors.graph.pages import pages
from connectors.graph.provenance import Provenance
from connectors.graph.wording import counted, one_line, text_of_html
from connectors.http import clipped
from connectors.odata import quoted
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import Source
from orchestration.errors import Invalid, NotFound, NotPermitted
from orchestration.validation.text import visible

MOST = 200
PAGE = 50
MOST_PAGES = 20
LONGEST_TEXT = 20_000
LONGEST_HTML = 400_000
FOLDERS = ("inbox", "sentitems", "archive", "drafts", "deleteditems", "junkemail")
_FIELDS = (
    "id,subject,from,toRecipients,ccRecipients,receivedDateTime,bodyPreview,hasAttachments,isRead,isDraft,"
    "conversationId,webLink"
)
_AS_TEXT = {"Prefer": 'outlook.body-content-type="text", IdType="ImmutableId"'}
# The line with which programs name the writer of what is passed on, in a few languages, also quoted or in bold.
_PASSED_ON = re.compile(
    r"^[\s>|*_]*(?:From|Von|De|Da|Van|Från|Fra|Od|Lähettäjä|Expéditeur|Mittente|Remitente|Afzender|Absender)[*_]*\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"[^\s<>@,;:()\[\]\"']{1,64}@[^\s<>@,;:()\[\]\"']{1,253}")
_UNSEARCHABLE = str.maketrans(dict.fromkeys('"\\', " "))


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `mail.search`.

    Attributes:
        words: To be found in subject, text or names; empty: all mails.
        sender: Part of the sender's name or address.
        folder: One of Outlook's own (`inbox`, `sentitems`, ...); empty: all, without drafts.
        after: Received on this day (UTC) or later.
        before: Received before this day (UTC).
        unread: Only what was not read yet.
        mailbox: Address of a mailbox shared with the initiator; empty: their own.
        most: Mails at most.
        texts: Whether the texts are wanted, or only their beginnings.
    """

    words: str = ""
    sender: str = ""
    folder: str = ""
    after: date | None = None
    before: date | None = None
    unread: bool = False
    mailbox: str = ""
    most: int = 25
    texts: bool = True


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail; `text` is cut after 20,000 characters, and `cut` says so. An empty mail has no text."""

    id: str
    subject: str
    sender: str
    address: str
    to: list[str]
    received: datetime
    text: str
    cut: bool = False
    attachments: bool = False
    unread: bool = False
    conversation: str = ""
    link: str = ""


class Mails(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first; `more` says that there are others, `notes` name what could not be read."""

    mails: list[Mail]
    more: bool = False
    notes: list[str] = []


class MailSearch:
    """Searches through a Graph client.

    No delta queries: a search reads only what it answers, mostly in one request, and delta knows neither words nor
    order; following a folder's changes would cost a request and a stored token for each person, and save none.
    """

    def __init__(self, client: GraphClient, provenance: Provenance | None = None) -> None:
        self._client, self._provenance = client, provenance or Provenance()

    async def search(self, search: Search, task: TaskContext) -> Mails:
        """What the search finds, as the initiator may see it.

        Raises:
            Invalid: The arguments cannot be meant.
            NotFound: There is no such mailbox or folder.
            NotPermitted: The initiator may not open that mailbox.
        """
        _check(search)
        session = self._client.acting_as(task.initiator)
        found: list[dict[str, Any]] = []
        more = False
        async for message in _listed(session, search):
            if len(found) == search.most:
                more = True
                break
            found.append(message)
        texts_, notes = await _texts(session, search, found) if search.texts else ({}, [])
        mails = [_mail(each, texts_) for each in found]
        for mail in mails:
            task.note(
                Source(
                    title=clipped(mail.subject, 120) or "Mail without a subject",
                    system="Outlook",
                    link=mail.link,
                    reader=task.initiator.id,
                    outside=self._outside(mail, task),
                )
            )
        return Mails(mails=mails, more=more, notes=notes)

    def _outside(self, mail: Mail, task: TaskContext) -> bool:
        """Whether somebody outside may have written part of a mail, also of what a colleague passes on in it.

        Whoever else got it may have written what is quoted, and what is passed on names its writer: in its header, or
        as an address anywhere.
        """
        if not mail.address or self._provenance.outside([mail.address, *mail.to], task):
            return True
        said = f"{mail.subject}\n{mail.text}"
        if _PASSED_ON.search(said):
            return True
        return self._provenance.outside(_ADDRESS.findall(said), task)


def summary(mails: Mails) -> str:
    """How many there are: "12 mails", "the newest 25 mails"."""
    number = counted(len(mails.mails), "mail")
    return f"the newest {number}" if mails.more else number


def _check(search: Search) -> None:
    if not 1 <= search.most <= MOST:
        raise Invalid(f"{search.most} mails cannot be asked for: 1 to {MOST}.")
    if search.folder and search.folder.casefold() not in FOLDERS:
        raise Invalid(f"{clipped(search.folder, 60)!r} is not a mail folder: take one of {', '.join(FOLDERS)}.")
    if search.after and search.before and search.after >= search.before:
        raise Invalid(f"No mail came after {search.after} and before {search.before}: exchange the two days.")


async def _listed(session: GraphSession, search: Search) -> AsyncIterator[dict[str, Any]]:
    """The messages that match, newest first; pages are fetched as long as they are asked for."""
    words = " ".join(search.words.translate(_UNSEARCHABLE).split())
    query: dict[str, str | int] = {"$select": _FIELDS, "$top": min(PAGE, search.most + 1)}
    if words:  # Outlook takes neither a filter nor an order beside a search: both are done here
        query["$search"] = f'"{words}"'
    else:
        query["$filter"] = _filter(search)
        query["$orderby"] = "receivedDateTime desc"
    what = f"search {_mailbox(search)}"
    try:
        listed = pages(session, _path(search), what=what, query=query, headers=_AS_TEXT, most_pages=MOST_PAGES)
        async for page in listed:
            for message in page:
                if search.after and words and _received(message).date() < search.after:
                    return
                if _matches(message, search):
                    yield message
    except NotPermitted as error:
        said = f"You may not open {_mailbox(search)}."
        raise NotPermitted(f"{said} Ask its owner to share it with you. ({error.message})") from error
    except NotFound as error:
        raise NotFound(
            f"There is no {_mailbox(search)}. Check the address and the folder. ({error.message})"
        ) from error


def _mailbox(search: Search) -> str:
    whose = f"mailbox {clipped(search.mailbox, 80)}" if search.mailbox else "mailbox of your own"
    return f"{whose}, folder {search.folder}" if search.folder else whose


def _path(search: Search) -> str:
    whose = f"/users/{quote(search.mailbox.strip(), safe='@')}" if search.mailbox.strip() else "/me"
    return f"{whose}/mailFolders/{search.folder.lower()}/messages" if search.folder else f"{whose}/messages"


def _filter(search: Search) -> str:
    # What the list is ordered by must come first in the filter.
    terms = [f"receivedDateTime ge {search.after or date(1900, 1, 1)}T00:00:00Z"]
    if search.before:
        terms.append(f"receivedDateTime lt {search.before}T00:00:00Z")
    if search.unread:
        terms.append("isRead eq false")
    if "@" in search.sender:
        terms.append(f"from/emailAddress/address eq {quoted(search.sender.strip())}")
    return " and ".join(terms)


def _matches(message: dict[str, Any], search: Search) -> bool:
    if message.get("isDraft") is True and search.folder.casefold() != "drafts":
        return False
    if search.unread and message.get("isRead") is not False:
        return False
    day = _received(message).date()
    if (search.after and day < search.after) or (search.before and day >= search.before):
        return False
    sender = inner(inner(message, "from"), "emailAddress")
    wanted = search.sender.strip().casefold()
    return wanted in texts(sender, "name").casefold() or wanted in texts(sender, "address").casefold()


def _received(message: dict[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(texts(message, "receivedDateTime"))
    except ValueError:
        return datetime(1900, 1, 1, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _texts(
    session: GraphSession, search: Search, found: list[dict[str, Any]]
) -> tuple[dict[str, tuple[str, bool]], list[str]]:
    """The texts by id, twenty in a request, and what is to be said about those that cannot be had."""
    if not found:
        return {}, []
    base = _path(search).partition("/mailFolders")[0].removesuffix("/messages")
    parts = [
        Part(path=f"{base}/messages/{quote(texts(each, 'id'), safe='')}?$select=id,body", headers=_AS_TEXT)
        for each in found
    ]
    answers = await batch(session, parts, what="read the mails", patience=timedelta(seconds=20))
    if all(not answer.is_success for answer in answers):
        raise session.failure(answers[0], "read the mails")
    known: dict[str, tuple[str, bool]] = {}
    notes = []
    for each, answer in zip(found, answers, strict=True):
        await asyncio.sleep(0)  # between two large ones, others get their turn
        if answer.is_success:
            body = inner(as_object(answer), "body")
            content = texts(body, "content")
            is_html = texts(body, "contentType").casefold() == "html"
            # A mail may have ten megabytes: what is not shown is not gone through, and markup not here and now.
            longest = LONGEST_HTML if is_html else LONGEST_TEXT + 1
            part = content[:longest]
            text = (await asyncio.to_thread(text_of_html, part) if is_html else visible(part)).strip()
            known[texts(each, "id")] = (text[:LONGEST_TEXT], len(text) > LONGEST_TEXT or len(content) > longest)
        else:
            subject = clipped(texts(each, "subject"), 80) or "without a subject"
            notes.append(f"Of the mail {subject!r} only the beginning could be read ({answer.status_code}).")
    return known, notes


def _mail(message: dict[str, Any], known: dict[str, tuple[str, bool]]) -> Mail:
    sender = inner(inner(message, "from"), "emailAddress")
    to = [inner(each, "emailAddress") for name in ("toRecipients", "ccRecipients") for each in objects(message, name)]
    text, cut = known.get(texts(message, "id"), (visible(texts(message, "bodyPreview")).strip(), False))
    return Mail(
        id=texts(message, "id"),
        subject=one_line(texts(message, "subject")),
        sender=one_line(texts(sender, "name")) or texts(sender, "address"),
        address=texts(sender, "address"),
        to=[texts(each, "address") for each in to],
        received=_received(message),
        text=text,
        cut=cut,
        attachments=message.get("hasAttachments") is True,
        unread=message.get("isRead") is False,
        conversation=texts(message, "conversationId"),
        link=texts(message, "webLink"),
    )
