"""Buttons that steer a run: start, pause, cancel, try again, take a result back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot import cards, texts
from bot.cards.buttons import (
    APPROVAL_SKIP,
    RESULT_CHECK,
    RESULT_RETRACT,
    RUN_CANCEL,
    RUN_PAUSE,
    RUN_RESUME,
    RUN_START,
    TASK_LEAVE_OUT,
    TASK_RETRY,
)
from bot.conversations import Reachable
from bot.language import say
from bot.listing import MOST_LISTED, MOST_READ, listed
from bot.notifier import OUTCOME, PROGRESS
from bot.outbound import Receipt
from bot.progress import Progress
from bot.refusals import told
from bot.reply import Card, Note, Reply, Said
from orchestration.core import commands as c
from orchestration.core.run import Person
from orchestration.core.view import RunView, TaskView
from orchestration.errors import Invalid, NotPermitted, Outdated, Refused, UnknownRun
from orchestration.planning.draft import is_planning
from orchestration.ports import Clock, Engine

LONGEST_REASON = 500
Verb = Callable[[Reachable, dict[str, Any], str, str], Awaitable[Reply]]


class Steering:
    """Carries these buttons out; the engine decides who may.

    Args:
        engine: Applies commands, each once.
        progress: Is kept from overtaking the answer.
        clock: For durations on cards.

    Attributes:
        verbs: Verb => what carries it out: person, data, id of the press, id of the pressed message.
    """

    def __init__(self, engine: Engine, progress: Progress, clock: Clock) -> None:
        self._engine, self._progress, self._clock = engine, progress, clock
        self.verbs: dict[str, Verb] = {
            RUN_START: self._start,
            RUN_CANCEL: self._cancel,
            RUN_PAUSE: self._pause,
            RUN_RESUME: self._resume,
            APPROVAL_SKIP: self._skip,
            TASK_RETRY: self._retry,
            TASK_LEAVE_OUT: self._leave_out,
            RESULT_CHECK: self._check,
            RESULT_RETRACT: self._retract,
        }

    async def _start(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        revision = data.get("revision")
        if not isinstance(revision, int):  # a card from before plans could change
            revision = 0
        reply = await self._control(who.person, data, c.StartRun(by=who.person, revision=revision), "start", card)
        if isinstance(reply, Card):
            await self._move(who, data["run_id"], card)
        return reply

    async def _move(self, who: Reachable, run_id: str, card: str) -> None:
        """Keep the run's card where it was started: a channel may call a message otherwise when it is pressed."""
        run = await self._engine.view(run_id)
        known = Receipt.decode(run.receipts.get((PROGRESS, who.person.id), ""))
        if run.status != "running" or not card or known is None:
            return
        if known.conversation == who.conversation.id and known.activity != card:
            receipt = Receipt(known.conversation, card).encode()
            await self._engine.send(run_id, c.RecordDelivery(notice=PROGRESS, to=who.person.id, receipt=receipt))

    async def _cancel(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._control(who.person, data, c.CancelRun(by=who.person), "cancel", card)

    async def _pause(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        # A run may be paused again and again: one press is one command.
        return await self._control(who.person, data, c.PauseRun(by=who.person), f"pause:{activity}", card)

    async def _resume(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._control(who.person, data, c.ResumeRun(by=who.person), f"resume:{activity}", card)

    async def _skip(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        which = data.get("approval")
        if not isinstance(which, str):
            return Note(texts.unknown_button())
        command = c.SkipApproval(approval=which, by=who.person)
        try:
            return await self._control(who.person, data, command, f"skip:{which}", card)
        except Invalid as error:
            return Note(told(error))

    async def _retry(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._take_up(who, data, c.RetryTask, activity, card)

    async def _leave_out(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._take_up(who, data, c.LeaveOut, activity, card)

    async def _take_up(
        self,
        who: Reachable,
        data: dict[str, Any],
        command: type[c.RetryTask | c.LeaveOut],
        activity: str,
        card: str,
    ) -> Reply:
        name = data.get("task")
        if not isinstance(name, str):
            return Note(texts.unknown_button())
        wish = command(task=name, by=who.person)
        try:
            return await self._control(who.person, data, wish, f"{command.__name__}:{name}:{activity}", card)
        except Invalid:  # pressed twice: it did not fail any more
            run = await self._engine.view(data["run_id"])
            return Card(await self._in_place(run, who.person, card))

    async def _check(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        """Say what taking back a result would lead to."""
        run_id, name = data.get("run_id"), data.get("task")
        if not isinstance(run_id, str):
            return Note(texts.unknown_button())
        if not isinstance(name, str) or not name:
            return Note(texts.result_which())
        run = await self._engine.view(run_id)
        task = _step(run, name)
        command = c.RetractEntry(entry=task.entry if task else "", task=name, by=who.person)
        try:
            foreseen = await self._engine.foresee(run_id, command)
        except Refused as error:
            return Note(told(error))
        except Invalid:
            return Note(texts.result_changed())
        assert task is not None
        return Said(cards.retraction(run, task, foreseen))

    async def _retract(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run_id, name, entry = (data.get(key) for key in ("run_id", "task", "entry"))
        if not (isinstance(run_id, str) and isinstance(name, str) and isinstance(entry, str) and entry):
            return Note(texts.unknown_button())
        reason = texts.clean(data.get("reason") or "", LONGEST_REASON)
        command = c.RetractEntry(entry=entry, task=name, by=who.person, reason=reason)
        try:
            applied = await self._engine.send(run_id, command, command_id=f"{run_id}:retract:{name}:{activity}")
        except UnknownRun:
            raise
        except Refused as error:
            return Note(told(error))
        except Invalid:
            return Note(texts.result_changed())
        task = _step(applied.run, name)
        return Card(
            cards.message(say("Taken back"), texts.taken_back(applied.run, task.title if task else name), "good")
        )

    async def _control(self, person: Person, data: dict[str, Any], command: c.Command, word: str, card: str) -> Reply:
        run_id = data.get("run_id")
        if not isinstance(run_id, str) or not run_id:
            return Note(texts.unknown_button())
        self._progress.defer(run_id)
        try:
            applied = await self._engine.send(run_id, command, command_id=f"{run_id}:{word}:{person.id}")
            run = applied.run
            self._progress.answered(run_id)
        except NotPermitted as error:
            return Note(told(error))
        except Refused as error:
            run = await self._engine.view(run_id)
            if isinstance(error, Outdated) and run.initiator.id == person.id:
                return Card(self._progress.message(run, texts.plan_outdated()).card or {})
        if run.initiator.id != person.id:
            return Note(texts.wrong_person(run.initiator))
        if word == "start":  # only the run's own card offers that
            return Card(self._progress.message(run).card or {})
        return Card(await self._in_place(run, person, card))

    async def _in_place(self, run: RunView, person: Person, card: str) -> dict[str, Any]:
        """What the pressed card becomes: the run's own card, or the list of runs if it was that."""
        pressed = next((notice for notice, _ in run.receipts if _is_on(run, notice, person, card)), "")
        if pressed.partition(":")[0] == OUTCOME:
            return cards.superseded(run)
        known = Receipt.decode(run.receipts.get((PROGRESS, person.id), "")) is not None
        if is_planning(run.playbook) or (card and known and pressed != PROGRESS and run.started_at is not None):
            runs = await self._engine.runs(person=person.id, limit=MOST_READ)
            return cards.status(listed(runs, MOST_LISTED), self._clock.now())
        message = self._progress.message(run)
        return message.card or {}


def _is_on(run: RunView, notice: str, person: Person, card: str) -> bool:
    receipt = Receipt.decode(run.receipts.get((notice, person.id), ""))
    return bool(card) and receipt is not None and receipt.activity == card


def _step(run: RunView, name: str) -> TaskView | None:
    return next((task for task in run.tasks if task.name == name), None)
