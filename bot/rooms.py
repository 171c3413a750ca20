"""What people say and press in group chats and channels: neutral words there, everything else in their own chats."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec

from bot import inbound as i
from bot import texts
from bot.answers import InvokeAnswer, malformed, note
from bot.cards.buttons import (
    APPROVAL_ASK,
    APPROVAL_DECIDE,
    APPROVAL_DELEGATE,
    APPROVAL_EDIT,
    APPROVAL_FEEDBACK,
    APPROVAL_REFRESH,
    APPROVAL_WHY,
)
from bot.conversations import Conversation, Conversations, Reachable, place
from bot.goals import Goals
from bot.groups import Groups
from bot.outbound import Member, Message, Outbound
from bot.signin import not_exchanged
from orchestration.core.run import Person
from orchestration.errors import TandemError

log = logging.getLogger(__name__)

MOST_MEMBERS = 10_000
# What a person may press on the view of a group's card that is theirs alone.
VERBS = frozenset(
    {
        APPROVAL_REFRESH,
        APPROVAL_DECIDE,
        APPROVAL_WHY,
        APPROVAL_EDIT,
        APPROVAL_ASK,
        APPROVAL_FEEDBACK,
        APPROVAL_DELEGATE,
    }
)
Obey = Callable[[Reachable, i.Word], Awaitable[None]]
Press = Callable[[Reachable, i.Inbound, i.Press], Awaitable[InvokeAnswer | None]]


class Rooms:
    """Takes what comes from places that more than one person sees.

    Args:
        tenant_id: The tenant that is served.
        conversations: Remembers groups, and people's own chats.
        outbound: Answers, and tells who somebody is.
        goals: Takes goals, in the person's own chat.
        groups: Shows in the thread that something is under way.
    """

    def __init__(
        self, tenant_id: str, conversations: Conversations, outbound: Outbound, goals: Goals, groups: Groups
    ) -> None:
        self._tenant_id = tenant_id.lower()
        self._conversations, self._outbound, self._goals, self._groups = conversations, outbound, goals, groups
        self._members: dict[str, Member] = {}

    async def leave(self, inbound: i.Inbound, gone: i.Uninstalled) -> None:
        """The bot was removed, or the place is gone: nothing is sent there any more."""
        there = inbound.conversation
        await self._conversations.leave(gone.channel or place(there.id), team="" if gone.channel else there.team)

    async def member(self, inbound: i.Inbound, person: Person) -> Person | str:
        """Who speaks, or why they are not served: a shared channel may hold people of other companies, and guests."""
        own = await self._conversations.of(person.id)
        if own is not None and own.person.upn:
            return texts.guest() if own.guest else own.person
        member = self._members.get(person.id)
        if member is None:
            at = msgspec.structs.replace(inbound.conversation, id=place(inbound.conversation.id))
            try:
                member = await self._outbound.introduce(person, at)
            except TandemError as error:
                log.warning("the channel does not say who %s is: %s", person.id, error.message)
                return texts.who_unclear()
            if len(self._members) >= MOST_MEMBERS:
                self._members.clear()
            self._members[person.id] = member
        if member.tenant and member.tenant != self._tenant_id:
            return texts.other_tenant()
        return texts.guest() if member.guest else member.person

    async def welcome(self, there: Conversation) -> None:
        """The bot was added: say once what it shows there."""
        await self._tell(there, texts.group_hello())

    async def invoked(self, person: Person, inbound: i.Inbound, press: Press) -> InvokeAnswer | None:
        """A card shows each person their own view; what they press is answered to them alone."""
        own = await self._conversations.of(person.id)
        match inbound.intent:
            case i.Press(verb=verb, execute=True) as pressed if verb in VERBS and (own or verb == APPROVAL_REFRESH):
                who = own or Reachable(person=person, conversation=inbound.conversation)
                return await press(who, inbound, pressed)
            case i.Press():
                return note(texts.press_in_personal() if own else texts.add_me(person))
            case i.TokenExchange():
                return not_exchanged(inbound.intent)
            case i.SignInCode() | i.SignInFailed():
                return note(texts.group_codes())
            case i.Malformed(reason=reason):
                return malformed(reason)
            case i.Feedback():
                return 200, {}
        return 501, None

    async def listen(self, person: Person, inbound: i.Inbound, obey: Obey) -> None:
        """Somebody has mentioned the bot."""
        there, own = inbound.conversation, await self._conversations.of(person.id)
        match inbound.intent:
            case i.Empty() | i.Command(word="help" | "hello"):
                await self._tell(there, texts.group_hello())
            case i.TooLong():
                await self._tell(there, texts.too_long())
            case i.Press():  # a client without `Action.Execute`: its answer would be seen by all
                await self._tell(there, texts.press_in_personal())
            case _ if own is None:
                await self._tell(there, texts.add_me(person))
            case i.Say(text=text) | i.SignInCode(code=text):
                await self._goals.say(own, text, inbound.id, await self._groups.begin(there, person))
            case i.Command(word=word):
                await self._tell(there, texts.group_answered())
                await obey(own, word)

    async def _tell(self, to: Conversation, text: str) -> None:
        await self._outbound.send(to, Message(summary=texts.summary(text), text=text))
