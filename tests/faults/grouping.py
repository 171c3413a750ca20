"""Scenarios of groups: items with writes and failures, rounds that people end, a fallback."""

from __future__ import annotations

from orchestration.capabilities import TaskContext, worker
from orchestration.core.plan import Fallback, ForEach, Node, Question, Repeat
from orchestration.core.view import ApprovalView
from orchestration.errors import NotFound, Unavailable
from orchestration.planning.compiler import with_needs
from tests.faults.life import Life
from tests.faults.scenario import Scenario
from tests.support.office import Number, plan
from tests.unit.engines.test_embedded import add
from tests.unit.engines.test_groups import Items


def _items(life: Life) -> None:
    async def listed(number: Number, _: TaskContext) -> Items:
        return Items(list(range(1, number.n + 1)))

    async def odd(number: Number, _: TaskContext) -> Number:
        if number.n % 2 == 0:
            raise NotFound(f"number {number.n} is not there")
        return number

    async def down(_: Number, __: TaskContext) -> Number:
        raise Unavailable("SAP does not answer")

    life.registry.add(worker("list", title="List")(listed))
    life.register("odd", odd)
    life.register("sap", down, attempts=2)
    life.register("upload", life.systems.upload, write=True, dedupe="target", reconcile=life.systems.look)


ITEMS = Scenario(
    with_needs(
        plan(
            "${string(tasks.all.results) + string(tasks.sap.n)}",
            read=Node(capability="list", with_={"n": 3}),
            sap=Node(capability="sap", fallback=Fallback("add", {"n": 1})),
            all=Node(
                for_each=ForEach(
                    items="${tasks.read.ns}",
                    tasks={
                        "odd": Node(capability="odd", with_={"n": "${for_each.item}"}),
                        "write": Node(capability="upload", with_={"n": "${tasks.odd.n}"}),
                    },
                    gives="${tasks.write.n}",
                    at_once=2,
                    on_failure="keep",
                )
            ),
        )
    ),
    _items,
)


def _nobody(_: Life) -> None:
    """Nobody but those who are there anyway."""


def _in_the_second_round(approval: ApprovalView) -> str:
    return "reject" if approval.id == "write.1.finance.1" else "approve"


ROUNDS = Scenario(
    with_needs(
        plan(
            "${string(tasks.write.rounds) + tasks.write.stopped}",
            write=Node(
                repeat=Repeat(
                    tasks={
                        "draft": add("${repeat.last == null ? 1 : repeat.last + 1}"),
                        "legal": Node(approval=Question(approver="${run.initiator}", title="Draft ${tasks.draft.n}?")),
                        "finance": Node(approval=Question(approver="${run.initiator}", title="Pay ${tasks.draft.n}?")),
                    },
                    gives="${tasks.draft.n}",
                    accepted_by=["legal", "finance"],
                )
            ),
        )
    ),
    _nobody,
    choose=_in_the_second_round,
)
