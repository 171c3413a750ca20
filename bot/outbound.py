"""Sends to people's chats: in order in each conversation, within the channel's limits, patient when it throttles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from botbuilder.core import TurnContext
from botbuilder.schema import Activity, ResourceResponse
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientRequestError, HttpOperationError

from bot.compat import Adapter
from bot.conversations import Conversation
from bot.egress import LastGate
from bot.streaming import LONGEST_TEXT, Streams
from bot.texts import card_refused, clean
from bot.traffic import LONGEST_WAIT_SECONDS, Rank, Ticket, Traffic
from bot.wire import Message, activity, addressed, reference
from connectors.http import retry_after
from orchestration.core.run import Person
from orchestration.errors import Invalid, NotFound, TandemError, Unavailable
from orchestration.ports import Clock
from orchestration.validation.policy_file import PolicyFile

__all__ = ["Member", "Message", "Outbound", "Receipt", "Unreachable"]

log = logging.getLogger(__name__)

ATTEMPTS = 5
STREAM = "stream"
_A_MOMENT = 0.001  # so that a clock of microseconds is not early
# What the channel says when nobody in the chat can be written to any more, until they come back by themselves.
_SHUT = ("ConversationBlockedByUser", "BotNotInConversationRoster", "BotDisabledByAdmin", "ConversationNotFound")
Call = Callable[[Any], Awaitable[Any]]


class Unreachable(NotFound):
    """The person has blocked or removed the bot, or the chat is gone."""

    code = "unreachable"


class Member(msgspec.Struct, frozen=True):
    """Somebody in a conversation, as the channel's list of members has them.

    Attributes:
        guest: A guest of the tenant.
        tenant: The tenant that their account belongs to; empty if the channel does not say.
    """

    person: Person
    guest: bool = False
    tenant: str = ""


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

    Messages of one conversation leave in the order in which they were handed over; updates of messages give way to
    them, and of two updates of one message only the newer one is sent. A throttled or failing channel is tried again,
    no sooner than it asks for; delivery is at least once.

    Args:
        adapter: Authenticates to the channel.
        clock: Paces what leaves.
        lost: Is told of a conversation in which nobody can be written to any more.
        attempts: Tries for one message in all.
        gate: Takes out what may not leave; without one, links lead nowhere but to Teams and Outlook.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        clock: Clock,
        lost: Callable[[str], Awaitable[None]] | None = None,
        attempts: int = ATTEMPTS,
        gate: LastGate | None = None,
    ) -> None:
        self._gate = gate or LastGate(PolicyFile())
        self._adapter, self._clock, self._lost, self._attempts = adapter, clock, lost, attempts
        self._traffic, self._streams = Traffic(), Streams()
        self._turns: dict[Ticket, asyncio.Event] = {}
        self._ended: dict[Ticket, asyncio.Event] = {}
        self._wake: Callable[[], None] | None = None

    async def send(self, to: Conversation, message: Message) -> Receipt:
        """Send a new message. A card that the channel refuses goes out as its text instead.

        Raises:
            Unavailable: The channel does not take it now.
            NotFound: The conversation is gone (`Unreachable`), or the person has blocked the bot.
        """
        message = self._gate.message(message)
        self._streams.speaks(to.id)

        async def sending(connector: Any) -> Any:
            return await self._finish(connector, to, message) or await connector.conversations.send_to_conversation(
                to.id, activity(to, message)
            )

        try:
            answer = await self._orderly(to, sending)
        except Invalid as error:
            if message.card is None:
                raise
            log.error("a card went out as text only: %s", error.message)
            said = message.summary.rstrip(".")
            return await self.send(to, Message(summary=message.summary, text=f"{said}. {card_refused()}"))
        except Unreachable:
            if self._lost is not None:
                await self._lost(to.id)
            raise
        return Receipt(to.id, str((answer and answer.id) or ""))

    async def update(self, to: Conversation, id_: str, message: Message) -> None:
        """Put a message in the place of an earlier one; nobody is notified.

        Raises:
            Unavailable: The channel does not take it now.
            NotFound: The earlier message is gone.
            Invalid: The channel refuses the card.
        """
        message = self._gate.message(message)

        async def updating(connector: Any) -> Any:
            replacement = activity(to, message)
            replacement.id = id_
            return await connector.conversations.update_activity(to.id, id_, replacement)

        await self._orderly(to, updating, rank=Rank.UPDATE, key=id_)

    async def typing(self, to: Conversation) -> None:
        """Show that an answer is on its way; a typing sign that does not get through is no loss."""
        if not self._traffic.quiet(to.id):
            return  # something is on its way, which says as much

        async def typing(connector: Any) -> Any:
            return await connector.conversations.send_to_conversation(to.id, addressed(to, Activity(type="typing")))

        try:
            await self._orderly(to, typing, rank=Rank.SIGN, attempts=1)
        except TandemError as error:
            log.info("typing was not shown: %s", error.message)

    async def hint(self, to: Conversation, text: str) -> None:
        """Show in a personal chat what is being done (a stream), until the next message takes its place.

        A line that does not get through is no loss; a chat that takes no streams is not tried again for an hour.
        """
        if to.kind != "personal" or not self._streams.wants(to.id, text, self._now()):
            return
        spoken = self._streams.spoken(to.id)

        async def hinting(connector: Any) -> Any:
            if self._streams.spoken(to.id) != spoken:
                return  # the message that it was to bridge is there
            line = Activity(type="typing", text=clean(self._gate.text(text), LONGEST_TEXT))
            line.entities = [self._streams.line(to.id, text, self._now())]
            answer = await connector.conversations.send_to_conversation(to.id, addressed(to, line))
            self._streams.opened(to.id, str((answer and answer.id) or ""))

        try:
            await self._orderly(to, hinting, rank=Rank.UPDATE, key=STREAM, attempts=1)
        except Unavailable as error:
            log.info("a line was not shown: %s", error.message)
        except TandemError as error:
            log.info("no streams in this chat: %s", error.message)
            self._streams.refuse(to.id, self._now())

    def streaming(self, to: Conversation) -> bool:
        """Whether a stream is open, which a message has to end."""
        return bool(self._streams.id(to.id, self._now()))

    async def _finish(self, connector: Any, to: Conversation, message: Message) -> Any:
        """End the open stream with the whole message; None if there is none, or the channel does not take it so."""
        stream = self._streams.id(to.id, self._now())
        if not stream:
            self._streams.close(to.id)
            return None
        last = activity(to, message)
        last.text = last.text or message.summary  # the end of a stream needs one
        last.entities = [*(last.entities or []), self._streams.end(stream)]
        try:
            answer = await connector.conversations.send_to_conversation(to.id, last)
        except (HttpOperationError, ErrorResponseException) as error:
            meant = _meaning(error.response)
            if isinstance(meant, Unavailable):
                raise
            log.info("a stream could not be ended, the message goes out by itself: %s", meant.message)
            self._streams.refuse(to.id, self._now())
            return None
        self._streams.close(to.id)
        return ResourceResponse(id=(answer and answer.id) or stream)

    async def introduce(self, person: Person, at: Conversation) -> Member:
        """The person with name, user principal name and standing, as the channel's list of members has them.

        Raises:
            Unavailable, NotFound, Invalid: The channel does not say.
        """

        async def asking(connector: Any) -> Any:
            return await connector.conversations.get_conversation_member(at.id, at.user_id)

        found = await self._once(at, asking)
        more = getattr(found, "additional_properties", None) or {}
        name = clean(getattr(found, "name", "") or more.get("givenName") or person.name, 200)
        upn = clean(more.get("userPrincipalName") or person.upn, 200)
        role = str(more.get("userRole") or getattr(found, "role", "") or "")
        known = msgspec.structs.replace(person, name=name, upn=upn)
        guest = role.casefold() in ("guest", "anonymous") or "#ext#" in upn.casefold()
        return Member(known, guest, str(more.get("tenantId") or "").lower())

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
            await self._adapter.continue_conversation(reference(to), turn, self._adapter.app_id)
        except (HttpOperationError, ErrorResponseException) as error:
            raise _meaning(error.response) from error
        except ClientRequestError as error:
            raise Unavailable("Teams cannot be reached.") from error
        return result[0] if result else None

    # --- whose turn it is

    async def _orderly(
        self, to: Conversation, call: Call, *, rank: Rank = Rank.MESSAGE, key: str = "", attempts: int = 0
    ) -> Any:
        """Make a request when its turn has come, again and again as the channel wants it."""
        ticket = self._traffic.join(to.id, rank, self._now(), key)
        self._turns[ticket], self._ended[ticket] = asyncio.Event(), asyncio.Event()
        ticket.error = Unavailable("The newer update was not sent.")  # unless it turns out otherwise
        try:
            answer = await self._carried(to, ticket, call, attempts or self._attempts)
            ticket.error = None
            return answer
        except TandemError as error:
            ticket.error = error
            raise
        finally:
            ticket.done = True
            self._traffic.leave(ticket)
            del self._turns[ticket]
            self._ended.pop(ticket).set()
            self._pump()

    async def _carried(self, to: Conversation, ticket: Ticket, call: Call, attempts: int) -> Any:
        for attempt in range(1, attempts + 1):
            self._pump()
            await self._turns[ticket].wait()
            if ticket.heir is not None:
                return await self._inherited(ticket.heir)
            if ticket.overdue is not None:
                raise Unavailable(
                    "So much was sent to this chat that it has to wait.",
                    retry_after=timedelta(seconds=ticket.overdue - self._now()),
                )
            try:
                return await self._once(to, call)
            except Unavailable as error:
                wait = error.retry_after or timedelta(seconds=2 ** (attempt - 1))
                if attempt == attempts or wait.total_seconds() > LONGEST_WAIT_SECONDS:
                    raise
                log.warning("Teams wants us to wait %.1f s: %s", wait.total_seconds(), error.message)
                self._turns[ticket].clear()
                self._traffic.again(ticket, self._now() + wait.total_seconds())
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _inherited(self, heir: Ticket) -> None:
        """What became of the update that took this one's place."""
        if not heir.done:
            await self._ended[heir].wait()
        if heir.error is not None:
            raise heir.error

    def _pump(self) -> None:
        """Let go whoever may go now, and look again when the next one may."""
        if self._wake is not None:
            self._wake()
            self._wake = None
        self._traffic.due(self._now())
        for ticket, turn in self._turns.items():
            if ticket.leaving or ticket.heir is not None or ticket.overdue is not None:
                turn.set()
        at = self._traffic.wake_at()
        if at is not None:
            self._wake = self._clock.call_at(datetime.fromtimestamp(at + _A_MOMENT, UTC), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._pump()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def _once(self, to: Conversation, call: Call) -> Any:
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
    if status in (403, 404) and any(code in said for code in _SHUT):
        return Unreachable(f"Nobody can be written to in this chat any more ({status}: {said}).")
    if status in (403, 404, 410):
        return NotFound(f"Teams does not know this chat or message any more ({status}: {said}).")
    return Invalid(f"Teams refuses the message ({status}: {said}).")
