"""Runs that go on after they had ended, results that are taken back, copies: where it is easy to get wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestration.core import commands as c
from orchestration.core.decide import decide
from orchestration.core.plan import Fallback, Node, Question
from orchestration.core.run import AskSignIn, Dispatch, Prepare, Run, wake_at
from orchestration.core.view import view
from orchestration.errors import AlreadyDecided, Conflict, Invalid
from tests.support.office import ALEX, MEGAN
from tests.unit.core.story import ADELE
from tests.unit.core.tale import Tale, again, ask, each, loop, read, write

# --- what waits for a sign-in


def test_a_run_that_failed_while_it_waited_for_a_sign_in_asks_for_one_again() -> None:
    tale = Tale(a=read(), b=read())
    tale.apply(c.AwaitSignIn(task="a", attempt=tale.begins("a")))
    tale.begins("b")
    tale.fails("b")
    assert (tale.run.status, tale.run.awaiting) == ("failed", 0)
    tale.reopens("b")
    tale.apply(c.AwaitSignIn(task="a", attempt=tale.begins("a")))
    assert AskSignIn(2) in tale.run.due


def test_nobody_is_asked_to_sign_in_for_what_is_not_waited_for_any_more() -> None:
    tale = Tale(a=read(), b=read("a"))
    tale.goes_well(but=("b",))
    tale.apply(c.AwaitSignIn(task="b", attempt=tale.begins("b")))
    tale.take_back("a")
    assert not any(isinstance(effect, AskSignIn) for effect in tale.run.due)


# --- no attempt and no key twice


def test_a_late_result_from_a_group_that_was_begun_anew_is_known_as_such_two_levels_down() -> None:
    tale = Tale(a=read(), all=each({"inner": each({"one": read()})}, "a"))
    tale.goes_well(but=("all.1.inner.1.one",))
    assert tale.begins("all.1.inner.1.one") == 1
    tale.take_back("a")
    tale.goes_well(but=("all.1.inner.1.one",))
    assert tale.begins("all.1.inner.1.one") == 2
    assert decide(tale.run, c.CompleteTask(task="all.1.inner.1.one", attempt=1, entry="old"), tale.now) == []


@pytest.mark.parametrize("deep", [False, True])
def test_a_group_that_is_begun_anew_writes_under_other_keys_and_says_what_it_left_behind(deep: bool) -> None:
    body = {"inner": each({"put": write()})} if deep else {"put": write()}
    name = "all.1.inner.1.put" if deep else "all.1.put"
    tale = Tale(a=read(), all=each(body, "a"))
    tale.goes_well()
    tale.take_back("a")
    assert tale.run.left_behind == [name]
    tale.ends()
    assert tale.keys() == [f"r.{name}", f"r.{name}.1"]


# --- writes that were made from what was taken back


def written(**more: Any) -> Tale:
    tale = Tale(a=read(), put=write("a", **more))
    tale.goes_well()
    tale.pick = lambda options: options[-1] if "shared" in options else options[0]  # everything comes out differently
    return tale


def test_a_write_that_cannot_be_prepared_anew_is_not_written_again_unasked_when_it_is_tried_again() -> None:
    tale = written(on_failure="ask")
    tale.take_back("a")
    tale.goes_well(but=("put",))
    tale.fails("put")
    tale.goes_well(answers=False)
    tale.apply(c.DecideApproval(approval="put.2", by=MEGAN, choice="retry", shown=tale.run.approvals["put.2"].entry))
    tale.perform(Prepare("put"))
    assert tale.run.approvals["put.3"].kind == "stale"
    tale.ends()
    assert tale.keys() == ["r.put", "r.put.1"]


def test_a_write_that_is_to_be_looked_at_again_is_not_forgotten_when_the_run_fails_meanwhile() -> None:
    tale = Tale(a=read(), b=read(), put=write("a"))
    tale.goes_well(but=("b",))
    tale.take_back("a")
    tale.fails("b")
    assert tale["put"] == "cancelled"
    tale.reopens("b")
    assert (tale["put"], tale.run.tasks["put"].stale) == ("pending", True)
    tale.ends()
    assert len(tale.keys()) == len(tale.accepted)


def test_a_write_that_a_person_said_was_done_counts_as_written() -> None:
    tale = Tale(a=read(), put=write("a"))
    tale.goes_well(but=("put",))
    tale.apply(c.DoubtTask(task="put", attempt=tale.begins("put"), message="m"))
    tale.accepted["r.put"] = "put"
    tale._ask("put", "in_doubt", [MEGAN])
    tale.goes_well()
    assert (tale["put"], tale.run.tasks["put"].entry) == ("succeeded", "")
    assert tale.take_back("a").writes == ["put"]


def test_a_write_that_a_person_said_was_not_done_is_not_said_to_have_been_written() -> None:
    tale = Tale(a=read(), put=write("a"))
    tale.goes_well(but=("put",))
    attempt = tale.begins("put")
    tale.take_back("a")
    tale.apply(c.DoubtTask(task="put", attempt=attempt, message="m"))
    tale._ask("put", "in_doubt", [MEGAN])
    tale.answer(tale.run.approvals["put.2"])
    tale.goes_well(but=("put",))
    assert (tale["put"], tale.run.tasks["put"].stale) == ("ready", False)
    assert decide(tale.run, c.KeepWrite(task="put"), tale.now) == []


def test_a_write_that_found_nobody_signed_in_is_not_kept_as_if_it_had_been_written() -> None:
    tale = Tale(a=read(), put=write("a"))
    tale.goes_well(but=("put",))
    attempt = tale.begins("put")
    tale.take_back("a")
    tale.apply(c.AwaitSignIn(task="put", attempt=attempt))
    tale.apply(c.ConfirmSignIn(by=MEGAN))
    tale.goes_well(but=("put",))
    assert decide(tale.run, c.KeepWrite(task="put"), tale.now) == []
    tale.ends()
    assert list(tale.accepted) == ["r.put"]


def test_a_question_about_a_write_is_withdrawn_when_its_source_is_taken_back_once_more() -> None:
    tale = written()
    tale.take_back("a")
    tale.goes_well(answers=False)
    assert (tale.run.approvals["put.2"].kind, tale["put"]) == ("stale", "asking")
    tale.take_back("a")
    assert (tale.run.approvals["put.2"].open, tale["put"]) == (False, "pending")
    said = c.DecideApproval(approval="put.2", by=MEGAN, choice="leave", shown=tale.run.approvals["put.2"].entry)
    with pytest.raises(AlreadyDecided, match="What it was about has changed"):
        decide(tale.run, said, tale.now)


def test_a_write_that_is_not_wanted_any_more_is_said_to_be_left_behind() -> None:
    tale = written(when="x")
    tale.take_back("a")
    tale.goes_well(but=("put",))
    tale.apply(c.SkipTask(task="put"))
    assert (tale["put"], tale.run.left_behind) == ("skipped", ["put"])


def test_what_a_capability_wrote_before_its_fallback_took_over_is_said_to_be_left_behind() -> None:
    tale = written(fallback=Fallback("write"))
    tale.take_back("a")
    tale.goes_well(but=("put",))
    tale.fails("put")
    tale.ends()
    assert tale.run.left_behind == ["put"]
    assert tale.keys() == ["r.put", "r.put.1"]


def test_a_write_under_way_is_not_skipped_with_what_it_needs_but_afterwards() -> None:
    tale = Tale(a=read(), b=read("a"), put=write("b"), after=read("put"))
    tale.goes_well(but=("put",))
    attempt = tale.begins("put")
    tale.take_back("b")
    tale.begins("b")
    tale.apply(c.FailAttempt(task="b", attempt=2, code="x", message="m", retryable=True))
    tale.apply(c.LeaveOut(task="b", by=MEGAN))
    assert (tale["b"], tale["put"]) == ("skipped", "running")
    tale._accept("put")
    tale.apply(c.CompleteTask(task="put", attempt=attempt, entry="e"))
    tale.ends()
    assert (tale["put"], tale["after"], tale.run.left_behind) == ("skipped", "skipped", ["put"])


# --- what is done again, and what is not


def test_what_was_skipped_for_want_of_something_else_stays_skipped() -> None:
    tale = Tale(a=read(), gone=read(on_failure="skip"), both=read("a", "gone"), after=read("both", optional=["both"]))
    tale.fails("gone")
    tale.goes_well()
    assert tale.take_back("a").tasks == ["a"]
    tale.ends()
    assert tale["both"] == "skipped"


def test_what_was_skipped_has_no_result_to_take_back() -> None:
    tale = written(when="x")
    entry = tale.run.tasks["put"].entry
    tale.take_back("a")
    tale.goes_well(but=("put",))
    tale.apply(c.SkipTask(task="put"))
    with pytest.raises(Invalid, match="no task of run"):
        decide(tale.run, c.RetractEntry(entry=entry, by=MEGAN), tale.now)


def test_rounds_after_one_with_a_group_that_is_done_again_never_were() -> None:
    tale = Tale(loop=loop({"inner": each({"one": read()})}))
    tale.goes_well(but=("loop",))
    tale.perform(Prepare("loop"))
    for number in (1, 2):
        tale.goes_well(but=("loop",))
        again(tale, "loop", number)
    tale.goes_well(but=("loop",))
    tale.take_back("loop.1.inner.1.one")
    group = tale.run.groups["loop"]
    assert (group.begun, group.results) == (1, [])
    assert "loop.2.inner" not in tale.run.tasks


def test_nothing_is_taken_back_while_a_later_round_is_being_written() -> None:
    tale = Tale(loop=loop({"one": read(), "put": write("one")}))
    tale.perform(Prepare("loop"))
    tale.goes_well(but=("loop",))
    again(tale, "loop", 1)
    tale.goes_well(but=("loop.2.put", "loop"))
    tale.begins("loop.2.put")
    with pytest.raises(Conflict, match=r"loop\.2\.put is being written"):
        tale.take_back("loop.1.one")


def test_a_question_about_a_group_is_withdrawn_when_a_result_in_it_is_taken_back() -> None:
    tale = Tale(all=each({"one": read()}, on_failure="ask"))
    tale.goes_well(but=("all",))
    tale.perform(Prepare("all"))
    tale.goes_well(but=("all",))
    tale.fails("all")
    tale.goes_well(answers=False)
    assert tale.run.approvals["all.1"].open
    tale.take_back("all.1.one")
    assert (tale["all"], tale.run.approvals["all.1"].open) == ("open", False)
    tale.ends()


# --- what failed


def test_what_a_group_went_on_without_is_not_tried_again_nor_left_out() -> None:
    tale = Tale(all=each({"one": read(), "two": read("one")}, keep=True), bad=read("all"))
    tale.perform(Prepare("all"))
    tale.begins("all.1.one")
    tale.fails("all.1.one")
    tale.goes_well(but=("bad",))
    tale.fails("bad")
    assert [each.name for each in view(tale.run, titles={}, effects={}).failed] == ["bad"]
    for command in (c.RetryTask, c.LeaveOut):
        with pytest.raises(Invalid, match="the others of its list went on"):
            decide(tale.run, command(task="all.1.one", by=MEGAN), tale.now)
    tale.reopens("bad")
    tale.ends()
    assert (tale["all.1.one"], tale["all.1.two"]) == ("failed", "skipped")


def test_a_group_that_was_about_to_begin_when_the_run_failed_begins_when_it_goes_on() -> None:
    tale = Tale(a=read(), loop=loop({"one": read()}, "a"), bad=read())
    tale.goes_well(but=("bad",))
    tale.take_back("a")
    tale.goes_well(but=("bad", "loop"))
    tale.fails("bad")
    tale.reopens("bad")
    assert tale["loop"] == "ready"
    tale.ends()


def test_rounds_after_one_that_gave_no_result_are_counted_right() -> None:
    tale = Tale(loop=loop({"one": read()}))
    tale.perform(Prepare("loop"))
    tale.goes_well(but=("loop",))
    tale.fails("loop")
    tale.reopens("loop")
    tale.perform(Prepare("loop"))
    for number in (2, 3):
        tale.goes_well(but=("loop",))
        again(tale, "loop", number)
    assert tale.run.groups["loop"].results == ["", "r2", "r3"]
    tale.ends()


def test_an_old_failure_of_a_group_does_not_end_what_is_under_way_in_it() -> None:
    tale = Tale(all=each({"one": read()}))
    tale.perform(Prepare("all"))
    assert decide(tale.run, c.FailAttempt(task="all", attempt=0, code="x", message="m"), tale.now) == []


def test_a_question_that_expires_in_an_item_fails_just_that_item() -> None:
    due = Question(title="?", approvers="x", due_hours=2, on_expiry="fail")
    tale = Tale(all=each({"ask": Node(approval=due), "after": read("ask"), "beside": read()}, keep=True))
    tale.perform(Prepare("all"))
    tale.goes_well(answers=False)
    tale.now += timedelta(hours=2)
    tale.apply(c.Wake())
    assert (tale["all.1.ask"], tale["all.1.after"], tale["all.1.beside"]) == ("failed", "skipped", "succeeded")
    tale.ends()


# --- questions


def test_a_question_of_a_round_that_never_was_is_not_open_any_more() -> None:
    skippable = Question(title="?", approvers="x", may_skip=True)
    tale = Tale(a=read(), all=each({"ask": Node(approval=skippable)}, "a"))
    tale.goes_well(answers=False)
    tale.take_back("a")
    with pytest.raises(AlreadyDecided):
        decide(tale.run, c.SkipApproval(approval="all.1.ask.1", by=MEGAN), tale.now)


def asking(**more: Any) -> c.RequestApproval:
    details: dict[str, Any] = {"approvers": [ALEX], "choices": ["approve"], "entry": "s", "due_hours": 1, **more}
    return c.RequestApproval(task="ask", kind="decision", title="?", **details)


def test_an_overdue_question_goes_to_nobody_who_may_not_answer_it() -> None:
    tale = Tale(ask=ask())
    with pytest.raises(Invalid, match="may not decide"):
        tale.apply(asking(not_initiator=True, escalate_to=MEGAN))
    with pytest.raises(Invalid, match="nobody is named"):
        tale.apply(asking(escalate_to=type(ALEX)("", "Nobody")))


def test_nobody_gets_the_same_card_twice_when_an_overdue_question_goes_to_who_has_it() -> None:
    tale = Tale(ask=ask())
    tale.apply(asking(approvers=[ALEX, ADELE], escalate_to=ADELE))
    tale.goes_well(answers=False)
    tale.now += timedelta(hours=1)
    tale.apply(c.Wake())
    assert (tale.run.approvals["ask.1"].escalated_to, list(tale.run.due)) == (ADELE, [])


def test_a_reminder_is_done_with_when_whoever_lacked_it_has_answered() -> None:
    tale = Tale(ask=ask())
    tale.apply(asking(approvers=[ALEX, ADELE, MEGAN], quorum=2, remind_hours=0.5, choices=["approve", "reject"]))
    tale.goes_well(answers=False)
    tale.now += timedelta(hours=0.5)
    tale.apply(c.Wake())
    for person in (ALEX, ADELE):
        tale.apply(c.RecordDelivery(notice="reminder:ask.1", to=person.id, receipt="r"))
    tale.apply(c.DecideApproval(approval="ask.1", by=MEGAN, choice="approve", shown="s"))
    assert (tale.run.approvals["ask.1"].open, list(tale.run.due)) == (True, [])


def test_once_a_person_is_asked_what_became_of_a_write_a_late_look_decides_nothing() -> None:
    tale = Tale(put=write())
    attempt = tale.begins("put")
    tale.apply(c.DoubtTask(task="put", attempt=attempt, message="m"))
    tale._ask("put", "in_doubt", [MEGAN])
    for outcome in ("done", "not_done"):
        late = c.ResolveDoubt(task="put", attempt=attempt, outcome=outcome)  # type: ignore[arg-type]
        assert decide(tale.run, late, tale.now) == []


# --- copies


def test_a_copy_has_no_deadline_no_votes_of_others_and_is_not_paused() -> None:
    tale = Tale(deadline_hours=1, ask=ask())
    tale.apply(asking(approvers=[MEGAN, ALEX], quorum=2, choices=["approve", "reject"], due_hours=0))
    tale.apply(c.DecideApproval(approval="ask.1", by=MEGAN, choice="approve", shown="s"))
    tale.apply(c.PauseRun(by=MEGAN))
    tale.apply(c.ForkRun(of="q", upto=9, by=MEGAN))
    run: Run = tale.run
    assert (run.deadline, run.paused, run.approvals["ask.1"].votes, wake_at(run)) == (None, False, [], None)
    tale.now += timedelta(days=9)
    tale.apply(c.DecideApproval(approval="ask.1", by=MEGAN, choice="approve", shown="s"))
    tale.ends()


def test_a_read_under_way_is_no_write_under_way() -> None:
    tale = Tale(a=read(), b=read("a"))
    tale.goes_well(but=("b",))
    tale.begins("b")
    assert tale.take_back("a").writes == []
    assert Dispatch("b", 1) not in tale.run.due
