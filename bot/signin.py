"""People's sign-ins: kept by the Bot Framework token service, asked for whenever a run needs them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from botbuilder.core import TurnContext
from botframework.connector.token_api.models import TokenExchangeRequest
from msrest.exceptions import ClientRequestError, HttpOperationError

from bot import cards, texts
from bot.compat import Adapter
from bot.conversations import Conversations, Reachable
from bot.inbound import TokenExchange
from bot.outbound import Message, Outbound
from connectors.identity.assertion import claims
from orchestration.core.commands import ConfirmSignIn, RecordDelivery
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.errors import TandemError, Unavailable
from orchestration.ports import Engine

log = logging.getLogger(__name__)
T = TypeVar("T")
Verdict = Literal["signed_in", "not_signed_in", "other_person"]


class TokenServiceAssertions:
    """Implements `connectors.identity.AssertionSource` with the token service.

    A person is known there by their id in the channel, which the person's own activities tell.

    Args:
        adapter: Proves to the token service that this is the bot.
        conversations: Knows people's ids in the channel.
        outbound: Asks for sign-in links from within a person's chat.
        connection: Name of the OAuth connection.
    """

    def __init__(self, adapter: Adapter, conversations: Conversations, outbound: Outbound, connection: str) -> None:
        self._adapter, self._conversations, self._outbound = adapter, conversations, outbound
        self._connection = connection

    async def assertion(self, person: Person) -> str | None:
        """The person's token for Tandem itself, or None if they are not signed in.

        Raises:
            Unavailable: The token service does not answer.
        """
        who = await self._conversations.of(person.id)
        return await self._token(who, None) if who else None

    async def link(self, who: Reachable) -> str:
        """The page on which the person signs in.

        Raises:
            Unavailable: The token service does not answer.
        """

        async def asking(context: TurnContext) -> Any:
            client: Any = context.turn_state[self._adapter.USER_TOKEN_CLIENT_KEY]
            return await client.get_sign_in_resource(self._connection, context.activity, None)

        try:
            resource = await self._outbound.in_chat(who.conversation, asking)
        except TandemError as error:
            raise Unavailable(texts.SIGN_IN_DOWN) from error
        link = str((resource and resource.sign_in_link) or "")
        if not link:
            raise Unavailable(texts.SIGN_IN_DOWN)
        return link

    async def redeem(self, who: Reachable, code: str) -> Verdict:
        """Trade the code of the sign-in page for the sign-in; another person's is not kept.

        Raises:
            Unavailable: The token service does not answer.
        """
        return await self._verdict(who, await self._token(who, code))

    async def exchange(self, who: Reachable, offer: TokenExchange) -> Verdict:
        """Trade the token that Teams offers (single sign-on) for the sign-in.

        Raises:
            Unavailable: The token service does not answer.
        """
        if offer.connection != self._connection or not offer.token:
            return "not_signed_in"
        there = who.conversation
        request = TokenExchangeRequest(token=offer.token)
        answer: Any = await self._asking(
            lambda client: client.exchange_token(there.user_id, self._connection, there.channel_id, request)
        )
        return await self._verdict(who, getattr(answer, "token", None))

    async def sign_out(self, who: Reachable) -> None:
        """Let the token service forget the person's sign-in.

        Raises:
            Unavailable: The token service does not answer.
        """
        there = who.conversation
        await self._asking(lambda client: client.sign_out_user(there.user_id, self._connection, there.channel_id))

    async def _verdict(self, who: Reachable, token: str | None) -> Verdict:
        if not token:
            return "not_signed_in"
        found = claims(token)
        mine = (who.person.id.lower(), who.conversation.tenant.lower())
        if found is None or (found.oid.lower(), found.tid.lower()) != mine:
            await self.sign_out(who)
            return "other_person"
        return "signed_in"

    async def _token(self, who: Reachable, code: str | None) -> str | None:
        there = who.conversation
        answer: Any = await self._asking(
            lambda client: client.get_user_token(there.user_id, self._connection, there.channel_id, code)
        )
        return str(answer.token) if answer and answer.token else None

    async def _asking(self, call: Callable[[Any], Awaitable[T]]) -> T:
        try:
            return await call(await self._adapter.user_tokens())
        except HttpOperationError as error:
            log.warning("the token service refuses: %s", getattr(error.response, "status_code", "without a status"))
            raise Unavailable(texts.SIGN_IN_DOWN) from error
        except ClientRequestError as error:
            # Not the error's text: that holds the address, and the address the person and their sign-in code.
            log.warning("the token service cannot be reached (%s)", type(error).__name__)
            raise Unavailable(texts.SIGN_IN_DOWN) from error


def not_exchanged(offer: TokenExchange) -> tuple[int, Any]:
    """Single sign-on did not work (yet): 412 lets Teams ask the person."""
    detail = "The token cannot be exchanged; sign in with the link instead."
    return 412, {"id": offer.id, "connectionName": offer.connection, "failureDetail": detail}


class SignIns:
    """What happens around a sign-in in the chat.

    Args:
        engine: Its runs go on.
        tokens: The token service.
        outbound: Tells the person.
        forget: Drops what is in memory about a person's sign-in.
    """

    def __init__(
        self, engine: Engine, tokens: TokenServiceAssertions, outbound: Outbound, forget: Callable[[Person], None]
    ) -> None:
        self._engine, self._tokens, self._outbound, self._forget = engine, tokens, outbound, forget

    async def code(self, who: Reachable, code: str, activity: str) -> str:
        """The sign-in page gave a code; returns what to tell the person, if the sign-in card does not say it."""
        try:
            return await self._settle(who, await self._tokens.redeem(who, code), activity)
        except Unavailable as error:
            return error.message

    async def exchange(self, who: Reachable, offer: TokenExchange, activity: str) -> tuple[int, Any]:
        """Teams offers a token; returns the invoke's answer."""
        try:
            verdict = await self._tokens.exchange(who, offer)
        except Unavailable:
            verdict = "not_signed_in"
        if verdict != "signed_in":
            return not_exchanged(offer)
        # Every client of the person sends the offer: one command id lets the runs go on once.
        await self._settle(who, verdict, offer.id or activity)
        return 200, {"id": offer.id, "connectionName": offer.connection}

    async def ask(self, who: Reachable) -> str:
        """A new sign-in card for the newest run that waits; returns what to say if there is none."""
        waiting = await self._waiting(who.person)
        if not waiting:
            return texts.SIGN_IN_NOT_NEEDED
        run = waiting[0]
        try:
            card = cards.sign_in(run, await self._tokens.link(who))
        except Unavailable as error:
            return error.message
        receipt = await self._outbound.send(who.conversation, Message(summary=texts.of_sign_in(run), card=card))
        rounds = [int(notice.partition(":")[2]) for notice, _ in run.receipts if notice.startswith("sign_in:")]
        record = RecordDelivery(notice=f"sign_in:{max(rounds, default=1)}", to=who.person.id, receipt=receipt.encode())
        await self._engine.send(run.run_id, record)
        return ""

    async def out(self, who: Reachable) -> str:
        """The person signs out; returns what to tell them."""
        self._forget(who.person)
        try:
            await self._tokens.sign_out(who)
        except Unavailable as error:
            return error.message
        return texts.SIGNED_OUT

    async def _settle(self, who: Reachable, verdict: Verdict, activity: str) -> str:
        self._forget(who.person)
        if verdict == "other_person":
            return texts.other_sign_in(who.person)
        if verdict == "not_signed_in":
            return texts.SIGN_IN_FAILED
        waiting = await self._waiting(who.person)
        for run in waiting:
            command_id = f"{run.run_id}:sign-in:{activity}" if activity else ""
            await self._engine.send(run.run_id, ConfirmSignIn(by=who.person), command_id=command_id)
        self._engine.nudge(who.person.id)
        # The sign-in card itself turns into "You are signed in" where runs waited.
        return "" if waiting else texts.SIGNED_IN

    async def _waiting(self, person: Person) -> list[RunView]:
        runs = await self._engine.runs(person=person.id, open_only=True, limit=100)
        return [run for run in runs if run.awaiting_sign_in]
