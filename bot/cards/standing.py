"""Where runs and their tasks stand: as icon, word and figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards.layout import Mark
from bot.cards.moments import countdown, duration
from bot.cards.wording import counted, listed, plain
from orchestration.core.question import APPROVE
from orchestration.core.run import ENDED, SETTLED, Person
from orchestration.core.view import ApprovalView, RunView, TaskView

_TASKS = {
    "pending": Mark("○", word="Not started"),
    "ready": Mark("○", word="Starting"),
    "asking": Mark("?", "Accent", "Waiting for an answer"),
    "running": Mark("●", "Accent", "Working"),
    "open": Mark("●", "Accent", "Working"),
    "backing_off": Mark("↻", "Accent", "Trying again"),
    "awaiting_sign_in": Mark("!", "Attention", "Waiting for you to sign in"),
    "in_doubt": Mark("!", "Attention", "Checking whether it was done"),
    "succeeded": Mark("✓", "Good", "Done"),
    "failed": Mark("✕", "Attention", "Failed"),
    "skipped": Mark("–", word="Skipped"),
    "cancelled": Mark("–", word="Cancelled"),
}
_RUNS = {
    "proposed": Mark("○", word="Not started yet"),
    "running": Mark("●", "Accent", "Working"),
    "closing": Mark("●", "Accent", "Stopping"),
    "succeeded": Mark("✓", "Good", "Finished"),
    "failed": Mark("✕", "Attention", "Failed"),
    "cancelled": Mark("–", word="Cancelled"),
}
_VERDICTS = {
    "approve": "allowed",
    "reject": "not allowed",
    "skip": "left out",
    "done": "confirmed",
    "not_done": "found not done",
    "leave": "left as it was",
}
_SKIPPED = {
    "condition": "not needed this time",
    "need": "it needs a step that was skipped",
    "simulated": "dry run",
}
_PAUSED = Mark("‖", word="Paused")


def task_mark(run: RunView, task: TaskView) -> Mark:
    """The icon and word of a task's state; what an ended run has left open will not be done any more."""
    if run.status in ENDED and task.status not in SETTLED:
        return Mark("–", word="Not done")
    return _TASKS[task.status]


def open_approval(run: RunView, task: str) -> ApprovalView | None:
    """The question that a task, or one inside a group, waits for, if any."""
    inside = f"{task}."
    return next(
        (each for each in run.approvals if each.open and (each.task == task or each.task.startswith(inside))), None
    )


def asked(run: RunView, approvers: Sequence[Person], last: str = "and") -> str:
    """Who is asked: `you` for the initiator, whom the run's own cards address."""
    names = ["you" if person.id == run.initiator.id else plain(person.name, 60) for person in approvers[:3]]
    rest = len(approvers) - len(names)
    return listed([*names, *([counted(rest, "other")] if rest else [])], last) or "somebody"


def unanswered(approval: ApprovalView) -> list[Person]:
    """Those who were asked and have not answered."""
    said = {vote.by.id for vote in approval.votes}
    return [person for person in approval.approvers if person.id not in said]


def votes(approval: ApprovalView) -> str:
    """`1 of 2 have approved: Alex Wilber`; empty where one answer is enough."""
    if approval.quorum < 2:
        return ""
    agreed = [plain(vote.by.name, 60) for vote in approval.votes if vote.choice == APPROVE]
    return f"{len(agreed)} of {approval.quorum} have approved{f': {listed(agreed)}' if agreed else ''}"


def _waiting(run: RunView, approval: ApprovalView) -> str:
    who = asked(run, unanswered(approval), "or" if approval.quorum < 2 else "and")
    waiting = "Waiting for your answer in this chat" if who == "you" else f"Waiting for {who}"
    late = ", overdue" if approval.expired else ""
    many = f" ({votes(approval)})" if approval.votes else ""
    return f"{waiting}{late}{many}"


