"""`tandem replay`: a copy of a run goes on from one of its events and shows what would be written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.cli.history import read
from bot.cli.log import Log
from bot.cli.running import Running
from bot.cli.telling import Moment
from bot.control_messages import From, Standing, Step
from orchestration.core.run import ENDED

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Replay:
    """What became of a dry run.

    Attributes:
        moments: What happened since it went its own way.
    """

    run: Standing
    moments: list[Moment]

    @property
    def writes(self) -> list[Step]:
        """What it would have written."""
        return [step for step in self.run.steps if step.code == "simulated"]

    @property
    def stands(self) -> str:
        """How it ended, or what it waits for, and what to do."""
        run_id, title = self.run.run_id, self.run.title
        more = f"It goes on meanwhile: tandem history {run_id}. End it: tandem cancel {run_id}"
        if self.run.status in ENDED:
            why = f" {self.run.message}" if self.run.message else ""
            return f"The dry run of {title} has ended: {self.run.status}.{why} More of it: tandem history {run_id}"
        if self.run.asked:
            asked = self.run.asked[0]
            return f"The dry run waits for {' or '.join(asked.people)}, who was asked: {asked.title}. {more}"
        if self.run.awaiting_sign_in:
            return f"The dry run waits for its initiator to sign in. {more}"
        return f"The dry run is not done yet. {more}"


def replay(log: Log, running: Running, run_id: str, seq: int, wait_seconds: float) -> Replay:
    """Makes the dry run, and waits for its end or its first question.

    Args:
        log: Where what happened is read.
        running: The bot.
        run_id: The run to copy.
        seq: Its last event that is copied.
        wait_seconds: How long to wait.

    Raises:
        Trouble: No bot runs, there is no such event, or the run had ended by then.
    """
    run = running.ask("POST", f"/runs/{run_id}/fork", Standing, From(seq))
    until = time.monotonic() + wait_seconds
    while not (run.status in ENDED or run.asked or run.awaiting_sign_in) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        run = running.ask("GET", f"/runs/{run.run_id}", Standing)
    return Replay(run, _since_fork(read(log, run.run_id).moments))


def _since_fork(moments: Sequence[Moment]) -> list[Moment]:
    place = next((at for at, each in enumerate(moments) if "began a dry run from here" in each.what), 0)
    return list(moments[place:])
