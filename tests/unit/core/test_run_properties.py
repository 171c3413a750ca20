"""What holds of every run, whatever its plan and whatever happens to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.attempts import backoff
from orchestration.core.codec import decode, encode
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve, fold
from orchestration.core.plan import Answer, Node, Plan, Question
from orchestration.core.run import ENDED, SETTLED, Dispatch, Prepare, PrepareQuestion, Reconcile, Run, effects, wake_at
from orchestration.core.structure import structural_problems
from orchestration.errors import InvalidPlan, Refused, TandemError
from tests.support.clock import START
from tests.support.office import ALEX, MEGAN

MINUTE = timedelta(minutes=1)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans of up to seven tasks whose needs point backwards, some of them optional, some approvals, some that ask."""
    tasks: dict[str, Node] = {}
    for number in range(draw(st.integers(1, 7))):
        needs = draw(st.lists(st.sampled_from(sorted(tasks)), unique=True, max_size=3)) if tasks else []
        optional = [need for need in needs if draw(st.booleans())]
        approval = Question(approver="x", title="?") if draw(st.integers(0, 3)) == 0 else None
        tasks[f"t{number}"] = Node(
            capability="" if approval else "do",
            approval=approval,
            needs=needs,
            optional=optional,
            on_failure=draw(st.sampled_from(["fail", "ask"])),
        )
    return Plan(title="any", tasks=tasks, answer=Answer(text="done"))


class Story:
    """A run to which a random sequence of commands happens."""

    def __init__(self, plan: Plan) -> None:
        self.now = START
        self.history: list[e.Event] = []
        self.run: Run | None = None
        self.settled: dict[str, int] = {}
        self.apply(c.ProposeRun(run_id="r", plan=plan, goal="g", initiator=MEGAN))

    def apply(self, command: c.Command) -> None:
        for event in decide(self.run, command, self.now):
            before = {} if self.run is None else {name: task.status for name, task in self.run.tasks.items()}
            self.run = evolve(self.run, event)
            self.history.append(event)
            for name, task in self.run.tasks.items():
                if before.get(name) in SETTLED:
                    assert task.status == before[name], f"{name} changed after it was settled"
                if isinstance(event, e.TaskStarted) and event.task == name:
                    needs = self.run.plan.tasks[name].needs
                    assert all(self.run.tasks[need].status in ("succeeded", "skipped") for need in needs)

    def step(self, data: st.DataObject) -> None:
        """One thing that may happen now, chosen by Hypothesis among what the state calls for."""
        run = self.run
        assert run is not None
        options: list[tuple[str, str]] = [("start", ""), ("cancel", ""), ("wake", ""), ("later", ""), ("sign_in", "")]
        options += [(type(effect).__name__, getattr(effect, "task", "")) for effect in run.due]
        options += [("answer", approval.id) for approval in run.approvals.values()]
        kind, name = data.draw(st.sampled_from(options))
        with suppress(Refused):
            self.happen(kind, name, data)

    def happen(self, kind: str, name: str, data: st.DataObject) -> None:
        run = self.run
        assert run is not None
        task = run.tasks.get(name)
        draw = data.draw
        match kind:
            case "start":
                self.apply(c.StartRun(by=MEGAN))
            case "cancel" if draw(st.integers(0, 9)) == 0:
                self.apply(c.CancelRun(by=MEGAN))
            case "later":
                self.now += draw(st.sampled_from([timedelta(seconds=1), MINUTE, 5 * MINUTE]))
            case "wake":
                self.apply(c.Wake())
            case "sign_in":
                self.apply(c.ConfirmSignIn(by=MEGAN))
            case "Prepare":
                node = run.plan.tasks[name]
                choice = draw(st.sampled_from(["go", "skip", "fail", "write"]))
                if choice == "skip":
                    self.apply(c.SkipTask(task=name))
                elif choice == "fail":
                    self.apply(c.FailAttempt(task=name, attempt=0, code="invalid", message="m"))
                elif node.approval:
                    self.ask(name, "decision", ALEX)
                elif choice == "write" and task is not None and not task.allowed:
                    self.ask(name, "write", MEGAN)
                else:
                    dedupe = draw(st.sampled_from(["target", "two_step", "none"])) if task and task.allowed else ""
                    self.apply(
                        c.StartTask(
                            task=name, worker="w", version="1", inputs="i", timeout=MINUTE, attempts=2, dedupe=dedupe
                        )
                    )
            case "PrepareQuestion":
                self.ask(name, "failure", MEGAN)
            case "Dispatch":
                assert task is not None
                self.outcome(name, task.attempt, bool(task.dedupe), draw)
            case "Reconcile":
                assert task is not None
                choice = draw(st.sampled_from(["done", "not_done", "ask", "again"]))
                if choice == "ask":
                    self.ask(name, "in_doubt", MEGAN)
                elif choice == "again":
                    self.apply(c.DoubtTask(task=name, attempt=task.attempt, message="m", look_after=MINUTE))
                else:
                    self.apply(c.ResolveDoubt(task=name, attempt=task.attempt, outcome=choice, entry="e"))
            case "Ask" | "answer" if kind == "answer":
                approval = run.approvals[name]
                self.apply(
                    c.DecideApproval(
                        approval=name,
                        by=approval.approvers[0],
                        choice=draw(st.sampled_from(approval.choices)),
                        shown=approval.entry,
                        entry="a",
                    )
                )
            case "Conclude":
                self.apply(c.ConcludeRun(answer="a"))
            case "Report":
                self.apply(c.RecordDelivery(notice="outcome", to=MEGAN.id, receipt="r"))

    def ask(self, name: str, kind: str, who: object) -> None:
        choices = {
            "decision": ["approve", "reject"],
            "write": ["approve", "reject"],
            "failure": ["retry", "skip", "cancel"],
            "in_doubt": ["done", "not_done"],
        }
        self.apply(
            c.RequestApproval(
                task=name, kind=kind, title="?", approvers=[who], choices=choices[kind], entry="s", inputs="i"
            )
        )  # type: ignore[arg-type,list-item]

    def outcome(self, name: str, attempt: int, write: bool, draw: object) -> None:
        kinds = ["done", "retry", "fail", "sign_in", "lost"] + (["doubt"] if write else [])
        match draw(st.sampled_from(kinds)):  # type: ignore[operator]
            case "done":
                self.apply(c.CompleteTask(task=name, attempt=attempt, entry="e"))
            case "retry":
                self.apply(c.FailAttempt(task=name, attempt=attempt, code="unavailable", message="m", retryable=True))
            case "fail":
                self.apply(c.FailAttempt(task=name, attempt=attempt, code="not_found", message="m"))
            case "sign_in":
                self.apply(c.AwaitSignIn(task=name, attempt=attempt))
            case "lost":
                self.apply(c.InterruptTask(task=name, attempt=attempt))
            case "doubt":
                self.apply(c.DoubtTask(task=name, attempt=attempt, message="m"))


