"""`mail.send`: sends a mail once. First the draft, which can be found again; then just that draft.

A mail that was sent is gone from Drafts at once and may take minutes to show in Sent Items. While neither has it,
nobody can tell whether it went out, so the look is repeated, and at last a person is asked. With the draft of an
earlier task (`draft`), a mail that was not sent yet is always known to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from connectors.graph.addresses import check
from connectors.graph.client import GraphClient, GraphSession, as_object
from connectors.graph.mail.held import differences
from connectors.graph.mail.letter import (
    FIELDS,
    IMMUTABLE,
    Kept,
    Sending,
    as_message,
    content,
    create,
    facts,
    kept,
    key_of,
    recipients,
    with_key,
)
from connectors.graph.wording import counted
from connectors.http import clipped
from orchestration.capabilities.descriptor import Done, NotDone, Preview, TaskContext, Unknown
from orchestration.errors import Conflict, Invalid, InvalidContent, NotFound, NotPermitted, OutcomeUnknown, Unavailable
from orchestration.validation.egress import Egress

# How long Sent Items may lag behind; measured from `not_after`, since nothing is sent later than that.
SHOWS_WITHIN = timedelta(minutes=5)
LOOK_AGAIN = timedelta(seconds=30)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A mail on its way; `message` finds it in Sent Items."""

    message: str
    subject: str
    to: list[str]
    link: str = ""


class Sends:
    """Sends through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._now = now

    async def send(self, mail: Sending, task: TaskContext) -> Sent:
        """Send the mail; if one with the task's key was sent already, that is the success.

        Raises:
            Invalid: A recipient, the subject or the text cannot be as it is.
            NotFound: Nobody is at an address, or the draft is gone.
            Conflict: The draft was changed since it was shown, or holds something else.
            Unavailable: Nothing was sent.
            OutcomeUnknown: It may have been.
        """
        key = key_of(task, "mail.send")
        to, cc = recipients(mail.to, mail.cc)
        subject, text = content(mail.subject, mail.text, self._egress)
        if mail.draft and not mail.change_key:
            raise Invalid("Which state of the draft? Give its change_key, too: both are results of mail.draft.")
        session = self._client.acting_as(task.initiator)
        found = await self._found(session, mail, task, key)
        if found is None and mail.draft:
            raise NotFound("The draft is not in your mailbox any more. Nothing was sent. Save a new one first.")
        if found is not None and (found.is_draft or mail.draft):
            _compare(differences(found.message, to, cc, subject, text), mail, found)
        if found is not None and not found.is_draft:
            return _sent(found, mail, subject)
        if found is not None and mail.change_key and found.change_key != mail.change_key:
            raise Conflict(
                f"The draft {clipped(mail.subject, 80)!r} was changed after it was shown to you. Nothing was sent. "
                "Send it yourself from Outlook, or start again."
            )
        if found is None:
            found = await self._drafted(session, mail, task, key)
        if task.journaled != found.id:
            await task.journal(found.id)  # under this id it is found at once, also after it was sent
        self._in_time(task)
        response = await session.call(
            "POST",
            f"/me/messages/{quote(found.id, safe='')}/send",
            headers={**IMMUTABLE, "Content-Length": "0"},
            write=True,
        )
        if response.status_code in (404, 410):
            # It was there a moment ago: an earlier attempt of ours has just sent it, or somebody moved it away.
            raise OutcomeUnknown("The draft disappeared while it was to be sent; whether it was is not known yet.")
        if not response.is_success:
            raise session.failure(response, f"send {clipped(mail.subject, 80)!r}", write=True)
        return _sent(found, mail, subject)

    async def reconcile(self, mail: Sending, task: TaskContext) -> Done | NotDone | Unknown:
        """Whether the mail with this task's key is among those sent; a draft says that it is not.

        Raises:
            Unavailable: It is in neither place, and may still turn up: look again.
        """
        session = self._client.acting_as(task.initiator)
        try:
            found = await self._found(session, mail, task, key_of(task, "mail.send"))
        except NotPermitted as error:
            return Unknown(why=error.message)
        if found is not None:
            subject = self._egress.line(mail.subject)
            return NotDone() if found.is_draft else Done(output=_sent(found, mail, subject))
        if task.not_after is not None and self._now() < task.not_after + SHOWS_WITHIN:
            raise Unavailable(
                f"{clipped(mail.subject, 80)!r} is neither in Drafts nor in Sent Items yet, where it may show late.",
                retry_after=LOOK_AGAIN,
            )
        return Unknown(why=f"{clipped(mail.subject, 80)!r} is neither in your Drafts nor in your Sent Items.")

    async def _found(self, session: GraphSession, mail: Sending, task: TaskContext, key: str) -> Kept | None:
        known = mail.draft or task.journaled
        found = await self._with_id(session, known) if known else None
        return found or (None if mail.draft else await with_key(session, key))

    async def _with_id(self, session: GraphSession, known: str) -> Kept | None:
        response = await session.call(
            "GET",
            f"/me/messages/{quote(known, safe='')}",
            query=FIELDS,
            headers=IMMUTABLE,
        )
        if response.status_code in (404, 410):
            return None
        if not response.is_success:
            raise session.failure(response, "look for the mail in your mailbox")
        return kept(as_object(response))

    async def _drafted(self, session: GraphSession, mail: Sending, task: TaskContext, key: str) -> Kept:
        to, cc = recipients(mail.to, mail.cc)
        subject, text = content(mail.subject, mail.text, self._egress)
        known = {each.address: each for each in await check(session, [*to, *cc], consequence="Nothing was sent.")}
        to, cc = ([known[each.address] for each in group] for group in (to, cc))
        self._in_time(task)
        try:
            return await create(session, as_message(to, cc, subject, text, key))
        except InvalidContent as error:
            raise OutcomeUnknown("Microsoft 365 took the draft, but its answer cannot be read.") from error

    def _in_time(self, task: TaskContext) -> None:
        if task.not_after is not None and self._now() > task.not_after:
            raise Unavailable("It became too late to send the mail. Nothing was sent.")


def preview(mail: Sending, egress: Egress) -> Preview:
    """What the person allows: the whole mail, as it goes out."""
    return Preview(title="Send a mail in your name", facts=facts(mail.to, mail.cc, mail.subject, mail.text, egress))


def summary(sent: Sent) -> str:
    """To how many it went."""
    return f"to {counted(len(sent.to), 'person', 'people')}: {clipped(sent.subject, 60)}"


def _compare(differing: list[str], mail: Sending, found: Kept) -> None:
    if not differing:
        return
    what, consequence = ("draft", "Nothing was sent.") if found.is_draft else ("mail", "It had been sent before.")
    raise Conflict(
        f"The {what} {clipped(mail.subject, 80)!r} in your mailbox is not what was shown to you: "
        f"{', '.join(differing)}. "
        f"{consequence} Look at it in Outlook, or start again."
    )


def _sent(found: Kept, mail: Sending, subject: str) -> Sent:
    to, cc = recipients(mail.to, mail.cc)
    return Sent(
        message=found.id,
        subject=subject,
        to=[each.address for each in (*to, *cc)],
        link=found.link,
    )
