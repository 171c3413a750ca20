"""What cards tell of plans that a language model has drawn up or changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bot import cards
from orchestration.core.amendment import Amendment, Step
from orchestration.core.usage import Usage
from orchestration.planning.described import Line
from tests.support.cards import samples as s
from tests.support.cards.planning import BEFORE_START, CHANGE, GOAL, MODEL, SPENT, STEPS
from tests.support.cards.samples import at, run
from tests.unit.cards.test_cards import buttons, press, text

DRAWN = run("proposed", title="Late deliveries", goal=GOAL, params={}, model=MODEL, revision=2)


def sample(name: str) -> dict[str, Any]:
    return s.SAMPLES[name]()


def test_the_plan_card_says_whether_it_is_a_playbook_or_a_models_own() -> None:
    drawn = text(sample("plan-model"))
    assert f"Drawn up by the language model “{MODEL}” for this goal, since no playbook fits." in drawn
    chosen = text(sample("plan-chosen"))
    assert "From the playbook “reconcile-supplier-invoices”, version 2." in chosen
    assert f"The language model “{MODEL}” chose it for your words." in chosen
    vetted = text(sample("plan-changed"))
    assert "From the playbook “reconcile-supplier-invoices”, version 2." in vetted
    assert "chose it" not in vetted


def test_every_step_of_a_models_plan_is_named_by_its_capability_first_and_by_the_model_second() -> None:
    shown = text(cards.plan(DRAWN, [], [], [], steps=STEPS))
    for step in STEPS:
        if step.what:
            assert step.what in shown
        if step.title and step.what:
            assert shown.index(step.what) < shown.index(f"“{step.title}”")
    assert "Write · Teams:" in shown
    assert "“Have a look”" in shown, "what the model calls a write"


def test_whom_a_models_plan_names_is_on_the_card_letter_by_letter() -> None:
    shown = text(cards.plan(DRAWN, [], [], [], steps=STEPS))
    assert "megan.bowen@contoso.example, alex.wilber@contoso.example" in shown
    many = Line(effect="write", what="Send", system="Outlook", title="", names=[f"p{n}@x.example" for n in range(11)])
    assert "and 3 more" in text(cards.plan(DRAWN, [], [], [], steps=[many]))


def test_a_fallback_that_writes_is_told() -> None:
    assert "if that fails: Create a draft" in text(sample("plan-model"))


def test_what_writes_is_shown_before_what_reads_where_room_is_short() -> None:
    read = Line(effect="read", what="Read on and on", system="SAP", title="")
    steps = [*[read] * 60, STEPS[-1]]
    card = cards.plan(DRAWN, [], [], [], steps=steps)
    assert "Post into a channel" in text(card)
    assert "more steps" in text(card)


def test_what_planning_took_is_told_as_far_as_it_is_known() -> None:
    assert "6,722 tokens" in text(sample("plan-model"))
    assert "0.0042 EUR" in text(sample("plan-model"))
    guessed = Usage(model=MODEL, input_tokens=10, output_tokens=2, estimated=True)
    shown = text(cards.plan(DRAWN, [], [], [], steps=STEPS, spent=guessed))
    assert "about 12 tokens" in shown
    assert "EUR" not in shown


def test_a_plan_of_reads_only_says_that_nothing_is_changed() -> None:
    assert "It only reads. Nothing is changed." in text(sample("plan-model-reads"))
    assert "Before each change I show you" in text(sample("plan-model"))


def test_start_names_the_plan_that_was_shown() -> None:
    assert press(cards.plan(DRAWN, [], [], [], steps=STEPS), "Start") == (
        "run.start",
        {"run_id": DRAWN.run_id, "revision": 2},
    )


def test_a_change_before_the_start_is_shown_on_the_plan() -> None:
    shown = text(cards.plan(DRAWN, [], [], [], steps=STEPS, changed=BEFORE_START))
    assert "What has changed" in shown
    assert "Month: September 2026 instead of October 2026" in shown
    for word, title in (("New:", "Is the list right?"), ("Left out:", "Post into a channel")):
        assert f"{word}\n \n{title}" in shown or f"{word}\n{title}" in shown


def test_a_playbook_with_another_parameter_shows_that_and_not_every_step_that_reads_it() -> None:
    vetted = run("proposed", playbook="reconcile-supplier-invoices@2", revision=1)
    shown = text(cards.plan(vetted, s.READS, s.WRITES, [], changed=CHANGE))
    assert "Month: September 2026 instead of October 2026" in shown
    assert "Done otherwise" not in shown
    assert "Done otherwise" in text(cards.plan(DRAWN, [], [], [], steps=STEPS, changed=CHANGE))


def test_a_plan_that_a_model_has_changed_says_that_no_playbook_vouches_for_it() -> None:
    assert f"Changed by the language model “{MODEL}” as you said" in text(sample("plan-model-changed"))


def test_a_change_during_the_run_shows_all_that_follows_and_what_was_spent_on_what_is_done_again() -> None:
    shown = text(sample("change"))
    for expected in (
        "Title: Late deliveries, with Adele",
        "Tolerance days: 5 instead of 3",
        "Tell Adele",
        "Left out:",
        "Done otherwise:",
        "Done again:",
        "2 tries so far",
        "12 s",
        "2,100 tokens",
        "0.0031 EUR",
        "Written, and it stays:",
        "Is done and stays so",
        "Read vendor invoices from Dynamics",
        "“Put the workbook into SharePoint” is being written at this moment.",
        "Nothing has changed yet.",
    ):
        assert expected in shown
    assert "• Read supplier invoices from SAP" not in shown, "what is done again does not stay"


def test_consent_names_where_the_change_is_found_and_leaving_it_only_the_run() -> None:
    card = sample("change")
    assert press(card, "Change the plan") == ("plan.change", {"run_id": s.BUSY.run_id, "planning": "p1"})
    assert press(card, "Leave it as it is") == ("plan.leave", {"run_id": s.BUSY.run_id})


def test_after_consent_the_card_says_what_was_done_or_for_what_it_waits() -> None:
    done, later = text(sample("changed")), text(sample("changed-later"))
    assert "The plan was changed" in done
    assert "The plan changes as soon as what is being written is done" in later
    assert buttons(sample("changed")) == buttons(sample("changed-later")) == {}


def test_a_change_of_one_thing_shows_that_only() -> None:
    one = Amendment(title="t", added=[Step(task="a", title="Tell Adele")])
    shown = text(cards.change(s.BUSY, one, {"run_id": "r"}))
    for absent in ("Left out", "Done again", "Done otherwise", "it stays:", "is being written"):
        assert absent not in shown


def test_an_outdated_change_can_be_worked_out_again() -> None:
    card = sample("change-outdated")
    assert press(card, "Work it out again") == ("plan.again", {"run_id": s.BUSY.run_id, "planning": "p1"})


def test_a_refusal_says_who_could_and_where_that_is_set() -> None:
    shown = text(sample("not-for-you"))
    assert "Paying invoices is for accountants." in shown
    assert "adele.vance@contoso.example" in shown
    assert "policy file" in shown
    assert "policy file" not in text(sample("not-done"))


@pytest.mark.parametrize("name", ["unclear", "without-model"])
def test_where_no_plan_came_of_a_goal_playbooks_are_offered(name: str) -> None:
    card = sample(name)
    assert GOAL in text(card)
    assert "Nothing was started" in text(card)
    assert press(card, "Reconcile supplier invoices")[0] == "goal.say"


def test_a_failed_run_can_be_replanned_only_where_there_is_a_model() -> None:
    again = {"run_id": s.FAILED.run_id}
    failed = msgspec.structs.replace(s.FAILED, failed=[s.FAILED.tasks[2]])
    assert press(cards.outcome(failed, None, rethinks=True), "Find another way") == ("run.rethink", again)
    assert "Find another way" not in buttons(cards.outcome(failed, None))
    assert press(sample("failure-another-way"), "Find another way")[0] == "run.rethink"
    assert "Find another way" not in buttons(sample("failure"))


def test_only_the_initiator_is_offered_another_way() -> None:
    card = cards.decision(s.BUSY, s.ASKED_FAILURE, s.SHOWN_FAILURE, s.ALEX, rethinks=True)
    assert "Find another way" not in buttons(card)


def test_a_run_that_policy_let_begin_says_so() -> None:
    assert "begun without being shown first" in text(sample("progress-unasked"))
    assert "begun without" not in text(cards.progress(s.BUSY, at(3)))


def test_planning_under_way_is_listed_as_such() -> None:
    shown = text(sample("status-planning"))
    assert "Working out a plan" in shown
    assert s.BUSY.title not in shown


def test_the_change_of_the_samples_has_every_kind() -> None:
    assert all(getattr(CHANGE, name) for name in CHANGE.__struct_fields__)
    assert SPENT.cost
