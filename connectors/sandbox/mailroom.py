"""What happens to mail: drafts, sending, delivery, Sent Items that come late, automatic replies, returned mail."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.sandbox.data import Person
from connectors.sandbox.journal import Change
from connectors.sandbox.messages import DRAFTS, INBOX, SENT, Address, Message
from connectors.sandbox.office import Office
from connectors.sandbox.replies import GraphError

POSTMASTER = "Microsoft Outlook"


class Mailroom:
    """Changes mailboxes; everything is on disk before a method returns.

    `sent_items_delay_seconds` is how long after sending a message appears in Sent Items; until then nobody finds it.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self.sent_items_delay_seconds = office.tenant.file.sent_items_delay_seconds

    def messages(self, person: Person, folder: str | None = None) -> list[Message]:
        """A person's messages that can be seen now."""
        now = datetime.now(UTC)
        return [
            m
            for m in self._office.messages
            if m.mailbox == person.key
            and (folder is None or m.folder == folder)
            and (m.visible_at is None or m.visible_at <= now)
        ]

    def message(self, person: Person, message_id: str) -> Message:
        """A person's message by its id.

        Raises:
            GraphError: It is not in this mailbox, or not yet.
        """
        found = self._office.messages.get(message_id)
        late = found is not None and found.visible_at is not None and found.visible_at > datetime.now(UTC)
        if found is None or late or found.mailbox != person.key:
            raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return found

    def save(self, message: Message, kind: str, person: Person) -> Message:
        """Stores a message as it is now: a draft, or one that was marked or moved."""
        message = msgspec.structs.replace(message, changes=message.changes + 1)
        about = {"id": message.id, "subject": message.subject, "properties": message.properties} if kind else {}
        self._office.journal.commit([self._office.messages.put(message.id, message)], kind, person.key, **about)
        return message

    def remove(self, message: Message, person: Person) -> None:
        """Removes a message for good."""
        change = self._office.messages.put(message.id, None)
        self._office.journal.commit([change], "mail.delete", person.key, id=message.id)

    def send(self, message: Message, person: Person, *, keep: bool = True) -> None:
        """Sends a message: it leaves Drafts, reaches the tenant's other mailboxes, and comes into Sent Items late.

        Raises:
            GraphError: Nobody to send it to, or addresses that are none.
        """
        if not message.everybody or any("@" not in each.address.strip("@") for each in message.everybody):
            raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        now = datetime.now(UTC)
        sent = msgspec.structs.replace(
            message,
            folder=SENT,
            is_draft=False,
            is_read=True,
            sent=now,
            visible_at=now + timedelta(seconds=self.sent_items_delay_seconds),
            changes=message.changes + 1,
        )
        changes: list[Change] = [self._office.messages.put(sent.id, sent if keep else None)]
        changes += [self._office.messages.put(each.id, each) for each in self._deliveries(sent, person, now)]
        self._office.journal.commit(
            changes,
            "mail.send",
            person.key,
            id=sent.id,
            subject=sent.subject,
            to=[each.address for each in sent.everybody],
            internet_message_id=sent.internet_id,
            properties=sent.properties,
            headers=dict(sent.headers),
        )

    def new(self, person: Person, subject: str = "", conversation: str = "") -> Message:
        """A message that `person` begins to write; not stored yet."""
        now = datetime.now(UTC)
        number = uuid.uuid4().hex
        return Message(
            id=number,
            mailbox=person.key,
            folder=DRAFTS,
            subject=subject,
            sender=Address(person.name, person.upn),
            to=[],
            created=now,
            sent=now,
            is_read=True,
            is_draft=True,
            internet_id=f"<{number}@{person.upn.partition('@')[2]}>",
            conversation=conversation or uuid.uuid4().hex,
        )

    def reply(self, message: Message, person: Person, text: str, *, to_all: bool = False) -> Message:
        """An answer to a message, in its conversation; not stored yet."""
        subject = message.subject if message.subject.casefold().startswith("re:") else f"RE: {message.subject}"
        made = self.new(person, subject, message.conversation)
        others = [e for e in (*message.to, *message.cc) if e.address.casefold() != person.upn.casefold()]
        quoted = "\n".join(f"> {line}" for line in message.body.splitlines()) if message.body_type == "text" else ""
        made.to = [*(message.reply_to or [message.sender]), *(others if to_all else [])]
        made.body = f"{text}\n\n{message.sender.name} wrote:\n{quoted}\n" if quoted else f"{text}\n"
        made.headers = [("In-Reply-To", message.internet_id)]
        return made

    def notify(self, sender: Person, to: list[Person], subject: str, body: str, meeting: str = "") -> list[Change]:
        """The changes that put a message of the system's own into inboxes: invitations, shared files."""
        made = []
        for person in to:
            message = self.new(sender, subject)
            message.id, message.mailbox, message.folder = uuid.uuid4().hex, person.key, INBOX
            message.to, message.body, message.meeting = [Address(person.name, person.upn)], body, meeting
            message.is_draft = message.is_read = False
            made.append(self._office.messages.put(message.id, message))
        return made

    def _deliveries(self, sent: Message, sender: Person, now: datetime) -> list[Message]:
        people = self._office.tenant.people.values()
        domain = f"@{self._office.tenant.file.domain}".casefold()
        made: list[Message] = []
        for address in dict.fromkeys(each.address.casefold() for each in sent.everybody):
            person = next((p for p in people if p.upn.casefold() == address), None)
            if person is None:
                if address.endswith(domain):
                    made.append(self._returned(sent, sender, address))
                continue
            made.append(
                msgspec.structs.replace(
                    sent,
                    id=uuid.uuid4().hex,
                    mailbox=person.key,
                    folder=INBOX,
                    is_read=False,
                    bcc=[],
                    properties={},
                    categories=[],
                    visible_at=None,
                    changes=0,
                )
            )
            mailbox = self._office.mailboxes[person.key]
            if mailbox.away_at(now) and person.key != sender.key:
                made.append(self._automatic(sent, sender, person, mailbox.away_message))
        return made

    def _returned(self, sent: Message, sender: Person, address: str) -> Message:
        made = self.new(sender, f"Undeliverable: {sent.subject}", sent.conversation)
        made.folder, made.is_draft, made.is_read = INBOX, False, False
        made.sender = Address(POSTMASTER, f"postmaster{address[address.index('@') :]}")
        made.to = [Address(sender.name, sender.upn)]
        made.body = (
            f"Your message to {address} couldn't be delivered.\n{address} wasn't found.\n"
            "Remote server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found'\n"
        )
        return made

    def _automatic(self, sent: Message, sender: Person, away: Person, text: str) -> Message:
        made = self.new(away, f"Automatic reply: {sent.subject}", sent.conversation)
        made.mailbox, made.folder, made.is_draft, made.is_read = sender.key, INBOX, False, False
        made.to, made.body = [Address(sender.name, sender.upn)], f"{text}\n"
        made.headers = [("X-Auto-Response-Suppress", "All"), ("Auto-Submitted", "auto-replied")]
        return made
