"""What waits for a person's answer."""

from __future__ import annotations

from typing import Any, Protocol

from bot import approvers, cards
from bot.cards.waiting import MOST
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import UnknownRun
from orchestration.ports import ApprovalRow, Engine


class OpenQuestions(Protocol):
    """Knows who is asked what; see `orchestration.ports.Store`."""

    async def open_approvals(self, person: str) -> list[ApprovalRow]:
        """The open questions to a person, oldest first."""


async def waiting_card(engine: Engine, questions: OpenQuestions, person: Person) -> dict[str, Any]:
    """The list of the open questions to a person that they have not answered, each with a button that shows it."""
    found: list[tuple[RunView, ApprovalView]] = []
    rows = await questions.open_approvals(person.id)
    runs: dict[str, RunView] = {}
    for row in rows[:MOST]:
        try:
            run = runs[row.run_id] = runs.get(row.run_id) or await engine.view(row.run_id)
        except UnknownRun:  # removed meanwhile
            continue
        approval = approvers.find(run, row.approval)
        waits = approval and approval.open and approvers.is_asked(approval, person)
        if approval and waits and not approvers.has_answered(approval, person):
            found.append((run, approval))
    total = len(rows) if len(rows) > MOST else len(found)
    return cards.waiting(found, person, total)
