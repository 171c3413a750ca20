"""What each card tells, and what its buttons send."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bot import cards
from orchestration.core.plan import Answer, Choice
from orchestration.core.question import decide_items
from orchestration.core.run import Person
from orchestration.planning.port import Missing
from tests.support.cards import samples as s
from tests.support.cards.samples import at, run, task
from tests.support.cards.schema import elements


def text(card: dict[str, Any]) -> str:
    """Everything that people read, part by part."""
    keys = ("text", "title", "value", "label", "placeholder")
    return "\n".join(part[key] for _, part in elements(card["body"]) for key in keys if isinstance(part.get(key), str))


def buttons(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The card's Action.Execute buttons by title."""
    found = [part for _, part in elements(card) if part.get("type") == "Action.Execute"]
    return {part["title"]: part for part in found}


def inputs(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The card's inputs by id."""
    return {part["id"]: part for _, part in elements(card) if str(part.get("type")).startswith("Input.")}


def press(card: dict[str, Any], title: str) -> tuple[str, dict[str, Any]]:
    """Verb and data of a button."""
    return buttons(card)[title]["verb"], buttons(card)[title]["data"]


def test_every_card_of_a_run_says_what_it_is_about_and_for_whom() -> None:
    for card in (
        cards.progress(s.BUSY, at(9)),
        cards.decision(s.WAITING, s.OPEN, s.SHOWN, s.ALEX),
        cards.outcome(s.DONE, s.ANSWER),
    ):
        assert "October 2026" in text(card)
        assert "for Megan Bowen" in text(card)


def test_the_period_is_named_once() -> None:
    plain_title = msgspec.structs.replace(s.BUSY, title="Supplier invoices")
    assert "October 2026 · for Megan Bowen" in text(cards.progress(plain_title, at(9)))
    assert text(cards.progress(s.BUSY, at(9))).count("October 2026") == 1


# Goals


def test_a_goal_starts_with_one_press() -> None:
    for card in (
        cards.welcome(s.SUGGESTIONS, "Megan Bowen"),
        cards.help_card(s.SUGGESTIONS),
        cards.unmatched("x", s.SUGGESTIONS),
    ):
        sent = press(card, "Reconcile supplier invoices")
        assert sent == ("goal.say", {"text": "Reconcile the supplier invoices for last month"})


def test_welcome_greets_by_first_name_and_help_lists_the_words() -> None:
    assert "Hello Megan" in text(cards.welcome(s.SUGGESTIONS, "Megan Bowen"))
    shown = text(cards.help_card(s.SUGGESTIONS))
    assert all(word in shown for word in ("status", "cancel", "sign out", "help"))


def test_an_unmatched_goal_is_quoted_and_nothing_was_started() -> None:
    shown = text(cards.unmatched("order pizza", s.SUGGESTIONS))
    assert "“order pizza”" in shown
    assert "Nothing was started" in shown


def test_a_question_sends_the_value_of_the_chosen_answer() -> None:
    card = s.SAMPLES["question"]()
    assert press(card, "October 2026") == ("goal.answer", {"asked": "", "value": "2026-10"})
    assert "Which month shall be reconciled?" in text(card)


def test_many_answers_become_a_list_and_none_asks_for_a_message() -> None:
    card = s.SAMPLES["question-many"]()
    assert len(inputs(card)["value"]["choices"]) == 40
    assert inputs(card)["value"]["isRequired"]
    assert press(card, "Go on") == ("goal.answer", {"asked": ""})
    free = cards.question(Missing(playbook="p", parameter="m", question="Which?", choices=[], given={}), "x")
    assert buttons(free) == {}
    assert "Write the answer as a message." in text(free)


# Plan, progress, status


def test_a_plan_says_what_is_read_written_and_asked_and_can_be_started_or_cancelled() -> None:
    card = s.SAMPLES["plan"]()
    shown = text(card)
    assert all(phrase in shown for phrase in (*s.READS, *s.WRITES, *s.ASKS, "Nothing has been done yet", "Month"))
    data = {"run_id": s.BUSY.run_id}
    assert press(card, "Start") == ("run.start", {**data, "revision": 0})
    assert press(card, "Cancel") == ("run.cancel", data)


def test_a_plan_that_only_reads_says_so() -> None:
    assert "Nothing is changed" in text(cards.plan(run("proposed"), s.READS, [], []))


def test_progress_tells_state_time_and_figures_of_each_task_in_words() -> None:
    shown = text(cards.progress(s.BUSY, at(9)))
    for expected in ("Working", "3 of 8 steps done", "412 invoices", "7.8 s", "Not started"):
        assert expected in shown


def test_progress_tells_why_and_when_it_tries_again() -> None:
    shown = text(s.SAMPLES["progress-retry"]())
    assert "SAP does not answer (503)" in shown
    assert "trying again in 12 s (try 3 of 5)" in shown


def test_progress_names_who_is_asked_and_who_decided() -> None:
    assert "Waiting for Alex Wilber" in text(s.SAMPLES["progress-waiting"]())
    gate = text(s.SAMPLES["progress-gate"]())
    assert "decided by Alex Wilber" in gate
    assert "Waiting for your answer in this chat" in gate
    assert "allowed by you" in text(s.SAMPLES["progress-done"]())


def test_progress_can_be_cancelled_only_while_it_runs() -> None:
    assert press(cards.progress(s.BUSY, at(9)), "Cancel the run") == ("run.cancel", {"run_id": s.BUSY.run_id})
    for status in ("closing", "succeeded", "failed", "cancelled"):
        assert buttons(cards.progress(msgspec.structs.replace(s.BUSY, status=status), at(9))) == {}


def test_an_ended_run_shows_what_it_left_open_as_not_done() -> None:
    shown = text(cards.progress(run("failed", "failed", ended=True), at(400)))
    assert "Not done" in shown
    assert "Not started" not in shown


def test_progress_of_a_very_large_plan_keeps_what_matters_and_counts_the_rest() -> None:
    tasks = [msgspec.structs.replace(task(0, "succeeded"), name=f"t{n}", title=f"Step {n}") for n in range(200)]
    tasks[150] = msgspec.structs.replace(tasks[150], status="failed", title="The broken one")
    shown = text(cards.progress(msgspec.structs.replace(s.BUSY, tasks=tasks), at(9)))
    assert "The broken one" in shown
    assert "and 170 more steps: 170 done" in shown


def test_status_lists_open_runs_first_each_with_its_own_cancel() -> None:
    card = s.SAMPLES["status"]()
    assert text(card).index("Waiting for Alex Wilber") < text(card).index("Finished")
    sent = [part["data"] for _, part in elements(card["body"]) if part.get("type") == "Action.Execute"]
    assert sent == [{"run_id": s.BUSY.run_id}] * 2
    assert "Nothing is under way" in text(cards.status([], at(0)))


# Decisions


def test_the_accountant_gets_a_rule_for_each_kind_and_exceptions_for_single_items() -> None:
    card = cards.decision(s.WAITING, s.OPEN, s.SHOWN, s.ALEX)
    given = inputs(card)
    kinds = {item.kind for item in s.ITEMS}
    assert {name for name in given if name.startswith("rule:")} == {f"rule:{kind}" for kind in kinds}
    assert {name for name in given if name.startswith("item:")} == {f"item:{item.id}" for item in s.ITEMS}
    assert all(given[f"rule:{kind}"]["value"] == "investigate" for kind in kinds)
    single = given[f"item:{s.ITEMS[0].id}"]
    assert "value" not in single
    assert single["placeholder"] == "As the rule says"
    assert not single.get("isRequired")
    count = sum(item.kind == "amount" for item in s.ITEMS)
    assert given["rule:amount"]["label"] == f"Different amounts ({count})"
    assert "comment" in given


def test_send_decisions_carries_everything_that_finds_the_question() -> None:
    card = cards.decision(s.WAITING, s.OPEN, s.SHOWN, s.ALEX)
    data = {"run_id": s.WAITING.run_id, "approval": s.OPEN.id, "shown": s.OPEN.entry, "choice": "answer"}
    assert press(card, "Send decisions") == ("approval.decide", data)
    assert "associatedInputs" not in buttons(card)["Send decisions"], "inputs are sent along"


def test_what_the_card_offers_is_what_the_core_takes() -> None:
    given = inputs(cards.decision(s.WAITING, s.OPEN, s.SHOWN, s.ALEX))
    rules = {name[5:]: part["value"] for name, part in given.items() if name.startswith("rule:")}
    singly = {name[5:]: part["choices"][0]["value"] for name, part in given.items() if name.startswith("item:")}
    assert set(decide_items(s.SHOWN, rules, singly).values()) == {"sap"}


def test_the_largest_items_come_first_with_what_each_system_says() -> None:
    shown = text(cards.decision(s.WAITING, s.OPEN, s.SHOWN, s.ALEX))
    heaviest, lightest = max(s.ITEMS, key=lambda item: item.weight), min(s.ITEMS, key=lambda item: item.weight)
    assert shown.index(heaviest.title) < shown.index(lightest.title)
    assert all(value in shown for _, value in heaviest.facts)


def test_of_500_items_20_are_shown_and_the_card_says_that_rules_cover_the_rest() -> None:
    card = s.SAMPLES["decision-500"]()
    assert sum(name.startswith("item:") for name in inputs(card)) == 20
    assert "The 20 largest of 500. The other 480 follow the rule of their kind." in text(card)


def test_a_kind_without_default_must_be_answered() -> None:
    card = cards.decision(s.WAITING, s.OPEN, msgspec.structs.replace(s.SHOWN, default=""), s.ALEX)
    rule = inputs(card)["rule:amount"]
    assert rule["isRequired"]
    assert rule["errorMessage"]


@pytest.mark.parametrize(
    ("sample", "answers"),
    [
        ("write", {"Allow": "approve", "Don't allow": "reject"}),
        ("failure", {"Try again": "retry", "Go on without it": "skip", "Cancel the run": "cancel"}),
        ("decision-whole", {"Approve": "approve", "Reject": "reject"}),
    ],
)
def test_a_question_without_items_has_a_button_for_each_answer(sample: str, answers: dict[str, str]) -> None:
    card = s.SAMPLES[sample]()
    given = {title: part for title, part in buttons(card).items() if part["verb"] == "approval.decide"}
    assert {title: part["data"]["choice"] for title, part in given.items()} == answers


def test_many_answers_to_the_whole_become_a_list() -> None:
    shown = msgspec.structs.replace(s.SHOWN_WHOLE, choices=[Choice(f"c{n}", f"Answer {n}") for n in range(9)])
    card = cards.decision(s.WAITING, s.ASKED_WHOLE, shown, s.ALEX)
    assert len(inputs(card)["choice"]["choices"]) == 9
    assert "choice" not in press(card, "Send the answer")[1]


def test_a_write_shows_exactly_what_goes_where_and_that_nothing_happens_unasked() -> None:
    shown = text(s.SAMPLES["write"]())
    assert all(value in shown for _, value in s.SHOWN_WRITE.facts)
    assert "Nothing is written unless you allow it." in shown


def test_a_failure_tells_what_each_answer_leads_to() -> None:
    shown = text(s.SAMPLES["failure"]())
    assert "SAP does not answer (503)." in shown
    assert "5 times" in shown
    assert "the result will lack this part" in shown


def test_a_decided_card_names_who_what_and_when_and_has_nothing_to_press() -> None:
    for sample in ("decided", "decided-short", "decided-write", "decided-refused", "withdrawn"):
        card = s.SAMPLES[sample]()
        assert buttons(card) == {}
        assert inputs(card) == {}
    shown = text(s.SAMPLES["decided"]())
    assert "by Alex Wilber" in shown
    assert "Northwind sent a corrected invoice" in shown
    assert "{{TIME(2026-11-22T09:34:50Z)}}" in shown
    assert "Register is right" in shown
    assert s.ITEMS[1].title in shown
    assert "Not allowed" in text(s.SAMPLES["decided-refused"]())


def test_a_withdrawn_card_says_why() -> None:
    assert "The run was cancelled before anybody answered." in text(s.SAMPLES["withdrawn"]())


# Sign-in and the end


def test_sign_in_names_what_waits_and_opens_the_page() -> None:
    card = s.SAMPLES["sign-in"]()
    assert "Read supplier invoices from SAP" in text(card)
    assert card["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Sign in",
            "style": "positive",
            "url": "https://login.contoso.example/start?x=1",
        }
    ]


