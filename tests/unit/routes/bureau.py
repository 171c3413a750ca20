"""A small office whose questions take every route: a Teams that remembers, a mailbox, a local approval system."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from bot.conversations import Conversation, Conversations, Reachable
from bot.outbound import Message, Receipt
from bot.routes.chain import Routes
from bot.routes.closing import Closing
from bot.routes.links import Links
from bot.routes.mail import MailRoute
from bot.routes.signature import Keys
from bot.routes.webhook import Webhooks
from bot.routes.workflow import WorkflowRoute
from orchestration.capabilities import TaskContext, worker
from orchestration.core.commands import StartRun
from orchestration.core.label import Label
from orchestration.core.plan import Answer, Node, Plan, Question
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import NotFound, TandemError, Unavailable
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.policy import ApprovalSystem, Policy
from tests.support.office import Number, Office

TENANT = "11111111-1111-4111-8111-111111111111"
APP = "22222222-2222-4222-8222-222222222222"
MEGAN = Person("aaaa0001-0000-4000-8000-000000000001", "Megan Bowen", "megan.bowen@contoso.example", TENANT)
ALEX = Person("aaaa0002-0000-4000-8000-000000000002", "Alex Wilber", "alex.wilber@contoso.example", TENANT)
ADELE = Person("aaaa0003-0000-4000-8000-000000000003", "Adele Vance", "adele.vance@contoso.example", TENANT)
KEY = "an-approval-key-of-forty-letters-or-more"
ENVIRON = {"TANDEM_APPROVALS_SECRET": KEY}


class Asked(msgspec.Struct):
    """Whom the plan asks."""

    people: list[Person]


def chat_of(person: Person) -> Conversation:
    name = person.name.split()[0].lower()
    return Conversation(
        id=f"a:{name}",
        service_url="https://smba.example/",
        channel_id="msteams",
        user_id=f"29:{name}",
        bot_id=f"28:{APP}",
        tenant=TENANT,
    )


class Chats:
    """Implements what routes need of `bot.outbound.Outbound`: what the initiator is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def send(self, to: Conversation, message: Message) -> Receipt:
        self.told.append((to.id, message.text))
        return Receipt(to.id, f"m{len(self.told)}")


class NoDoors:
    """Implements `bot.routes.doors.Doors`: opens chats with people in `installed`."""

    def __init__(self, conversations: Conversations) -> None:
        self.conversations, self.installed, self.tried = conversations, set[str](), list[str]()
        self.down = False

    async def open(self, person: Person, like: Person) -> Reachable | None:
        self.tried.append(person.id)
        if self.down:
            raise Unavailable("The channel does not answer.")
        if person.id not in self.installed:
            return None
        return await self.conversations.remember(person, chat_of(person))


class FakePost:
    """Implements `bot.routes.mail.Post`."""

    def __init__(self) -> None:
        self.drafts: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []
        self.refuse: TandemError | None = None
        self.refuse_send: TandemError | None = None
        self._ids = itertools.count(1)

    async def draft(self, sender: Person, to: Person, subject: str, text: str, key: str) -> str:
        if self.refuse:
            raise self.refuse
        number = f"d{next(self._ids)}"
        self.drafts[number] = {"sender": sender, "to": to, "subject": subject, "text": text, "key": key}
        return number

    async def send(self, sender: Person, draft: str) -> None:
        if self.refuse_send:
            error, self.refuse_send = self.refuse_send, None
            raise error
        assert self.drafts[draft]["sender"] == sender
        self.sent.append(draft)


