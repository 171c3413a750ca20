"""What a pressed button does, and what its card becomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot import approvers, cards, texts
from bot.cards.buttons import APPROVAL_DECIDE, APPROVAL_SKIP, APPROVAL_WHY, GOAL_ANSWER, GOAL_SAY, RUN_CANCEL, RUN_START
from bot.conversations import Reachable
from bot.goals import Goals
from bot.inbound import LONGEST_TEXT
from bot.notifier import PROGRESS
from bot.outbound import Receipt
from bot.progress import Progress
from orchestration.core import commands as c
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import AlreadyDecided, Invalid, NotPermitted, Outdated, Refused, UnknownRun
from orchestration.ports import Clock, Engine

TWICE = timedelta(seconds=3)


class Card(msgspec.Struct, frozen=True):
    """The card takes the place of the one that was pressed."""

    card: dict[str, Any]


class Note(msgspec.Struct, frozen=True):
    """The card stays as it is, with what was typed in it; the person is told."""

    text: str


class Said(msgspec.Struct, frozen=True):
    """The card stays as it is; this card comes as a new message."""

    card: dict[str, Any]


Reply = Card | Note | Said | None


class Presses:
    """Carries out buttons. Every press is authorised here: a card proves nothing.

    Args:
        engine: Applies commands, each once.
        goals: For buttons that say a goal or answer a question.
        progress: Is kept from overtaking the answer.
        clock: For durations on cards.
    """

    def __init__(self, engine: Engine, goals: Goals, progress: Progress, clock: Clock) -> None:
        self._engine, self._goals, self._progress, self._clock = engine, goals, progress, clock
        self._said: dict[str, tuple[str, datetime]] = {}
        self._verbs: dict[str, Callable[[Reachable, dict[str, Any], str, str], Awaitable[Reply]]] = {
            GOAL_SAY: self._say,
            GOAL_ANSWER: self._answer,
            RUN_START: self._start,
            RUN_CANCEL: self._cancel,
            APPROVAL_DECIDE: self._decide,
            APPROVAL_WHY: self._why,
            APPROVAL_SKIP: self._skip,
        }

    async def press(self, who: Reachable, verb: str, data: dict[str, Any], activity: str, card: str) -> Reply:
        """Carry out one press.

        Args:
            who: Who pressed, as the channel vouches.
            verb: What the button means.
            data: Its data with the card's inputs; anybody may have made it.
            activity: Id of the press.
            card: Id of the message that holds the card, as far as known.
        """
        carry_out = self._verbs.get(verb)
        if carry_out is None:
            return Note(texts.UNKNOWN_BUTTON)
        try:
            return await carry_out(who, data, activity, card)
        except UnknownRun:
            return Note(texts.UNKNOWN_RUN)

    async def _say(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        text = texts.clean(data.get("text") or "", LONGEST_TEXT)
        if not text:
            return Note(texts.UNKNOWN_BUTTON)
        now = self._clock.now()
        said, at = self._said.get(who.person.id, ("", now))
        if said == text and now - at < TWICE:
            return None  # a double click
        self._said[who.person.id] = text, now
        await self._goals.say(who, text, activity)
        return None

    async def _answer(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        value = data.get("value")
        if not isinstance(value, str) or not value:
            return Note(texts.UNKNOWN_BUTTON)
        answered = await self._goals.answer(who, texts.clean(value, LONGEST_TEXT), activity, card)
        return Note(texts.QUESTION_OVER) if answered is None else Card(answered)

    async def _start(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._control(who.person, data, c.StartRun(by=who.person), "start", card)

    async def _cancel(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        return await self._control(who.person, data, c.CancelRun(by=who.person), "cancel", card)

    async def _skip(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        which = data.get("approval")
        if not isinstance(which, str):
            return Note(texts.UNKNOWN_BUTTON)
        command = c.SkipApproval(approval=which, by=who.person)
        try:
            return await self._control(who.person, data, command, f"skip:{which}", card)
        except Invalid as error:
            return Note(error.message)

    async def _control(self, person: Person, data: dict[str, Any], command: c.Command, word: str, card: str) -> Reply:
        run_id = data.get("run_id")
        if not isinstance(run_id, str) or not run_id:
            return Note(texts.UNKNOWN_BUTTON)
        self._progress.defer(run_id)
        try:
            applied = await self._engine.send(run_id, command, command_id=f"{run_id}:{word}:{person.id}")
            run = applied.run
            self._progress.answered(run_id)
        except NotPermitted as error:
            return Note(error.message)
        except Refused:
            run = await self._engine.view(run_id)
        if run.initiator.id != person.id:
            return Note(texts.wrong_person(run.initiator))
        return Card(await self._in_place(run, person, card))

    async def _in_place(self, run: RunView, person: Person, card: str) -> dict[str, Any]:
        """What the pressed card becomes: the run's own card, or the list of runs if it was that."""
        receipt = Receipt.decode(run.receipts.get((PROGRESS, person.id), ""))
        if card and receipt is not None and receipt.activity != card and run.started_at is not None:
            runs = await self._engine.runs(person=person.id, limit=10)
            return cards.status(runs, self._clock.now())
        message = self._progress.message(run)
        return message.card or {}

    async def _decide(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        given = approvers.given(data)
        if given is None:
            return Note(texts.UNKNOWN_BUTTON)
        try:
            applied = await self._engine.decide(
                given.run_id,
                given.approval,
                by=who.person,
                shown=given.shown,
                choice=given.choice,
                comment=given.comment,
                rules=given.rules,
                exceptions=given.exceptions,
                command_id=approvers.command_id(given, who.person),
            )
            run = applied.run
        except UnknownRun:
            raise
        except NotPermitted as error:
            return Note(error.message)
        except (AlreadyDecided, Outdated) as error:
            return await self._as_it_is(
                await self._engine.view(given.run_id), given.approval, who.person, error.message
            )
        except (Invalid, Refused) as error:
            return Note(f"{texts.clean(error.message, 400)}. Nothing was changed.".replace("..", "."))
        return await self._as_it_is(run, given.approval, who.person, texts.UNKNOWN_BUTTON)

    async def _why(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run_id, which, wanted = (data.get(key) for key in ("run_id", "approval", "why"))
        if not isinstance(run_id, str) or not isinstance(which, str):
            return Note(texts.UNKNOWN_BUTTON)
        run = await self._engine.view(run_id)
        approval = approvers.find(run, which)
        if approval is None or not approvers.may_see(approval, who.person):
            return Note(texts.UNKNOWN_BUTTON)
        shown = await self._engine.shown(run_id, which)
        item = next((each for each in shown.items if each.id == wanted and each.why), None)
        return Said(cards.reasons(run, approval, item)) if item else Note(texts.WHY_WHICH)

    async def _as_it_is(self, run: RunView, which: str, person: Person, otherwise: str) -> Reply:
        """The question as it stands, for somebody who was asked."""
        approval: ApprovalView | None = approvers.find(run, which)
        if approval is None or not approvers.may_see(approval, person):
            return Note(otherwise)
        if approval.open:
            return Card(cards.decision(run, approval, await self._engine.shown(run.run_id, which)))
        return Card(await self._progress.settled(run, approval))
