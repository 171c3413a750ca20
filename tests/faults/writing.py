"""Scenarios of writes: allowed, doubtful, cancelled."""

from __future__ import annotations

from orchestration.capabilities import TaskContext
from orchestration.core.commands import CancelRun
from orchestration.core.plan import Node
from orchestration.core.view import RunView
from tests.faults.life import Life
from tests.faults.scenario import Scenario
from tests.support.office import MEGAN, Number, plan
from tests.unit.engines.test_embedded import add, decision


def _writes(life: Life) -> None:
    systems = life.systems
    life.register("upload", systems.upload, write=True, dedupe="target", reconcile=systems.look)
    life.register("send", systems.send, write=True, dedupe="two_step", reconcile=systems.look)
    life.register("post", systems.post, write=True, dedupe="none")


def _write(capability: str, after: str = "${tasks.write.n}", either: frozenset[str] = frozenset()) -> Scenario:
    return Scenario(
        plan(
            "${string(tasks.after.n) + tasks.ask.choices.i1}",
            read=add(3),
            ask=decision(),
            write=Node(capability=capability, with_={"n": "${tasks.read.n}"}, needs=["read", "ask"]),
            after=add(after, "write"),
        ),
        _writes,
        either=either,
    )


UPLOAD, SEND = _write("upload"), _write("send")
# A person who says that it was done has no output to give.
POST = _write("post", after="${4}", either=frozenset({"write"}))


def _doubts(life: Life) -> None:
    systems = life.systems
    life.register("answer_lost", systems.answer_lost, write=True, dedupe="target", reconcile=systems.look)
    life.register("request_lost", systems.request_lost, write=True, dedupe="target", reconcile=systems.look)
    life.register("nobody_knows", systems.answer_lost, write=True, dedupe="none")


DOUBT = Scenario(
    plan(
        "${string(tasks.first.n + tasks.second.n)}",
        first=Node(capability="answer_lost", with_={"n": 1}),
        second=Node(capability="request_lost", with_={"n": 2}),
        third=Node(capability="nobody_knows", with_={"n": 3}, needs=["second"]),
    ),
    _doubts,
)


def _slow(life: Life) -> None:
    async def upload(number: Number, task: TaskContext) -> Number:
        await life.go.wait()
        return await life.systems.upload(number, task)

    life.register("upload", upload, write=True, dedupe="target", reconcile=life.systems.look)


async def _cancel(life: Life, run: RunView) -> bool:
    """Megan cancels once the write has begun; then the target takes it."""
    write = next(each for each in run.tasks if each.name == "write")
    if write.attempt and "cancel" not in life.world.told:
        await life.command(run.run_id, "cancel", CancelRun(by=MEGAN))
        return True
    if "cancel" in life.world.told and not life.go.is_set():
        life.go.set()
        return True
    return False


CANCELLED = Scenario(
    plan(write=Node(capability="upload", with_={"n": 7}), ask=decision(), after=add(1, "write", "ask")),
    _slow,
    choose=lambda approval: "approve" if approval.kind == "write" else "",
    act=_cancel,
    either=frozenset({"write"}),
)