class System:
    """An approval system: keeps what is posted to it."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[web.Response] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        if self.answers:
            return self.answers.pop(0)
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.taken]

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/hook", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, 0, ssl_context=tls).start()
        name = "localhost" if tls else (f"[{host}]" if ":" in host else host)
        self.url = f"http{'s' if tls else ''}://{name}:{runner.addresses[0][1]}/hook"
        try:
            yield
        finally:
            await runner.cleanup()


class Bureau(Office):
    """The office with all routes around its surface; `people` are those whom the plan's decision asks."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.people = [ALEX]
        self.label: Label = "internal"
        self.system = System()
        self.policy = Policy()
        self.post, self.chats = FakePost(), Chats()
        self.links = Links(APP, TENANT)
        self.keys = Keys(ENVIRON)
        self.database = SqliteStore(path / "tandem.db")

        async def who(_: Number, __: TaskContext) -> Asked:
            return Asked(self.people)

        async def save(number: Number, _: TaskContext) -> Number:
            return number

        self.registry.add(worker("who", title="Who")(who))
        self.register("save", save, write=True)

    def name_system(self, **more: Any) -> ApprovalSystem:
        """Let policy name the system."""
        fields = {"titles": ["Pay"], "secret_setting": "TANDEM_APPROVALS_SECRET", **more}
        made = ApprovalSystem(name="Ledger", url=self.system.url, **fields)
        self.policy = msgspec.structs.replace(self.policy, approval_systems=[made])
        return made

    async def start(self) -> None:
        self.conversations = Conversations(self.database)
        self.doors = NoDoors(self.conversations)
        self.webhooks = Webhooks(self.keys, local=True, now=lambda: self.clock.now().timestamp())
        self.workflow = WorkflowRoute(
            lambda: self.policy, self.webhooks, self.database, self.links, "https://tandem.contoso.example"
        )
        chats: Any = self.chats
        doors: Any = self.doors
        self.routes = Routes(
            self.surface,
            self.conversations,
            chats,
            self.database,
            doors=doors,
            mail=MailRoute(self.post, self.database, self.links, lambda: self.policy),
            workflow=self.workflow,
        )
        self.engine = EmbeddedEngine(
            self.database, self.registry, self.dispatcher, self.routes, self.clock, **self.engine_options
        )
        self.closing = Closing(self.engine, self.workflow, self._pause)
        self.engine.subscribe(self._listen)
        self.engine.subscribe(self.closing)
        await self.engine.start()
        await self.closing.resume()

    async def _pause(self, _: float) -> None:
        """No time passes."""

    async def stop(self) -> None:
        await self.closing.close()
        await self.engine.stop()
        await self.webhooks.close()

    async def knows(self, *people: Person) -> None:
        """These have a chat with the bot."""
        for person in people:
            await self.conversations.remember(person, chat_of(person))

    async def begin(self, title: str = "Pay?", **more: Any) -> str:
        """Start a run that asks; returns its id."""
        question = Question(**{"title": title, "approvers": "${tasks.who.people}", **more})
        tasks = {"who": Node(capability="who"), "ask": Node(approval=question, needs=["who"])}
        return await self.launch(Plan(title="Month-end close", tasks=tasks, answer=Answer(text="done")))

    async def launch(self, plan: Plan) -> str:
        """Propose and start a plan as Megan."""
        applied = await self.engine.propose(plan, goal="close the month", initiator=MEGAN, origin="", command_id="")
        await self.engine.send(applied.run.run_id, StartRun(by=MEGAN))
        return applied.run.run_id

    async def asked(self, run_id: str, count: int = 1) -> RunView:
        """The run once that many people were brought its question."""

        def brought(run: RunView) -> bool:
            return sum(notice.startswith("approval:") for notice, _ in run.receipts) >= count

        return await self.until(run_id, brought, "nobody was asked")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Bureau]:
    """A bureau at work, closed at the end."""
    bureau = Bureau(path)
    async with bureau.system.listening():
        await bureau.start()
        await bureau.knows(MEGAN)
        try:
            yield bureau
        finally:
            await bureau.stop()


def gone() -> TandemError:
    """What Teams' notifier raises for a chat that is gone or was blocked."""
    error = Unavailable("Alex cannot be reached")
    error.__cause__ = NotFound("the chat is gone")
    return error
