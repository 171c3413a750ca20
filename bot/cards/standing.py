"""Where runs and their tasks stand: as icon, word and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.cards.layout import Mark
from bot.cards.moments import countdown, duration
from bot.cards.wording import either, listed, plain
from bot.language import say, say_count
from orchestration.core.question import APPROVE
from orchestration.core.run import ENDED, SETTLED, Person
from orchestration.core.view import ApprovalView, RunView, TaskView

WOULD = "Would have been written: "  # how the message of a write begins that a dry run left out


def _task(status: str) -> Mark:
    return {
        "pending": Mark("○", word=say("Not started")),
        "ready": Mark("○", word=say("Starting")),
        "asking": Mark("?", "Accent", say("Waiting for an answer")),
        "running": Mark("●", "Accent", say("Working")),
        "open": Mark("●", "Accent", say("Working")),
        "backing_off": Mark("↻", "Accent", say("Trying again")),
        "awaiting_sign_in": Mark("!", "Attention", say("Waiting for you to sign in")),
        "in_doubt": Mark("!", "Attention", say("Checking whether it was done")),
        "succeeded": Mark("✓", "Good", say("Done")),
        "failed": Mark("✕", "Attention", say("Failed")),
        "skipped": Mark("–", word=say("Skipped")),
        "cancelled": Mark("–", word=say("Cancelled")),
    }[status]


def _run(status: str) -> Mark:
    return {
        "proposed": Mark("○", word=say("Not started yet")),
        "running": Mark("●", "Accent", say("Working")),
        "closing": Mark("●", "Accent", say("Stopping")),
        "succeeded": Mark("✓", "Good", say("Finished")),
        "failed": Mark("✕", "Attention", say("Failed")),
        "cancelled": Mark("–", word=say("Cancelled")),
    }[status]


def _paused() -> Mark:
    return Mark("‖", word=say("Paused"))


def task_mark(run: RunView, task: TaskView) -> Mark:
    """The icon and word of a task's state; what an ended run has left open will not be done any more."""
    if run.status in ENDED and task.status not in SETTLED:
        return Mark("–", word=say("Not done"))
    return _task(task.status)


def open_approval(run: RunView, task: str) -> ApprovalView | None:
    """The question that a task, or one inside a group, waits for, if any."""
    inside = f"{task}."
    return next(
        (each for each in run.approvals if each.open and (each.task == task or each.task.startswith(inside))), None
    )


def asked(run: RunView, approvers: Sequence[Person], join: Callable[[list[str]], str] = listed) -> str:
    """Who is asked: `you` for the initiator, whom the run's own cards address."""
    names = [say("you") if person.id == run.initiator.id else plain(person.name, 60) for person in approvers[:3]]
    rest = len(approvers) - len(names)
    return join([*names, *([say_count("{count} other", "{count} others", rest)] if rest else [])]) or say("somebody")


def alone(run: RunView, approvers: Sequence[Person]) -> bool:
    """Whether the initiator is the only one who is asked."""
    return [person.id for person in approvers] == [run.initiator.id]


def unanswered(approval: ApprovalView) -> list[Person]:
    """Those who were asked and have not answered."""
    said = {vote.by.id for vote in approval.votes}
    return [person for person in approval.approvers if person.id not in said]


def votes(approval: ApprovalView) -> str:
    """`1 of 2 have approved: Alex Wilber`; empty where one answer is enough."""
    if approval.quorum < 2:
        return ""
    agreed = [plain(vote.by.name, 60) for vote in approval.votes if vote.choice == APPROVE]
    if not agreed:
        return say("0 of {quorum} have approved", quorum=approval.quorum)
    return say_count(
        "{count} of {quorum} have approved: {names}",
        "{count} of {quorum} have approved: {names}",
        len(agreed),
        quorum=approval.quorum,
        names=listed(agreed),
    )


