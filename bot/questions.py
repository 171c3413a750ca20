"""Questions as they stand, for somebody who presses a button about one."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import approvers, texts
from bot.approvers import Given
from bot.cards.verdict import answered_before, too_late
from bot.progress import Progress
from bot.refusals import told, told_that_nothing_changed
from bot.reply import Card, Note, Reply
from orchestration.core.commands import RecordRefusal
from orchestration.core.question import Answered
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import AlreadyDecided, Invalid, NotPermitted, Outdated, TandemError, UnknownRun
from orchestration.ports import Engine

NOT_PERMITTED = "not_permitted"
REPLAYED = "replayed"


class Questions:
    """Shows questions to those who were asked, and to nobody else; keeps what was refused.

    Args:
        engine: Knows them.
        progress: Has the cards of those that are settled.
    """

    def __init__(self, engine: Engine, progress: Progress) -> None:
        self._engine, self._progress = engine, progress

    async def as_it_is(self, run: RunView, which: str, person: Person, *, said: str = "") -> Reply:
        """The question as it stands; `said` of the press that is answered with it."""
        approval = approvers.find(run, which)
        if approval is None:
            return Note(texts.unknown_button())
        if not approvers.may_see(approval, person):
            await self.refused(run.run_id, which, person, NOT_PERMITTED)
            return Note(texts.not_asked())
        if newer := approvers.successor(run, approval, person):
            approval, said = newer, said and texts.newest()
        if approval.open:
            shown = await self._engine.shown(run.run_id, approval.id)
            rethinks = self._progress.copies.rethinks
            return Card(approvers.asking(run, approval, shown, person, said=said, rethinks=rethinks))
        return Card(await self._progress.copies.settled(run, approval, said=said))

    async def after_refusal(self, run_id: str, which: str, person: Person, error: TandemError) -> Reply:
        """What somebody sees whose press was refused; the engine has kept that it was.

        Raises:
            UnknownRun: There is no such run.
        """
        match error:
            case UnknownRun():
                raise error
            case NotPermitted():
                return Note(told(error))
            case Outdated():
                return await self.as_it_is(await self._engine.view(run_id), which, person, said=texts.newest())
            case AlreadyDecided():
                run = await self._engine.view(run_id)
                approval = approvers.find(run, which)
                if approval is None or not approvers.may_see(approval, person):
                    return Note(told(error))
                said = answered_before() if _own(approval, person) else too_late()
                return await self.as_it_is(run, which, person, said=said)
            case _:
                return Note(told_that_nothing_changed(error))

    async def repeats(self, run: RunView, given: Given, person: Person) -> bool:
        """Whether an answer that was applied before says something else this time; that is kept as refused."""
        approval = approvers.find(run, given.approval)
        if approval is None or not _own(approval, person):
            return False
        vote = next((each for each in approval.votes if each.by.id == person.id), None)
        first = (vote.choice, vote.comment) if vote else (approval.choice, approval.comment)
        same = first == (given.choice, given.comment)
        if same and approval.answer and approval.decided_by and approval.decided_by.id == person.id:
            answered = await self._answered(run, approval)
            same = answered is None or (answered.rules, answered.exceptions) == (given.rules, given.exceptions)
        if not same:
            await self.refused(run.run_id, given.approval, person, REPLAYED)
        return not same

    async def _answered(self, run: RunView, approval: ApprovalView) -> Answered | None:
        try:
            return msgspec.convert(await self._engine.value(run.run_id, approval.answer), Answered)
        except Invalid:  # erased
            return None

    async def refused(self, run_id: str, which: str, person: Person, code: str) -> None:
        """Keep that a press was not taken, once for each person, question and reason; nothing of unknown runs."""
        command_id = f"refused:{run_id}:{which}:{person.id}:{code}"
        try:
            await self._engine.send(run_id, RecordRefusal(approval=which, by=person, code=code), command_id=command_id)
        except Invalid:
            return


def _own(approval: ApprovalView, person: Person) -> bool:
    decided = approval.decided_by is not None and approval.decided_by.id == person.id
    return decided or approvers.has_answered(approval, person)


def named(data: dict[str, Any], *names: str) -> list[str] | None:
    """The texts under these names; None if one is missing or is no text."""
    found = [data.get(name) for name in names]
    return [str(each) for each in found] if all(isinstance(each, str) and each for each in found) else None
