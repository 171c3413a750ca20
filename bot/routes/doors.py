"""Opens a personal chat with somebody who has the app but has not written yet."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from botbuilder.core import BotAdapter, TurnContext
from botbuilder.schema import ChannelAccount, ConversationParameters

from bot.checks import GUID
from bot.conversations import Conversation, Conversations, Reachable
from bot.outbound import Outbound
from bot.texts import clean
from connectors.http import is_loopback, origin
from orchestration.core.run import Person
from orchestration.errors import Invalid, NotFound

log = logging.getLogger(__name__)


class Doors:
    """Makes personal chats through the channel, as the bot.

    Args:
        conversations: Remembers the chats.
        outbound: Talks to the channel.
        tenant_id: Only its people are written to.
    """

    def __init__(self, conversations: Conversations, outbound: Outbound, tenant_id: str) -> None:
        self._conversations, self._outbound, self._tenant = conversations, outbound, tenant_id.lower()

    async def open(self, person: Person, like: Person) -> Reachable | None:
        """The person's chat with the bot, made if the channel makes one; None if the app is not installed for them.

        Args:
            person: By Entra id.
            like: Somebody whose chat is known: the channel is asked where that one is.

        Raises:
            Unavailable: The channel does not answer now.
        """
        near = await self._conversations.of(like.id)
        if near is None or not self._is_member(person) or near.conversation.tenant != self._tenant:
            return None
        try:
            there = await self._create(person, near.conversation)
            return await self._meet(person, there)
        except (NotFound, Invalid) as error:
            log.info("no chat with %s could be opened: %s", person.id, error.message)
            return None

    def _is_member(self, person: Person) -> bool:
        return bool(GUID.fullmatch(person.id)) and person.tenant.lower() in ("", self._tenant)

    async def _create(self, person: Person, near: Conversation) -> Conversation:
        async def creating(context: TurnContext) -> Any:
            connector: Any = context.turn_state[BotAdapter.BOT_CONNECTOR_CLIENT_KEY]
            wanted = ConversationParameters(
                is_group=False,
                bot=ChannelAccount(id=near.bot_id, name=near.bot_name),
                members=[ChannelAccount(id=person.id)],
                tenant_id=self._tenant,
                channel_data={"tenant": {"id": self._tenant}},
            )
            return await connector.conversations.create_conversation(wanted)

        made = await self._outbound.in_chat(near, creating)
        place = str(getattr(made, "id", "") or "")
        if not place:
            raise Invalid("The channel made no chat.")
        service = str(getattr(made, "service_url", "") or "")
        return Conversation(
            id=place,
            service_url=service if _is_the_same_channel(service, near.service_url) else near.service_url,
            channel_id=near.channel_id,
            user_id=person.id,
            bot_id=near.bot_id,
            bot_name=near.bot_name,
            tenant=self._tenant,
            locale=near.locale,  # a guess, until the person writes
        )

    async def _meet(self, person: Person, there: Conversation) -> Reachable:
        """Who is in the new chat: nothing is sent into one that is not this person's."""

        async def asking(context: TurnContext) -> Any:
            connector: Any = context.turn_state[BotAdapter.BOT_CONNECTOR_CLIENT_KEY]
            return await connector.conversations.get_conversation_paged_members(there.id)

        listed = await self._outbound.in_chat(there, asking)
        found = [each for each in listed.members or [] if _object_id(each) == person.id.lower() and each.id]
        if len(found) != 1 or len(listed.members) != 1:
            raise NotFound("The chat that the channel made is not this person's alone.")
        member = found[0]
        more = getattr(member, "additional_properties", None) or {}
        if self._is_foreign(member, more):
            raise NotFound("They are a guest, or at home in another tenant.")
        known = Person(
            id=person.id,
            name=clean(member.name or person.name, 200),
            upn=clean(more.get("userPrincipalName") or person.upn, 200),
            tenant=self._tenant,
        )
        conversation = msgspec.structs.replace(there, user_id=str(member.id))
        return await self._conversations.remember(known, conversation)

    def _is_foreign(self, member: Any, more: dict[str, Any]) -> bool:
        role = str(getattr(member, "role", "") or more.get("userRole") or "").casefold()
        upn, home = str(more.get("userPrincipalName") or ""), str(more.get("tenantId") or self._tenant)
        return role in ("guest", "anonymous") or "#ext#" in upn.casefold() or home.lower() != self._tenant


def _is_the_same_channel(url: str, known: str) -> bool:
    """Whether the bot's token may go to an address that the channel gives: where it went before, or this machine."""
    return bool(url) and (origin(url) == origin(known) or (is_loopback(url) and is_loopback(known)))


def _object_id(member: Any) -> str:
    """The Entra id of somebody in a chat, under one of the two names that channels give it."""
    more = getattr(member, "additional_properties", None) or {}
    return str(getattr(member, "aad_object_id", "") or more.get("objectId") or "").lower()
