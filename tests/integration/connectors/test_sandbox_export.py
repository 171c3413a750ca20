"""SAP is down, and its export of last night stands in: the same invoices, and people are told how old they are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors import dynamics as dynamics_
from connectors import sap as sap_
from connectors.dynamics import DynamicsClient
from connectors.graph import GraphClient, SharePointFiles
from connectors.sap import ExportSettings, SapClient, export_worker
from orchestration.capabilities import Worker
from orchestration.core.commands import StartRun
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.view import RunView
from orchestration.errors import Invalid, Unavailable
from orchestration.workers.ledger import Period
from orchestration.workers.reconcile import reconcile
from tests.integration.connectors.conftest import Sandbox
from tests.support.office import Office, opened

OCTOBER = Period(month="2026-10", company="1010")
READ = {"month": "2026-10", "company": "1010"}


@pytest.fixture
def export(sandbox: Sandbox, graph: GraphClient) -> Worker:
    site, path = (sandbox.settings[f"TANDEM_SAP_EXPORT_{what}"] for what in ("SITE", "PATH"))
    return export_worker(ExportSettings(site=site, path=path), SharePointFiles(graph))


async def test_the_export_says_what_sap_says_and_how_old_it_is(
    sandbox: Sandbox, sap: SapClient, export: Worker
) -> None:
    exported = await export.call(OCTOBER, sandbox.task())
    own = await sap.invoices(OCTOBER.month, OCTOBER.company, sandbox.person("megan"))
    assert sorted(exported.entries, key=repr) == sorted(own.entries, key=repr)
    assert exported.source == own.source == "SAP"
    assert exported.note.startswith("from last night's export, ")
    assert exported.link
    assert own.note == ""
    assert export.summarize is not None
    assert export.summarize(exported).startswith("433 invoices from last night's export, ")


@pytest.mark.parametrize(
    ("period", "by", "why"),
    [
        (Period(month="2026-05", company="1010"), "megan", "has no invoices of company 1010 in 2026-05"),
        (Period(month="2026-10", company="2020"), "megan", "has no invoices of company 2020"),
        (OCTOBER, "diego", "There is no SharePoint site Finance that you may open"),
    ],
)
async def test_an_export_that_cannot_stand_in_leaves_the_chance_that_sap_comes_back(
    sandbox: Sandbox, export: Worker, period: Period, by: str, why: str
) -> None:
    with pytest.raises(Unavailable, match=why) as refused:
        await export.call(period, sandbox.task(by))
    assert refused.value.retry_after
    with pytest.raises(Invalid, match="company code"):
        await export.call(Period(month="2026-10", company=""), sandbox.task())


def sap_task(run: RunView) -> tuple[str, int, str]:
    task = next(each for each in run.tasks if each.name == "sap")
    return task.status, task.attempt, task.summary


async def test_a_reconciliation_goes_on_with_the_export_and_says_so(
    tmp_path: Path, sandbox: Sandbox, sap: SapClient, dynamics: DynamicsClient, export: Worker
) -> None:
    office = Office(tmp_path)
    for each in (*sap_.workers(sap), *dynamics_.workers(dynamics), export, reconcile):
        office.registry.add(each)
    ledgers = {"sap": "${tasks.sap}", "dynamics": "${tasks.dynamics}"}
    plan = Plan(
        title="October",
        tasks={
            "sap": Node(capability="ledger.sap.entries", with_=READ),
            "dynamics": Node(capability="ledger.dynamics.entries", with_=READ),
            "match": Node(capability="ledger.reconcile", with_={"ledgers": ledgers}, needs=["sap", "dynamics"]),
        },
        answer=Answer(text="${tasks.match.notes_text}", facts=[("Compared", "${tasks.match.compared_text}")]),
    )
    sandbox.control("break", system="sap", seconds=60, status=503)
    async with opened(office):
        applied = await office.engine.propose(
            plan, goal="reconcile", initiator=sandbox.person("megan"), origin="", command_id=""
        )
        run_id = applied.run.run_id
        await office.send(run_id, StartRun(by=sandbox.person("megan")))
        for attempt in (1, 2, 3):
            await office.until(run_id, lambda run, n=attempt: sap_task(run)[:2] == ("backing_off", n))  # type: ignore[misc]
            office.clock.advance(timedelta(seconds=10))
        run = await office.finish(run_id)
        assert run.status == "succeeded"
        status, attempts, summary = sap_task(run)
        assert (status, attempts) == ("succeeded", 4)
        assert summary.startswith("433 invoices from last night's export, ")
        answer = office.surface.reports[0][1]
        assert answer is not None
        assert answer.text.startswith("SAP: from last night's export, ")
        assert answer.facts[0][1].startswith("SAP (from last night's export, ")
        states = {
            each.worker: each.state for each in office.registry.health() if each.capability == "ledger.sap.entries"
        }
        assert states == {"ledger.sap.entries@_Entries.read": "down", "ledger.sap.export": "up"}

        sandbox.control("mend", system="sap")
        office.clock.advance(timedelta(seconds=30))
        office.surface.reports.clear()
        again = await office.engine.propose(
            plan, goal="reconcile", initiator=sandbox.person("megan"), origin="", command_id=""
        )
        await office.send(again.run.run_id, StartRun(by=sandbox.person("megan")))
        run = await office.finish(again.run.run_id)
        assert sap_task(run) == ("succeeded", 1, "433 invoices")
        assert {each.state for each in office.registry.health()} == {"up"}
