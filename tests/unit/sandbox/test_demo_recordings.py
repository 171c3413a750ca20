"""The recordings that a laptop starts with: each gives what a person may be shown, judged as a model's plan is."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

import orchestration.playbooks
from connectors.dynamics import workers as dynamics_workers
from connectors.dynamics.client import DynamicsClient
from connectors.graph import workers as graph_workers
from connectors.graph.client import GraphClient
from connectors.sandbox.model.asked import Asked
from connectors.sandbox.model.recordings import Recordings
from connectors.sap import workers as sap_workers
from connectors.sap.client import SapClient
from orchestration.capabilities import Registry
from orchestration.core.plan import Plan
from orchestration.planning import loader
from orchestration.planning.answer import Answer, read_answer
from orchestration.planning.assembly import Assembler, Proposal
from orchestration.planning.compiler import fill
from orchestration.planning.draft import OpenRun
from orchestration.planning.portrayal import portrayed
from orchestration.planning.problems import plan_problems
from orchestration.planning.restraint import Restraint
from orchestration.planning.spoken import Spoken
from orchestration.workers.everyday import EVERYDAY
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import workbook

TODAY = date(2026, 11, 23)
PLAYBOOKS = loader.load(Path(next(iter(orchestration.playbooks.__path__))))
REGISTRY = Registry(
    [
        reconcile,
        workbook,
        *EVERYDAY,
        *graph_workers(cast("GraphClient", None)),
        *sap_workers(cast("SapClient", None)),
        *dynamics_workers(cast("DynamicsClient", None)),
    ]
)
USABLE = {each.name: each for each in REGISTRY.capabilities()}


def open_run(name: str) -> OpenRun:
    playbook = PLAYBOOKS[name]
    given = {key: each.default for key, each in playbook.params.items() if each.default}
    plan = fill(playbook, {**given, "month": "2026-10"})
    return OpenRun(handle="A", run_id="r", status="running", revision=0, plan=plan)


INVOICES, RECEIPTS = open_run("reconcile-supplier-invoices"), open_run("reconcile-goods-receipts")


def told(run: OpenRun) -> dict[str, Any]:
    """A run as the model is told of it."""
    plan = msgspec.to_builtins(portrayed(run.plan))
    tasks = [{"task": name, "status": "pending", "code": ""} for name in run.plan.tasks]
    return {"run": run.handle, "title": run.plan.title, "status": run.status, "plan": plan, "tasks": tasks}


def answered(goal: str, *said: str, run: OpenRun | None = None, turn: int = 0) -> Answer:
    runs = [told(run)] if run else []
    found = Recordings().find(Asked(goal=goal, today=TODAY, said=list(said), runs=runs, turn=turn))
    text = found.step.content(found.places)
    assert text is not None
    return read_answer(text)


def judged(answer: Answer, *words: str, run: OpenRun | None = None) -> tuple[Plan, list[str]]:
    """The plan of an answer, and all that is wrong with it."""
    made = Assembler(REGISTRY, PLAYBOOKS, TODAY, {"A": run} if run else {}).assemble(answer)
    assert isinstance(made, Proposal)
    restraint = Restraint(USABLE, (), Spoken(words), lambda url: False)
    return made.plan, [*plan_problems(made.plan, REGISTRY), *restraint.problems(made)]


@pytest.mark.parametrize(
    ("goal", "said", "turn", "writes"),
    [
        (
            "Find the steering committee minutes of Atlas and draft a mail with a summary to Adele Vance",
            [],
            0,
            ["mail.draft"],
        ),
        ("What is in my calendar next week, and draft a mail to Megan Bowen with it", [], 0, ["mail.draft"]),
        ("Let the team know that the October register is complete", ["Finance"], 0, ["chat.post"]),
        ("Read me the latest Atlas status report and keep it in my drafts", [], 1, ["mail.draft"]),
    ],
)
def test_a_goal_without_a_playbook_gets_a_plan_that_may_be_shown(
    goal: str, said: list[str], turn: int, writes: list[str]
) -> None:
    plan, problems = judged(answered(goal, *said, turn=turn), goal, *said)

    assert problems == []
    used = [node.capability for node in plan.tasks.values() if node.capability]
    assert [name for name in used if USABLE[name].effect == "write"] == writes


@pytest.mark.parametrize("words", ["Make it September", "nimm september!"])
@pytest.mark.parametrize("run", [INVOICES, RECEIPTS], ids=["invoices", "receipts"])
def test_another_month_changes_the_parameter_and_nothing_else(words: str, run: OpenRun) -> None:
    plan, problems = judged(answered(words, run=run), words, run=run)

    assert problems == []
    assert plan.params == {**run.plan.params, "month": "2026-09"}
    assert plan.tasks.keys() == run.plan.tasks.keys()


def test_a_system_is_left_out_and_the_rest_stays() -> None:
    plan, problems = judged(answered("without SAP", run=INVOICES), "without SAP", run=INVOICES)

    assert problems == []
    assert INVOICES.plan.tasks.keys() - plan.tasks.keys() == {"sap"}
    assert plan.tasks["decide"] == INVOICES.plan.tasks["decide"]


def test_the_result_is_mailed_to_whom_the_words_name() -> None:
    words = "Also mail it to Megan Bowen."
    plan, problems = judged(answered(words, run=INVOICES), words, run=INVOICES)

    assert problems == []
    assert list(plan.tasks)[-2:] == ["reader", "mail"]
    assert plan.tasks["reader"].with_ == {"who": "Megan Bowen"}
    assert "upload" in plan.tasks["mail"].needs


def test_the_result_is_mailed_without_a_system_that_was_left_out_before() -> None:
    left_out, _ = judged(answered("without SAP", run=INVOICES), "without SAP", run=INVOICES)
    run = msgspec.structs.replace(INVOICES, plan=left_out)
    words = "Also mail it to Megan Bowen."
    plan, problems = judged(answered(words, run=run), words, run=run)

    assert problems == []
    assert plan.tasks.keys() == left_out.tasks.keys() | {"reader", "mail"}


def test_whom_the_words_name_only_by_halves_is_asked_about_first() -> None:
    words = ["Also mail it to Megan", "megan.bowen@contoso.example"]
    plan, problems = judged(answered(*words, run=INVOICES), *words, run=INVOICES)

    assert problems == []
    assert plan.tasks["reader"].with_ == {"who": "megan.bowen@contoso.example"}


def test_odd_words_find_the_playbook() -> None:
    answer = answered("did we pay anybody twice in October?")
    plan, problems = judged(answer, "did we pay anybody twice in October?")

    assert problems == []
    assert plan.playbook.startswith("reconcile-supplier-invoices@")
    assert plan.params["month"] == "2026-10"


def test_what_is_missing_is_asked_for_and_what_cannot_be_done_is_declined() -> None:
    asked = answered("Let the team know that the October register is complete")
    person = answered("Also mail it to Megan", run=INVOICES)
    declined = answered("Delete my old mails")

    assert (asked.outcome, asked.choices) == ("question", ["Finance", "Atlas"])
    assert (person.outcome, person.text) == ("question", "Which Megan do you mean? Give the full name or the address.")
    assert (declined.outcome, declined.capability) == ("refusal", "")


def test_the_wrong_answer_is_wrong() -> None:
    goal = "Read me the latest Atlas status report and keep it in my drafts"
    _, problems = judged(answered(goal, turn=0), goal)

    assert any("files.latest" in problem for problem in problems)