def comparable(run: Run) -> bytes:
    """A state without what replay leaves out: the not yet taken effects and stale timers."""
    wake_at(run)
    copy = msgspec.structs.replace(run, fresh=[], receipts={}, due={}, timers=[])
    return msgspec.json.encode([copy, [repr(effect) for effect in sorted(run.due, key=repr)], wake_at(run)])


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_any_run_folds_to_the_same_state_and_always_has_a_way_on(plan: Plan, data: st.DataObject) -> None:
    story = Story(plan)
    for _ in range(data.draw(st.integers(1, 60))):
        story.step(data)
        run = story.run
        assert run is not None
        # Coded, decoded and folded again, the history gives the same state and the same things to do.
        again = fold(decode(encode(event)) for event in story.history)
        assert comparable(again) == comparable(run)
        assert [event.at for event in story.history] == sorted(event.at for event in story.history)
        assert run.unsettled == sum(task.status not in SETTLED for task in run.tasks.values())
        if run.status in ENDED:
            assert not run.unsettled
            assert not any(approval.open for approval in run.approvals.values())
            assert wake_at(run) is None
        elif run.status != "proposed":
            # Never stuck: something is due, a person is asked, a sign-in is awaited, or time will move it.
            waits = any(approval.open for approval in run.approvals.values()) or run.awaiting
            assert effects(run) or waits or wake_at(run)
        for effect in run.due:
            if isinstance(effect, Prepare):
                assert run.tasks[effect.task].status == "ready"
            elif isinstance(effect, Dispatch):
                assert (run.tasks[effect.task].status, run.tasks[effect.task].attempt) == ("running", effect.attempt)
            elif isinstance(effect, Reconcile):
                assert run.tasks[effect.task].status == "in_doubt"
            elif isinstance(effect, PrepareQuestion):
                assert run.tasks[effect.task].status == "asking"


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_a_write_is_never_started_again_while_it_is_in_doubt(plan: Plan, data: st.DataObject) -> None:
    story = Story(plan)
    for _ in range(60):
        story.step(data)
    doubtful: set[str] = set()
    for event in story.history:
        match event:
            case e.TaskInDoubt(task=name):
                doubtful.add(name)
            case e.DoubtResolved(task=name) | e.TaskSucceeded(task=name):
                doubtful.discard(name)
            case e.TaskStarted(task=name):
                assert name not in doubtful


@given(st.integers(1, 40), st.floats(0, 1), st.none() | st.floats(0, 900))
def test_backoff_is_bounded_and_never_shorter_than_asked_for(
    attempt: int, jitter: float, retry_after: float | None
) -> None:
    asked = timedelta(seconds=retry_after) if retry_after is not None else None
    delay = backoff(attempt, jitter, asked)
    assert timedelta(seconds=1) <= delay <= max(timedelta(seconds=60), asked or timedelta())
    assert asked is None or delay >= asked


def test_a_plan_that_cannot_work_is_refused_with_every_problem_at_once() -> None:
    plan = Plan(
        title="bad",
        answer=Answer(text=""),
        tasks={
            "a": Node(capability="x", needs=["b", "nobody"]),
            "b": Node(capability="x", needs=["c"]),
            "c": Node(capability="x", needs=["a"], optional=["b"]),
            "Bad Name": Node(),
        },
    )
    problems = structural_problems(plan)
    assert len(problems) == 5, problems
    with pytest.raises(InvalidPlan) as caught:
        decide(None, c.ProposeRun(run_id="r", plan=plan, goal="", initiator=MEGAN), START)
    assert caught.value.problems == problems
    assert any("a -> b -> c -> a" in problem or "-> a" in problem for problem in problems)


def test_only_the_named_people_may_command_a_run() -> None:
    story = Story(Plan(title="t", tasks={"a": Node(capability="do")}, answer=Answer(text="")))
    for command in (c.StartRun(by=ALEX), c.CancelRun(by=ALEX), c.ConfirmSignIn(by=ALEX)):
        with pytest.raises(TandemError, match="Only Megan Bowen can"):
            story.apply(command)
    assert len(story.history) == 1
