"""A run told step by step, in which all goes well but for what is said."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.plan import Answer, ForEach, Node, Plan, Question, Repeat
from orchestration.core.retraction import foresee
from orchestration.core.run import Conclude, Prepare
from tests.support.office import MEGAN
from tests.unit.core.story import Story

ASK = Question(title="?", approvers="x")


class Tale(Story):
    """A run in which all goes well, but for what a test says."""

    def __init__(self, deadline_hours: float = 0.0, **tasks: Node) -> None:
        super().__init__(Plan(title="t", tasks=tasks, answer=Answer(text=""), deadline_hours=deadline_hours))
        self.apply(c.StartRun(by=MEGAN))

    def __getitem__(self, name: str) -> str:
        return self.run.tasks[name].status

    def goes_well(self, *, but: tuple[str, ...] = (), answers: bool = True) -> None:
        """Everything is done that can be, but nothing about these tasks."""
        before = -1
        while len(self.history) != before:
            before = len(self.history)
            for effect in list(self.run.due):
                if (
                    effect in self.run.due
                    and getattr(effect, "task", "") not in but
                    and not isinstance(effect, Conclude)
                ):
                    self.perform(effect)
            for approval in list(self.run.approvals.values()) if answers else ():
                if approval.open and approval.task not in but:
                    self.answer(approval)

    def ends(self) -> None:
        self.goes_well()
        self.perform(Conclude())
        assert self.run.status == "succeeded"

    def begins(self, name: str) -> int:
        """A task is prepared and, if it is a write, allowed, but nothing has come of it yet."""
        self.perform(Prepare(name))
        if self[name] == "asking":
            self.answer(self.run.approvals[self.run.tasks[name].approval])
            self.perform(Prepare(name))
        assert self[name] == "running", self[name]
        return self.run.tasks[name].attempt

    def fails(self, name: str) -> None:
        attempt = self.run.tasks[name].attempt if self[name] == "running" else 0
        self.apply(c.FailAttempt(task=name, attempt=attempt, code="x", message="m"))

    def take_back(self, name: str) -> e.EntryRetracted:
        command = c.RetractEntry(entry=self.run.tasks[name].entry, task=name, by=MEGAN)
        foresee(self.run, command, self.now)
        [event] = self.apply(command)
        assert isinstance(event, e.EntryRetracted)
        return event

    def amends(self, **tasks: Node) -> None:
        plan = msgspec.structs.replace(self.run.plan, tasks=tasks)
        self.apply(c.AmendPlan(plan=plan, by=MEGAN, revision=self.run.revision))

    def keys(self) -> list[str]:
        return [each.key for each in self.history if isinstance(each, e.TaskStarted) and each.key]

    def reopens(self, name: str) -> None:
        self.apply(c.RetryTask(task=name, by=MEGAN))


def read(*needs: str, **more: Any) -> Node:
    return Node(capability="read", needs=list(needs), **more)


def write(*needs: str, **more: Any) -> Node:
    return Node(capability="write", needs=list(needs), **more)


def ask(*needs: str, **more: Any) -> Node:
    return Node(approval=ASK, needs=list(needs), **more)


def each(tasks: dict[str, Node], *needs: str, keep: bool = False, at_once: int = 8, **more: Any) -> Node:
    group = ForEach(items="x", tasks=tasks, gives=1, at_once=at_once, on_failure="keep" if keep else "fail")
    return Node(for_each=group, needs=list(needs), **more)


def loop(tasks: dict[str, Node], *needs: str, **more: Any) -> Node:
    return Node(repeat=Repeat(tasks=tasks, gives=1, until="x", at_most=9), needs=list(needs), **more)


def again(tale: Tale, name: str, number: int) -> None:
    """A round ends without what was to hold."""
    tale.apply(c.EndRound(task=name, number=number, entry=f"r{number}", met=False, outputs={}))
