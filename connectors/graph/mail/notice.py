"""Mails by which one person is told that another one waits for them: drafted once, then just that draft is sent."""

from __future__ import annotations

from urllib.parse import quote

from connectors.graph.addresses import Address
from connectors.graph.client import GraphClient, GraphSession, as_object, texts
from connectors.graph.mail.letter import IMMUTABLE, as_message, content, create, with_key
from connectors.http import clipped
from orchestration.core.run import Person
from orchestration.errors import InvalidContent, NotFound, OutcomeUnknown, Unavailable
from orchestration.validation.egress import Egress

_WHAT = "tell somebody by mail that a question waits for them"


class Notices:
    """Sends through a Graph client, as the person who asks: with their token, from their mailbox."""

    def __init__(self, client: GraphClient, egress: Egress) -> None:
        self._client, self._egress = client, egress

    async def draft(self, sender: Person, to: Person, subject: str, text: str, key: str) -> str:
        """A draft with this key, the one of before if there is one; returns its id, which it keeps when it is sent.

        Raises:
            SignInNeeded: The sender is not signed in.
            NotFound: The directory does not know the recipient, or no address of theirs.
            NotPermitted: The sender may not write mail, or not through Tandem.
            Unavailable: Surely nothing was sent.
        """
        session = self._client.acting_as(sender)
        try:
            if found := await with_key(session, key):
                return found.id
            address = await _address(session, to)
            subject, text = content(subject, text, self._egress)
            return (await create(session, as_message([address], [], subject, text, key))).id
        except (OutcomeUnknown, InvalidContent) as error:
            # Perhaps there is a draft now: the next try finds it by its key.
            raise Unavailable(f"Whether the mail was drafted is not known yet: {error.message}") from error

    async def send(self, sender: Person, draft: str) -> None:
        """Send the draft, unless it was sent.

        A draft that is gone counts as sent: by an earlier try of ours, or by the sender; or they have thrown it away.

        Raises:
            SignInNeeded: The sender is not signed in.
            Unavailable: It was perhaps sent: the next try looks.
        """
        session = self._client.acting_as(sender)
        path = f"/me/messages/{quote(draft, safe='')}"
        look = await session.call("GET", path, query={"$select": "id,isDraft"}, headers=IMMUTABLE)
        if look.status_code in (404, 410):
            return
        if not look.is_success:
            raise session.failure(look, _WHAT)
        if as_object(look).get("isDraft") is not True:
            return
        try:
            headers = {**IMMUTABLE, "Content-Length": "0"}
            response = await session.call("POST", f"{path}/send", headers=headers, write=True)
            if response.status_code in (404, 410):
                return
            if not response.is_success:
                raise session.failure(response, _WHAT, write=True)
        except OutcomeUnknown as error:
            raise Unavailable(f"Whether the mail went out is not known yet: {error.message}") from error


async def _address(session: GraphSession, person: Person) -> Address:
    """The person's mail address, as the directory has it: by their id, since names can be anybody's."""
    path = f"/users/{quote(person.id, safe='')}"
    response = await session.call("GET", path, query={"$select": "id,displayName,mail,userPrincipalName"})
    name = clipped(person.name, 80)
    if response.status_code == 404:
        raise NotFound(f"The directory does not know {name} any more.")
    if not response.is_success:
        raise session.failure(response, f"look up the mail address of {name}")
    found = as_object(response)
    address = texts(found, "mail") or texts(found, "userPrincipalName")
    if texts(found, "id").casefold() != person.id.casefold() or "@" not in address:
        raise NotFound(f"The directory has no mail address of {name}.")
    return Address(address, texts(found, "displayName"))
