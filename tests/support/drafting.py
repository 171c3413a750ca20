"""A worker that works out plans as a test has written them down, in the place of one with a language model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestration.capabilities import TaskContext, Worker, worker
from orchestration.core.plan import Answer, Node, Plan, Question
from orchestration.core.usage import Usage
from orchestration.errors import TandemError
from orchestration.planning.compiler import with_needs
from orchestration.planning.draft import CAPABILITY, Asked, Drafted

MODEL = "tiny-1"


def letter(*, title: str = "Tell Alex the count", to_ask: bool = False) -> Plan:
    """A plan that no playbook has: count, perhaps ask, save."""
    tasks = {"count": Node(capability="count", title="Look at the shelves")}
    if to_ask:
        asked = Question(approver="${run.initiator}", approver_title="you", title="Really save it?")
        tasks["sure"] = Node(approval=asked, needs=["count"])
    needs = ["sure"] if to_ask else ["count"]
    tasks["save"] = Node(capability="save", title="Just have a look", with_={"n": 3}, needs=needs)
    return Plan(title=title, tasks=tasks, answer=Answer(text="Saved 3."), model=MODEL)


def looking() -> Plan:
    """A plan that only reads."""
    return Plan(
        title="A look at the shelves",
        tasks={"count": Node(capability="count", title="Look")},
        answer=Answer(text="Looked."),
        model=MODEL,
    )


def asking_somebody() -> Plan:
    """A plan that writes nothing, and takes its words to somebody."""
    question = Node(approval=Question(approver="${run.initiator}", title="Is that right?", text="${tasks.count.n}"))
    tasks = {**looking().tasks, "ask": question}
    return with_needs(Plan(title="A look and a question", tasks=tasks, answer=Answer(text="Asked."), model=MODEL))


Script = Drafted | TandemError | Callable[[Asked], Drafted]


@dataclass
class Draftsman:
    """Answers with what stands in `script`, in order; while `gate` is shut it thinks.

    Attributes:
        asked: What it was asked.
        attempts: How often it is asked again where it does not answer.
    """

    script: list[Script] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event | None = None
    attempts: int = 1

    def worker(self) -> Worker:
        """The worker."""

        async def draft(asked: Asked, task: TaskContext) -> Drafted:
            self.asked.append(asked)
            if self.gate is not None:
                await self.gate.wait()
            await task.used(Usage(model=MODEL, input_tokens=1200, output_tokens=340, seconds=2.5))
            answer = self.script.pop(0)
            if isinstance(answer, TandemError):
                raise answer
            return answer if isinstance(answer, Drafted) else answer(asked)

        return worker(CAPABILITY, title="Work out a plan", system="the language model", attempts=self.attempts)(draft)