def test_sign_in_without_a_usable_address_has_no_button_and_says_so() -> None:
    card = cards.sign_in(s.BUSY, "javascript:alert(1)")
    assert "actions" not in card
    assert "no valid address" in text(card)


def test_success_tells_the_answer_its_figures_and_opens_the_result() -> None:
    card = cards.outcome(s.DONE, s.ANSWER)
    assert s.ANSWER.text in text(card)
    assert all(value in text(card) for _, value in s.ANSWER.facts)
    assert card["actions"][0]["url"] == s.ANSWER.link
    assert "actions" not in cards.outcome(s.DONE, Answer("Done", link="javascript:x"))


def test_a_failure_tells_what_happened_what_is_safe_and_what_to_do_next() -> None:
    card = s.SAMPLES["outcome-failed"]()
    shown = text(card)
    assert "has no sheet “2026-10”" in shown
    assert "Nothing was written." in shown
    assert press(card, "Start anew") == ("goal.say", {"text": s.GOAL})


def test_a_write_that_happened_before_a_failure_is_named() -> None:
    view = run("failed", *s.FIVE_DONE, "succeeded", "failed", "succeeded", ended=True)
    shown = text(cards.outcome(view, None))
    assert "Written, and it stays" in shown
    assert "Nothing was written" not in shown


