"""What is outside and survives every crash: systems that keep what they accepted, chats, and people's own memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestration.capabilities import Done, NotDone, TaskContext
from orchestration.core.run import Person
from orchestration.errors import Conflict, OutcomeUnknown, SignInNeeded, Unavailable
from tests.support.clock import START
from tests.support.office import Number


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody sent, or was about to; it is sent again, with the same id, by who got no answer to it."""

    run: str
    approval: str
    shown: str
    by: Person
    choice: str
    rules: dict[str, str] = {}


class World(msgspec.Struct):
    """Everything that the process does not own.

    Attributes:
        now: What all clocks show.
        accepted: Idempotency key of every write that took place, once for each time that it did.
        drafts: Ids of the drafts that were made: the key of a write, and a number.
        posted: Ids of those that were sent.
        said_no: Task or notice => how often its system refused or got lost; it goes by that, not by the attempt.
        signed_in: Megan's identity can be had.
        cards: (run id, notice, person id) of everything that was sent.
        pressed: Command id => what was sent to the engine.
        sent: Command ids of what was sent, or was about to be.
        told: Command ids whose callers were told that they are done.
    """

    now: datetime = START
    accepted: list[str] = []
    drafts: list[str] = []
    posted: list[str] = []
    said_no: dict[str, int] = {}
    signed_in: bool = False
    cards: list[tuple[str, str, str]] = []
    pressed: dict[str, Press] = {}
    sent: list[str] = []
    told: list[str] = []

    def freeze(self) -> bytes:
        """The whole of it at one instant, also when another thread asks."""
        return msgspec.json.encode(self)

    @staticmethod
    def thaw(body: bytes) -> World:
        """The same world again."""
        return msgspec.json.decode(body, type=World)

    def refuses(self, what: str, times: int) -> bool:
        """Whether a system says no once more; it does so `times` times in all."""
        said = self.said_no.get(what, 0)
        self.said_no[what] = min(said + 1, times)
        return said < times


class Systems:
    """The workers' side of a world; `point` is called wherever the process may die within a call."""

    def __init__(self, world: World, point: Any) -> None:
        self.world, self._point = world, point

    async def read(self, number: Number, _: TaskContext) -> Number:
        """A system that is up."""
        return number

    async def busy_twice(self, number: Number, task: TaskContext) -> Number:
        """A system that is down for its first two calls."""
        if self.world.refuses(task.task_id, 2):
            raise Unavailable("SAP does not answer (503)")
        return number

    async def personal(self, number: Number, _: TaskContext) -> Number:
        """Something that only Megan may read."""
        if not self.world.signed_in:
            raise SignInNeeded("nobody is signed in")
        return number

    async def upload(self, number: Number, task: TaskContext) -> Number:
        """A target that refuses a second file of one key."""
        if task.idempotency_key in self.world.accepted:
            raise Conflict(f"{task.idempotency_key} is there already")
        return self._accept(number, task)

    async def post(self, number: Number, task: TaskContext) -> Number:
        """A target that takes the same thing as often as it is given it."""
        return self._accept(number, task)

    async def send(self, number: Number, task: TaskContext) -> Number:
        """First a draft, whose id is journaled; then just that draft."""
        draft = task.journaled
        if not draft:
            draft = f"{task.idempotency_key} #{len(self.world.drafts) + 1}"
            self.world.drafts.append(draft)
            self._point("drafted")
            await task.journal(draft)
        if draft in self.world.posted:
            raise Conflict(f"{draft} was sent already")
        self.world.posted.append(draft)
        return self._accept(number, task)

    async def answer_lost(self, number: Number, task: TaskContext) -> Number:
        """Takes it, and the connection breaks before it says so."""
        self._accept(number, task)
        raise OutcomeUnknown("the connection broke")

    async def request_lost(self, number: Number, task: TaskContext) -> Number:
        """The connection breaks before the first request gets there, but who sent it cannot know."""
        if self.world.refuses(task.task_id, 1):
            raise OutcomeUnknown("the connection broke")
        return await self.upload(number, task)

    async def look(self, number: Number, task: TaskContext) -> Done | NotDone:
        """Whether the effect of this key took place; the systems can tell for certain."""
        self._point("look:before")
        there = task.idempotency_key in self.world.accepted
        self._point("look:after")
        return Done(number) if there else NotDone()

    def _accept(self, number: Number, task: TaskContext) -> Number:
        self.world.accepted.append(task.idempotency_key)
        self._point("accepted")
        return number
