"""The chats of Megan and Alex without Teams: the real dialog, goals, presses and progress over a real engine."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from botbuilder.schema import Activity

from bot.conversations import Conversation, Conversations
from bot.dialog import Dialog
from bot.goals import Goals
from bot.groups import Groups
from bot.inbound import read
from bot.notifier import TeamsNotifier
from bot.outbound import Member, Message, Receipt
from bot.presses import Presses
from bot.progress import Progress
from bot.signin import SignInPage, SignIns
from orchestration.capabilities import Registry, Worker
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import NotFound, TandemError
from orchestration.planning.described import described
from orchestration.planning.draft import CAPABILITY
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.policy_file import Policies
from tests.support.clock import FakeClock
from tests.support.office import Direct
from tests.support.sign_ins import FakeSessions
from tests.support.teams import LittlePlanner, registry

TENANT = "11111111-1111-4111-8111-111111111111"
MEGAN = Person("aaaa0001-0000-4000-8000-000000000001", "Megan Bowen", "megan.bowen@contoso.example", TENANT)
ALEX = Person("aaaa0002-0000-4000-8000-000000000002", "Alex Wilber", "alex.wilber@contoso.example", TENANT)
WAIT_SECONDS = 10
PEOPLE = {MEGAN.id: MEGAN, ALEX.id: ALEX}


def raw(person: Person, type_: str = "message", **more: Any) -> dict[str, Any]:
    """An activity of a person in their personal chat, as the channel sends it."""
    name = person.name.split()[0].lower()
    return {
        "type": type_,
        "id": f"{name}-{next(_numbers)}",
        "channelId": "msteams",
        "serviceUrl": f"https://smba.example/{name}/",
        "from": {"id": f"29:{name}", "name": person.name, "aadObjectId": person.id},
        "recipient": {"id": "28:bot", "name": "Tandem"},
        "conversation": {"id": f"a:{name}", "conversationType": "personal", "tenantId": TENANT},
        "channelData": {"tenant": {"id": TENANT}},
        **more,
    }


_numbers = itertools.count(1)


def activity(person: Person, type_: str = "message", **more: Any) -> Activity:
    """The same, as the SDK reads it."""
    return Activity.deserialize(raw(person, type_, **more))


def everything(card: object) -> str:
    """All that a card says, as one text."""
    return json.dumps(card, ensure_ascii=False)


def buttons(card: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The Execute buttons of a card: title => {verb, data}."""
    found: dict[str, dict[str, Any]] = {}

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "Action.Execute":
                found[node["title"]] = {"verb": node["verb"], "data": node.get("data", {})}
            for key, value in node.items():
                if key != "fallback":
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(card)
    return found


@dataclass
class Bubble:
    """One message in a chat, as it is now."""

    id: str
    message: Message
    versions: int = 1

    @property
    def card(self) -> dict[str, Any]:
        """Its card."""
        assert self.message.card is not None, f"no card but {self.message.text!r}"
        return self.message.card

    @property
    def says(self) -> str:
        """Everything that it shows."""
        return self.message.text or everything(self.message.card)


@dataclass
class FakeOutbound:
    """Implements `bot.outbound.Outbound` in memory; `refusing` raises instead of delivering."""

    chats: dict[str, list[Bubble]] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    hinted: list[tuple[str, str]] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    refusing: dict[str, TandemError] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    async def send(self, to: Conversation, message: Message) -> Receipt:
        """See `Outbound.send`."""
        if error := self.refusing.get(to.id):
            raise error
        bubble = Bubble(f"m{next(self._ids)}", message)
        self.chats.setdefault(to.id, []).append(bubble)
        return Receipt(to.id, bubble.id)

    async def update(self, to: Conversation, activity: str, message: Message) -> None:
        """See `Outbound.update`."""
        if error := self.refusing.get(to.id):
            raise error
        for bubble in self.chats.get(to.id, []):
            if bubble.id == activity:
                bubble.message, bubble.versions = message, bubble.versions + 1
                return
        raise NotFound("there is no such message")

    async def typing(self, to: Conversation) -> None:
        """See `Outbound.typing`."""
        self.typed.append(to.id)

    async def hint(self, to: Conversation, text: str) -> None:
        """See `Outbound.hint`."""
        self.hinted.append((to.id, text))

    def streaming(self, to: Conversation) -> bool:
        """See `Outbound.streaming`."""
        return False

    async def introduce(self, person: Person, at: Conversation) -> Member:
        """See `Outbound.introduce`."""
        return self.members.get(person.id) or Member(PEOPLE[person.id], tenant=TENANT)