def _waiting(run: RunView, approval: ApprovalView) -> str:
    left = unanswered(approval)
    if alone(run, left):
        waiting = say("Waiting for your answer in this chat")
        late = say("Waiting for your answer in this chat, overdue")
    else:
        who = asked(run, left, either if approval.quorum < 2 else listed)
        waiting, late = say("Waiting for {people}", people=who), say("Waiting for {people}, overdue", people=who)
    so_far = f" ({votes(approval)})" if approval.votes else ""
    return f"{late if approval.expired else waiting}{so_far}"


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
        why = plain(task.message, 160).rstrip(".") or say("It did not work")
        return [why, _again(task, countdown(task.retry_at - now) if task.retry_at else "")]
    if task.status == "running":
        which = say("try {number} of {all}", number=task.attempt, all=task.attempts) if task.attempt > 1 else ""
        return [word, took, which, *_parts(task, whole=True)]
    if task.status == "succeeded":
        return [
            word,
            "" if task.effect == "ask" else took,
            plain(task.summary, 120),
            *_parts(task),
            _verdict(run, task),
        ]
    if task.status == "skipped":
        verdict = _verdict(run, task)
        said = "" if verdict or task.code in ("condition", "need") else plain(task.message, 160)
        if task.code == "simulated":
            said = say("Would have been written: {what}", what=said.removeprefix(WOULD))
        return [word, _skipped(task.code), verdict, said]
    if task.status == "failed" and task.effect == "write" and not doubtful(task):
        return [say("Failed, surely nothing was written"), plain(task.message, 200)]
    if task.status in ("failed", "in_doubt"):
        return [word, plain(task.message, 200)]
    return [word]


def _again(task: TaskView, when: str) -> str:
    number_, all_ = task.attempt + 1, task.attempts
    if not when:
        return say("trying again (try {number} of {all})", number=number_, all=all_)
    return say("trying again {when} (try {number} of {all})", when=when, number=number_, all=all_)


def _skipped(code: str) -> str:
    return {
        "condition": say("not needed this time"),
        "need": say("it needs a step that was skipped"),
        "simulated": say("dry run"),
    }.get(code, "")


def _parts(task: TaskView, *, whole: bool = False) -> list[str]:
    """What a worker vouches for: `5 of 6 sources looked through`; of what is done, only what is not the whole."""
    told = [(name, part) for name, part in task.parts.items() if whole or part.done < part.of]
    return [say("{done} of {all} {things}", done=part.done, all=part.of, things=plain(name, 60)) for name, part in told]


def doubtful(task: TaskView) -> bool:
    """Whether a write that did not succeed may nevertheless have had an effect."""
    return task.status in ("running", "in_doubt") or (
        task.status not in ("cancelled", "skipped") and task.code in ("in_doubt", "outcome_unknown", "timeout")
    )


def _counted(task: TaskView) -> str:
    """How far a group is: `7 of 40`, `round 2 of 3`."""
    if task.rounds:
        return say("round {number} of {all}", number=min(task.done + 1, task.of), all=task.of)
    return say("{done} of {all}", done=task.done, all=task.of)


def _verdict(run: RunView, task: TaskView) -> str:
    """Who decided about a task, and what."""
    for approval in reversed(run.approvals):
        if approval.task == task.name and approval.decided_by:
            who = asked(run, [approval.decided_by])
            if approval.kind == "decision":
                return say("decided by {person}", person=who)
            return {
                "approve": say("allowed by {person}", person=who),
                "reject": say("not allowed by {person}", person=who),
                "skip": say("left out by {person}", person=who),
                "done": say("confirmed by {person}", person=who),
                "not_done": say("found not done by {person}", person=who),
                "leave": say("left as it was by {person}", person=who),
            }.get(approval.choice, "")
    return ""


def moves(run: RunView, task: TaskView) -> bool:
    """Whether a task goes on without a human."""
    if task.status == "open":
        return not run.paused and open_approval(run, task.name) is None
    return task.status in ("running", "in_doubt") or (not run.paused and task.status in ("ready", "backing_off"))


def run_mark(run: RunView) -> Mark:
    """The icon and word of a run's state; waiting for somebody counts as a state of its own."""
    mark = _run(run.status)
    if run.status != "running":
        return mark
    if run.paused:
        return _paused()
    if run.awaiting_sign_in:
        return _task("awaiting_sign_in")
    if any(task.status in ("running", "ready", "open") and moves(run, task) for task in run.tasks):
        return mark
    if waiting := [approval for approval in run.approvals if approval.open]:
        return Mark("?", "Accent", _waiting(run, waiting[0]))
    backing_off = any(task.status == "backing_off" for task in run.tasks)
    return Mark("↻", "Accent", say("Waiting to try again")) if backing_off else mark


def run_details(run: RunView, now: datetime) -> list[str]:
    """A run's state in words: `Working`, `3 of 9 steps done`, `12 s`."""
    settled = sum(task.status in SETTLED for task in run.tasks)
    # While a human is awaited the card is not updated, so nothing on it may grow old.
    waits = run.status == "running" and run_mark(run).icon in ("?", "!", _paused().icon)
    took = duration((run.ended_at or now) - run.started_at) if run.started_at and not waits else ""
    steps = (
        ""
        if run.status in ENDED or run.status == "proposed"
        else say_count("{done} of {count} step done", "{done} of {count} steps done", len(run.tasks), done=settled)
    )
    return [run_mark(run).word, steps, took]
