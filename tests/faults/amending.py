"""A scenario in which the plan is changed: while something is written, and after it was."""

from __future__ import annotations

from functools import partial

from orchestration.capabilities import TaskContext
from orchestration.core.plan import Node, Plan
from orchestration.core.view import RunView
from orchestration.planning.compiler import with_needs
from tests.faults.life import Life
from tests.faults.scenario import Scenario, willing
from tests.support.office import MEGAN, Number, plan
from tests.unit.engines.test_embedded import add, decision


def _plan(last: str, written: str = "${tasks.read.n}", **more: Node) -> Plan:
    answer = f"${{tasks.{last} == null ? 'nothing' : string(tasks.{last}.n)}}"
    tasks = {"read": add(3), "write": Node(capability="upload", with_={"n": written}), **more}
    return with_needs(plan(answer, **tasks, **{last: add("${tasks.write.n}")}))


def _slow(life: Life) -> None:
    async def upload(number: Number, task: TaskContext) -> Number:
        await life.go.wait()
        return await life.systems.upload(number, task)

    life.register("upload", upload, write=True, dedupe="target", reconcile=life.systems.look, attempts=9)


async def _amend(life: Life, run: RunView) -> bool:
    """Megan changes what follows while the write is under way, and what is written once it was."""
    told, sent = life.world.told, life.world.sent
    write = next(each for each in run.tasks if each.name == "write")
    if "amend" not in told and ("amend" in sent or write.attempt):
        await _send(life, run, "amend", 0, _plan("instead", ask=decision()))
    elif "amend" in told and not life.go.is_set():
        life.go.set()
    elif "again" not in told and ("again" in sent or (run.revision == 1 and write.status == "succeeded")):
        await _send(life, run, "again", 1, _plan("instead", "${tasks.read.n + 10}"))
    else:
        return False
    return True


async def _send(life: Life, run: RunView, command_id: str, revision: int, plan: Plan) -> None:
    amend = partial(life.engine.amend, run.run_id, plan, by=MEGAN, revision=revision, command_id=command_id)
    await life.send(command_id, amend)


AMENDED = Scenario(
    _plan("after", ask=decision()),
    _slow,
    choose=lambda approval: willing(approval) if approval.kind in ("write", "stale") else "",
    act=_amend,
)
