"""Cards of plans that a language model has drawn up or changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot import cards, texts
from orchestration.core.amendment import Amendment, Step
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.planning.described import Line
from orchestration.planning.draft import PLANNING
from orchestration.planning.port import Missing, Suggestion

GOAL = "Tell Megan and Alex which deliveries are late, and put the list into the Atlas channel"
MODEL = "gpt-4.1-mini"
SPENT = Usage(model=MODEL, input_tokens=6210, output_tokens=512, seconds=3.4, cost=0.0042, currency="EUR")
STEPS = [
    Line(effect="read", what="Read goods receipts from SAP", system="SAP", title="Find the deliveries of this week"),
    Line(effect="compute", what="Compare two lists", system="", title="Which ones are late"),
    Line(effect="read", what="Find a person", system="Microsoft 365", title="", names=["Alex"], each=True),
    Line(effect="ask", what="", system="", title="Is the list right?", names=["Megan Bowen"]),
    Line(
        effect="write",
        what="Send a mail",
        system="Outlook",
        title="Tell Megan and Alex",
        names=["megan.bowen@contoso.example", "alex.wilber@contoso.example"],
        instead="Create a draft",
    ),
    Line(effect="write", what="Post into a channel", system="Teams", title="Have a look", names=["Atlas", "General"]),
]
CHANGE = Amendment(
    ending=True,
    title="Late deliveries",
    retitled="Late deliveries, with Adele",
    params=[("month", "2026-10", "2026-09"), ("tolerance_days", 3, 5)],
    added=[Step(task="tell", title="Tell Adele", effect="write")],
    removed=[Step(task="post", title="Post into a channel", effect="write")],
    changed=[Step(task="mail", title="Send a mail", effect="write")],
    again=[
        Step(
            task="sap",
            title="Read supplier invoices from SAP",
            status="succeeded",
            attempts=2,
            seconds=12.4,
            tokens=2100,
            cost=0.0031,
            currency="EUR",
        ),
        Step(task="match", title="Compare the invoices", status="succeeded", attempts=1, seconds=0.3),
    ],
    stands=[Step(task="upload", title="Put the workbook into SharePoint", effect="write", status="succeeded")],
    waits_for=["Put the workbook into SharePoint"],
)
BEFORE_START = Amendment(
    title="Late deliveries",
    added=[Step(task="ask", title="Is the list right?", effect="ask")],
    removed=[Step(task="post", title="Post into a channel", effect="write")],
    params=[("month", "2026-10", "2026-09")],
)


def samples(
    run: Callable[..., RunView], at: Callable[[float], datetime], suggestions: list[Suggestion]
) -> dict[str, Callable[[], dict[str, Any]]]:
    """The cards by name; `run` and `at` as in `samples`."""
    drawn = run("proposed", title="Late deliveries", goal=GOAL, params={}, model=MODEL)
    chosen = run("proposed", model=MODEL, playbook="reconcile-supplier-invoices@2")
    vetted = run("proposed", playbook="reconcile-supplier-invoices@2", revision=1)
    busy = run("running", "succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "asking", revision=1)
    planning = run("failed", title="Work out a plan", goal=GOAL, playbook=f"{PLANNING}@1", params={})
    source = {"run_id": busy.run_id, "planning": "p1"}
    reads, writes = ["Read supplier invoices from SAP"], ["Put the workbook into SharePoint"]
    asked = Missing(
        playbook=PLANNING,
        parameter="",
        question="Which deliveries do you mean?",
        choices=[("a", "Those of this week"), ("b", "All that are open")],
        given={},
    )
    unasked = run("running", "running", model=MODEL, receipts={(cards.UNASKED, drawn.initiator.id): "shown"})
    waiting = run("running", "running", amending=True)
    replanned = run("proposed", title="Late deliveries", goal=GOAL, params={}, model=MODEL, revision=1)
    return {
        "plan-model": lambda: cards.plan(drawn, [], [], [], steps=STEPS, spent=SPENT),
        "plan-model-reads": lambda: cards.plan(drawn, [], [], [], steps=STEPS[:2], spent=SPENT),
        "plan-model-changed": lambda: cards.plan(replanned, [], [], [], steps=STEPS, spent=SPENT, changed=BEFORE_START),
        "plan-chosen": lambda: cards.plan(chosen, reads, writes, [], spent=SPENT),
        "plan-changed": lambda: cards.plan(vetted, reads, writes, [], changed=BEFORE_START),
        "plan-without-model": lambda: cards.plan(vetted, reads, writes, [], told=texts.fits_best(_told())),
        "change": lambda: cards.change(busy, CHANGE, source, SPENT),
        "changed": lambda: cards.changed(busy, CHANGE),
        "changed-later": lambda: cards.changed(waiting, CHANGE),
        "changed-before": lambda: cards.changed(busy, None),
        "changed-not": lambda: cards.unchanged(busy),
        "change-outdated": lambda: cards.outdated_change(busy, source),
        "question-model": lambda: cards.question(asked, GOAL),
        "not-for-you": lambda: cards.not_for_you(
            "Pay all supplier invoices",
            "Paying invoices is for accountants",
            ["alex.wilber@contoso.example", "adele.vance@contoso.example"],
        ),
        "not-done": lambda: cards.not_for_you("Write malware", "That is nothing I help with", []),
        "unclear": lambda: cards.unclear(GOAL, "I do not know which deliveries count as late.", suggestions),
        "without-model": lambda: cards.without_model(planning, _told(), suggestions),
        "progress-unasked": lambda: cards.progress(unasked, at(3)),
        "progress-amending": lambda: cards.progress(waiting, at(3)),
        "status-planning": lambda: cards.status([run("running", playbook=f"{PLANNING}@1", goal=GOAL)], at(3)),
    }


def _told() -> str:
    return texts.no_model("model_unavailable")
