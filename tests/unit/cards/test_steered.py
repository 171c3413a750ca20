"""What cards say of runs that are paused, taken up again, late, voted on, or only rehearsed."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import cards
from orchestration.core.run import Part
from tests.support.cards import samples as s
from tests.support.cards.samples import ADELE, ALEX, MEGAN, at, run, task
from tests.unit.cards.test_cards import buttons, inputs, press, text

RUN = {"run_id": s.BUSY.run_id}


def sample(name: str) -> dict[str, Any]:
    return s.SAMPLES[name]()


def test_a_run_can_be_paused_and_let_go_on() -> None:
    assert press(cards.progress(s.BUSY, at(9)), "Pause") == ("run.pause", RUN)
    paused = sample("progress-paused")
    assert press(paused, "Go on") == ("run.resume", RUN)
    assert "Pause" not in buttons(paused)
    assert "Paused" in text(paused)
    assert "Nothing new is begun until you let it go on." in text(paused)


def test_nothing_on_a_paused_card_grows_old() -> None:
    still = msgspec.structs.replace(run("running", "succeeded", "ready"), paused=True)
    assert cards.progress(still, at(9)) == cards.progress(still, at(90_000))


def test_groups_say_how_far_they_are_and_for_whom_they_wait() -> None:
    shown = text(sample("progress-groups"))
    assert "7 of 40" in shown
    assert "round 2 of 3" in shown
    assert "Waiting for Alex Wilber" in shown


def test_a_run_whose_only_group_waits_for_a_person_says_so_and_shows_no_time() -> None:
    waiting = run("running", *s.GROUPS[:1], approvals=[msgspec.structs.replace(s.IN_GROUP, task="sap.2.review")])
    assert text(cards.progress(waiting, at(9))).count("Waiting for Alex Wilber") == 2
    assert cards.progress(waiting, at(9)) == cards.progress(waiting, at(90_000))


def test_a_deadline_is_told() -> None:
    assert "It fails if it has not ended by" in text(sample("progress-deadline"))


def test_what_a_worker_vouches_for_is_told_while_it_works_and_in_the_end_what_is_not_the_whole() -> None:
    parts = {"sources looked through": Part(5, 6), "rows": Part(1200, 1200)}

    def vouching(status: Any) -> Any:
        return msgspec.structs.replace(task(0, status), parts=parts)

    shown = text(cards.progress(run("running", vouching("running")), at(9)))
    assert "5 of 6 sources looked through" in shown
    assert "1,200 of 1,200 rows" in shown
    shown = text(cards.progress(run("running", vouching("succeeded")), at(9)))
    assert "5 of 6 sources looked through" in shown
    assert "1,200 of 1,200 rows" not in shown


def test_why_a_step_was_left_out_is_told() -> None:
    for code, message, said in (
        ("failed", "SAP does not answer.", "SAP does not answer."),
        ("expired", "Alex Wilber did not answer in time", "Alex Wilber did not answer in time"),
        ("person", "Megan Bowen went on without it: SAP", "Megan Bowen went on without it: SAP"),
        ("simulated", "Would have been written: x.xlsx", "Would have been written: x.xlsx"),
    ):
        shown = text(cards.progress(run("running", task(0, "skipped", code=code, message=message)), at(9)))
        assert said in shown


def test_a_question_tells_until_when_and_what_happens_then() -> None:
    both = text(sample("decision-quorum"))
    assert "Both people who are asked have to approve. 1 of 2 have approved: Alex Wilber." in both
    assert "{{DATE(2026-11-23T12:30:00Z,SHORT)}}" in both
    assert "If nobody has answered by then, Megan Bowen is asked as well." in both
    assert "If nobody has answered by then, this step fails." in text(sample("decision-due"))
    assert "If nobody has answered by then, the run goes on without the answer." in text(sample("decision-escalated"))
    assert "was due already and is still needed" in text(sample("decision-overdue"))


def test_who_is_asked_by_escalation_is_told_why_and_nobody_else_is() -> None:
    assert "You are asked because Alex Wilber did not answer in time, or is away." in text(sample("decision-escalated"))
    other = text(cards.decision(s.WAITING, s.ASKED_LATE, s.SHOWN_RELEASE, ALEX))
    assert "Adele Vance was asked as well." in other
    assert "You are asked because" not in other


def test_an_escalation_to_the_viewer_is_not_threatened_with() -> None:
    own = cards.decision(s.WAITING, msgspec.structs.replace(s.ASKED_BOTH, escalate_to=ADELE), s.SHOWN_RELEASE, ADELE)
    assert "is asked as well" not in text(own)


def test_a_vote_is_confirmed_and_all_votes_are_told_in_the_end() -> None:
    assert "You have answered: approved" in text(sample("voted"))
    assert "1 of 2 have approved: Alex Wilber. Adele Vance can still answer." in text(sample("voted"))
    assert buttons(sample("voted")) == {}
    decided = text(sample("decided-quorum"))
    assert decided.index("Approved") < decided.index("Alex Wilber") < decided.index("Open amount")


def test_late_answers_are_told_so() -> None:
    said = "Your answer came after that, so it changed nothing."
    assert said in text(sample("decided-late"))
    assert said in text(sample("unanswered"))
    assert said not in text(sample("decided"))
    assert "The run went on without an answer, as its plan says." in text(sample("unanswered"))


def test_a_question_that_waits_although_it_expired_is_withdrawn_like_any_other() -> None:
    closed = msgspec.structs.replace(s.UNANSWERED, on_expiry="wait")
    assert "No answer needed any more" in text(cards.withdrawn(s.CANCELLED, closed))


def test_a_reminder_names_the_question_since_when_and_until_when_and_brings_it() -> None:
    shown = text(sample("reminder"))
    assert s.OPEN.title in shown
    assert "Reminder: Megan Bowen waits for your answer" in shown
    assert "{{DATE(2026-11-22T09:30:05Z,SHORT)}}" in shown
    assert "If nobody has answered by then, Adele Vance is asked as well." in shown
    assert press(sample("reminder"), "Show the question") == ("approval.show", {**RUN, "approval": "decide.1"})
    own = cards.reminder(s.WAITING, msgspec.structs.replace(s.OPEN, approvers=[MEGAN]), MEGAN)
    assert "Your run waits for your answer" in text(own)


def test_a_write_whose_sources_changed_shows_like_a_write() -> None:
    shown = text(sample("stale"))
    assert "This was written before" in shown
    assert s.SHOWN_WRITE.title in shown
    assert "what was written stays, and the run goes on with it" in shown
    assert set(buttons(sample("stale"))) == {"Write it again", "Leave it as it is"}
    assert "Left as it is" in text(sample("decided-stale"))


def test_a_failure_offers_to_try_again_and_to_go_on_without() -> None:
    card = sample("outcome-failed")
    assert press(card, "Try again") == ("task.retry", {**RUN, "task": "register"})
    assert press(card, "Go on without it") == ("task.leave_out", {**RUN, "task": "register"})
    assert "what is done stays done" in text(card)


def test_several_failures_are_named_on_their_buttons() -> None:
    failed = [task(0, "failed"), task(1, "failed")]
    card = cards.outcome(msgspec.structs.replace(s.FAILED, failed=failed), None)
    assert "Go on without “Read vendor invoices from Dynamics”" in buttons(card)


def test_a_failure_that_no_step_is_to_blame_for_can_only_be_started_again() -> None:
    card = cards.outcome(msgspec.structs.replace(s.FAILED, failed=[]), None)
    assert set(buttons(card)) == {"Start again"}


def test_a_write_that_was_allowed_and_failed_surely_shows_so() -> None:
    shown = text(sample("outcome-write-failed"))
    assert "Put the workbook into SharePoint: it was allowed, but failed, and surely nothing was written" in shown
    assert "Failed, surely nothing was written" in text(sample("progress-write-failed"))
    doubtful = msgspec.structs.replace(s.FAILED_WRITE.tasks[7], code="outcome_unknown")
    tasks = [*s.FAILED_WRITE.tasks[:7], doubtful]
    perhaps = text(cards.outcome(msgspec.structs.replace(s.FAILED_WRITE, tasks=tasks), None))
    assert "Perhaps written, please look" in perhaps
    assert "surely" not in perhaps


def test_a_cancelled_run_says_what_was_written_what_was_left_behind_and_where() -> None:
    card = sample("outcome-written-cancelled")
    shown = text(card)
    assert "Written, and it stays" in shown
    assert "Send the reminder" in shown
    links = [each for each in card["body"] if each["type"] == "ActionSet"]
    assert s.ANSWER.link in str(links)


def test_a_result_can_be_doubted_and_taken_back_after_a_look() -> None:
    card = sample("outcome-doubted")
    assert press(card, "Show what would be done again") == ("result.check", RUN)
    assert [choice["value"] for choice in inputs(card)["task"]["choices"]][:2] == ["sap", "dynamics"]
    look = sample("retraction")
    shown = text(look)
    for part in ("Compare the invoices", "Asked again", "Was already written", "Nothing has changed yet."):
        assert part in shown
    assert press(look, "Take it back") == ("result.retract", {**RUN, "task": "sap", "entry": "0f9a4c"})
    assert "Nothing was written from it." not in shown


def test_a_result_without_a_value_cannot_be_doubted() -> None:
    assert buttons(sample("outcome")) == {}


def test_dry_runs_are_marked_and_say_what_they_would_write() -> None:
    for name in ("progress-dry", "outcome-dry", "status-steered"):
        assert "Dry run, nothing is written" in text(sample(name))
    outcome = sample("outcome-dry")
    assert s.SHOWN_WRITE.title in text(outcome)
    assert "result.check" not in str(outcome)
    nothing = msgspec.structs.replace(s.DONE, dry=True)
    assert "Nothing would have been written." in text(cards.outcome(nothing, s.ANSWER))


def test_a_run_that_was_taken_up_again_says_so() -> None:
    assert "taken up again" in text(sample("progress-reopened"))
    assert "A newer card below shows where the run stands now." in text(sample("superseded"))
    assert buttons(sample("superseded")) == {}


def test_a_paused_run_on_the_list_can_go_on() -> None:
    assert press(sample("status-steered"), "Go on") == ("run.resume", RUN)
