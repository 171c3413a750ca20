"""What holds of every run at every moment, whatever its plan and whatever happened to it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from orchestration.core import events as e
from orchestration.core.dues import under_way
from orchestration.core.question import APPROVE
from orchestration.core.run import (
    ENDED,
    SETTLED,
    Ask,
    AskSignIn,
    Conclude,
    Dispatch,
    Gather,
    Prepare,
    PrepareQuestion,
    Reconcile,
    Remind,
    Report,
    Run,
    effects,
    group_of,
    number_of,
    timer_of,
    wake_at,
)
from orchestration.core.snapshot import freeze, thaw
from orchestration.engines.preparation import idempotency_key
from tests.replay.test_histories import digest
from tests.support.transitions import Transitions, positions


def same(one: Run, other: Run) -> None:
    """Two states are equal in everything but what the engine has taken, and so are they after a snapshot."""
    assert digest(one) == digest(other)
    assert _plain(one) == _plain(other)
    assert _plain(thaw(freeze(one))) == _plain(other)


def _plain(run: Run) -> Run:
    timers = sorted({timer for timer in run.timers if timer_of(run, timer[1]) == (timer[0], timer[2])})
    return msgspec.structs.replace(run, fresh=[], timers=timers)


def holds(run: Run) -> None:
    """Everything that can be said of a state by itself, between two commands."""
    _graph(run)
    _counts(run)
    _tasks(run)
    _questions(run)
    _due(run)
    _time(run)
    _way_on(run)


def _graph(run: Run) -> None:
    assert run.tasks.keys() == run.nodes.keys() == run.dependents.keys()
    assert set(run.groups) <= set(run.tasks)
    for name in run.tasks:
        if parent := group_of(name):
            assert parent in run.groups, f"{name} has no group"
            assert 1 <= number_of(name) <= run.groups[parent].begun
    for name, group in run.groups.items():
        for number in range(1, group.begun + 1):
            assert all(f"{name}.{number}.{child}" in run.tasks for child in run.nodes[name].body), f"{name}.{number}"
        if run.nodes[name].repeat is not None:
            assert len(group.results) <= group.begun


def _counts(run: Run) -> None:
    left = [name for name, task in run.tasks.items() if task.status not in SETTLED]
    assert run.unsettled == len(left), f"{run.unsettled} are said to be left, but there are {left}"
    assert run.awaiting == sum(task.status == "awaiting_sign_in" for task in run.tasks.values())
    if run.status not in ("proposed", "running"):
        return  # nothing depends on these any more
    inside = Counter((group_of(name), number_of(name)) for name in left if "." in name)
    for name, group in run.groups.items():
        assert group.unsettled == {number: inside[name, number] for number in group.unsettled}, name
    assert set(inside) == {(name, n) for name, group in run.groups.items() for n in group.unsettled}
    for name, task in run.tasks.items():
        prefix = name[: name.rfind(".") + 1]
        needs = [prefix + need for need in run.nodes[name].needs]
        if task.status not in SETTLED:
            assert task.unsettled == sum(run.tasks[need].status not in SETTLED for need in needs), name


def _tasks(run: Run) -> None:
    if run.status != "running":
        return
    for name, task in run.tasks.items():
        if task.status in ("pending", "ready"):
            assert (task.status == "ready") == (not task.unsettled), f"{name} is {task.status}"
        if task.status not in SETTLED and "." in name:
            assert run.tasks[group_of(name)].status == "open", f"{name} goes on, but its group does not"
        assert task.doubt <= bool(task.dedupe)
        if task.status in ("ready", "running", "in_doubt"):
            assert task.journal in ("", f"draft of {_key(run, name)}"), (
                f"{name} goes on with the draft of another write"
            )
        assert task.stale <= (task.written or under_way(task)), f"{name} is out of date, but was never written"
        assert task.written or not task.key or task.status != "succeeded", f"{name} succeeded, but wrote nothing"
        assert task.status != "cancelled", f"{name} is cancelled in a run that goes on"


def _key(run: Run, name: str) -> str:
    return idempotency_key("r", name, run.tasks[name].generation)


def _questions(run: Run) -> None:
    for which, approval in run.approvals.items():
        assert approval.approvers, f"{which} is for nobody"
        if approval.open:
            task = run.tasks[approval.task]
            assert (task.status, task.approval) == ("asking", which), f"{which} is open, its task is {task.status}"
            assert not approval.choice
            assert approval.decided_by is None
    for name, task in run.tasks.items():
        if task.status == "asking":
            approval_ = run.approvals.get(task.approval)
            asked = approval_ is not None and approval_.open
            assert asked != (PrepareQuestion(name) in run.due), f"{name} asks, but nobody is asked"


def _due(run: Run) -> None:
    for effect in run.due:
        match effect:
            case Prepare(task=name):
                assert run.tasks[name].status == "ready", effect
            case PrepareQuestion(task=name):
                assert run.tasks[name].status == "asking", effect
            case Gather(task=name, number=number):
                assert (run.tasks[name].status, run.groups[name].begun) == ("open", number), effect
                assert not run.groups[name].unsettled, effect
            case Dispatch(task=name, attempt=attempt):
                assert (run.tasks[name].status, run.tasks[name].attempt) == ("running", attempt), effect
            case Reconcile(task=name, attempt=attempt):
                assert (run.tasks[name].status, run.tasks[name].attempt) == ("in_doubt", attempt), effect
            case Ask(approval=which) | Remind(approval=which):
                assert run.approvals[which].open, effect
            case AskSignIn(round=number):
                assert run.awaiting, effect
                assert number == run.sign_in_round, effect
            case Conclude():
                assert run.status == "running", effect
                assert not run.unsettled, effect
            case Report():
                assert run.status in ENDED, effect
    if run.status in ENDED:
        assert set(run.due) <= {Report()}
        return
    for name, task in run.tasks.items():
        match task.status:
            case "ready" if run.status == "running":
                assert Prepare(name) in run.due, f"{name} is ready and not prepared"
            case "running":
                assert Dispatch(name, task.attempt) in run.due, f"{name} is running and not dispatched"
            case "in_doubt":
                assert (task.look_at is None) == (Reconcile(name, task.attempt) in run.due), f"nobody looks at {name}"
            case "open" if run.status == "running":
                group = run.groups[name]
                assert bool(group.unsettled) != (Gather(name, group.begun) in run.due), f"{name} is not gathered"
    assert run.status != "running" or (Conclude() in run.due) == (not run.unsettled)


def _time(run: Run) -> None:
    """There is a time to wake for whatever time alone can move, and for nothing else."""
    moved = [timer[0] for name in ("", *run.tasks) if (timer := timer_of(run, name)) is not None]
    assert wake_at(run) == min(moved, default=None)
    for name, task in run.tasks.items():
        if task.status in ("running", "backing_off") and run.status not in ENDED:
            assert timer_of(run, name) is not None, f"{name} may last for ever"


def _way_on(run: Run) -> None:
    if run.status in ENDED:
        assert not run.unsettled
        assert not any(approval.open for approval in run.approvals.values())
        assert wake_at(run) is None
    elif run.status != "proposed" and not run.paused:
        asked = any(approval.open for approval in run.approvals.values())
        assert effects(run) or asked or run.awaiting or wake_at(run), "nothing moves this run any more"


class Watch:
    """What holds of the events of a run one after the other, and the transitions that they made."""

    def __init__(self) -> None:
        self.transitions = Transitions()
        self._decided: set[str] = set()
        self._allowed: set[tuple[str, str]] = set()
        self._begun: set[tuple[str, int]] = set()
        self._approvers: dict[str, list[str]] = {}

    def before(self, run: Run) -> dict[tuple[str, str], str]:
        """What `saw` compares with, and who is asked what."""
        self._approvers = {which: [each.id for each in found.approvers] for which, found in run.approvals.items()}
        return positions(run)

    def saw(self, before: dict[tuple[str, str], str] | None, event: e.Event, run: Run) -> None:
        """One more event has been folded in."""
        self.transitions.add(before, event, run)
        match event:
            case e.TaskStarted(task=name, attempt=attempt):
                assert (name, attempt) not in self._begun, f"{name} has had its attempt {attempt}"
                self._begun.add((name, attempt))
                _needs_settled(run, name)
                if event.dedupe:
                    unasked = event.verdict in ("allowed", "granted") and not event.tainted
                    assert unasked or (name, event.inputs) in self._allowed, f"{name} writes what nobody allowed"
                    assert not run.dry
            case e.GroupOpened(task=name):
                _needs_settled(run, name)
            case e.ApprovalRequested(task=name, kind="decision" | "write" | "stale"):
                _needs_settled(run, name)
            case e.ApprovalDecided():
                self._decision(run, event)
        assert (event.at, run.seq) >= (run.proposed_at, 1)
        self._settled_stays(before, event, run)

    def _decision(self, run: Run, event: e.ApprovalDecided) -> None:
        approval = run.approvals[event.approval]
        assert event.approval not in self._decided, f"{event.approval} has been decided"
        assert event.by.id in self._approvers[event.approval], f"{event.by.name} was not asked"
        self._decided.add(event.approval)
        if approval.quorum > 1:
            said = [vote.choice for vote in approval.votes]
            assert len({vote.by.id for vote in approval.votes}) == len(said)
            yes = said.count(APPROVE)
            assert (event.choice == APPROVE) == (yes >= approval.quorum)
            assert yes >= approval.quorum or yes + len(approval.approvers) - len(said) < approval.quorum
        if approval.kind in ("write", "stale") and event.choice == APPROVE:
            self._allowed.add((approval.task, approval.inputs))

    @staticmethod
    def _settled_stays(before: dict[tuple[str, str], str] | None, event: e.Event, run: Run) -> None:
        if before is None or isinstance(event, e.RunReopened | e.EntryRetracted | e.PlanAmended | e.GroupOpened):
            return
        for name, task in run.tasks.items():
            was = before.get(("task", name), "")
            assert was not in SETTLED or task.status == was, f"{name} changed after it was settled"


def _needs_settled(run: Run, name: str) -> None:
    node, prefix = run.nodes[name], name[: name.rfind(".") + 1]
    for need in node.needs:
        status = run.tasks[prefix + need].status
        ok: Any = ("succeeded", "skipped", "failed") if need in node.optional else ("succeeded",)
        assert status in ok, f"{name} begins, but {need} is {status}"
    while name := group_of(name):
        assert run.tasks[name].status == "open", f"a task of {name} begins, which is {run.tasks[name].status}"