def task_details(run: RunView, task: TaskView, now: datetime) -> list[str]:
    """What stands behind a task's title: its word, time and figures, or what it waits for."""
    word = task_mark(run, task).word
    if run.status in ENDED and task.status not in SETTLED:
        return [word]
    took = duration((task.finished_at or now) - task.started_at) if task.started_at else ""
    approval = open_approval(run, task.name)
    if task.status == "open":
        return [_counted(task), _waiting(run, approval) if approval else took]
    if approval and task.status in ("asking", "in_doubt"):
        return [_waiting(run, approval)]
    if task.status == "backing_off":
        again = f"trying again {countdown(task.retry_at - now)}" if task.retry_at else "trying again"
        which = f"(try {task.attempt + 1} of {task.attempts})"
        return [plain(task.message, 160).rstrip(".") or "It did not work", f"{again} {which}"]
    if task.status == "running":
        again = f"try {task.attempt} of {task.attempts}" if task.attempt > 1 else ""
        return [word, took, again, *_parts(task, whole=True)]
    if task.status == "succeeded":
        return [word, "" if task.effect == "ask" else took, plain(task.summary, 120), *_parts(task), _verdict(run, task)]
    if task.status == "skipped":
        verdict = _verdict(run, task)
        said = "" if verdict or task.code in ("condition", "need") else plain(task.message, 160)
        return [word, _SKIPPED.get(task.code, ""), verdict, said]
    if task.status == "failed" and task.effect == "write" and not doubtful(task):
        return ["Failed, surely nothing was written", plain(task.message, 200)]
    if task.status in ("failed", "in_doubt"):
        return [word, plain(task.message, 200)]
    return [word]


def _parts(task: TaskView, *, whole: bool = False) -> list[str]:
    """What a worker vouches for: `5 of 6 sources looked through`; of what is done, only what is not the whole."""
    told = [(name, part) for name, part in task.parts.items() if whole or part.done < part.of]
    return [f"{part.done:,} of {part.of:,} {plain(name, 60)}" for name, part in told]


def doubtful(task: TaskView) -> bool:
    """Whether a write that did not succeed may nevertheless have had an effect."""
    return task.status in ("running", "in_doubt") or (
        task.status not in ("cancelled", "skipped") and task.code in ("in_doubt", "outcome_unknown", "timeout")
    )


def _counted(task: TaskView) -> str:
    """How far a group is: `7 of 40`, `round 2 of 3`."""
    return f"round {min(task.done + 1, task.of)} of {task.of}" if task.rounds else f"{task.done:,} of {task.of:,}"


def _verdict(run: RunView, task: TaskView) -> str:
    """Who decided about a task, and what."""
    for approval in reversed(run.approvals):
        if approval.task == task.name and approval.decided_by:
            said = "decided" if approval.kind == "decision" else _VERDICTS.get(approval.choice, "")
            return f"{said} by {asked(run, [approval.decided_by])}" if said else ""
    return ""


def moves(run: RunView, task: TaskView) -> bool:
    """Whether a task goes on without a human."""
    if task.status == "open":
        return not run.paused and open_approval(run, task.name) is None
    return task.status in ("running", "in_doubt") or (not run.paused and task.status in ("ready", "backing_off"))


def run_mark(run: RunView) -> Mark:
    """The icon and word of a run's state; waiting for somebody counts as a state of its own."""
    mark = _RUNS[run.status]
    if run.status != "running":
        return mark
    if run.paused:
        return _PAUSED
    if run.awaiting_sign_in:
        return _TASKS["awaiting_sign_in"]
    if any(task.status in ("running", "ready", "open") and moves(run, task) for task in run.tasks):
        return mark
    if waiting := [approval for approval in run.approvals if approval.open]:
        return Mark("?", "Accent", _waiting(run, waiting[0]))
    return (
        Mark("↻", "Accent", "Waiting to try again") if any(task.status == "backing_off" for task in run.tasks) else mark
    )


def run_details(run: RunView, now: datetime) -> list[str]:
    """A run's state in words: `Working`, `3 of 9 steps done`, `12 s`."""
    settled = sum(task.status in SETTLED for task in run.tasks)
    # While a human is awaited the card is not updated, so nothing on it may grow old.
    waits = run.status == "running" and run_mark(run).icon in ("?", "!", _PAUSED.icon)
    took = duration((run.ended_at or now) - run.started_at) if run.started_at and not waits else ""
    steps = (
        ""
        if run.status in ENDED or run.status == "proposed"
        else f"{settled} of {counted(len(run.tasks), 'step')} done"
    )
    return [run_mark(run).word, steps, took]