@pytest.mark.parametrize("left", [task(7, "in_doubt"), task(7, "failed", code="outcome_unknown")])
def test_a_write_in_doubt_is_never_called_undone(left: Any) -> None:
    shown = text(cards.outcome(run("failed", *s.FIVE_DONE, "succeeded", "succeeded", left, ended=True), None))
    assert "Perhaps written, please look" in shown
    assert "Nothing was written" not in shown


def test_a_message_keeps_its_paragraphs() -> None:
    card = s.SAMPLES["message-attention"]()
    runs = [part["text"] for _, part in elements(card["body"]) if part.get("type") == "TextRun"]
    assert runs == ["The message could not be read. Nothing was changed.", "Please send it again."]


def test_progress_offers_to_go_on_without_an_answer_that_may_be_missing() -> None:
    tasks = [msgspec.structs.replace(task, may_skip=task.status == "asking") for task in s.WAITING.tasks]
    drawn = cards.progress(msgspec.structs.replace(s.WAITING, tasks=tasks), s.at(20))
    assert "Go on without Alex Wilber" in str(drawn)
    assert "Go on without" not in str(cards.progress(s.WAITING, s.at(20)))


@pytest.mark.parametrize(
    ("approver", "title"),
    [
        (s.MEGAN, "Go on without my answer"),
        (msgspec.structs.replace(s.ALEX, name="Ayoub Haddad"), "Go on without Ayoub Haddad"),
    ],
)
def test_going_on_without_an_answer_names_whose_it_is_and_leaves_the_name_alone(approver: Person, title: str) -> None:
    asked = s.approval("decide", "decision", s.SHOWN.title, approver)
    tasks = [msgspec.structs.replace(task, may_skip=task.status == "asking") for task in s.WAITING.tasks]
    drawn = cards.progress(msgspec.structs.replace(s.WAITING, tasks=tasks, approvals=[asked]), s.at(20))
    assert press(drawn, title) == ("approval.skip", {"run_id": s.WAITING.run_id, "approval": asked.id})
    assert [each for each in buttons(drawn) if each.startswith("Go on")] == [title]
