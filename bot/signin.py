"""What happens around a sign-in in the chat: codes, single sign-on, signing out, and runs that go on."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from bot import cards, summaries, texts
from bot.assertions import SignInPage, TokenServiceAssertions, Verdict
from bot.conversations import Reachable
from bot.exchanges import Exchanges
from bot.inbound import TokenExchange
from bot.outbound import Message, Outbound
from bot.refusals import told
from bot.silent_failures import failure
from orchestration.core.commands import ConfirmSignIn, RecordDelivery
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.errors import Unavailable
from orchestration.ports import Engine
from orchestration.sign_in import Need

__all__ = ["Sessions", "SignInPage", "SignIns", "TokenServiceAssertions", "Verdict", "not_exchanged"]

log = logging.getLogger(__name__)


def not_exchanged(offer: TokenExchange) -> tuple[int, Any]:
    """Single sign-on did not work (yet): 412 lets Teams ask the person."""
    detail = "The token cannot be exchanged; sign in with the link instead."
    return 412, {"id": offer.id, "connectionName": offer.connection, "failureDetail": detail}


class Sessions(Protocol):
    """What is in memory about people's sign-ins; see `connectors.identity.Identity`."""

    def forget(self, person: Person) -> None:
        """Drop everything; who holds a token of the person does not use it any more."""

    def renewed(self, person: Person) -> None:
        """The person has signed in anew."""

    def needs(self, person: Person) -> list[Need]:
        """Why they have to sign in."""


class SignIns:
    """What happens around a sign-in in the chat.

    Args:
        engine: Its runs go on.
        tokens: The token service.
        outbound: Tells the person.
        sessions: What is in memory about sign-ins.
    """

    def __init__(self, engine: Engine, tokens: TokenServiceAssertions, outbound: Outbound, sessions: Sessions) -> None:
        self._engine, self._tokens, self._outbound, self._sessions = engine, tokens, outbound, sessions
        self._exchanges: Exchanges[Verdict] = Exchanges(lambda verdict: verdict == "signed_in")

    async def code(self, who: Reachable, code: str, activity: str) -> str:
        """The sign-in page gave a code; returns what to tell the person, if the sign-in card does not say it."""
        try:
            return await self._settle(who, await self._tokens.redeem(who, code), activity)
        except Unavailable as error:
            return told(error)

    async def exchange(self, who: Reachable, offer: TokenExchange, activity: str) -> tuple[int, Any]:
        """Teams offers a token, once from each client of the person; returns the invoke's answer."""

        async def trade() -> Verdict:
            verdict = await self._tokens.exchange(who, offer)
            if verdict == "signed_in":
                await self._settle(who, verdict, offer.id or activity)
            return verdict

        try:
            verdict = await self._exchanges.once(who.person.id, offer.id, trade)
        except Unavailable:
            verdict = "not_signed_in"
        if verdict != "signed_in":
            return not_exchanged(offer)
        return 200, {"id": offer.id, "connectionName": offer.connection}

    async def failed(self, who: Reachable, code: str) -> str:
        """Teams could not sign the person in silently: say why, and show the page; returns what else to tell them."""
        found = failure(code)
        tell = log.error if found.by == "operator" else log.warning
        tell("Teams could not sign %s in silently (%s); to be mended by the %s", who.person.id, code, found.by)
        await self._outbound.send(who.conversation, Message(summary=texts.summary(found.text), text=found.text))
        return await self.ask(who, otherwise="")

    async def ask(self, who: Reachable, *, otherwise: str | None = None) -> str:
        """A new sign-in card for the newest run that waits; returns what to say if there is none."""
        waiting = await self._waiting(who.person)
        if not waiting:
            return texts.sign_in_not_needed() if otherwise is None else otherwise
        run = waiting[0]
        try:
            page = await self._tokens.page(who)
        except Unavailable as error:
            return told(error)
        card = cards.sign_in(run, page.link, self._sessions.needs(who.person))
        message = Message(summary=summaries.of_sign_in(run), card=card, sign_in=True)
        receipt = await self._outbound.send(who.conversation, message)
        rounds = [int(notice.partition(":")[2]) for notice, _ in run.receipts if notice.startswith("sign_in:")]
        record = RecordDelivery(notice=f"sign_in:{max(rounds, default=1)}", to=who.person.id, receipt=receipt.encode())
        await self._engine.send(run.run_id, record)
        return ""

    async def again(self, who: Reachable, activity: str) -> str:
        """What stood in the way is said to be gone, such as missing consent; returns what to tell the person."""
        if not await self._waiting(who.person):
            return texts.sign_in_not_needed()
        try:
            if await self._tokens.assertion(who.person) is None:
                return texts.sign_in_first()
        except Unavailable as error:
            return told(error)
        await self._settle(who, "signed_in", activity)
        return texts.sign_in_again()

    async def out(self, who: Reachable) -> str:
        """The person signs out; returns what to tell them.

        It holds from this moment, also for what is under way: nobody gets a token, and none at hand is used again.
        """
        await self._tokens.mark_out(who.person)
        self._sessions.forget(who.person)
        self._exchanges.forget(who.person.id)
        try:
            await self._tokens.sign_out(who)
        except Unavailable:
            return texts.signed_out_here()
        return texts.signed_out()

    async def _settle(self, who: Reachable, verdict: Verdict, activity: str) -> str:
        if verdict == "other_person":
            self._sessions.forget(who.person)
            return texts.other_sign_in(who.person)
        if verdict == "not_signed_in":
            return texts.sign_in_failed()
        self._sessions.renewed(who.person)
        waiting = await self._waiting(who.person)
        for run in waiting:
            command_id = f"{run.run_id}:sign-in:{activity}" if activity else ""
            await self._engine.send(run.run_id, ConfirmSignIn(by=who.person), command_id=command_id)
        self._engine.nudge(who.person.id)
        # The sign-in card itself turns into "You are signed in" where runs waited.
        return "" if waiting else texts.signed_in()

    async def waits(self, person: Person) -> bool:
        """Whether a run of theirs waits for their sign-in."""
        return bool(await self._waiting(person))

    async def _waiting(self, person: Person) -> list[RunView]:
        runs = await self._engine.runs(person=person.id, open_only=True, limit=1000)
        return [run for run in runs if run.awaiting_sign_in]
