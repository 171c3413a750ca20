"""What policy keeps for certain people is done in nobody else's run, however the plan came to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestration.capabilities import TaskContext, worker
from orchestration.core.commands import StartRun
from orchestration.core.plan import Fallback, ForEach, Node
from orchestration.core.run import Person
from orchestration.errors import NotFound
from orchestration.validation.policy import Policy
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan


class Changing:
    """A policy that tests change."""

    def __init__(self) -> None:
        self.policy = Policy()

    def current(self) -> Policy:
        return self.policy

    def keep(self, capability: str, *people: Person) -> None:
        self.policy = Policy(initiators={capability: [each.upn for each in people]})


@pytest.fixture
def policies() -> Changing:
    return Changing()


@pytest.fixture
async def office(tmp_path: Path, policies: Changing) -> AsyncIterator[Office]:
    made = Office(tmp_path, policies=policies)

    async def same(number: Number, _: TaskContext) -> Number:
        return number

    async def missing(_: Number, __: TaskContext) -> Number:
        raise NotFound("there is none")

    made.register("pay.out", same, write=True)
    made.register("pay.look", same)
    made.registry.add(worker("gone.look", title="Look")(missing))
    async with opened(made):
        yield made


async def test_a_read_that_is_for_others_fails_and_names_who_could(office: Office, policies: Changing) -> None:
    policies.keep("pay.look", ALEX)
    run = await office.finish(await office.run(plan(look=Node(capability="pay.look"))))
    assert (run.status, run.tasks[0].code, office.calls) == ("failed", "not_permitted", [])
    assert f"only certain people may use pay.look (Pay.look), so it was not started. Who could: {ALEX.upn}." in (
        run.tasks[0].message
    )


async def test_a_write_that_is_for_others_is_not_even_asked_about(office: Office, policies: Changing) -> None:
    policies.keep("pay.*", ALEX)
    run = await office.finish(await office.run(plan(pay=Node(capability="pay.out"))))
    assert (run.tasks[0].code, run.approvals, office.calls) == ("not_permitted", [], [])


async def test_whoever_is_named_may(office: Office, policies: Changing) -> None:
    policies.keep("pay.look", ALEX, MEGAN)
    run = await office.finish(await office.run(plan(look=Node(capability="pay.look"))))
    assert run.status == "succeeded"


async def test_a_rule_that_came_after_the_plan_holds_for_it(office: Office, policies: Changing) -> None:
    applied = await office.engine.propose(
        plan(look=Node(capability="pay.look")), goal="look", initiator=MEGAN, origin="", command_id=""
    )
    policies.keep("pay.look", ALEX)
    await office.engine.send(applied.run.run_id, StartRun(by=MEGAN))
    run = await office.finish(applied.run.run_id)
    assert (run.status, run.tasks[0].code, office.calls) == ("failed", "not_permitted", [])


async def test_a_rule_that_came_after_the_approval_holds_for_the_write(office: Office, policies: Changing) -> None:
    run_id = await office.run(plan(pay=Node(capability="pay.out")))
    run = await office.until(run_id, lambda run: bool(run.approvals))
    policies.keep("pay.out", ALEX)
    await office.decide(run_id, run.approvals[0].id, MEGAN, "approve")
    run = await office.finish(run_id)
    assert (run.tasks[0].code, office.calls) == ("not_permitted", [])


async def test_a_fallback_is_no_way_around(office: Office, policies: Changing) -> None:
    policies.keep("pay.look", ALEX)
    node = Node(capability="gone.look", fallback=Fallback("pay.look", {"n": 1}))
    run = await office.finish(await office.run(plan(look=node)))
    assert (run.status, run.tasks[0].code, office.calls) == ("failed", "not_permitted", [])


async def test_a_list_is_no_way_around(office: Office, policies: Changing) -> None:
    policies.keep("pay.look", ALEX)
    inside = {"look": Node(capability="pay.look", with_={"n": "${for_each.item}"})}
    each = ForEach(items="${[1, 2]}", tasks=inside, gives="${tasks.look}", on_failure="keep")
    run_id = await office.run(plan(all=Node(for_each=each)))
    run = await office.finish(run_id)
    failures = (await office.engine.value(run_id, run.tasks[0].entry))["failures"]
    assert ([each["code"] for each in failures], office.calls) == (["not_permitted"] * 2, [])
