"""Scenarios of reads, and of what people are asked: to sign in, to decide, to vote, to answer in time."""

from __future__ import annotations

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.core.plan import Node, Question
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import NotFound
from orchestration.planning.compiler import with_needs
from tests.faults.life import Life
from tests.faults.scenario import Scenario
from tests.support.office import ALEX, MEGAN, Number, plan
from tests.unit.engines.test_asking import ADELE, People
from tests.unit.engines.test_embedded import add, decision


def _reads(life: Life) -> None:
    life.register("busy", life.systems.busy_twice, attempts=9)


READS = Scenario(
    plan(
        "${tasks.total.n}",
        a=add(1),
        b=Node(capability="busy", with_={"n": 5}),
        c=add(10),
        never=add(1, "a", when="tasks.a.n > 5"),
        total=Node(
            capability="sum",
            with_={"ns": ["${tasks.a.n}", "${tasks.b.n}", "${tasks.c.n}"]},
            needs=["a", "b", "c", "never"],
            optional=["never"],
        ),
    ),
    _reads,
)


def _personal(life: Life) -> None:
    life.register("personal", life.systems.personal)


async def _sign_in(life: Life, run: RunView) -> bool:
    if (
        run.awaiting_sign_in
        and (run.run_id, "sign_in", MEGAN.id) in life.world.cards
        and "sign-in" not in life.world.told
    ):
        await life.sign_in(run)
        return True
    return False


SIGN_IN = Scenario(
    plan(
        "${string(tasks.b.n)}",
        a=Node(capability="personal", with_={"n": 1}),
        b=Node(capability="personal", with_={"n": 2}),
        c=add("${tasks.a.n}", "a"),
    ),
    _personal,
    act=_sign_in,
)


def _missing(life: Life) -> None:
    async def missing(number: Number, task: TaskContext) -> Number:
        if task.task_id == "again" and any(each.startswith("press again.") for each in life.world.pressed):
            return number
        raise NotFound("Register.xlsx is not there")

    life.register("missing", missing)


def _retry_or_skip(approval: ApprovalView) -> str:
    if approval.task == "again":
        return "retry"
    return "retry" if approval.id == "gone.1" else "skip"


ASKED = Scenario(
    plan(
        "${string(tasks.again.n) + (tasks.gone == null ? ' without it' : ' with it')}",
        again=Node(capability="missing", with_={"n": 4}, on_failure="ask"),
        gone=Node(capability="missing", on_failure="ask"),
        needy=add(1, "gone"),
        easy=add(2, "gone", optional=["gone"]),
    ),
    _missing,
    choose=_retry_or_skip,
)


def _absent(life: Life) -> None:
    life.surface.misses = 2


ABSENT = Scenario(plan("${tasks.ask.choices.i2}", read=add(), ask=decision()), _absent)


def _people(life: Life) -> None:
    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE, MEGAN], ALEX, ADELE)

    life.registry.add(worker("people", title="People")(people))


VOTES = Scenario(
    with_needs(
        plan(
            "done",
            who=Node(capability="people"),
            vote=Node(approval=Question(approvers="${tasks.who.people}", title="Pay?", quorum=2)),
            late=Node(
                approval=Question(
                    approver="${tasks.who.first}",
                    title="In time?",
                    due_hours=2,
                    remind_hours=1,
                    escalate_to="${tasks.who.other}",
                    on_expiry="skip",
                )
            ),
        )
    ),
    _people,
    choose=lambda approval: "approve" if approval.task == "vote" else "",
)


def _one_at_a_time(life: Life) -> None:
    life.registry.add(worker("narrow", title="Narrow", system="Test", limit=1, name="narrow@test")(life.systems.read))


# Three want the one place; a fourth can be left out; and nobody answers before the run is given up.
TOO_LATE = Scenario(
    msgspec.structs.replace(
        plan(
            "${tasks.ask.choices.i1}",
            a=Node(capability="narrow", with_={"n": 1}),
            b=Node(capability="narrow", with_={"n": 2}),
            c=Node(capability="narrow", with_={"n": 3}),
            wrong=Node(capability="add", with_={"n": "three"}, on_failure="skip"),
            ask=decision(),
            after=add("${tasks.a.n + tasks.b.n + tasks.c.n}", "a", "b", "c"),
        ),
        deadline_hours=2,
    ),
    _one_at_a_time,
    choose=lambda _: "",
)
