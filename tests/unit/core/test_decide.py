"""What a command leads to, where it is easy to get wrong."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.attempts import backoff
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve
from orchestration.core.plan import Answer, Choice, Node, Plan, Question
from orchestration.core.question import Item, Shown, decide_items
from orchestration.core.run import Person, Run, wake_at
from orchestration.core.structure import structural_problems
from orchestration.errors import Invalid
from tests.support.clock import START
from tests.support.office import ALEX, MEGAN

MINUTE = timedelta(minutes=1)


class Tale:
    """A run told command by command, on a clock that stands still unless moved."""

    def __init__(self, **tasks: Node) -> None:
        self.now = START
        plan = Plan(title="t", tasks=tasks, answer=Answer(text=""))
        self.run: Run = evolve(
            None, decide(None, c.ProposeRun(run_id="r", plan=plan, goal="", initiator=MEGAN), START)[0]
        )
        self.then(c.StartRun(by=MEGAN))

    def then(self, command: c.Command) -> list[e.Event]:
        happened = decide(self.run, command, self.now)
        for event in happened:
            evolve(self.run, event)
        return happened

    def write(self, name: str, attempts: int = 3) -> None:
        """Start a write that was allowed."""
        if not self.run.tasks[name].allowed:
            ask = c.RequestApproval(
                task=name, kind="write", title="?", approvers=[MEGAN], choices=["approve"], entry="s", inputs="i"
            )
            self.then(ask)
            self.then(c.DecideApproval(approval=f"{name}.1", by=MEGAN, choice="approve", shown="s"))
        start = c.StartTask(
            task=name, worker="w", version="1", inputs="i", timeout=MINUTE, attempts=attempts, dedupe="target", key="k"
        )
        assert self.then(start), f"{name} was not ready"

    def doubt(self, name: str) -> int:
        attempt = self.run.tasks[name].attempt
        self.then(c.DoubtTask(task=name, attempt=attempt, message="the connection broke"))
        return attempt


def do(**more: object) -> Node:
    return Node(capability="do", **more)  # type: ignore[arg-type]


def test_a_write_that_was_found_not_done_waits_before_the_next_attempt() -> None:
    tale = Tale(a=do())
    tale.write("a")
    attempt = tale.doubt("a")
    tale.then(c.ResolveDoubt(task="a", attempt=attempt, outcome="not_done"))
    task = tale.run.tasks["a"]
    assert (task.status, task.doubt) == ("backing_off", False)
    assert task.retry_at is not None
    assert task.retry_at > tale.now


@pytest.mark.parametrize(("on_failure", "status"), [("fail", "failed"), ("ask", "asking")])
def test_a_write_that_is_lost_again_and_again_is_given_up_after_its_attempts(on_failure: str, status: str) -> None:
    tale = Tale(a=do(on_failure=on_failure))
    for _ in range(2):
        tale.write("a", attempts=2)
        attempt = tale.doubt("a")
        tale.then(c.ResolveDoubt(task="a", attempt=attempt, outcome="not_done"))
        tale.now += MINUTE
        tale.then(c.Wake())
    assert (tale.run.tasks["a"].status, tale.run.tasks["a"].message) == (status, "the connection broke")


def test_a_person_who_says_that_a_write_was_not_done_gives_it_new_attempts() -> None:
    tale = Tale(a=do())
    tale.write("a", attempts=1)
    tale.doubt("a")
    ask = c.RequestApproval(task="a", kind="in_doubt", title="?", approvers=[MEGAN], choices=["not_done"], entry="d")
    tale.then(ask)
    tale.then(c.DecideApproval(approval="a.2", by=MEGAN, choice="not_done", shown="d"))
    assert (tale.run.tasks["a"].status, tale.run.tasks["a"].spent) == ("ready", 0)


def test_the_longer_a_doubt_lasts_the_less_often_somebody_looks() -> None:
    tale = Tale(a=do())
    tale.write("a")
    attempt = tale.doubt("a")
    looks = 0
    end = tale.now + timedelta(days=3)
    while tale.now < end:
        tale.then(c.Wake())
        tale.then(c.DoubtTask(task="a", attempt=attempt, message="down", look_after=MINUTE / 2))
        looks += 1
        tale.now = wake_at(tale.run) or end
    assert 50 < looks < 150, "hourly at last, not every 30 s for ever"


def test_a_server_cannot_put_a_run_to_sleep_for_years_by_retry_after() -> None:
    assert backoff(1, 0, timedelta.max) == timedelta(days=1)


def test_a_question_to_nobody_is_refused() -> None:
    for approvers in ([], [Person("", "Nobody")], [ALEX, Person("", "Nobody")]):
        tale = Tale(ask=Node(approval=Question(approver="x", title="?")))
        ask = c.RequestApproval(
            task="ask", kind="decision", title="?", approvers=approvers, choices=["approve"], entry="s"
        )
        with pytest.raises(Invalid, match="nobody is named"):
            tale.then(ask)


@pytest.mark.parametrize("notice", ["approval:nope.1", "sign_in:soon", "sign_in:"])
def test_a_receipt_of_something_that_was_never_sent_is_refused(notice: str) -> None:
    tale = Tale(a=do())
    with pytest.raises(Invalid):
        tale.then(c.RecordDelivery(notice=notice, to=MEGAN.id, receipt="r"))


def test_the_clock_may_go_back() -> None:
    tale = Tale(a=do())
    tale.then(c.StartTask(task="a", worker="w", version="1", inputs="i", timeout=MINUTE))
    tale.now -= timedelta(hours=3)
    failed = tale.then(c.FailAttempt(task="a", attempt=1, code="x", message="m", retryable=True))
    assert failed[0].at == START


def test_items_are_decided_only_by_choices_that_were_offered() -> None:
    shown = Shown(
        kind="decision",
        title="?",
        on_behalf_of=MEGAN,
        items=[Item("i", "k", "I")],
        choices=[Choice("sap", "SAP")],
        default="dynamics",
    )
    with pytest.raises(Invalid, match="'dynamics' is not one of the choices"):
        decide_items(shown, {}, {})
    assert decide_items(shown, {"k": "sap"}, {}) == {"i": "sap"}


def test_a_run_of_ten_thousand_tasks_takes_time_in_proportion() -> None:
    """Every step looks at a few tasks, not at all of them; the whole takes seconds, not minutes."""
    begun = time.process_time()
    names = [f"t{number}" for number in range(10_000)]
    tale = Tale(**{name: do() for name in names})
    for name in names:
        ask = c.RequestApproval(
            task=name, kind="write", title="?", approvers=[MEGAN], choices=["approve"], entry="s", inputs="i"
        )
        tale.then(ask)
        tale.then(c.DecideApproval(approval=f"{name}.1", by=MEGAN, choice="approve", shown="s"))
        start = c.StartTask(
            task=name, worker="w", version="1", inputs="i", timeout=MINUTE, attempts=2, dedupe="target", key="k"
        )
        tale.then(start)
        tale.then(c.FailAttempt(task=name, attempt=1, code="x", message="m", retryable=True))
        tale.now += timedelta(milliseconds=1)
    while when := wake_at(tale.run):  # one wake for each task
        tale.now = when
        tale.then(c.Wake())
        if tale.run.tasks[names[-1]].status == "ready":
            break
    for name in names:
        tale.write(name)
    tale.then(c.CancelRun(by=MEGAN))
    for name in names:
        tale.then(c.CompleteTask(task=name, attempt=2, entry=""))
    assert tale.run.status == "cancelled"
    assert time.process_time() - begun < 10


def test_a_cycle_of_ten_thousand_tasks_is_found_in_time() -> None:
    count = 10_000
    tasks = {f"t{number}": do(needs=[f"t{(number + 1) % count}"]) for number in range(count)}
    begun = time.process_time()
    problems = structural_problems(Plan(title="t", tasks=tasks, answer=Answer(text="")))
    assert "wait for each other" in problems[0]
    assert time.process_time() - begun < 1
