"""The states drawn in `docs/states.md` are those that runs really go through: every move is drawn, and none else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import get_args

from orchestration.core import commands as c
from orchestration.core.codec import decode
from orchestration.core.plan import Fallback, Node, Question
from orchestration.core.run import Prepare, PrepareQuestion, Reconcile, RunStatus, TaskStatus
from tests.replay.test_histories import HISTORIES, lines
from tests.support.office import MEGAN
from tests.support.transitions import Moves, drawn, moved
from tests.unit.core.plans import any_plan, by_lot
from tests.unit.core.story import Story
from tests.unit.core.tale import Tale, each, loop, read, write

LEAST, MOST = 1_000, 5_000  # stories; as many as it takes to see whatever is drawn


def under_way(**more: object) -> Tale:
    """A write under way, whose source is being done again."""
    tale = Tale(a=read(), put=write("a", **more), bad=read(on_failure="ask"))
    tale.goes_well(but=("put", "bad"))
    tale.begins("put")
    tale.take_back("a")
    return tale


def in_doubt(**more: object) -> Tale:
    tale = under_way(**more)
    tale.apply(c.DoubtTask(task="put", attempt=tale.run.tasks["put"].attempt, message="m"))
    return tale


def answered_late(*, taken_back: bool) -> Tale:
    if taken_back:
        tale = in_doubt()
    else:
        tale = Tale(a=read(), put=write("a"), bad=read(on_failure="ask"))
        tale.goes_well(but=("put", "bad"))
        tale.begins("put")
        tale.apply(c.DoubtTask(task="put", attempt=1, message="m"))
    return completed(tale)


def looked(tale: Tale, outcome: str) -> Tale:
    while Reconcile("put", 1) not in tale.run.due:
        tale.time()
    tale.apply(c.ResolveDoubt(task="put", attempt=1, outcome=outcome, entry="e"))  # type: ignore[arg-type]
    return tale


def asked(tale: Tale, *, there: bool) -> Tale:
    if there:
        tale.accepted["r.put"] = "put"
    tale._ask("put", "in_doubt", [MEGAN])
    tale.answer(next(each for each in tale.run.approvals.values() if each.open))
    return tale


def then(tale: Tale, step: Callable[[Tale], object]) -> Tale:
    step(tale)
    return tale


def source_done(tale: Tale) -> Tale:
    tale.goes_well(but=("put", "bad"), answers=False)
    return tale


def once(**more: object) -> Tale:
    """The same in doubt, with no other attempt."""
    tale = in_doubt(**more)
    tale.run.tasks["put"].attempts = 1
    return tale


def completed(tale: Tale) -> Tale:
    tale.accepted["r.put"] = "put"
    tale.apply(c.CompleteTask(task="put", attempt=1, entry="e"))
    return tale


def items_go_on_after_a_failure(*, two: bool) -> Tale:
    """The last write of an item is made while the run fails; the next item begins when it goes on."""
    body = {"one": read(), "put": write("one")} if two else {"put": write()}
    tale = Tale(all=each(body, at_once=1), bad=read())
    tale.pick = lambda options: 2 if options == [1, 2, 0, 3] else options[0]
    tale.goes_well(but=("all.1.put", "bad"))
    tale.begins("all.1.put")
    tale.fails("bad")
    tale.accepted["r.all.1.put"] = "all.1.put"
    tale.apply(c.CompleteTask(task="all.1.put", attempt=1, entry="e"))
    tale.reopens("bad")
    assert "all.2.put" in tale.run.tasks
    return tale


def stale_when_the_run_failed(*, source: bool) -> Tale:
    tale = Tale(a=read(), put=write("a"), bad=read())
    tale.goes_well(but=("put", "bad"))
    tale.begins("put")
    tale.take_back("a")
    tale.goes_well(but=("put", "bad", "" if source else "a"))
    tale.fails("bad")
    completed(tale)
    tale.reopens("bad")
    return tale


def written_anew(**more: object) -> Tale:
    """A write that is prepared once more, and would be another one now."""
    tale = Tale(a=read(), put=write("a", **more))
    tale.goes_well()
    tale.pick = lambda options: options[-1] if "shared" in options else options[0]
    tale.take_back("a")
    tale.goes_well(but=("put",))
    return tale


def left_as_it_is() -> Tale:
    tale = written_anew()
    tale.goes_well(answers=False)
    asked = tale.run.approvals["put.2"]
    tale.apply(c.DecideApproval(approval="put.2", by=MEGAN, choice="leave", shown=asked.entry))
    return tale


def a_person_tries_again() -> Tale:
    tale = looked(once(on_failure="ask"), "not_done")
    tale.perform(PrepareQuestion("put"))
    tale.answer(next(each for each in tale.run.approvals.values() if each.open))
    return tale


def group_taken_back(how: str) -> Tale:
    """A result in a group that failed is taken back."""
    body, name = {"one": read()}, "all.1.one"
    tale = Tale(all=each(body, on_failure="ask") if how == "asks" else loop(body))
    tale.perform(Prepare("all"))
    tale.goes_well(but=("all",))
    tale.fails("all")
    if how == "tried again":
        tale.reopens("all")
    tale.take_back(name)
    return tale


def kept_group_taken_back() -> Tale:
    tale = Tale(all=each({"inner": each({"one": read()})}, keep=True), b=read())
    tale.perform(Prepare("all"))
    tale.perform(Prepare("all.1.inner"))
    tale.goes_well(but=("all.1.inner", "b"))
    tale.fails("all.1.inner")
    tale.take_back("all.1.inner.1.one")
    return tale


def sign_in_gone() -> Tale:
    """A task that waits for a sign-in goes with its group."""
    tale = Tale(a=read(), all=each({"one": read()}, "a"))
    tale.goes_well(but=("all.1.one",))
    tale.apply(c.AwaitSignIn(task="all.1.one", attempt=tale.begins("all.1.one")))
    tale.take_back("a")
    return tale


def kept_failure_tried_again() -> Tale:
    tale = Tale(all=each({"one": read()}, keep=True))
    tale.perform(Prepare("all"))
    tale.begins("all.1.one")
    tale.fails("all.1.one")
    tale.fails("all")
    tale.reopens("all")
    return tale


def list_tried_again(*, asking: bool) -> Tale:
    tale = Tale(all=each({"one": read(), "put": write(), "no": read(when="x")}, on_failure="ask" if asking else "fail"))
    tale.goes_well(but=("all", "all.1.no"))
    tale.perform(Prepare("all"))
    tale.goes_well(but=("all", "all.1.no"))
    tale.apply(c.SkipTask(task="all.1.no"))
    tale.fails("all")
    if asking:
        tale.goes_well()
    else:
        tale.reopens("all")
    return tale


def left_behind_while_stale() -> Tale:
    tale = Tale(a=read(), all=each({"one": read(), "put": write("one")}, "a"))
    tale.goes_well()
    tale.take_back("all.1.one")
    tale.take_back("a")
    return tale


def cancelled_write() -> Tale:
    tale = Tale(put=write())
    tale.begins("put")
    tale.apply(c.CancelRun(by=MEGAN))
    tale.fails("put")
    return tale


def overdue() -> Tale:
    """A question that nobody answered in time, and that stays open."""
    asked = Question(title="?", approvers="x", due_hours=1, may_skip=True)
    tale = Tale(a=read(), ask=Node(approval=asked, needs=["a"]))
    tale.goes_well(answers=False)
    tale.now += timedelta(hours=2)
    tale.apply(c.Wake())
    return tale


def changed(how: str) -> Tale:
    """The plan is changed so that a task begins anew together with what it is made from."""
    asked = Question(title="?", approvers="x", due_hours=1)
    tale = Tale(a=read(), b=Node(approval=asked, needs=["a"]) if how == "overdue" else read("a"))
    tale.goes_well(but=("b",))
    if how == "overdue":
        tale.perform(Prepare("b"))
        tale.now += timedelta(hours=2)
        tale.apply(c.Wake())
    else:
        attempt = tale.begins("b")
    match how:
        case "awaiting":
            tale.apply(c.AwaitSignIn(task="b", attempt=attempt))
        case "backing off":
            tale.apply(c.FailAttempt(task="b", attempt=attempt, code="x", message="m", retryable=True))
        case "failed":
            tale.fails("b")
    tale.amends(a=read(when="x"), b=tale.run.nodes["b"])
    return tale


def left_out_while_stale() -> Tale:
    tale = Tale(a=read(), put=write("a"), bad=read())
    tale.goes_well(but=("bad",))
    tale.amends(a=read(when="x"), put=write("a"), bad=read())
    tale.amends(a=read(when="x"), bad=read())
    return tale


# What happens too seldom for stories drawn by lot.
SELDOM: dict[str, Callable[[], Tale]] = {
    "made while its source is done again": lambda: completed(under_way()),
    "made after its source was done again": lambda: completed(source_done(under_way())),
    "found made while its source is done again": lambda: looked(in_doubt(), "done"),
    "found made after its source was done again": lambda: looked(source_done(in_doubt()), "done"),
    "found not made while its source is done again": lambda: then(looked(in_doubt(), "not_done"), Tale.time),
    "found not made, no attempt left": lambda: looked(once(), "not_done"),
    "found not made, no attempt left, on_failure ask": lambda: looked(once(on_failure="ask"), "not_done"),
    "found not made, a fallback": lambda: looked(once(on_failure="ask", fallback=Fallback("write")), "not_done"),
    "said to be made while its source is done again": lambda: asked(in_doubt(), there=True),
    "said to be made after its source was done again": lambda: asked(source_done(in_doubt()), there=True),
    "said not to be made while its source is done again": lambda: asked(in_doubt(), there=False),
    "refused while its source is done again, a fallback": lambda: then(
        under_way(fallback=Fallback("write")), lambda tale: tale.fails("put")
    ),
    "the next item begins when a run goes on": lambda: items_go_on_after_a_failure(two=False),
    "the next items begin when a run goes on": lambda: items_go_on_after_a_failure(two=True),
    "made while the run failed": lambda: stale_when_the_run_failed(source=True),
    "made while the run failed, its source not done again": lambda: stale_when_the_run_failed(source=False),
    "in doubt, answered late": lambda: answered_late(taken_back=False),
    "in doubt, answered late, its source done again": lambda: answered_late(taken_back=True),
    "another one now, left as it is": left_as_it_is,
    "another one now, a fallback": lambda: then(
        written_anew(fallback=Fallback("write")), lambda tale: tale.fails("put")
    ),
    "tried again by a person while its source is done again": a_person_tries_again,
    "failed while its source is done again, tried again": lambda: then(
        looked(once(), "not_done"), lambda tale: tale.reopens("put")
    ),
    "in a group whose failure is asked about": lambda: group_taken_back("asks"),
    "in a group that is tried again": lambda: group_taken_back("tried again"),
    "in a group that failed within a list that goes on": kept_group_taken_back,
    "a sign-in for what is gone": sign_in_gone,
    "a list of failures tried again": kept_failure_tried_again,
    "a list tried again": lambda: list_tried_again(asking=False),
    "a list tried again by a person": lambda: list_tried_again(asking=True),
    "left behind while it is looked at again": left_behind_while_stale,
    "refused while the run is being cancelled": cancelled_write,
    "changed while it runs": lambda: changed("running"),
    "changed while it waits for a sign-in": lambda: changed("awaiting"),
    "changed while it waits for another attempt": lambda: changed("backing off"),
    "changed after it failed": lambda: changed("failed"),
    "changed while it is overdue": lambda: changed("overdue"),
    "left out while it is looked at again": left_out_while_stale,
    "overdue, taken back": lambda: then(overdue(), lambda tale: tale.take_back("a")),
    "overdue, skipped": lambda: then(overdue(), lambda tale: tale.apply(c.SkipApproval(approval="ask.1", by=MEGAN))),
    "overdue, cancelled": lambda: then(overdue(), lambda tale: tale.apply(c.CancelRun(by=MEGAN))),
}


@cache
def seen() -> Moves:
    """Every move of the committed histories, of stories drawn by lot, and of what happens seldom."""
    found: Moves = set()
    for path in HISTORIES:
        found |= moved(decode(bytes(line.event)) for line in lines(path)).moves
    for seed in range(MOST):
        if seed >= LEAST and found | seldom() >= drawn():
            break
        pick = by_lot(seed)
        story = Story(any_plan(pick), pick)
        for _ in range(80):
            if seed % 3 or pick([True] * 7 + [False]):
                story.step()
            else:
                story.amend()
        story.finish()
        found |= story.watch.transitions.moves
    return found


@cache
def seldom() -> Moves:
    return {move for tell in SELDOM.values() for move in tell().watch.transitions.moves}


def test_everything_that_happens_is_drawn() -> None:
    assert sorted((seen() | seldom()) - drawn()) == []


def test_everything_that_is_drawn_happens() -> None:
    assert sorted(drawn() - seen() - seldom()) == []


def test_every_state_is_drawn() -> None:
    states = {(machine, state) for machine, *ends, _ in drawn() for state in ends} - {
        (machine, "[*]") for machine in ("run", "task", "question", "write")
    }
    assert {state for machine, state in states if machine == "run"} == {*get_args(RunStatus), "paused"}
    assert {state for machine, state in states if machine == "task"} == set(get_args(TaskStatus))
