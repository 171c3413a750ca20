"""Scenarios in which the initiator steers: pause, another try, a result taken back, a copy."""

from __future__ import annotations

from functools import partial

from orchestration.capabilities import TaskContext
from orchestration.core.commands import LeaveOut, PauseRun, ResumeRun, RetractEntry, RetryTask
from orchestration.core.plan import ForEach, Node, Question
from orchestration.core.view import RunView
from orchestration.errors import NotFound
from orchestration.planning.compiler import with_needs
from tests.faults.life import Life, outcome_told
from tests.faults.scenario import Scenario
from tests.support.office import MEGAN, Number, plan
from tests.unit.engines.test_embedded import add

GO = Question(approver="${run.initiator}", title="Go?")


async def _pause(life: Life, run: RunView) -> bool:
    """Megan pauses when she is asked, answers, and lets the run go on."""
    told = life.world.told
    if run.approvals and "pause" not in told:
        await life.command(run.run_id, "pause", PauseRun(by=MEGAN))
    elif "press ask.1" in told and "resume" not in told:
        await life.command(run.run_id, "resume", ResumeRun(by=MEGAN))
    else:
        return False
    return True


def _reads(life: Life) -> None:
    life.register("busy", life.systems.busy_twice, attempts=9)


PAUSED = Scenario(
    with_needs(
        plan(
            "${string(tasks.after.n)}",
            ask=Node(approval=GO),
            busy=Node(capability="busy", with_={"n": 2}),
            after=add("${tasks.busy.n}", "ask"),
        )
    ),
    _reads,
    choose=lambda _: "approve",
    act=_pause,
)


def _missing(life: Life) -> None:
    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("Register.xlsx is not there")

    life.register("missing", missing)


async def _reopen(life: Life, run: RunView) -> bool:
    """Megan has what failed tried again, and then goes on without it."""
    told = life.world.told
    if ("retry" not in told and outcome_told(run)) or ("retry" in life.world.sent and "retry" not in told):
        await life.command(run.run_id, "retry", RetryTask(task="bad", by=MEGAN))
    elif "leave" not in told and ("leave" in life.world.sent or (run.reopened == 1 and outcome_told(run))):
        await life.command(run.run_id, "leave", LeaveOut(task="bad", by=MEGAN))
    else:
        return False
    return True


REOPENED = Scenario(
    with_needs(
        plan(
            "${tasks.bad == null ? 'without' : 'with'}",
            bad=Node(capability="missing"),
            after=add("${tasks.bad == null ? 0 : 1}", optional=["bad"]),
            needy=add("${tasks.bad.n}"),
        )
    ),
    _missing,
    act=_reopen,
)


def _source(life: Life) -> None:
    async def source(_: Number, __: TaskContext) -> Number:
        return Number(5 if "retract" in life.world.sent else 1)

    life.register("source", source)
    life.register("upload", life.systems.upload, write=True, dedupe="target", reconcile=life.systems.look)


async def _retract(life: Life, run: RunView) -> bool:
    """Megan takes a result back once the run has succeeded."""
    if "retract" in life.world.told or not ("retract" in life.world.sent or outcome_told(run)):
        return False
    await life.command(run.run_id, "retract", RetractEntry(entry=run.tasks[0].entry, by=MEGAN, task="a"))
    return True


RETRACTED = Scenario(
    with_needs(
        plan(
            "${string(tasks.after.n)}",
            a=Node(capability="source"),
            b=add("${tasks.a.n}"),
            apart=add(7),
            upload=Node(capability="upload", with_={"n": "${tasks.b.n}"}),
            after=add("${tasks.upload.n}"),
            all=Node(
                for_each=ForEach(items="${[tasks.a.n]}", tasks={"one": add("${for_each.item}")}, gives="${tasks.one.n}")
            ),
        )
    ),
    _source,
    act=_retract,
)


def _upload(life: Life) -> None:
    life.register("upload", life.systems.upload, write=True, dedupe="target", reconcile=life.systems.look)


async def _fork(life: Life, run: RunView) -> bool:
    """Megan has a copy made when she is asked whether the run may write."""
    if not run.approvals or "fork" in life.world.told:
        return False
    await life.send("fork", partial(life.engine.fork, run.run_id, FORKED_AT, by=MEGAN, command_id="fork"))
    return True


FORKED_AT = 4
FORKED = Scenario(
    with_needs(plan("done", read=add(3), upload=Node(capability="upload", with_={"n": "${tasks.read.n}"}))),
    _upload,
    act=_fork,
)
