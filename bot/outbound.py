"""Sends to people's chats: in order in each conversation, patient with a throttling channel."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from botbuilder.core import TurnContext
from botbuilder.schema import (
    Activity,
    Attachment,
    ChannelAccount,
    ConversationAccount,
    ConversationReference,
)
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientRequestError, HttpOperationError

from bot.compat import Adapter
from bot.conversations import Conversation
from bot.texts import CARD_REFUSED, clean
from connectors.http import retry_after
from orchestration.core.run import Person
from orchestration.errors import Invalid, NotFound, TandemError, Unavailable

log = logging.getLogger(__name__)

CARD = "application/vnd.microsoft.card.adaptive"
ATTEMPTS = 5
LONGEST_WAIT = timedelta(seconds=60)
Sleep = Callable[[float], Awaitable[None]]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: a card or plain text, and the line that a notification shows."""

    summary: str
    card: dict[str, Any] | None = None
    text: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """Finds a message again."""

    conversation: str
    activity: str

    def encode(self) -> str:
        """Its text, for a run's receipts."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Receipt | None:
        """The receipt again; None if the text is of another surface."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return None


class Outbound:
    """Sends and updates messages through the adapter, as the bot, outside of any turn.

    Messages of one conversation leave in the order in which they were handed over. A throttled or failing channel is
    tried again, no sooner than it asks for; delivery is at least once.

    Args:
        adapter: Authenticates to the channel.
        sleep: Waits for some seconds.
        attempts: Tries for one message in all.
    """

    def __init__(self, adapter: Adapter, *, sleep: Sleep = asyncio.sleep, attempts: int = ATTEMPTS) -> None:
        self._adapter, self._sleep, self._attempts = adapter, sleep, attempts
        self._order: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def send(self, to: Conversation, message: Message) -> Receipt:
        """Send a new message. A card that the channel refuses goes out as its text instead.

        Raises:
            Unavailable: The channel does not take it now.
            NotFound: The conversation is gone, or the person has blocked the bot.
        """

        async def sending(connector: Any) -> Any:
            return await connector.conversations.send_to_conversation(to.id, _activity(to, message))

        try:
            answer = await self._patiently(to, sending)
        except Invalid as error:
            if message.card is None:
                raise
            log.error("a card went out as text only: %s", error.message)
            said = message.summary.rstrip(".")
            return await self.send(to, Message(summary=message.summary, text=f"{said}. {CARD_REFUSED}"))
        return Receipt(to.id, str((answer and answer.id) or ""))

    async def update(self, to: Conversation, activity: str, message: Message) -> None:
        """Put a message in the place of an earlier one; nobody is notified.

        Raises:
            Unavailable: The channel does not take it now.
            NotFound: The earlier message is gone.
            Invalid: The channel refuses the card.
        """

        async def updating(connector: Any) -> Any:
            replacement = _activity(to, message)
            replacement.id = activity
            return await connector.conversations.update_activity(to.id, activity, replacement)

        await self._patiently(to, updating)

    async def typing(self, to: Conversation) -> None:
        """Show that an answer is on its way; a typing sign that does not get through is no loss."""

        async def typing(connector: Any) -> Any:
            return await connector.conversations.send_to_conversation(to.id, _addressed(to, Activity(type="typing")))

        try:
            async with self._lock(to):
                await self._once(to, typing)
        except TandemError as error:
            log.info("typing was not shown: %s", error.message)

    async def introduce(self, person: Person, at: Conversation) -> Person:
        """The person with name and user principal name, as the channel's list of members has them.

        Raises:
            Unavailable, NotFound, Invalid: The channel does not say.
        """

        async def asking(connector: Any) -> Any:
            return await connector.conversations.get_conversation_member(at.id, at.user_id)

        member = await self._once(at, asking)
        more = getattr(member, "additional_properties", None) or {}
        name = clean(getattr(member, "name", "") or more.get("givenName") or person.name, 200)
        return msgspec.structs.replace(person, name=name, upn=clean(more.get("userPrincipalName") or person.upn, 200))

    async def in_chat(self, to: Conversation, action: Callable[[TurnContext], Awaitable[Any]]) -> Any:
        """Do something as the bot in a conversation, such as asking for a sign-in link.

        Raises:
            Unavailable: The other side does not answer or wants us to wait.
            NotFound, Invalid: It refuses.
        """
        result: list[Any] = []

        async def turn(context: TurnContext) -> None:
            result.append(await action(context))

        try:
            await self._adapter.continue_conversation(_reference(to), turn, self._adapter.app_id)
        except (HttpOperationError, ErrorResponseException) as error:
            raise _meaning(error.response) from error
        except ClientRequestError as error:
            raise Unavailable("Teams cannot be reached.") from error
        return result[0] if result else None

    def _lock(self, to: Conversation) -> asyncio.Lock:
        return self._order.setdefault(to.id, asyncio.Lock())

    async def _patiently(self, to: Conversation, call: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self._lock(to):
            for attempt in range(1, self._attempts + 1):
                try:
                    return await self._once(to, call)
                except Unavailable as error:
                    wait = error.retry_after or timedelta(seconds=2 ** (attempt - 1))
                    if attempt == self._attempts or wait > LONGEST_WAIT:
                        raise
                    log.warning("Teams wants us to wait %.1f s: %s", wait.total_seconds(), error.message)
                    await self._sleep(wait.total_seconds())
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, to: Conversation, call: Callable[[Any], Awaitable[Any]]) -> Any:
        async def with_connector(context: TurnContext) -> Any:
            return await call(context.turn_state[self._adapter.BOT_CONNECTOR_CLIENT_KEY])

        return await self.in_chat(to, with_connector)


def _meaning(response: Any) -> TandemError:
    """What a refused request means."""
    status = int(response.status_code)
    said = " ".join(str(response.text() if callable(response.text) else response.text).split())[:200]
    if status == 429 or status >= 500 or status in (401, 408, 412):
        # 401: our own token; it may be accepted again when it has been renewed.
        return Unavailable(
            f"Teams does not take messages now ({status}: {said}).", retry_after=retry_after(response.headers)
        )
    if status in (403, 404, 410):
        return NotFound(f"Teams does not know this chat or message any more ({status}: {said}).")
    return Invalid(f"Teams refuses the message ({status}: {said}).")


def _reference(to: Conversation) -> ConversationReference:
    return ConversationReference(
        user=ChannelAccount(id=to.user_id),
        bot=ChannelAccount(id=to.bot_id, name=to.bot_name),
        conversation=ConversationAccount(id=to.id, tenant_id=to.tenant or None, conversation_type=to.kind),
        channel_id=to.channel_id,
        service_url=to.service_url,
        locale=to.locale,
    )


def _activity(to: Conversation, message: Message) -> Activity:
    attachments = [Attachment(content_type=CARD, content=message.card)] if message.card is not None else None
    activity = Activity(type="message", text_format="plain", summary=message.summary, attachments=attachments)
    if message.card is None:
        activity.text = message.text
    return _addressed(to, activity)


def _addressed(to: Conversation, activity: Activity) -> Activity:
    reference = _reference(to)
    activity.channel_id, activity.service_url = to.channel_id, to.service_url
    activity.conversation, activity.from_property, activity.recipient = (
        reference.conversation,
        reference.bot,
        reference.user,
    )
    return activity
