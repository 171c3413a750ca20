"""What the deployment's policy denies is said before a run starts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from orchestration.capabilities import Registry
from orchestration.core.run import Person
from orchestration.errors import InvalidPlan
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Planned
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import NoFile

GOAL, NOW = "Reconcile the supplier invoices for October 2026", datetime.fromisoformat("2026-11-22T10:00:00+00:00")
MEGAN = Person("1", "Megan", "megan@contoso.example", "t")


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("files.upload", "files.upload (Save a file)"),
        ("files.*", "files.table"),
        ("ledger.sap.entries", "ledger.sap.entries"),
    ],
)
async def test_a_plan_that_policy_denies_is_not_offered(
    registry: Registry, shipped: Path, rule: str, named: str
) -> None:
    planner = PlaybookPlanner(registry, shipped, NoFile(Policy(capabilities={rule: "deny"})))
    with pytest.raises(InvalidPlan) as refused:
        await planner.plan(GOAL, MEGAN, NOW)
    assert "The policy of this deployment denies" in refused.value.message
    assert named in refused.value.message


async def test_a_plan_is_offered_where_policy_asks_or_allows(registry: Registry, shipped: Path) -> None:
    for rule in ("ask", "allow"):
        planner = PlaybookPlanner(registry, shipped, NoFile(Policy(capabilities={"*": rule})))  # type: ignore[dict-item]
        assert isinstance(await planner.plan(GOAL, MEGAN, NOW), Planned)
