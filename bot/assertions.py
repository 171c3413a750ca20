"""People's sign-ins: kept by the Bot Framework token service, asked for whenever a run needs them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import msgspec
from botbuilder.core import TurnContext
from botframework.connector.token_api.models import TokenExchangeRequest
from msrest.exceptions import ClientRequestError, HttpOperationError

from bot.compat import Adapter
from bot.conversations import Conversations, Documents, Reachable
from bot.inbound import TokenExchange
from bot.outbound import Outbound
from connectors.identity.assertion import claims
from orchestration.core.run import Person
from orchestration.errors import TandemError, Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")
Verdict = Literal["signed_in", "not_signed_in", "other_person"]
SIGNED_OUT = "signed_out"
# As all errors do, in English: it may become part of a run, which people with different languages read.
_DOWN = "The sign-in service does not answer now. Nothing is lost; please try again in a minute."


class SignInPage(msgspec.Struct, frozen=True):
    """Where a person signs in.

    Attributes:
        link: The page.
        exchange: What Teams needs to do it silently (`tokenExchangeResource`); empty if the connection has no such.
    """

    link: str
    exchange: dict[str, str] = {}


class TokenServiceAssertions:
    """Implements `connectors.identity.AssertionSource` with the token service.

    A person is known there by their id in the channel, which the person's own activities tell. Who has signed out is
    out, also while the token service does not answer and after a restart, until they sign in on the page again.

    Args:
        adapter: Proves to the token service that this is the bot.
        conversations: Knows people's ids in the channel.
        outbound: Asks for sign-in links from within a person's chat.
        connection: Name of the OAuth connection.
        documents: Remembers who has signed out.
    """

    def __init__(
        self,
        adapter: Adapter,
        conversations: Conversations,
        outbound: Outbound,
        connection: str,
        documents: Documents,
    ) -> None:
        self._adapter, self._conversations, self._outbound = adapter, conversations, outbound
        self._documents = documents
        self.connection = connection
        self._out: dict[str, bool] = {}

    async def assertion(self, person: Person) -> str | None:
        """The person's token for Tandem itself, or None if they are not signed in.

        Raises:
            Unavailable: The token service does not answer.
        """
        who = await self._conversations.of(person.id)
        if who is None or await self.is_out(person):
            return None
        token = await self._token(who, None)
        return None if await self.is_out(person) else token  # they may have signed out while it was asked

    async def is_out(self, person: Person) -> bool:
        """Whether the person has signed out and not in again on the page."""
        if person.id not in self._out:
            found = await self._documents.get(SIGNED_OUT, person.id) is not None
            self._out.setdefault(person.id, found)
        return self._out[person.id]

    async def page(self, who: Reachable) -> SignInPage:
        """The page on which the person signs in, and what Teams needs to do without it.

        Raises:
            Unavailable: The token service does not answer.
        """

        async def asking(context: TurnContext) -> Any:
            client: Any = context.turn_state[self._adapter.USER_TOKEN_CLIENT_KEY]
            return await client.get_sign_in_resource(self.connection, context.activity, None)

        try:
            resource = await self._outbound.in_chat(who.conversation, asking)
        except TandemError as error:
            raise Unavailable(_DOWN) from error
        link = str((resource and resource.sign_in_link) or "")
        if not link:
            raise Unavailable(_DOWN)
        there = getattr(resource, "token_exchange_resource", None)
        names = {"id": "id", "uri": "uri", "provider_id": "providerId"}
        exchange = {wire: str(value) for name, wire in names.items() if (value := getattr(there, name, None))}
        return SignInPage(link, exchange if {"id", "uri"} <= exchange.keys() else {})

    async def redeem(self, who: Reachable, code: str) -> Verdict:
        """Trade the code of the sign-in page for the sign-in; another person's is not kept.

        Raises:
            Unavailable: The token service does not answer.
        """
        verdict = await self._verdict(who, await self._token(who, code))
        if verdict == "signed_in" and await self.is_out(who.person):
            self._out[who.person.id] = False
            await self._documents.drop(SIGNED_OUT, who.person.id)
        return verdict

    async def exchange(self, who: Reachable, offer: TokenExchange) -> Verdict:
        """Trade the token that Teams offers (single sign-on) for the sign-in.

        Teams offers it without asking the person, so it does not undo a sign-out.

        Raises:
            Unavailable: The token service does not answer.
        """
        if offer.connection != self.connection or not offer.token or await self.is_out(who.person):
            return "not_signed_in"
        there = who.conversation
        request = TokenExchangeRequest(token=offer.token)
        try:
            answer: Any = await self._asking(
                lambda client: client.exchange_token(there.user_id, self.connection, there.channel_id, request)
            )
        except _NotTaken:
            return "not_signed_in"
        verdict = await self._verdict(who, getattr(answer, "token", None))
        if verdict == "signed_in" and await self.is_out(who.person):  # signed out while it was traded
            await self._end(who)
            return "not_signed_in"
        return verdict

    async def mark_out(self, person: Person) -> None:
        """From now on nobody gets this person's sign-in, whatever the token service says."""
        self._out[person.id] = True
        await self._documents.put(SIGNED_OUT, person.id, b"{}")

    async def sign_out(self, who: Reachable) -> None:
        """Let the token service forget the person's sign-in; it counts for nothing here even if that fails.

        Raises:
            Unavailable: The token service does not answer.
        """
        await self.mark_out(who.person)
        await self._end(who)

    async def _end(self, who: Reachable) -> None:
        there = who.conversation
        try:
            await self._asking(lambda client: client.sign_out_user(there.user_id, self.connection, there.channel_id))
        except _NotTaken:
            log.info("the token service knows of no sign-in that could be ended")

    async def _verdict(self, who: Reachable, token: str | None) -> Verdict:
        if not token:
            return "not_signed_in"
        found = claims(token)
        mine = (who.person.id.lower(), who.conversation.tenant.lower())
        if found is None or (found.oid.lower(), found.tid.lower()) != mine:
            await self._end(who)
            return "other_person"
        return "signed_in"

    async def _token(self, who: Reachable, code: str | None) -> str | None:
        there = who.conversation
        try:
            answer: Any = await self._asking(
                lambda client: client.get_user_token(there.user_id, self.connection, there.channel_id, code)
            )
        except _NotTaken:
            # Of a code: it is wrong. Without one: the service does not know the connection, and says so by 404 as well.
            log.warning("the token service has no sign-in to give")
            return None
        return str(answer.token) if answer and answer.token else None

    async def _asking(self, call: Callable[[Any], Awaitable[T]]) -> T:
        try:
            return await call(await self._adapter.user_tokens())
        except HttpOperationError as error:
            if getattr(error.response, "status_code", 0) in (400, 404, 409, 412):
                raise _NotTaken from error
            log.warning("the token service refuses: %s", getattr(error.response, "status_code", "without a status"))
            raise Unavailable(_DOWN) from error
        except ClientRequestError as error:
            # Not the error's text: that holds the address, and the address the person and their sign-in code.
            log.warning("the token service cannot be reached (%s)", type(error).__name__)
            raise Unavailable(_DOWN) from error


class _NotTaken(Exception):
    """The token service answers, and does not take what it was given."""
