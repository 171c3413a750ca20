"""Messages: as mailboxes hold them, and as the data folder's `mail/` describes them."""

from __future__ import annotations

import email.policy
import hashlib
import mimetypes
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from connectors.sandbox.data import Person
from connectors.sandbox.days import past_moment, zone_of
from connectors.sandbox.mailbox_settings import Mailbox
from connectors.sandbox.tables import Problems

INBOX, SENT, DRAFTS, DELETED, ARCHIVE = "inbox", "sentitems", "drafts", "deleteditems", "archive"
FOLDERS = {
    INBOX: "Inbox",
    SENT: "Sent Items",
    DRAFTS: "Drafts",
    DELETED: "Deleted Items",
    ARCHIVE: "Archive",
    "outbox": "Outbox",
    "junkemail": "Junk Email",
}
_FRONT = {"from", "to", "cc", "sent", "subject", "unread", "importance", "attachments", "conversation", "draft", "html"}


class Address(msgspec.Struct, frozen=True):
    """A name and an e-mail address."""

    name: str
    address: str


class Attachment(msgspec.Struct, frozen=True):
    """A file that came with a message."""

    id: str
    name: str
    type: str
    content: bytes
    inline: bool = False


class Message(msgspec.Struct):
    """One copy of a message, in one person's mailbox.

    `visible_at` is when it appears: Sent Items come late. `changes` moves the change key and, together with the
    folder, the id that is not immutable.
    """

    id: str
    mailbox: str
    folder: str
    subject: str
    sender: Address
    to: list[Address]
    created: datetime
    sent: datetime
    cc: list[Address] = []
    bcc: list[Address] = []
    reply_to: list[Address] = []
    body: str = ""
    body_type: str = "text"
    importance: str = "normal"
    is_read: bool = False
    is_draft: bool = False
    internet_id: str = ""
    conversation: str = ""
    categories: list[str] = []
    headers: list[tuple[str, str]] = []
    properties: dict[str, str] = {}
    attachments: list[Attachment] = []
    visible_at: datetime | None = None
    meeting: str = ""
    changes: int = 0

    @property
    def everybody(self) -> list[Address]:
        """All recipients."""
        return [*self.to, *self.cc, *self.bcc]


def load_mail(
    folder: Path, people: dict[str, Person], mailboxes: dict[str, Mailbox], today: date, problems: Problems
) -> list[Message]:
    """Reads mail/**: each file is one message as it was sent; every mailbox that has part in it gets a copy."""
    found: list[Message] = []
    for file in sorted(folder.rglob("*")):
        if file.name.startswith((".", "README")) or "attachments" in file.relative_to(folder).parts[:-1]:
            continue
        if file.suffix == ".md":
            found += _markdown(file, folder, people, mailboxes, today, problems)
        elif file.suffix == ".eml":
            found += _eml(file, folder, people, problems)
        elif file.is_file():
            problems.add(file, "mail is .md with front matter, or .eml; attachments are in mail/attachments")
    return found


def copies(
    message: Message, people: Iterable[Person], unread: set[str] | None = None, *, is_draft: bool = False
) -> list[Message]:
    """The copies of a message in the mailboxes of the tenant: the sender's, and for what was sent the recipients'."""
    made: list[Message] = []
    wanted = {each.address.casefold() for each in message.everybody}
    for person in people:
        own = person.upn.casefold() == message.sender.address.casefold()
        places = ([DRAFTS if is_draft else SENT] if own else []) + (
            [INBOX] if person.upn.casefold() in wanted and not is_draft else []
        )
        made += [
            msgspec.structs.replace(
                message,
                id=uuid.uuid5(uuid.NAMESPACE_URL, f"{message.id}/{person.key}/{place}").hex,
                mailbox=person.key,
                folder=place,
                is_draft=is_draft,
                is_read=place != INBOX or person.key not in (unread or set()),
                bcc=message.bcc if own and place != INBOX else [],
            )
            for place in places
        ]
    return made


