"""The conversation with one person: what each intent leads to."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bot import inbound as i
from bot import texts
from bot.answers import InvokeAnswer, answer, malformed, note
from bot.cards.buttons import SIGN_IN_AGAIN
from bot.conversations import Conversation, Conversations, Reachable
from bot.goals import Goals
from bot.groups import Groups
from bot.language import speaking
from bot.notifier import TeamsNotifier
from bot.outbound import Member, Message, Outbound
from bot.patience import Patience
from bot.presses import Presses
from bot.progress import Progress
from bot.refusals import told
from bot.reply import Card, Note, Reply, Said
from bot.rooms import Rooms
from bot.signin import SignIns, not_exchanged
from bot.waiting import OpenQuestions
from bot.words import Words
from orchestration.core.run import Person
from orchestration.errors import NotFound, TandemError, Unavailable
from orchestration.planning.port import Planner
from orchestration.ports import Clock, Engine

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.5
MOST_HEARD = 16
SILENCE_SECONDS = 0.3


class Dialog:
    """Handles what people send. One person's messages are taken one after the other; people do not wait for each other.

    Args:
        tenant_id: The tenant that is served; people of others are refused.
        engine: Runs.
        planner: For what the bot can do.
        conversations: Remembers where people can be reached.
        outbound: Answers.
        notifier: Asks questions again.
        goals: Takes goals.
        groups: Shows in groups that something is under way.
        presses: Takes buttons.
        progress: Shows runs again.
        sign_ins: Takes sign-ins.
        questions: Knows which questions are open to a person.
        clock: For durations on cards.
        patience_seconds: How long an invoke may take before it is answered without its outcome (Teams waits 3 s).
    """

    def __init__(
        self,
        *,
        tenant_id: str,
        engine: Engine,
        planner: Planner,
        conversations: Conversations,
        outbound: Outbound,
        notifier: TeamsNotifier,
        goals: Goals,
        groups: Groups,
        presses: Presses,
        progress: Progress,
        sign_ins: SignIns,
        questions: OpenQuestions,
        clock: Clock,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._tenant_id = tenant_id.lower()
        self._engine, self._conversations, self._outbound = engine, conversations, outbound
        self._notifier, self._goals, self._presses, self._sign_ins = notifier, goals, presses, sign_ins
        self._words = Words(engine, planner, outbound, goals, progress, sign_ins, questions, clock)
        self._rooms = Rooms(tenant_id, conversations, outbound, goals, groups)
        self._patience = Patience(patience_seconds)
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._met: set[str] = set()
        self._heard: dict[str, deque[str]] = {}
        self._beside: set[asyncio.Task[None]] = set()

    async def handle(self, inbound: i.Inbound) -> InvokeAnswer | None:
        """Do what an activity wants; returns status and body for invokes.

        Errors are told to the person; none is raised for what people send.
        """
        with speaking(inbound.conversation.locale or await self._locale(inbound.person)):
            return await self._handled(inbound)

    async def _locale(self, person: Person | None) -> str:
        """As it is known from before, if an activity does not say it."""
        try:
            return await self._conversations.locale(person.id) if person else ""
        except TandemError:  # what reads the log next says what is the matter
            return ""

    async def _handled(self, inbound: i.Inbound) -> InvokeAnswer | None:
        try:
            if self._ours(inbound) and isinstance(inbound.intent, i.Uninstalled):
                await self._forget(inbound, inbound.intent)
                return None
            if refusal := self._refusal(inbound):
                return await self._refuse(inbound, refusal)
            if inbound.person is None:
                return None
            if inbound.conversation.kind != "personal":
                return await self._in_group(inbound, inbound.person)
            with self._sign_of_life(inbound):
                who = await self._conversations.remember(inbound.person, inbound.conversation)
                self._engine.nudge(who.person.id)
                return await self._attend(who, inbound)
        except TandemError as error:
            log.warning("activity %s: %s", inbound.id, error.message)
            return await self._trouble(inbound, told(error))
        except Exception:  # whatever it is, the person hears of it, and the channel does not send it again
            log.exception("activity %s failed", inbound.id)
            return await self._trouble(inbound, texts.trouble())

    async def _introduced(self, who: Reachable) -> Reachable:
        """Ask the channel once for what the activity does not say of the person."""
        if who.person.upn:
            return who
        if who.person.id in self._met:  # perhaps by the turn that this one waited for
            return await self._conversations.of(who.person.id) or who
        try:
            member = await self._outbound.introduce(who.person, who.conversation)
        except TandemError as error:  # it might be a guest
            log.warning("the channel does not tell who %s is: %s", who.person.id, error.message)
            raise Unavailable(texts.who_unclear()) from error
        self._met.add(who.person.id)
        guest = member.guest or self._foreign(member)
        return await self._conversations.remember(member.person, who.conversation, guest=guest)

    def _foreign(self, member: Member) -> bool:
        return bool(member.tenant) and member.tenant != self._tenant_id

    async def close(self) -> None:
        """Let go of what takes long."""
        await self._patience.close()
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    # --- who is served

    def _ours(self, inbound: i.Inbound) -> bool:
        return inbound.conversation.channel_id == "msteams" and inbound.conversation.tenant == self._tenant_id

    async def _forget(self, inbound: i.Inbound, gone: i.Uninstalled) -> None:
        """The bot was removed, by whomever: nothing can be sent there any more."""
        if inbound.conversation.kind != "personal":
            await self._rooms.leave(inbound, gone)
        elif inbound.person is not None:
            await self._conversations.forget(inbound.person.id)

    def _refusal(self, inbound: i.Inbound) -> str:
        there = inbound.conversation
        if there.channel_id != "msteams":
            return texts.not_teams()
        if inbound.person is None:
            return texts.no_identity()
        return "" if there.tenant == self._tenant_id else texts.other_tenant()

    async def _refuse(self, inbound: i.Inbound, refusal: str) -> InvokeAnswer | None:
        if not inbound.invoke and isinstance(inbound.intent, i.Ignored | i.Installed | i.Uninstalled):
            return None
        if not inbound.invoke and inbound.conversation.kind != "personal" and not inbound.mentioned:
            return None  # people talk with each other there
        return await self._trouble(inbound, refusal)

    async def _trouble(self, inbound: i.Inbound, text: str) -> InvokeAnswer | None:
        # Who is not served whatever they press: that they tried is kept with the question.
        away = {texts.other_tenant(): "other_tenant", texts.guest(): "guest"}.get(text)
        if isinstance(inbound.intent, i.Press) and inbound.person is not None and away:
            await self._presses.refused(inbound.person, inbound.intent.data, away)
        if inbound.invoke:
            return note(text)
        try:
            await self._tell(inbound.conversation, text)
        except TandemError as error:
            log.warning("nobody could be told: %s", error.message)
        return None

    # --- what is done

    async def _attend(self, who: Reachable, inbound: i.Inbound) -> InvokeAnswer | None:
        intent, tell = inbound.intent, partial(self._tell, who.conversation)
        if who.guest and not isinstance(intent, i.Ignored):
            return await self._trouble(inbound, texts.guest())
        match intent:
            case i.Press():
                return await self._press(who, inbound, intent)
            case i.Feedback():
                await self._words.opinion(who, inbound, intent)
            case i.SignInCode(code=code) if inbound.invoke or await self._sign_ins.waits(who.person):
                await self._patience.wait(self._redeem(who, code, inbound.id), tell)
            case i.SignInFailed(code=code):
                await self._patience.wait(self._not_silently(who, code), tell)
            case i.TokenExchange():
                done = await self._patience.wait(self._sign_ins.exchange(who, intent, inbound.id), tell)
                return done.result() if done else not_exchanged(intent)
            case i.Malformed(reason=reason):
                return malformed(reason)
            case i.Ignored():
                return (501, None) if inbound.invoke else None
            case _:
                async with self._turn(who.person):
                    if not self._heard_before(who.person, inbound):
                        await self._listen(await self._introduced(who), inbound)
        return (200, {}) if inbound.invoke else None

    @contextmanager
    def _sign_of_life(self, inbound: i.Inbound) -> Iterator[None]:
        """Whatever takes longer than a moment is acknowledged with a typing sign, which keeps nothing waiting.

        A goal is planned, which is known to take longer.
        """

        def show() -> None:
            self._background(self._outbound.typing(inbound.conversation))

        if isinstance(inbound.intent, i.Ignored | i.Feedback):
            yield
        elif isinstance(inbound.intent, i.Say):
            show()
            yield
        else:
            timer = asyncio.get_running_loop().call_later(SILENCE_SECONDS, show)
            try:
                yield
            finally:
                timer.cancel()

    def _background(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _heard_before(self, person: Person, inbound: i.Inbound) -> bool:
        """Whether the channel sends a message again: "cancel" must not cancel what comes next as well."""
        heard = self._heard.setdefault(person.id, deque(maxlen=MOST_HEARD))
        if inbound.id and inbound.id in heard:
            return True
        heard.append(inbound.id)
        return False

    async def _not_silently(self, who: Reachable, code: str) -> None:
        if said := await self._sign_ins.failed(who, code):
            await self._tell(who.conversation, said)

    async def _redeem(self, who: Reachable, code: str, activity: str) -> None:
        if said := await self._sign_ins.code(who, code, activity):
            await self._tell(who.conversation, said)

    def _turn(self, person: Person) -> asyncio.Lock:
        return self._turns.setdefault(person.id, asyncio.Lock())

    async def _listen(self, who: Reachable, inbound: i.Inbound) -> None:
        if who.guest:
            await self._tell(who.conversation, texts.guest())
            return
        match inbound.intent:
            case i.Say(text=text) | i.SignInCode(code=text):  # six digits that no sign-in waits for are an answer
                await self._goals.say(who, text, inbound.id)
            case i.Command(word=word):
                await self._words.obey(who, word)
            case i.Empty():
                await self._tell(who.conversation, texts.empty())
            case i.TooLong():
                await self._tell(who.conversation, texts.too_long())
            case i.Installed():
                await self._words.welcome(who)

    # --- groups

    async def _in_group(self, inbound: i.Inbound, person: Person) -> InvokeAnswer | None:
        """See `Rooms`."""
        installed = isinstance(inbound.intent, i.Installed)
        if not (inbound.invoke or inbound.mentioned or installed) or isinstance(inbound.intent, i.Ignored):
            return (501, None) if inbound.invoke else None
        known = await self._rooms.member(inbound, person)
        if isinstance(known, str):
            return await self._trouble(inbound, known)
        await self._conversations.enter(inbound.conversation)
        if installed:
            await self._rooms.welcome(inbound.conversation)
        elif inbound.invoke:
            return await self._rooms.invoked(known, inbound, self._press)
        else:
            async with self._turn(person):
                if not self._heard_before(person, inbound):
                    await self._rooms.listen(known, inbound, self._words.obey)
        return None

    # --- buttons

    async def _pressed(self, who: Reachable, inbound: i.Inbound, press: i.Press) -> Reply:
        """What a press leads to; a client may send one before its person has said a word."""
        if who.conversation.kind == "personal":
            who = await self._introduced(who)
        if who.guest:
            await self._presses.refused(who.person, press.data, "guest")
            return Note(texts.guest())
        if press.verb == SIGN_IN_AGAIN:
            return Note(await self._sign_ins.again(who, inbound.id))
        return await self._presses.press(who, press.verb, press.data, inbound.id, inbound.reply_to)

    async def _press(self, who: Reachable, inbound: i.Inbound, press: i.Press) -> InvokeAnswer | None:
        pressing = self._pressed(who, inbound, press)
        if not press.execute:
            await self._show(who, inbound, await pressing)
            return None
        if who.conversation.kind == "personal":
            tell, late = partial(self._tell, who.conversation), partial(self._show, who, inbound)
            done = await self._patience.wait(pressing, tell, late)
        else:  # the view of one person: what comes too late for this answer is not put before everybody
            done = await self._patience.wait(pressing, _untold)
        if done is None:
            return note(texts.still_working())
        if isinstance(done.result(), Said):
            await self._show(who, inbound, done.result())
        return answer(done.result())

    async def _show(self, who: Reachable, inbound: i.Inbound, reply: Reply) -> None:
        """A press whose answer cannot carry the card: update the message, or send one."""
        match reply:
            case Note(text=text):
                await self._tell(who.conversation, text)
            case Card(card=card):
                here = inbound.conversation.id == who.conversation.id
                await self._put(who.conversation, inbound.reply_to if here else "", _message(card))
            case Said(card=card):
                await self._outbound.send(who.conversation, _message(card))

    async def _put(self, to: Conversation, replaced: str, message: Message) -> None:
        if replaced:
            try:
                await self._outbound.update(to, replaced, message)
                return
            except NotFound as error:
                log.info("the pressed card is gone: %s", error.message)
        await self._outbound.send(to, message)

    async def _tell(self, to: Conversation, text: str) -> None:
        await self._outbound.send(to, Message(summary=texts.summary(text), text=text))


async def _untold(text: str) -> None:
    log.info("nobody was told in a group: %s", text)


def _message(card: dict[str, Any]) -> Message:
    return Message(summary=texts.summary(str(card.get("speak") or "Tandem")), card=card)
