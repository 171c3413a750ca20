"""What people are shown of a run: a projection, safe to hand to any surface."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from orchestration.core.groups import kept
from orchestration.core.label import Label, Source
from orchestration.core.plan import Node, OnExpiry, Plan, Question
from orchestration.core.run import (
    ENDED,
    ApprovalKind,
    ApprovalState,
    Part,
    Person,
    Remark,
    Run,
    RunStatus,
    TaskState,
    TaskStatus,
    Vote,
)
from orchestration.core.usage import Usage


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the progress card.

    Attributes:
        effect: `read`, `write`, `compute` (reaches nothing outside) or `ask`; of a group, the most that is in it.
        attempt: Tries so far; interrupted ones do not count.
        attempts: How many tries it gets.
        summary: Figures of the result, such as "412 invoices".
        may_skip: The initiator may go on without the answer that it waits for.
        message: Why it failed or waits, for people.
        done: Of a group: items or rounds that are settled.
        of: Of a group: items, or the most rounds there may be; 0 for any other task.
        rounds: Of a group: these are rounds.
        stale: It wrote something from what has been taken back since.
        entry: Context entry of its result; empty for none. What `RetractEntry` takes.
        label: How sensitive its result is; None if there is none.
        tainted: Somebody outside the company may have written part of it.
        sources: What it read outside.
        parts: What its worker vouches for, by part.
        feedback: What approvers wanted done differently.
        usage: Calls of language models that its attempts made.
    """

    name: str
    title: str
    effect: str
    status: TaskStatus
    attempt: int
    attempts: int
    summary: str
    code: str
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    retry_at: datetime | None
    may_skip: bool = False
    done: int = 0
    of: int = 0
    rounds: bool = False
    stale: bool = False
    entry: str = ""
    label: Label | None = None
    tainted: bool = False
    sources: list[Source] = []
    parts: dict[str, Part] = {}
    feedback: list[str] = []
    usage: list[Usage] = []


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """One question and where it stands; `entry` finds what is shown (`question.Shown`), `answer` the whole answer.

    Attributes:
        quorum: How many of the approvers must say the same.
        votes: Answers so far, where one is not enough.
        due_at: When the answer is due.
        escalate_to: Who is asked as well once it is overdue; None for nobody, or when that has been done.
        escalated_to: Who was asked as well because nobody answered in time, or everybody asked was away.
        on_expiry: What happens once it is overdue for good.
        expired: It was due and nobody answered; it may still be open.
        remind_at: When those who have not answered are reminded.
        delegates: To whom an approver may hand it.
        delegated: (who handed it on, to whom), the latest last.
        revises: The task to whose worker an approver may give feedback; empty for none.
        remarks: What was asked back and replied.
        replaced: An approver changed the arguments, or gave feedback: a newer question asks instead.
        label: How sensitive what is shown is.
        tainted: Somebody outside the company may have written part of it.
        scope: "Do not ask again in this run" is offered; what it would cover.
        editable: The arguments can be changed before they are allowed.
        via: The approval system that vouches for who decided; empty where Tandem's own card was used.
        capability: Of the task that it is about; empty for a decision of the plan.
    """

    id: str
    task: str
    kind: ApprovalKind
    title: str
    approvers: list[Person]
    entry: str
    open: bool
    choice: str
    comment: str
    answer: str
    decided_by: Person | None
    requested_at: datetime
    decided_at: datetime | None
    quorum: int = 1
    votes: list[Vote] = []
    due_at: datetime | None = None
    escalate_to: Person | None = None
    escalated_to: Person | None = None
    on_expiry: OnExpiry = "wait"
    expired: bool = False
    remind_at: datetime | None = None
    delegates: list[Person] = []
    delegated: list[tuple[Person, Person]] = []
    revises: str = ""
    remarks: list[Remark] = []
    replaced: bool = False
    label: Label | None = None
    tainted: bool = False
    scope: str = ""
    editable: bool = False
    via: str = ""
    capability: str = ""


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        asks: Whom the plan will ask, beside the initiator for writes.
        awaiting_sign_in: Some task waits for the initiator to sign in.
        answer: Context entry of the plan's answer (`plan.Answer`, evaluated); empty until the run succeeds.
        receipts: (notice, person id) => receipt of what was delivered.
        paused: Nothing new is begun until somebody lets it go on.
        deadline: When the run fails if it has not ended.
        reopened: How often it went on after it had ended.
        dry: It only shows what would happen, and writes nothing.
        left_behind: Titles of writes that stand although what they were made from was taken back: of groups that were
            begun anew, and of tasks that were left out. A person looks after them.
        failed: What failed in a run that failed, also inside groups: it can be tried again, or left out.
        inside: Writes inside groups, once the run has ended: `tasks` has the groups only.
        playbook: The vetted playbook that its plan came from, with its version, or empty.
        model: The language model that drew the plan up or chose the playbook; empty without one.
        planned_in: The run in which that was done.
        revision: How often its plan has been changed since it was proposed.
        amending: A change of its plan waits for a write that is under way.
        usage: Every call of a language model, in the order of the tasks that were called first.
        plan: As it is now; for its initiator only. None where a view is made by hand.
    """

    run_id: str
    title: str
    goal: str
    status: RunStatus
    initiator: Person
    origin: str
    params: dict[str, Any]
    tasks: list[TaskView]
    approvals: list[ApprovalView]
    asks: list[str]
    awaiting_sign_in: bool
    proposed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    code: str
    message: str
    answer: str
    seq: int
    receipts: dict[tuple[str, str], str]
    paused: bool = False
    deadline: datetime | None = None
    reopened: int = 0
    dry: bool = False
    left_behind: list[str] = []
    failed: list[TaskView] = []
    inside: list[TaskView] = []
    playbook: str = ""
    model: str = ""
    planned_in: str = ""
    revision: int = 0
    amending: bool = False
    usage: list[Usage] = []
    plan: Plan | None = None


def _task(run: Run, name: str, state: TaskState, effects: dict[str, str], titles: dict[str, str]) -> TaskView:
    node = run.nodes[name]
    group = run.groups.get(name)
    return TaskView(
        name=name,
        title=title_of(name, node, titles),
        effect=effect_of(node, effects),
        status=state.status,
        attempt=state.spent,
        attempts=state.attempts,
        summary=state.summary,
        code=state.code,
        message=state.message,
        started_at=state.started_at,
        finished_at=state.finished_at,
        retry_at=state.retry_at,
        may_skip=bool(node.approval and node.approval.may_skip and state.status == "asking"),
        done=group.begun - len(group.unsettled) if group else 0,
        of=(node.repeat.at_most if node.repeat else group.count) if group else 0,
        rounds=node.repeat is not None,
        stale=state.stale,
        entry=state.entry,
        label=state.label,
        tainted=state.tainted,
        sources=state.sources,
        parts=state.parts,
        feedback=state.feedback,
        usage=run.usage.get(name, []),
    )


def effect_of(node: Node, effects: dict[str, str]) -> str:
    """What a task does outside; of a group, the most that one of its tasks does."""
    if node.approval:
        return "ask"
    if node.capability:
        return effects.get(node.capability, "read")
    inside = {effect_of(each, effects) for each in node.body.values()}
    return next((each for each in ("write", "read") if each in inside), "compute")


def title_of(name: str, node: Node, titles: dict[str, str]) -> str:
    """What people call a task."""
    own = node.approval.title if node.approval else node.capability
    return node.title or titles.get(node.capability) or own or name.rpartition(".")[2]


def _failed(run: Run) -> list[str]:
    """What ended a run: not what a group went on without."""
    if run.status != "failed":
        return []
    return [name for name, task in run.tasks.items() if task.status == "failed" and not kept(run, name)]


def _writes_inside(run: Run, effects: dict[str, str]) -> list[str]:
    """Writes of groups; while the run goes on, the group itself says how far it is."""
    if run.status not in ENDED:
        return []
    return [name for name in run.tasks if "." in name and effects.get(run.nodes[name].capability) == "write"]


def _of_plan(run: Run, name: str) -> Node:
    """The node of a task that is gone."""
    first, *inside = name.split(".")[::2]
    for plan in (run.once, run.plan.tasks):
        found = plan.get(first)
        for each in inside:
            found = found.body.get(each) if found else None
        if found:
            return found
    return Node()


def view_approval(run: Run, approval: ApprovalState) -> ApprovalView:
    """The view of one question."""
    node = run.nodes.get(approval.task)  # gone if its group was begun anew
    return ApprovalView(
        id=approval.id,
        task=approval.task,
        kind=approval.kind,
        title=approval.title,
        approvers=approval.approvers,
        entry=approval.entry,
        open=approval.open,
        choice=approval.choice,
        comment=approval.comment,
        answer=approval.answer,
        decided_by=approval.decided_by,
        requested_at=approval.requested_at,
        decided_at=approval.decided_at,
        quorum=approval.quorum,
        votes=list(approval.votes),
        due_at=approval.due_at,
        escalate_to=approval.escalate_to,
        escalated_to=approval.escalated_to,
        on_expiry=approval.on_expiry,
        expired=approval.expired,
        remind_at=approval.remind_at,
        delegates=approval.delegates,
        delegated=approval.delegated,
        revises=approval.revises,
        remarks=approval.remarks,
        replaced=approval.replaced,
        label=approval.label,
        tainted=approval.tainted,
        scope=approval.scope,
        editable=approval.editable,
        via=approval.via,
        capability=node.capability if node else "",
    )


def view(run: Run, *, titles: dict[str, str], effects: dict[str, str]) -> RunView:
    """The view of a run.

    Args:
        run: Its state.
        titles: Capability => its own title, for nodes without one.
        effects: Capability => `read`, `write` or `compute`.
    """
    return RunView(
        run_id=run.run_id,
        title=run.plan.title,
        goal=run.goal,
        status=run.status,
        initiator=run.initiator,
        origin=run.origin,
        params=run.plan.params,
        tasks=[_task(run, name, run.tasks[name], effects, titles) for name in run.plan.tasks],
        approvals=[view_approval(run, approval) for approval in run.approvals.values()],
        asks=[_asked(each) for each in _questions(run.plan.tasks)],
        awaiting_sign_in=run.awaiting > 0,
        proposed_at=run.proposed_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        code=run.code,
        message=run.message,
        answer=run.answer,
        seq=run.seq,
        receipts=dict(run.receipts),
        paused=run.paused,
        deadline=run.deadline,
        reopened=run.reopened,
        dry=run.dry,
        left_behind=[title_of(name, _of_plan(run, name), titles) for name in run.left_behind],
        failed=[_task(run, name, run.tasks[name], effects, titles) for name in _failed(run)],
        inside=[_task(run, name, run.tasks[name], effects, titles) for name in _writes_inside(run, effects)],
        playbook=run.plan.playbook,
        model=run.plan.model,
        planned_in=run.plan.planned_in,
        revision=run.revision,
        amending=run.amending is not None,
        usage=[each for usages in run.usage.values() for each in usages],
        plan=run.plan,
    )


def _questions(tasks: dict[str, Node]) -> Iterator[Question]:
    for node in tasks.values():
        if node.approval:
            yield node.approval
        elif not node.capability:
            yield from _questions(node.body)


def _asked(question: Question) -> str:
    return question.approver_title or question.approver or question.approvers
