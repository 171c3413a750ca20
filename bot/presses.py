"""What a pressed button does, and what its card becomes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from bot import approvers, cards, texts
from bot.cards.buttons import APPROVAL_DECIDE, APPROVAL_SHOW, APPROVAL_WHY, GOAL_ANSWER, GOAL_SAY
from bot.cards.verdict import answered_before
from bot.conversations import Conversations, Reachable
from bot.goals import Goals
from bot.handling import Handling, bound
from bot.inbound import LONGEST_TEXT
from bot.notifier import TeamsNotifier
from bot.progress import Progress
from bot.questions import NOT_PERMITTED, Questions
from bot.replanning import Replanning
from bot.reply import Card, Note, Reply, Said
from bot.steering import Steering
from orchestration.core.run import Person
from orchestration.errors import Invalid, Refused, TandemError, UnknownRun
from orchestration.planning.port import Planner
from orchestration.ports import Clock, Engine

log = logging.getLogger(__name__)

TWICE = timedelta(seconds=3)


class Presses:
    """Carries out buttons. Every press is authorised here: a card proves nothing.

    Args:
        engine: Applies commands, each once.
        planner: Understands again what a button repeats.
        goals: For buttons that say a goal or answer a question.
        progress: Is kept from overtaking the answer.
        notifier: Asks questions.
        conversations: Where people can be reached.
        clock: For durations on cards.
    """

    def __init__(
        self,
        engine: Engine,
        planner: Planner,
        goals: Goals,
        progress: Progress,
        notifier: TeamsNotifier,
        conversations: Conversations,
        clock: Clock,
    ) -> None:
        self._engine, self._goals, self._clock = engine, goals, clock
        self._questions = Questions(engine, progress)
        self._said: dict[str, tuple[str, datetime]] = {}
        self._verbs: dict[str, Callable[[Reachable, dict[str, Any], str, str], Awaitable[Reply]]] = {
            GOAL_SAY: self._say,
            GOAL_ANSWER: self._answer,
            APPROVAL_DECIDE: self._decide,
            APPROVAL_WHY: self._why,
            APPROVAL_SHOW: self._show,
            **Steering(engine, progress, clock).verbs,
            **Replanning(engine, planner, goals.changes, goals.outcomes, goals.drafts).verbs,
            **Handling(engine, self._questions, progress, notifier, conversations).verbs,
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
            return Note(texts.unknown_button())
        try:
            return await carry_out(who, data, activity, card)
        except UnknownRun:
            return Note(texts.unknown_run())

    async def refused(self, person: Person, data: dict[str, Any], code: str) -> None:
        """Keep that somebody's press about questions was turned away before anybody looked at what it wants."""
        run_id, which = data.get("run_id"), data.get("approval")
        about = [which] if isinstance(which, str) else list(bound(data.get("asked")))
        try:
            for each in about if isinstance(run_id, str) else ():
                await self._questions.refused(str(run_id), each, person, code)
        except TandemError as error:
            log.warning("that a press was refused could not be kept: %s", error.message)

    async def _say(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        text = texts.clean(data.get("text") or "", LONGEST_TEXT)
        if not text:
            return Note(texts.unknown_button())
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
            return Note(texts.unknown_button())
        answered = await self._goals.answer(who, texts.clean(value, LONGEST_TEXT), activity, str(data.get("asked")))
        return Note(texts.question_over()) if answered is None else Card(answered)

    async def _decide(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        given = approvers.given(data)
        if given is None:
            return Note(texts.unknown_button())
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
                grant=given.grant,
                command_id=approvers.command_id(given, who.person),
            )
        except (Refused, Invalid) as error:
            return await self._questions.after_refusal(given.run_id, given.approval, who.person, error)
        repeated = applied.duplicate and await self._questions.repeats(applied.run, given, who.person)
        said = answered_before() if repeated else ""
        return await self._questions.as_it_is(applied.run, given.approval, who.person, said=said)

    async def _why(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run_id, which, wanted = (data.get(key) for key in ("run_id", "approval", "why"))
        if not isinstance(run_id, str) or not isinstance(which, str):
            return Note(texts.unknown_button())
        run = await self._engine.view(run_id)
        approval = approvers.find(run, which)
        if approval is None:
            return Note(texts.unknown_button())
        if not approvers.may_see(approval, who.person):
            await self._questions.refused(run_id, which, who.person, NOT_PERMITTED)
            return Note(texts.not_asked())
        shown = await self._engine.shown(run_id, which)
        item = next((each for each in shown.items if each.id == wanted and each.why), None)
        return Said(cards.reasons(run, approval, item)) if item else Note(texts.why_which())

    async def _show(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run_id, which = data.get("run_id"), data.get("approval")
        if not isinstance(run_id, str) or not isinstance(which, str):
            return Note(texts.unknown_button())
        return await self._questions.as_it_is(await self._engine.view(run_id), which, who.person)
