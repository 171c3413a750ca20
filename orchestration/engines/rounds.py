"""What is asked of the writer, and what one of its transactions will hold."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.run import ENDED, Effect, Run, wake_at
from orchestration.core.view import RunView
from orchestration.engines.live import LiveRun
from orchestration.ports import Applied, ApprovalRow, Batch, CommandRow, EventRow, RunRow


@dataclass(eq=False, slots=True)
class Request:
    """A command on its way; without one, the caller only wants to see the run.

    Attributes:
        entries: Context entries that the command names.
        resume: Take up the run's due effects, or `only` one of them.
        in_flight: What was being done when this was asked, so that `resume` leaves it alone: its outcome follows.
        again: The round that held it failed once already.
        answer: Where the caller waits; None for what the engine sends itself.
    """

    run_id: str
    command: c.Command | None = None
    command_id: str = ""
    entries: dict[str, bytes] = field(default_factory=dict)
    resume: bool = False
    only: Effect | None = None
    in_flight: frozenset[Effect] = frozenset()
    again: bool = False
    answer: asyncio.Future[tuple[LiveRun, Applied]] | None = None

    def refuse(self, error: Exception) -> None:
        """Tell the caller, if one waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


class Round:
    """What one transaction will hold."""

    def __init__(self) -> None:
        self.events: list[EventRow] = []
        self.touched: dict[str, LiveRun] = {}
        self.changed: set[str] = set()
        self.questions: dict[tuple[str, str], None] = {}
        self.views: dict[str, RunView] = {}
        self.broken: Exception | None = None
        self.commands: dict[str, str] = {}
        self.salts: list[tuple[str, bytes]] = []
        self.answers: list[tuple[Request, LiveRun, bool]] = []
        self.effects: dict[str, list[Effect]] = {}

    def record(self, run: Run, event: e.Event, body: bytes) -> None:
        """Take up an event that `run` has just folded in."""
        self.events.append(EventRow(run.run_id, run.seq, event.at, type(event).__name__, body))
        self.changed.add(run.run_id)

    def written(self) -> Batch:
        """The rows of everything that happened."""
        return Batch(
            events=self.events,
            entries=[row for live in self.touched.values() for row in live.written],
            runs=[_run_row(self.touched[run_id].run) for run_id in self.changed],
            approvals=[
                row for run_id, which in self.questions for row in _approval_rows(self.touched[run_id].run, which)
            ],
            commands=[CommandRow(command_id, run_id) for command_id, run_id in self.commands.items()],
            salts=self.salts,
        )


def _run_row(run: Run) -> RunRow:
    return RunRow(
        run_id=run.run_id,
        status=run.status,
        title=run.plan.title,
        initiator=run.initiator.id,
        open=run.status not in ENDED or bool(run.due),
        due=bool(run.due),
        wake_at=wake_at(run),
        proposed_at=run.proposed_at,
        seq=run.seq,
    )


def _approval_rows(run: Run, which: str) -> list[ApprovalRow]:
    approval = run.approvals[which]
    return [ApprovalRow(run.run_id, which, person.id, approval.open) for person in approval.approvers]
