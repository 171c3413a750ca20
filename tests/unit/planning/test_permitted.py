"""A playbook that needs what policy keeps for others is refused before it starts, and says who could."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from orchestration.capabilities import Registry
from orchestration.core.run import Person
from orchestration.errors import NotForYou, NotPermitted
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Missing, Planned
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import NoFile

GOAL, NOW = "Reconcile the supplier invoices for October 2026", datetime.fromisoformat("2026-11-22T10:00:00+00:00")
MEGAN = Person("1", "Megan", "megan@contoso.example", "t")
LEE, ALEX = "lee@contoso.example", "alex@contoso.example"


@pytest.mark.parametrize("kept", ["files.upload", "files.*", "ledger.sap.entries", "people.find", "*"])
@pytest.mark.parametrize("goal", [GOAL, "Reconcile the supplier invoices"])
async def test_a_playbook_that_needs_what_is_for_others_is_refused_and_says_who_could(
    registry: Registry, shipped: Path, kept: str, goal: str
) -> None:
    planner = PlaybookPlanner(registry, shipped, NoFile(Policy(initiators={kept: [LEE]})))
    with pytest.raises(NotForYou) as refused:
        await planner.plan(goal, MEGAN, NOW)
    assert refused.value.who_could == [LEE]
    assert registry.capability(refused.value.capability).title == refused.value.title  # type: ignore[union-attr]
    assert f"Who could: {LEE}." in refused.value.message
    assert isinstance(refused.value, NotPermitted)


async def test_what_was_asked_before_the_rule_came_is_refused_at_the_answer(registry: Registry, shipped: Path) -> None:
    policies = NoFile(Policy())
    planner = PlaybookPlanner(registry, shipped, policies)
    asked = await planner.plan("Reconcile the supplier invoices", MEGAN, NOW)
    assert isinstance(asked, Missing)
    policies._policy = Policy(initiators={"files.upload": [LEE]})
    with pytest.raises(NotForYou):
        await planner.plan("Reconcile the supplier invoices", MEGAN, NOW, answer=(asked, "October 2026"))


async def test_only_those_are_named_who_may_use_all_of_it(registry: Registry, shipped: Path) -> None:
    rules = {"files.*": [LEE, ALEX], "ledger.*": [MEGAN.upn, ALEX]}
    with pytest.raises(NotForYou) as refused:
        await PlaybookPlanner(registry, shipped, NoFile(Policy(initiators=rules))).plan(GOAL, MEGAN, NOW)
    assert refused.value.who_could == [ALEX]
    rules["ledger.*"] = [MEGAN.upn]
    with pytest.raises(NotForYou) as refused:
        await PlaybookPlanner(registry, shipped, NoFile(Policy(initiators=rules))).plan(GOAL, MEGAN, NOW)
    assert refused.value.who_could == []
    assert "Nobody could do all of this." in refused.value.message


async def test_whoever_is_named_gets_the_plan_and_rules_about_other_things_do_not_matter(
    registry: Registry, shipped: Path
) -> None:
    policy = Policy(initiators={"*": [MEGAN.upn.upper()], "calendar.create": [LEE]})
    assert isinstance(await PlaybookPlanner(registry, shipped, NoFile(policy)).plan(GOAL, MEGAN, NOW), Planned)