class FakeTokens:
    """Implements what `bot.signin` needs of the token service; `signed_in` holds person ids."""

    def __init__(self) -> None:
        self.signed_in: set[str] = set(PEOPLE)
        self.verdict: Any = "signed_in"
        self.redeemed: list[str] = []

    async def assertion(self, person: Person) -> str | None:
        """See `TokenServiceAssertions`."""
        return "assertion" if person.id in self.signed_in else None

    async def page(self, who: Any) -> SignInPage:
        """See `TokenServiceAssertions`."""
        return SignInPage(f"https://signin.example/{who.person.id}")

    async def is_out(self, person: Person) -> bool:
        """See `TokenServiceAssertions`."""
        return False

    async def mark_out(self, person: Person) -> None:
        """See `TokenServiceAssertions`."""
        self.signed_in.discard(person.id)

    async def redeem(self, who: Any, code: str) -> Any:
        """See `TokenServiceAssertions`."""
        self.redeemed.append(code)
        if self.verdict == "signed_in":
            self.signed_in.add(who.person.id)
        return self.verdict

    async def exchange(self, who: Any, offer: Any) -> Any:
        """See `TokenServiceAssertions`."""
        return await self.redeem(who, offer.token)

    async def sign_out(self, who: Any) -> None:
        """See `TokenServiceAssertions`."""
        self.signed_in.discard(who.person.id)


