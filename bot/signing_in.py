"""The message that asks a person to sign in: silently where Teams can, else with the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot import cards, summaries
from bot.assertions import TokenServiceAssertions
from bot.conversations import Conversation, Reachable
from bot.wire import Message
from connectors.http import is_loopback
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.sign_in import SILENTLY, Need

# A silent sign-in that has just been tried and did not suffice is no way out: without a pause it would go in circles.
PAUSE = timedelta(minutes=5)


def shows_oauth_cards(there: Conversation) -> bool:
    """Whether the client knows OAuth cards; the Playground, which is on this machine, shows nothing for one."""
    return not is_loopback(there.service_url)


def nothing_known(_: Person) -> list[Need]:
    """Why somebody has to sign in, where nobody keeps the reasons."""
    return []


class SignInMessages:
    """Makes them.

    Args:
        tokens: The token service.
        needs: Why the person has to sign in.
        oauth_cards: Whether a conversation's client knows OAuth cards.
        now: The time.
    """

    def __init__(
        self,
        tokens: TokenServiceAssertions,
        needs: Callable[[Person], list[Need]] = nothing_known,
        *,
        oauth_cards: Callable[[Conversation], bool] = shows_oauth_cards,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tokens, self._needs, self._now = tokens, needs, now
        self.oauth_cards = oauth_cards
        self._tried: dict[str, datetime] = {}

    async def message(self, run: RunView, who: Reachable) -> Message:
        """What to send to the person whose run waits.

        Raises:
            Unavailable: The token service does not answer.
        """
        page = await self._tokens.page(who)
        needs, summary = self._needs(who.person), summaries.of_sign_in(run)
        if page.exchange and await self._silently(who, needs):
            card = cards.silent(run, page.link, self._tokens.connection, page.exchange)
            return Message(summary=summary, card=card, oauth=True, sign_in=True)
        return Message(summary=summary, card=cards.sign_in(run, page.link, needs), sign_in=True)

    async def _silently(self, who: Reachable, needs: list[Need]) -> bool:
        now, last = self._now(), self._tried.get(who.person.id)
        if not self.oauth_cards(who.conversation) or (last is not None and now - last < PAUSE):
            return False
        if any(need.why not in SILENTLY for need in needs) or await self._tokens.is_out(who.person):
            return False
        self._tried[who.person.id] = now
        return True
