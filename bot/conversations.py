"""Where people can be reached: in personal chats with the bot, and in groups; kept in the store's documents."""

from __future__ import annotations

from typing import Protocol

import msgspec

from orchestration.core.run import Person

KIND = "conversation"
GROUP = "group"
THREAD = ";messageid="


class Documents(Protocol):
    """Small durable documents; see `orchestration.ports.Store`."""

    async def get(self, kind: str, key: str) -> bytes | None:
        """One document."""

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """Write one durably."""

    async def drop(self, kind: str, key: str) -> None:
        """Remove one durably."""

    async def documents(self, kind: str) -> dict[str, bytes]:
        """All of a kind by key."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to send to one conversation; made from authenticated activities only.

    Attributes:
        service_url: The channel's address for replies; the activity's token vouches for it.
        user_id: The person's id in the channel (`29:...`), which the token service goes by.
        tenant: Entra tenant of the conversation.
        kind: `personal`, `groupChat` or `channel`.
        team: Of a channel, its team's id.
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
    team: str = ""


def place(conversation: str) -> str:
    """The group chat or channel that a conversation is in: its id without the thread."""
    return conversation.partition(THREAD)[0]


class Reachable(msgspec.Struct, frozen=True, kw_only=True):
    """A person and their personal chat.

    Attributes:
        guest: They are a guest of the tenant, as the channel says.
    """

    person: Person
    conversation: Conversation
    guest: bool = False


class Conversations:
    """The personal chats by person, and the groups by place; what is in memory is what is on disk."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: dict[str, Reachable | None] = {}

    async def of(self, person_id: str) -> Reachable | None:
        """Where the person can be reached, or None if they have no chat with the bot."""
        if person_id not in self._known:
            body = await self._documents.get(KIND, person_id)
            self._known[person_id] = msgspec.json.decode(body, type=Reachable) if body else None
        return self._known[person_id]

    async def locale(self, person_id: str) -> str:
        """The locale in which the person reads; empty if they have no chat with the bot."""
        known = await self.of(person_id)
        return known.conversation.locale if known else ""

    async def remember(self, person: Person, conversation: Conversation, *, guest: bool | None = None) -> Reachable:
        """Keep a personal chat; what an activity does not say of the person is kept from before."""
        before = await self.of(person.id)
        if guest is None:
            guest = before is not None and before.guest
        if before is not None:
            name, upn = person.name or before.person.name, person.upn or before.person.upn
            person = msgspec.structs.replace(person, name=name, upn=upn)
            locale = conversation.locale or before.conversation.locale
            conversation = msgspec.structs.replace(conversation, locale=locale)
        now = Reachable(person=person, conversation=conversation, guest=guest)
        if now != before:
            await self._documents.put(KIND, person.id, msgspec.json.encode(now))
            self._known[person.id] = now
        return now

    async def forget(self, person_id: str) -> None:
        """The person has removed the bot: nothing can be sent any more."""
        if await self.of(person_id) is not None:
            await self._documents.drop(KIND, person_id)
            self._known[person_id] = None

    async def lost(self, conversation: str) -> None:
        """Nobody can be written to there any more: whoever comes back is remembered again."""
        for person_id, known in list(self._known.items()):
            if known is not None and known.conversation.id == conversation:
                await self.forget(person_id)
        await self.leave(place(conversation))

    # --- groups

    async def group(self, conversation: str) -> Conversation | None:
        """How to send to a conversation in a group that the bot is in; None if it is not in that group."""
        body = await self._documents.get(GROUP, place(conversation))
        if not body:
            return None
        return msgspec.structs.replace(msgspec.json.decode(body, type=Conversation), id=conversation)

    async def enter(self, conversation: Conversation) -> None:
        """Keep a group; whoever spoke there is not part of it."""
        where = place(conversation.id)
        kept = msgspec.json.encode(msgspec.structs.replace(conversation, id=where, user_id="", locale=""))
        if await self._documents.get(GROUP, where) != kept:
            await self._documents.put(GROUP, where, kept)

    async def leave(self, group: str, *, team: str = "") -> None:
        """The bot was removed from a group, or from a whole team with its channels."""
        if await self._documents.get(GROUP, group):
            await self._documents.drop(GROUP, group)
        if team:
            for where, body in (await self._documents.documents(GROUP)).items():
                if msgspec.json.decode(body, type=Conversation).team == team:
                    await self._documents.drop(GROUP, where)