class Desk:
    """Two people and their chats; `restart` is a new process over the same log and the same chats.

    Args:
        path: Where the log is kept.
        workers: Further ones, or what makes them of the registry with those before.
    """

    def __init__(self, path: Path, *workers: Worker | Callable[[Registry], Worker]) -> None:
        self.path, self.workers = path, workers
        self.clock = FakeClock()
        self.outbound = FakeOutbound()
        self.tokens = FakeTokens()
        self.forgotten: list[str] = []
        self.patience_seconds = 5.0
        self.policies: Policies | None = None
        self._wire()

    def _wire(self) -> None:
        out: Any = self.outbound
        tokens: Any = self.tokens
        self.store = SqliteStore(self.path / "tandem.db")
        self.conversations = Conversations(self.store)
        self.notifier = TeamsNotifier(self.conversations, out, tokens, self.store, self.clock)
        workers = registry(ALEX, tokens)
        for each in self.workers:
            workers.add(each if isinstance(each, Worker) else each(workers))
        self.engine = EmbeddedEngine(self.store, workers, Direct(), self.notifier, self.clock, random=Random(7))
        self.notifier.values = self.engine.value
        groups = Groups(self.engine, self.conversations, out)
        describe = partial(described, registry=workers)
        self.progress = Progress(self.engine, self.conversations, out, groups, self.clock, describe)
        self.goals = Goals(
            self.engine,
            LittlePlanner(),
            out,
            self.store,
            groups,
            self.conversations,
            self.clock,
            describe=describe,
            policies=self.policies,
            model=workers.capability(CAPABILITY) is not None,
        )
        if self.goals.drafts is not None:
            self.notifier.planned = self.goals.outcomes.report
            self.progress.copies.rethinks = True
        self.presses = Presses(
            self.engine, LittlePlanner(), self.goals, self.progress, self.notifier, self.conversations, self.clock
        )
        self.sign_ins = SignIns(self.engine, tokens, out, FakeSessions(self.forgotten))
        self.dialog = Dialog(
            tenant_id=TENANT,
            engine=self.engine,
            planner=LittlePlanner(),
            conversations=self.conversations,
            outbound=out,
            notifier=self.notifier,
            goals=self.goals,
            groups=groups,
            presses=self.presses,
            progress=self.progress,
            sign_ins=self.sign_ins,
            questions=self.store,
            clock=self.clock,
            patience_seconds=self.patience_seconds,
        )

    async def start(self) -> None:
        """As the composition root does."""
        self.engine.subscribe(self.progress)
        if self.goals.drafts is not None:
            self.engine.subscribe(self.goals.drafts)
        await self.engine.start()
        await self.progress.resume()
        if self.goals.drafts is not None:
            await self.goals.drafts.resume()

    async def stop(self) -> None:
        """As the composition root does."""
        await self.dialog.close()
        if self.goals.drafts is not None:
            await self.goals.drafts.close()
        await self.progress.close()
        await self.engine.stop()

    async def restart(self) -> None:
        """The process ends and another one begins."""
        await self.stop()
        self._wire()
        await self.start()

    def chat(self, person: Person) -> list[Bubble]:
        """What the person sees, oldest first."""
        return self.outbound.chats.get(f"a:{person.name.split()[0].lower()}", [])

    def last(self, person: Person) -> Bubble:
        """The person's newest message."""
        return self.chat(person)[-1]

    async def send(self, person: Person, type_: str = "message", **more: Any) -> Any:
        """Let the person's client send an activity; returns the invoke's answer."""
        return await self.dialog.handle(read(activity(person, type_, **more)))

    async def say(self, person: Person, text: str, **more: Any) -> None:
        """Let the person write."""
        await self.send(person, text=text, **more)

    async def press(self, person: Person, title: str, *, on: Bubble | None = None, **inputs: Any) -> Any:
        """Let the person press the newest button with this title; the answer's card takes its place, as in Teams."""
        bubble = on or next(each for each in reversed(self.chat(person)) if title in buttons(each.message.card))
        pressed = buttons(bubble.card)[title]
        status, body = await self.execute(person, pressed["verb"], {**pressed["data"], **inputs}, bubble.id)
        assert status == 200
        if body["type"] == "application/vnd.microsoft.card.adaptive":
            bubble.message = Message(summary="", card=body["value"])
        return body["value"]

    async def execute(self, person: Person, verb: str, data: dict[str, Any], card: str = "") -> Any:
        """Let the person's client send an Execute action."""
        value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"}
        return await self.send(person, "invoke", name="adaptiveCard/action", value=value, replyToId=card)

    async def until(self, what: Callable[[], object], why: str) -> None:
        """Return once `what` holds; meanwhile the desk's clock goes on by 10 ms a look."""

        async def poll() -> None:
            while not what():
                await asyncio.sleep(0.001)
                self.clock.advance(timedelta(milliseconds=10))

        try:
            await asyncio.wait_for(poll(), WAIT_SECONDS)
        except TimeoutError:
            seen = {name: [each.says[:400] for each in chat] for name, chat in self.outbound.chats.items()}
            raise AssertionError(f"{why}; the chats: {json.dumps(seen, indent=1, ensure_ascii=False)}") from None

    async def sees(self, person: Person, text: str) -> Bubble:
        """The person's newest message with this text, as soon as there is one."""

        def find() -> Bubble | None:
            return next((each for each in reversed(self.chat(person)) if text in each.says), None)

        await self.until(find, f"{person.name} does not see {text!r}")
        found = find()
        assert found is not None
        return found

    async def run(self) -> RunView:
        """The newest run."""
        return (await self.engine.runs(limit=1))[0]

    async def asked(self) -> Bubble:
        """Both have opened their chats, the run was started, and Alex is asked."""
        await self.send(ALEX, "installationUpdate", action="add")
        await self.say(MEGAN, "count the stock for October 2026")
        await self.press(MEGAN, "Start")
        return await self.sees(ALEX, "Send decisions")


@asynccontextmanager
async def opened(desk: Desk) -> AsyncIterator[Desk]:
    """A desk at work, closed at the end."""
    await desk.start()
    try:
        yield desk
    finally:
        await desk.stop()
