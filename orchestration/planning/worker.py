"""The worker behind `plan.draft`."""

from __future__ import annotations

from datetime import timedelta

from orchestration.capabilities import Registry, TaskContext, Worker, worker
from orchestration.planning.draft import CAPABILITY, Asked, Drafted
from orchestration.planning.drafting import Drafting, Playbooks
from orchestration.planning.model import Model
from orchestration.validation.policy_file import Policies

TIMEOUT = timedelta(minutes=5)
ATTEMPTS = 3


def draft_worker(
    registry: Registry,
    playbooks: Playbooks,
    policies: Policies,
    model: Model,
    *,
    timeout_seconds: float = 60.0,
) -> Worker:
    """A worker that has a model draw up plans, with what the registry offers when it is asked.

    Args:
        registry: What this deployment can do.
        playbooks: Where the playbooks come from; the playbook planner is one.
        policies: Who may use what.
        model: Is asked, under the deployment's own identity.
        timeout_seconds: For so long it may say nothing.
    """
    drafting = Drafting(registry, playbooks, policies, model, timeout_seconds=timeout_seconds)

    @worker(
        CAPABILITY,
        title="Work out a plan",
        system="the language model",
        timeout=TIMEOUT,
        attempts=ATTEMPTS,
        label="internal",
        name=f"{CAPABILITY}@model",
        summarize=_summary,
    )
    async def draft(asked: Asked, task: TaskContext) -> Drafted:
        return await drafting.draft(asked, task.initiator, task.used, planned_in=task.run_id)

    return draft


def _summary(drafted: Drafted) -> str:
    return {
        "new": "a plan",
        "change": "a change of the plan",
        "question": "a question",
        "refused": "refused",
        "unclear": "no plan",
    }[drafted.outcome]
