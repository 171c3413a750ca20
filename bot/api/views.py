"""What lists hold of runs and questions: titles, states and links, but nothing that is protected."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.routes.links import Links
from bot.routes.wording import open_title
from orchestration.core.label import UNLABELLED, Label, within
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView, TaskView


def runs_item(run: RunView, links: Links) -> dict[str, Any]:
    """A line of the list of runs."""
    return {
        "id": run.run_id,
        "title": run.title,
        "status": run.status,
        "paused": run.paused,
        "dry": run.dry,
        "awaiting_sign_in": run.awaiting_sign_in,
        "open_questions": sum(approval.open for approval in run.approvals),
        "proposed_at": _at(run.proposed_at),
        "started_at": _at(run.started_at),
        "ended_at": _at(run.ended_at),
        "url": f"/api/runs/{run.run_id}",
        "link": links.chat,
    }


def run_of(run: RunView, links: Links) -> dict[str, Any]:
    """A whole run."""
    return {
        **runs_item(run, links),
        "goal": run.goal,
        "code": run.code,
        "deadline": _at(run.deadline),
        "tasks": [_task(task) for task in run.tasks],
        "questions": [_question(run, approval) for approval in run.approvals],
    }


def approval_of(run: RunView, approval: ApprovalView, who: Person, links: Links) -> dict[str, Any]:
    """A question that is open to somebody; `link` leads to where they answer."""
    return {
        "run": run.run_id,
        "run_title": run.title if run.initiator.id == who.id else None,
        "id": approval.id,
        "title": open_title(run, approval),
        "kind": approval.kind,
        "asked_by": run.initiator.name,
        "requested_at": _at(approval.requested_at),
        "due_at": _at(approval.due_at),
        "label": approval.label or UNLABELLED,
        "quorum": approval.quorum,
        "answered": any(vote.by.id == who.id for vote in approval.votes),
        "link": links.chat,
    }


def _task(task: TaskView) -> dict[str, Any]:
    shown = _is_open(task.label, task.tainted)
    return {
        "name": task.name,
        "title": task.title,
        "effect": task.effect,
        "status": task.status,
        "attempt": task.attempt,
        "attempts": task.attempts,
        "done": task.done,
        "of": task.of,
        "code": task.code,
        "label": task.label or UNLABELLED,
        "summary": task.summary if shown else None,
        "message": task.message if shown else None,
        "started_at": _at(task.started_at),
        "finished_at": _at(task.finished_at),
    }


def _question(run: RunView, approval: ApprovalView) -> dict[str, Any]:
    return {
        "id": approval.id,
        "title": open_title(run, approval),
        "kind": approval.kind,
        "open": approval.open,
        "approvers": [person.name for person in approval.approvers],
        "decided_by": approval.decided_by.name if approval.decided_by else None,
        "via": approval.via or None,
        "requested_at": _at(approval.requested_at),
        "due_at": _at(approval.due_at),
        "decided_at": _at(approval.decided_at),
    }


def _is_open(label: Label | None, tainted: bool) -> bool:
    return not tainted and within(label or UNLABELLED, UNLABELLED)


def _at(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
