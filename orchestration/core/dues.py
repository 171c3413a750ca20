"""What a run owes, and the counts that make its tasks ready. Frozen like `evolve`, which alone uses it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from orchestration.core.run import (
    SETTLED,
    ApprovalState,
    Ask,
    AskInitiator,
    AskSignIn,
    Dispatch,
    Effect,
    Person,
    Prepare,
    PrepareQuestion,
    Reconcile,
    Remind,
    Run,
    TaskState,
    TellReply,
)


def owe(run: Run, effect: Effect) -> None:
    """Note that something outside is to be done, once."""
    if effect not in run.due:
        run.due[effect] = None
        run.fresh.append(effect)


def make_ready(run: Run, name: str, task: TaskState) -> None:
    """Let a task be prepared as soon as its needs are settled, which they mostly are."""
    if task.unsettled:
        task.status = "pending"
    else:
        task.status = "ready"
        owe(run, Prepare(name))


def forget_attempt(run: Run, name: str, task: TaskState) -> None:
    """Nothing more is to be done about a task's latest attempt."""
    run.due.pop(Dispatch(name, task.attempt), None)
    run.due.pop(Reconcile(name, task.attempt), None)
    task.doubt = False


def withdraw(run: Run, task: TaskState) -> None:
    """Close the open question about a task, if there is one."""
    approval = run.approvals.get(task.approval)
    if approval is not None and approval.open:
        approval.open = False
        asked_enough(run, approval)


def asked_enough(run: Run, approval: ApprovalState) -> None:
    """Nobody is asked, reminded, asked back or told a reply any more."""
    run.due.pop(Ask(approval.id), None)
    run.due.pop(Remind(approval.id), None)
    for number in range(1, len(approval.remarks) + 1):
        run.due.pop(AskInitiator(approval.id, number), None)
        run.due.pop(TellReply(approval.id, number), None)


def unanswered(approval: ApprovalState) -> Iterator[Person]:
    """Those who were asked and have not answered."""
    said = {vote.by.id for vote in approval.votes}
    return (person for person in approval.approvers if person.id not in said)


def delivered(run: Run, approval: ApprovalState) -> None:
    """Nobody is left to be asked, or to be reminded, if everybody has got the card, or the reminder."""
    if all((f"approval:{approval.id}", person.id) in run.receipts for person in approval.approvers):
        run.due.pop(Ask(approval.id), None)
    if all((f"reminder:{approval.id}", person.id) in run.receipts for person in unanswered(approval)):
        run.due.pop(Remind(approval.id), None)


def drop(run: Run, name: str) -> None:
    """Nothing more is to be done about a task as it stands."""
    task = run.tasks[name]
    withdraw(run, task)
    forget_attempt(run, name, task)
    run.due.pop(Prepare(name), None)
    run.due.pop(PrepareQuestion(name), None)
    if task.status == "awaiting_sign_in":
        run.awaiting -= 1
        if not run.awaiting:
            run.due.pop(AskSignIn(run.sign_in_round), None)


def again(run: Run, name: str) -> None:
    """Begin a task anew; its attempts go on being counted, so that a late result of an old one is known as such."""
    drop(run, name)
    old = run.tasks[name]
    task = run.tasks[name] = TaskState(
        attempt=old.attempt,
        generation=old.generation + old.written,
        feedback=old.feedback,
        feedback_label=old.feedback_label,
    )
    if old.key and not old.written:  # the same effect, if it is allowed with the same arguments
        task.key, task.inputs, task.journal = old.key, old.inputs, old.journal


def leave_behind(run: Run, name: str) -> None:
    """A write that took place stays where it is, and the task goes on without it: a person looks after it."""
    run.left_behind.append(name)
    task = run.tasks[name]
    task.stale = task.written = False
    task.generation, task.entry, task.summary, task.allowed = task.generation + 1, "", "", ""
    task.key = task.journal = ""
    task.journal = ""


def reconsider(run: Run, name: str) -> None:
    """Prepare a write that took place once more, to see whether it would be another one now."""
    drop(run, name)
    task = run.tasks[name]
    task.status, task.stale, task.approval, task.finished_at = "pending", True, "", None


def recount(run: Run) -> None:
    """Count what is not settled from scratch, and let what has become ready be prepared. Costs O(tasks + needs)."""
    run.unsettled = 0
    for group in run.groups.values():
        group.unsettled.clear()
    for task in run.tasks.values():
        task.unsettled = 0
    for name, task in run.tasks.items():
        if task.status in SETTLED:
            continue
        run.unsettled += 1
        if "." in name:
            group_name, number, _ = name.rsplit(".", 2)
            counts = run.groups[group_name].unsettled
            counts[int(number)] = counts.get(int(number), 0) + 1
        for dependent in run.dependents[name]:
            run.tasks[dependent].unsettled += 1
    for name, task in run.tasks.items():
        if task.status == "pending" and not task.unsettled:
            make_ready(run, name, task)
        elif task.status == "ready" and task.unsettled:
            task.status = "pending"
            run.due.pop(Prepare(name), None)


def under_way(task: TaskState) -> bool:
    """Whether a task holds a write whose outcome must be settled before its run may end."""
    return task.doubt or (task.status == "running" and bool(task.dedupe))


def set_deadline(run: Run, deadline: datetime | None) -> None:
    """The run fails if it has not ended by then; None for never."""
    run.deadline = deadline
    if deadline is not None:
        heapq.heappush(run.timers, (deadline, "", 0))
