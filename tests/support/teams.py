"""The Teams layer wired around a small office: real adapter, real engine, little workers. Also run by hand:

TANDEM_...=... python -m tests.support.teams
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from random import Random

import msgspec
from aiohttp import web

from bot.activities import Activities
from bot.compat import Adapter
from bot.conversations import Conversations
from bot.dialog import Dialog
from bot.egress import LastGate
from bot.goals import Goals
from bot.groups import Groups
from bot.main import serve
from bot.notifier import TeamsNotifier
from bot.outbound import Outbound
from bot.presses import Presses
from bot.progress import Progress
from bot.settings import Settings, read
from bot.signin import SignIns, TokenServiceAssertions
from bot.web import create_app
from orchestration.capabilities import Preview, Registry, TaskContext, worker
from orchestration.core.plan import Answer, Choice, Node, Plan, Question
from orchestration.core.question import Item
from orchestration.core.run import Person
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import SignInNeeded
from orchestration.planning.port import Missing, Planned, Suggestion, Unmatched
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.policy_file import PolicyFile
from tests.support.office import Direct, Number
from tests.support.sign_ins import FakeSessions

SUGGESTIONS = [Suggestion("Count the stock", "count the stock for October 2026", "Counts, asks Alex, saves.")]
MONTHS = [("2026-10", "October 2026"), ("2026-09", "September 2026"), ("2026-08", "August 2026")]


class Differences(msgspec.Struct):
    """What the little reconciliation found."""

    items: list[Item]


class Nothing(msgspec.Struct):
    """No arguments."""


class LittlePlanner:
    """Implements `orchestration.planning.port.Planner` for one goal: counting the stock of a month."""

    def __init__(self, approver: str = "") -> None:
        self.approver = approver or "{}"

    def suggestions(self) -> list[Suggestion]:
        """See `Planner.suggestions`."""
        return SUGGESTIONS

    def sure(self, goal: str, now: datetime) -> bool:
        """See `Planner.sure`."""
        return goal.casefold().startswith("count the stock")

    def change(self, plan: Plan, text: str, now: datetime) -> Plan | None:
        """See `Planner.change`: "make it September"."""
        said = text.casefold().removeprefix("make it ").strip()
        month = next((value for value, title in MONTHS if said == title.split()[0].casefold()), "")
        return stock_plan(month) if month and plan.params.get("month") not in (None, month) else None

    async def plan(
        self, goal: str, initiator: Person, now: datetime, *, answer: tuple[Missing, str] | None = None
    ) -> Planned | Missing | Unmatched:
        """See `Planner.plan`."""
        if "stock" not in goal.casefold():
            return Unmatched(suggestions=SUGGESTIONS)
        said = f"{goal} {answer[1]}" if answer else goal
        month = next((value for value, title in MONTHS if title.split()[0].casefold() in said.casefold()), "")
        month = month or next((value for value, _ in MONTHS if value in said), "")
        if not month:
            given = {} if answer is None else answer[0].given
            question = "Which month?" if answer is None else f"I do not know the month “{answer[1]}”. Which one?"
            return Missing(playbook="stock", parameter="month", question=question, choices=MONTHS, given=given)
        return Planned(plan=stock_plan(month), reads=["Stock lists"], writes=["The count"], asks=["Alex Wilber"])


def stock_plan(month: str) -> Plan:
    """Read, let somebody decide about what was found, write."""
    deciding = Question(
        approver="${tasks.person}",
        approver_title="Alex Wilber",
        title="Decide about 2 differences",
        items="${tasks.count.items}",
        kinds={"amount": "Amount differs", "missing": "Missing"},
        choices=[Choice("left", "Left is right"), Choice("right", "Right is right")],
        default="left",
        not_initiator=True,
    )
    return Plan(
        title="Stock count",
        params={"month": month},
        tasks={
            "person": Node(capability="person", title="Find the accountant"),
            "count": Node(capability="count", title="Count"),
            "decide": Node(approval=deciding, needs=["person", "count"]),
            "save": Node(capability="save", title="Save the count", with_={"n": 7}, needs=["decide"]),
        },
        answer=Answer(text="Counted 7.", facts=[("Month", month)], link="https://contoso.example/count"),
    )


def registry(approver: Person, tokens: TokenServiceAssertions | None, pause_seconds: float = 0.0) -> Registry:
    """The little workers; with `tokens`, counting needs the initiator's sign-in."""
    made = Registry()

    async def person(_: Nothing, __: TaskContext) -> Person:
        return approver

    async def count(_: Nothing, task: TaskContext) -> Differences:
        if tokens is not None and await tokens.assertion(task.initiator) is None:
            raise SignInNeeded("You are not signed in.")
        await asyncio.sleep(pause_seconds)
        return Differences(
            [
                Item("i1", "amount", "INV-1", [("Left", "10.00"), ("Right", "11.00")], why=[("Rule", "to the cent")]),
                Item("i2", "missing", "INV-2", [("Left", "20.00"), ("Right", "none")]),
            ]
        )

    async def save(number: Number, _: TaskContext) -> Number:
        return number

    made.add(worker("person", title="Find a person", system="Microsoft 365")(person))
    made.add(worker("count", title="Count", summarize=lambda found: f"{len(found.items)} differences")(count))
    made.add(
        worker(
            "save",
            title="Save",
            effect="write",
            system="SharePoint",
            preview=lambda number: Preview("Save the count", [("n", str(number.n))]),
        )(save)
    )
    return made


