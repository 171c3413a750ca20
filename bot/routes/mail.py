"""The route by mail: in the initiator's name and with their rights, once for each question and person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from bot.conversations import Documents
from bot.routes import wording
from bot.routes.links import Links
from bot.routes.receipt import Routed
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import NotPermitted
from orchestration.validation.policy import Policy

KIND = "mailed"


class Post(Protocol):
    """Writes mail as a person; see `connectors.graph.mail.notice.Notices`."""

    async def draft(self, sender: Person, to: Person, subject: str, text: str, key: str) -> str:
        """A draft with this key in the sender's mailbox, the one of before if there is one; returns its id."""

    async def send(self, sender: Person, draft: str) -> None:
        """Send the draft, unless it was sent."""


class _Mailed(msgspec.Struct, frozen=True):
    draft: str
    sent: bool


class MailRoute:
    """Tells people by mail that a question waits for them in Teams.

    Args:
        post: Writes mail.
        documents: Remembers each mail from its draft on, so that none goes out twice.
        links: Lead to the chat.
        policy: What the deployment lets Tandem do; where it denies `mail.send`, to all or to the initiator,
            no mail is sent here either.
    """

    def __init__(self, post: Post, documents: Documents, links: Links, policy: Callable[[], Policy]) -> None:
        self._post, self._documents, self._links, self._policy = post, documents, links, policy

    async def tell(self, run: RunView, approval: ApprovalView, person: Person, *, reminder: bool = False) -> str:
        """Send the mail unless that was done; returns the receipt.

        Raises:
            SignInNeeded: The initiator is not signed in, and nobody else's name is used.
            NotFound, NotPermitted, Refused: This person gets no mail from the initiator.
            Unavailable: Not now.
        """
        key = f"{run.run_id}:{approval.id}:{person.id}:{'remind' if reminder else 'ask'}"
        stored = await self._documents.get(KIND, key)
        mail = msgspec.json.decode(stored, type=_Mailed) if stored else None
        if self._policy().verdict("mail.send", "write") == "deny":
            raise NotPermitted("The policy of this deployment lets Tandem send no mail.")
        if not self._policy().may_use("mail.send", run.initiator.upn):
            raise NotPermitted("The policy of this deployment lets Tandem send no mail in the initiator's name.")
        if mail is None:
            subject = wording.subject(run, approval, reminder=reminder)
            text = wording.body(run, approval, self._links, reminder=reminder)
            marked = "notice:" + hashlib.sha256(key.encode()).hexdigest()[:40]
            mail = _Mailed(await self._post.draft(run.initiator, person, subject, text, marked), sent=False)
            await self._documents.put(KIND, key, msgspec.json.encode(mail))
        if not mail.sent:
            await self._post.send(run.initiator, mail.draft)
            await self._documents.put(KIND, key, msgspec.json.encode(_Mailed(mail.draft, sent=True)))
        return Routed("mail", mail.draft).encode()
