"""Where each person can be reached: their personal chat with the bot, kept in the store's documents."""

from __future__ import annotations

from typing import Protocol

import msgspec

from orchestration.core.run import Person

KIND = "conversation"


class Documents(Protocol):
    """Small durable documents; see `orchestration.ports.Store`."""

    async def get(self, kind: str, key: str) -> bytes | None:
        """One document."""

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """Write one durably."""

    async def drop(self, kind: str, key: str) -> None:
        """Remove one durably."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to send to one conversation; made from authenticated activities only.

    Attributes:
        service_url: The channel's address for replies; the activity's token vouches for it.
        user_id: The person's id in the channel (`29:...`), which the token service goes by.
        tenant: Entra tenant of the conversation.
        kind: `personal`, `groupChat` or `channel`.
    """

    id: str
    service_url: str
    channel_id: str
    user_id: str
    bot_id: str
    bot_name: str = ""
    tenant: str = ""
    kind: str = "personal"
    locale: str = ""


class Reachable(msgspec.Struct, frozen=True, kw_only=True):
    """A person and their personal chat."""

    person: Person
    conversation: Conversation


class Conversations:
    """The personal chats by person; what is in memory is what is on disk."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: dict[str, Reachable | None] = {}

    async def of(self, person_id: str) -> Reachable | None:
        """Where the person can be reached, or None if they have no chat with the bot."""
        if person_id not in self._known:
            body = await self._documents.get(KIND, person_id)
            self._known[person_id] = msgspec.json.decode(body, type=Reachable) if body else None
        return self._known[person_id]

    async def remember(self, person: Person, conversation: Conversation) -> Reachable:
        """Keep a personal chat; what an activity does not say of the person is kept from before."""
        before = await self.of(person.id)
        if before is not None:
            name, upn = person.name or before.person.name, person.upn or before.person.upn
            person = msgspec.structs.replace(person, name=name, upn=upn)
            locale = conversation.locale or before.conversation.locale
            conversation = msgspec.structs.replace(conversation, locale=locale)
        now = Reachable(person=person, conversation=conversation)
        if now != before:
            await self._documents.put(KIND, person.id, msgspec.json.encode(now))
            self._known[person.id] = now
        return now

    async def forget(self, person_id: str) -> None:
        """The person has removed the bot: nothing can be sent any more."""
        if await self.of(person_id) is not None:
            await self._documents.drop(KIND, person_id)
            self._known[person_id] = None
