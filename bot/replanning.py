"""Buttons that change a run's plan: consent to a change or leave it, have it worked out again, find another way."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time
from typing import Any

from bot import cards, texts
from bot.cards.buttons import PLAN_AGAIN, PLAN_CHANGE, PLAN_LEAVE, RUN_RETHINK
from bot.changes import Changes, Wish
from bot.conversations import Reachable
from bot.drafts import Drafts
from bot.inbound import LONGEST_TEXT
from bot.outcomes import Outcomes
from bot.refusals import told
from bot.reply import Card, Note, Reply
from bot.steering import Verb
from orchestration.core.plan import Plan
from orchestration.core.view import RunView
from orchestration.errors import Invalid
from orchestration.planning.draft import is_planning
from orchestration.planning.port import Planner
from orchestration.ports import Engine


class Replanning:
    """Carries these buttons out, for the run's initiator only.

    Args:
        engine: Knows the runs.
        planner: Understands again what was said, where no model was needed.
        changes: Makes changes.
        outcomes: Finds again what was planned.
        drafts: Has plans worked out; None where there is no model.

    Attributes:
        verbs: Verb => what carries it out: person, data, id of the press, id of the pressed message.
    """

    def __init__(
        self, engine: Engine, planner: Planner, changes: Changes, outcomes: Outcomes, drafts: Drafts | None
    ) -> None:
        self._engine, self._planner = engine, planner
        self._changes, self._outcomes, self._drafts = changes, outcomes, drafts
        self.verbs: dict[str, Verb] = {
            PLAN_CHANGE: self._change,
            PLAN_LEAVE: self._leave,
            PLAN_AGAIN: self._again,
            RUN_RETHINK: self._rethink,
        }

    async def _change(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run = await self._own(who, data)
        if not isinstance(run, RunView):
            return run
        if is_planning(run.playbook):
            return Note(texts.unknown_button())
        try:
            wish = await self._wish(who, run, data)
            return Note(texts.unknown_button()) if wish is None else Card(await self._changes.make(who, wish, card))
        except Invalid as error:
            return Note(told(error))

    async def _leave(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run = await self._own(who, data)
        return Card(cards.message(run.title, texts.left_as_it_is())) if isinstance(run, RunView) else run

    async def _again(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run = await self._own(who, data)
        if not isinstance(run, RunView):
            return run
        if isinstance(said := data.get("said"), str):
            wish = said_wish(self._planner, run, texts.clean(said, LONGEST_TEXT), _day(data))
            if wish is None:
                return Card(cards.message(run.title, texts.plan_is_so()))
            await self._changes.offer(who, wish)
            return Card(cards.message(run.title, texts.see_below()))
        planned = await self._planning(who, data)
        if planned is None or self._drafts is None:
            return Note(texts.unknown_button())
        await self._drafts.again(who, planned, activity)
        return Card(cards.message(run.title, texts.planning()))

    async def _rethink(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run = await self._own(who, data)
        if not isinstance(run, RunView):
            return run
        if is_planning(run.playbook):
            return Note(texts.unknown_button())
        if self._drafts is None:
            return Note(texts.no_model_here())
        await self._drafts.rethink(who, run, activity)
        return Note(texts.planning())

    async def _own(self, who: Reachable, data: dict[str, Any]) -> RunView | Note:
        """The run that a button is about, if it is the person's."""
        run_id = data.get("run_id")
        if not isinstance(run_id, str) or not run_id:
            return Note(texts.unknown_button())
        run = await self._engine.view(run_id)
        return run if run.initiator.id == who.person.id else Note(texts.wrong_person(run.initiator))

    async def _planning(self, who: Reachable, data: dict[str, Any]) -> RunView | None:
        """The person's planning run that a button names."""
        run_id = data.get("planning")
        if not isinstance(run_id, str) or not run_id:
            return None
        run = await self._engine.view(run_id)
        return run if is_planning(run.playbook) and run.initiator.id == who.person.id else None

    async def _wish(self, who: Reachable, run: RunView, data: dict[str, Any]) -> Wish | None:
        if isinstance(said := data.get("said"), str):
            revision = data.get("revision")
            if not isinstance(revision, int) or run.plan is None:
                return None
            text, day = texts.clean(said, LONGEST_TEXT), _day(data)
            # Pressed twice: it says nothing new any more, and the engine knows the command.
            return said_wish(self._planner, run, text, day) or _wish(run, run.plan, text, day, revision)
        planned = await self._planning(who, data)
        wish = await self._outcomes.wish(planned) if planned else None
        return wish if wish and wish.run_id == run.run_id else None


def said_wish(planner: Planner, run: RunView, text: str, day: date) -> Wish | None:
    """The change of a playbook's parameters that a text asks for; None if it asks for none."""
    plan = planner.change(run.plan, text, datetime.combine(day, time(), UTC)) if run.plan else None
    return _wish(run, plan, text, day, run.revision) if plan else None


def _wish(run: RunView, plan: Plan, text: str, day: date, revision: int) -> Wish:
    said = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Wish(
        run_id=run.run_id,
        plan=plan,
        revision=revision,
        source={"run_id": run.run_id, "revision": revision, "said": text, "on": day.isoformat()},
        command_id=f"{run.run_id}:said:{revision}:{said}",
    )


def _day(data: dict[str, Any]) -> date:
    """The day on which something was said, as a button carries it; long ago if it does not."""
    try:
        return date.fromisoformat(str(data.get("on")))
    except ValueError:
        return date(2000, 1, 1)