def _markdown(
    file: Path, root: Path, people: dict[str, Person], mailboxes: dict[str, Mailbox], today: date, problems: Problems
) -> list[Message]:
    try:
        text = file.read_text(encoding="utf-8")
        _, front, body = text.split("---\n", 2)
        about = yaml.load(front, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except (ValueError, yaml.YAMLError) as error:
        problems.add(file, f"the file must begin with front matter between two lines of ---: {error}")
        return []
    if not isinstance(about, dict) or (unknown := set(about) - _FRONT):
        problems.add(file, f"front matter may have {', '.join(sorted(_FRONT))}; not {', '.join(sorted(unknown))}")
        return []

    def addresses(field: str) -> list[Address]:
        listed = about.get(field) or []
        made = []
        for each in listed if isinstance(listed, list) else [listed]:
            person = people.get(str(each))
            pairs = getaddresses([str(each)])
            if person:
                made.append(Address(person.name, person.upn))
            elif pairs and "@" in pairs[0][1]:
                made.append(Address(pairs[0][0] or pairs[0][1], pairs[0][1]))
            else:
                problems.add(file, f"{each!r} is neither a key of people.csv nor an address", column=field)
        return made

    senders, to = addresses("from"), addresses("to")
    if len(senders) != 1:
        problems.add(file, "there must be one sender", column="from")
        return []
    owner = next((p.key for p in people.values() if p.upn == senders[0].address), None)
    zone = zone_of(mailboxes[owner].time_zone) if owner in mailboxes else zone_of("UTC")
    try:
        sent = past_moment(str(about.get("sent", "")), today, zone)
    except ValueError as error:
        problems.add(file, str(error), column="sent")
        return []
    key = file.relative_to(root).as_posix()
    attachments = []
    for name in about.get("attachments") or []:
        place = root / "attachments" / str(name)
        if not place.is_file():
            problems.add(file, f"there is no file mail/attachments/{name}", column="attachments")
            continue
        attachments.append(attachment(place.name, place.read_bytes(), f"{key}/{name}"))
    conversation = str(about.get("conversation") or about.get("subject") or key)
    message = Message(
        id=key,
        mailbox="",
        folder="",
        subject=str(about.get("subject") or ""),
        sender=senders[0],
        to=to,
        cc=addresses("cc"),
        created=sent,
        sent=sent,
        body=body.strip() + "\n" if body.strip() else "",
        body_type="html" if about.get("html") else "text",
        importance=str(about.get("importance") or "normal"),
        internet_id=f"<{uuid.uuid5(uuid.NAMESPACE_URL, key).hex}@{senders[0].address.partition('@')[2]}>",
        conversation=_thread(conversation),
        attachments=attachments,
    )
    unread = {str(each) for each in about.get("unread") or []}
    return _anybody(file, copies(message, people.values(), unread, is_draft=bool(about.get("draft"))), problems)


def _eml(file: Path, root: Path, people: dict[str, Person], problems: Problems) -> list[Message]:
    """Any RFC 5322 file, with whatever encodings it has; what cannot be decoded is replaced, as mail clients do."""
    parsed = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(file.read_bytes())
    try:
        sent = parsedate_to_datetime(str(parsed["Date"])).astimezone(UTC)
    except (ValueError, TypeError):
        problems.add(file, "the message has no Date that can be read", column="Date")
        return []

    def addresses(field: str) -> list[Address]:
        pairs = getaddresses([str(value) for value in parsed.get_all(field, [])])
        return [Address(name or address, address) for name, address in pairs if "@" in address]

    senders = addresses("From")
    if not senders:
        problems.add(file, "the message has no sender", column="From")
        return []
    key = file.relative_to(root).as_posix()
    body = parsed.get_body(("html", "plain"))
    message = Message(
        id=key,
        mailbox="",
        folder="",
        subject=str(parsed["Subject"] or ""),
        sender=senders[0],
        to=addresses("To"),
        cc=addresses("Cc"),
        created=sent,
        sent=sent,
        body=_text(body) if body is not None else "",
        body_type="html" if body is not None and body.get_content_subtype() == "html" else "text",
        internet_id=str(parsed["Message-ID"] or f"<{uuid.uuid5(uuid.NAMESPACE_URL, key).hex}@unknown>"),
        conversation=_thread(str(parsed["Subject"] or key)),
        attachments=[
            attachment(part.get_filename() or "unnamed", part.get_payload(decode=True) or b"", f"{key}/{i}")  # type: ignore[arg-type]
            for i, part in enumerate(parsed.iter_attachments())
        ],
    )
    return _anybody(file, copies(message, people.values(), set()), problems)


def attachment(name: str, content: bytes, seed: str, kind: str = "", *, inline: bool = False) -> Attachment:
    """An attachment with its id."""
    found = kind or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Attachment(uuid.uuid5(uuid.NAMESPACE_URL, seed).hex, name, found, content, inline)


def _anybody(file: Path, made: list[Message], problems: Problems) -> list[Message]:
    if not made:
        problems.add(file, "nobody of the tenant sent or received this message")
    return made


def _text(part: Any) -> str:
    try:
        return str(part.get_content())
    except (LookupError, KeyError, ValueError):  # a charset that nobody knows
        return (part.get_payload(decode=True) or b"").decode("latin-1")


def _thread(text: str) -> str:
    bare = text.strip()
    while bare[:3].casefold() in ("re:", "fw:", "aw:") or bare[:4].casefold() == "fwd:":
        bare = bare.partition(":")[2].strip()
    return hashlib.sha256(bare.casefold().encode()).hexdigest()[:32]
