"""Labels, what workers vouch for and what they watch, over every store and through a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestration.capabilities import TaskContext, worker
from orchestration.core.label import Source
from orchestration.core.plan import Node
from orchestration.core.run import Part
from orchestration.planning.compiler import with_needs
from tests.conformance.test_engine import At
from tests.conformance.test_store import Make, make
from tests.support.office import Number, opened, plan
from tests.unit.engines.test_embedded import add

__all__ = ["make"]
PLAN = with_needs(
    plan(
        "${string(tasks.end.n)}",
        mail=Node(capability="mail"),
        slow=Node(capability="slow", with_={"n": 5}),
        watch=Node(capability="watch", watches=["mail", "slow"]),
        end=add("${tasks.watch.n}"),
    )
)


class Reading(At):
    """An office with a reader of an outsider's mail, a slow one, and one that watches both."""

    def __init__(self, folder: Path, store: object) -> None:
        super().__init__(folder, store)  # type: ignore[arg-type]
        self.gate, self.saw = asyncio.Event(), asyncio.Event()
        self.seen: list[str] = []
        self.registry.add(worker("mail", title="Read", system="Outlook")(self._mail))
        self.registry.add(worker("slow", title="Read", system="SAP", label="confidential")(self._slow))
        self.registry.add(worker("watch", title="Watch")(self._watch))

    async def _mail(self, number: Number, task: TaskContext) -> Number:
        task.note(Source("Übergabe 移交", "Outlook", "https://outlook.example/1", outside=True))
        return Number(1)

    async def _slow(self, number: Number, task: TaskContext) -> Number:
        await self.gate.wait()
        return number

    async def _watch(self, number: Number, task: TaskContext) -> Number:
        total = 0
        async for result in task.peers():
            total += result.value["n"]
            self.seen.append(result.task)
            await task.complete("sources", len(set(self.seen)), 2)
            self.saw.set()
        return Number(total)


async def test_labels_sources_and_parts_are_the_same_after_a_restart(make: Make, tmp_path: Path) -> None:
    async with opened(Reading(tmp_path, make())) as first:
        run_id = await first.run(PLAN)
        await asyncio.wait_for(first.saw.wait(), 10)
        view = await first.engine.view(run_id)
        assert next(each for each in view.tasks if each.name == "watch").parts == {"sources": Part(1, 2)}
    second = Reading(tmp_path, make())
    second.gate.set()
    async with opened(second):
        run = await second.finish(run_id)
        answer = second.surface.reports[0][1]
    assert answer is not None
    assert answer.text == "7"
    assert sorted(second.seen) == ["mail", "slow"]  # also what was written before
    tasks = {each.name: each for each in run.tasks}
    assert tasks["mail"].sources == [
        Source("Übergabe 移交", "Outlook", "https://outlook.example/1", reader="oid-megan", outside=True)
    ]
    marks = {name: (each.label, each.tainted) for name, each in tasks.items()}
    assert marks == {
        "mail": ("internal", True),
        "slow": ("confidential", False),
        "watch": ("confidential", True),
        "end": ("confidential", True),
    }
    assert tasks["watch"].parts == {"sources": Part(2, 2)}
