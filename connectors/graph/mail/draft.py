"""`mail.draft`: puts a mail into the initiator's drafts, for them to look at and send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from connectors.graph.addresses import check
from connectors.graph.client import GraphClient
from connectors.graph.mail.letter import Kept, Letter, as_message, content, create, facts, key_of, recipients, with_key
from connectors.http import clipped
from orchestration.capabilities.descriptor import Done, NotDone, Preview, TaskContext
from orchestration.errors import InvalidContent, OutcomeUnknown, Unavailable
from orchestration.validation.egress import Egress


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in Drafts; `draft` and `change_key` are what `mail.send` takes to send just this one."""

    draft: str
    change_key: str
    subject: str
    to: list[str]
    link: str = ""


class Drafts:
    """Writes drafts through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._now = now

    async def draft(self, letter: Letter, task: TaskContext) -> Drafted:
        """Save the draft, marked with the task's key; one that is there with that key already is a success.

        Raises:
            Invalid: A recipient, the subject or the text cannot be as it is.
            NotFound: Nobody is at an address.
            Unavailable: No draft was made.
            OutcomeUnknown: There may be one.
        """
        key = key_of(task, "mail.draft")
        to, cc = recipients(letter.to, letter.cc)
        subject, text = content(letter.subject, letter.text, self._egress)
        session = self._client.acting_as(task.initiator)
        found = await with_key(session, key)
        if found is None:
            known = {each.address: each for each in await check(session, [*to, *cc], consequence="No draft was made.")}
            to, cc = ([known[each.address] for each in group] for group in (to, cc))
            if task.not_after is not None and self._now() > task.not_after:
                raise Unavailable("It became too late to save the draft. No draft was made.")
            try:
                found = await create(session, as_message(to, cc, subject, text, key))
            except InvalidContent as error:
                raise OutcomeUnknown("Microsoft 365 took the draft, but its answer cannot be read.") from error
        return _drafted(found, letter, subject)

    async def reconcile(self, letter: Letter, task: TaskContext) -> Done | NotDone:
        """Whether the mailbox has a mail with this task's key, sent meanwhile or not."""
        session = self._client.acting_as(task.initiator)
        found = await with_key(session, key_of(task, "mail.draft"))
        subject = self._egress.line(letter.subject)
        return NotDone() if found is None else Done(output=_drafted(found, letter, subject))


def preview(letter: Letter, egress: Egress) -> Preview:
    """What the person allows: the whole mail as it is kept, and that it is not sent."""
    lines = facts(letter.to, letter.cc, letter.subject, letter.text, egress)
    return Preview(title="Save a draft in your mailbox", facts=[*lines, ("Sending", "Nothing is sent")])


def summary(drafted: Drafted) -> str:
    """The draft's subject."""
    return clipped(drafted.subject, 80)


def _drafted(found: Kept, letter: Letter, subject: str) -> Drafted:
    return Drafted(
        draft=found.id,
        change_key=found.change_key,
        subject=subject,
        to=[each.address for each in recipients(letter.to, letter.cc)[0]],
        link=found.link,
    )
