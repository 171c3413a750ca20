"""What is asked of the writer, and what one of its transactions will hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.codec import encode
from orchestration.core.dues import unanswered
from orchestration.core.run import ENDED, Effect, Run, wake_at
from orchestration.core.view import RunView
from orchestration.engines.fork import Copy
from orchestration.engines.live import LiveRun
from orchestration.ports import Applied, ApprovalRow, Batch, CommandRow, EventRow, RunRow


@dataclass(eq=False, slots=True)
class Request:
    """A command on its way; without one, the caller only wants to see the run.

    Attributes:
        entries: Context entries that the command names.
        copy: The beginning of a new run, which the command then goes on with.
        resume: Take up the run's due effects, or `only` one of them.
        in_flight: What was being done when this was asked, so that `resume` leaves it alone: its outcome follows.
        again: The round that held it failed once already.
        answer: Where the caller waits; None for what the engine sends itself.
    """

    run_id: str
    command: c.Command | None = None
    command_id: str = ""
    entries: dict[str, bytes] = field(default_factory=dict)
    copy: Copy | None = None
    resume: bool = False
    only: Effect | None = None
    in_flight: frozenset[Effect] = frozenset()
    again: bool = False
    answer: asyncio.Future[tuple[LiveRun, Applied]] | None = None

    def refuse(self, error: Exception) -> None:
        """Tell the caller, if one waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


class Inbox:
    """Requests that came since the last round began; it takes a third of the time of a queue of the loop."""

    def __init__(self) -> None:
        self._waiting: list[Request] = []
        self._came = asyncio.Event()

    def put(self, request: Request) -> None:
        """Take a request."""
        self._waiting.append(request)
        self._came.set()

    async def wait(self) -> list[Request]:
        """All of them, as soon as there are any."""
        await self._came.wait()
        return self.clear()

    def clear(self) -> list[Request]:
        """All of them, perhaps none."""
        waiting, self._waiting = self._waiting, []
        self._came.clear()
        return waiting

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not self._waiting

    def ends_with(self, run_id: str) -> bool:
        """Whether the latest is about this run, and surely no repetition of what was asked of another one."""
        return bool(self._waiting) and self._waiting[-1].run_id == run_id and not self._waiting[-1].command_id


class Round:
    """What one transaction will hold.

    Attributes:
        asked: The ids of the commands in it.
        applied: Those that were applied before, with their runs; None until somebody looked.
    """

    def __init__(self, requests: Sequence[Request] = ()) -> None:
        self.asked = list({request.command_id for request in requests if request.command_id})
        self.applied: dict[str, str] | None = None
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

    def record(self, live: LiveRun, event: e.Event, body: bytes) -> None:
        """Take up an event that the run has just folded in."""
        run, type_ = live.run, type(event).__name__
        link = live.extend(run.seq, type_, body)
        self.events.append(EventRow(run.run_id, run.seq, event.at, type_, body, link))
        self.changed.add(run.run_id)

    def record_copy(self, live: LiveRun, copy: Copy) -> None:
        """Take up the beginning of a run that was copied from another one, as a chain of its own."""
        run_id = copy.run.run_id
        self.salts.append((run_id, copy.salt))
        self.changed.add(run_id)
        for seq, event in enumerate(copy.events, 1):
            type_, body = type(event).__name__, encode(event)
            self.events.append(EventRow(run_id, seq, event.at, type_, body, live.extend(seq, type_, body)))
        self.questions |= {(run_id, which): None for which in copy.run.approvals}

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
            snapshots=[row for run_id in self.changed if (row := self.touched[run_id].snapshot()) is not None],
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
    waits = {person.id for person in unanswered(approval)} if approval.open else frozenset()
    return [ApprovalRow(run.run_id, which, person.id, person.id in waits) for person in approval.approvers]