class Teams:
    """Everything of the bot, as the composition root wires it."""

    def __init__(
        self, settings: Settings, approver: Person, *, sign_in: bool = True, pause_seconds: float = 0.0
    ) -> None:
        clock = SystemClock()
        self.store = SqliteStore(Path(settings.data_dir) / "tandem.db")
        self.adapter = Adapter(settings)
        self.conversations = Conversations(self.store)
        gate = LastGate(PolicyFile(systems=settings.systems), settings.sign_in_pages)
        self.outbound = Outbound(self.adapter, clock=clock, lost=self.conversations.lost, gate=gate)
        self.tokens = TokenServiceAssertions(
            self.adapter, self.conversations, self.outbound, settings.oauth_connection, self.store
        )
        self.notifier = TeamsNotifier(self.conversations, self.outbound, self.tokens, self.store, clock)
        self.planner = LittlePlanner()
        workers = registry(approver, self.tokens if sign_in else None, pause_seconds)
        self.engine = EmbeddedEngine(self.store, workers, Direct(), self.notifier, clock, random=Random(7))
        self.notifier.values = self.engine.value
        groups = Groups(self.engine, self.conversations, self.outbound)
        self.progress = Progress(self.engine, self.conversations, self.outbound, groups, clock)
        self.goals = Goals(self.engine, self.planner, self.outbound, self.store, groups, self.conversations, clock)
        self.presses = Presses(
            self.engine, self.planner, self.goals, self.progress, self.notifier, self.conversations, clock
        )
        self.sessions = FakeSessions([])
        self.sign_ins = SignIns(self.engine, self.tokens, self.outbound, self.sessions)
        self.dialog = Dialog(
            tenant_id=settings.tenant_id,
            engine=self.engine,
            planner=self.planner,
            conversations=self.conversations,
            outbound=self.outbound,
            notifier=self.notifier,
            goals=self.goals,
            groups=groups,
            presses=self.presses,
            progress=self.progress,
            sign_ins=self.sign_ins,
            questions=self.store,
            clock=clock,
        )
        self.app: web.Application = create_app(
            self.adapter, Activities(self.dialog, gate), healthy=lambda: self.engine.running
        )

    async def start(self) -> None:
        """See `bot.main.Service`."""
        self.engine.subscribe(self.progress)
        await self.engine.start()
        await self.progress.resume()

    async def stop(self) -> None:
        """See `bot.main.Service`."""
        await self.dialog.close()
        await self.progress.close()
        await self.engine.stop()


if __name__ == "__main__":
    settings = read()
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    approver = Person(sys.argv[1], "Alex Wilber", "alex.wilber@contoso.example", settings.tenant_id)
    asyncio.run(serve(Teams(settings, approver, pause_seconds=3), settings, asyncio.Event()))
