"""Buttons of an approver who does not answer yet: change, ask back, hand on; and of several questions on one card."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import Any

from bot import approvers, cards, summaries, texts
from bot.approvers import Given
from bot.cards.buttons import (
    APPROVAL_AGAIN,
    APPROVAL_ASK,
    APPROVAL_DELEGATE,
    APPROVAL_DIGEST,
    APPROVAL_EDIT,
    APPROVAL_EXPLAIN,
    APPROVAL_FEEDBACK,
    APPROVAL_REFRESH,
)
from bot.cards.digest import MOST
from bot.cards.exchange import LONGEST_REMARK
from bot.cards.options import MOST_FIELD
from bot.cards.verdict import answered_before
from bot.conversations import Conversations, Reachable
from bot.copies import on_one_card
from bot.language import say
from bot.notifier import TeamsNotifier
from bot.outbound import Message
from bot.progress import Progress
from bot.questions import Questions, named
from bot.refusals import told, told_that_nothing_changed
from bot.reply import Card, Note, Reply, Said
from bot.steering import Verb
from bot.surfaces import group_card
from orchestration.core import commands as c
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, Refused, UnknownRun
from orchestration.ports import Engine

_MOST_FIELDS = 40


class Handling:
    """Carries these buttons out; the engine decides who may.

    Args:
        engine: Applies commands, each once.
        questions: Shows questions as they stand.
        progress: Is kept from overtaking the answer.
        notifier: Puts the question about changed arguments in the place of the one before.
        conversations: Knows the ids of people in the channel.

    Attributes:
        verbs: Verb => what carries it out: person, data, id of the press, id of the pressed message.
    """

    def __init__(
        self,
        engine: Engine,
        questions: Questions,
        progress: Progress,
        notifier: TeamsNotifier,
        conversations: Conversations,
    ) -> None:
        self._engine, self._questions, self._progress = engine, questions, progress
        self._notifier, self._conversations = notifier, conversations
        self.verbs: dict[str, Verb] = {
            APPROVAL_EDIT: self._edit,
            APPROVAL_ASK: self._ask,
            APPROVAL_EXPLAIN: self._explain,
            APPROVAL_FEEDBACK: self._feedback,
            APPROVAL_DELEGATE: self._delegate,
            APPROVAL_DIGEST: self._digest,
            APPROVAL_AGAIN: self._again,
            APPROVAL_REFRESH: self._refresh,
        }

    # --- one question

    async def _edit(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about = named(data, "run_id", "approval", "shown")
        typed = _fields(data)
        if about is None or typed is None:
            return Note(texts.unknown_button())
        if any(len(text) > MOST_FIELD for text in typed.values()):
            return Note(texts.too_much())
        run_id, which, shown = about
        run = await self._engine.view(run_id)
        approval = approvers.find(run, which)
        fields: dict[str, str] = {}
        # What is shown is looked at only for those who may see it; everybody else is refused by the engine.
        if approval is not None and approval.open and approvers.is_asked(approval, who.person):
            before = {field.name: field.value for field in (await self._engine.shown(run_id, which)).fields}
            fields = {name: text for name, text in typed.items() if text != _lines(before.get(name, ""))}
            if not fields and approval.entry == shown:
                return Note(texts.nothing_edited())
        self._progress.defer(run_id)
        try:
            with self._notifier.in_place(run_id, approval.task if approval else "", who.person, card):
                applied = await self._engine.edit(
                    run_id,
                    which,
                    by=who.person,
                    shown=shown,
                    fields=fields,
                    command_id=f"{run_id}:edit:{which}:{who.person.id}:{activity}",
                )
                return await self._edited(applied.run, which, who.person)
        except (Refused, Invalid) as error:
            return await self._questions.after_refusal(run_id, which, who.person, error)

    async def _edited(self, run: RunView, which: str, person: Person) -> Reply:
        """The question with exactly what would be written now, as soon as it is there."""
        approval = approvers.find(run, which)
        newer = approvers.successor(run, approval, person) if approval else None
        if newer is None:
            return Card(cards.message(approval.title if approval else say("Changed"), texts.edited(), "good"))
        return await self._questions.as_it_is(run, newer.id, person)

    async def _ask(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about, text = named(data, "run_id", "approval", "shown"), _said(data, "question")
        if about is None:
            return Note(texts.unknown_button())
        if not text:
            return Note(texts.question_empty())
        run_id, which, shown = about
        command = c.AskBack(approval=which, by=who.person, text=text, shown=shown)
        # The same words from the same card are one question, however often the button is pressed.
        once = blake2b(f"{data.get('remarks')} {text}".encode(), digest_size=8).hexdigest()
        return await self._send(run_id, which, who.person, command, f"ask:{which}:{who.person.id}:{once}")

    async def _feedback(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about, text = named(data, "run_id", "approval", "shown"), _said(data, "feedback")
        if about is None:
            return Note(texts.unknown_button())
        if not text:
            return Note(texts.feedback_empty())
        run_id, which, shown = about
        command = c.GiveFeedback(approval=which, by=who.person, text=text, shown=shown)
        return await self._send(run_id, which, who.person, command, f"feedback:{which}:{who.person.id}:{activity}")

    async def _delegate(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about, to = named(data, "run_id", "approval", "shown"), data.get("to")
        if about is None:
            return Note(texts.unknown_button())
        if not isinstance(to, str) or not to:
            return Note(texts.colleague_which())
        run_id, which, shown = about
        command = c.DelegateApproval(approval=which, by=who.person, to=to, shown=shown)
        return await self._send(run_id, which, who.person, command, f"delegate:{which}:{who.person.id}:{activity}")

    async def _explain(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about, text = named(data, "run_id", "approval"), _said(data, "reply")
        if about is None:
            return Note(texts.unknown_button())
        if not text:
            return Note(texts.reply_empty())
        run_id, which = about
        command = c.Explain(approval=which, by=who.person, text=text)
        run = await self._engine.view(run_id)
        approval = approvers.find(run, which)
        number = len(approval.remarks) if approval else 0
        self._progress.defer(run_id)
        try:
            once = f"{run_id}:explain:{which}:{who.person.id}:{number}"
            run = (await self._engine.send(run_id, command, command_id=once)).run
            self._progress.answered(run_id)
        except (Refused, Invalid) as error:
            if run.initiator.id != who.person.id or approval is None or isinstance(error, UnknownRun):
                return await self._questions.after_refusal(run_id, which, who.person, error)
            run = await self._engine.view(run_id)  # pressed twice, or too late: the card says so
        approval = approvers.find(run, which)
        assert approval is not None
        return Card(cards.asked_back(run, approval))

    async def _send(self, run_id: str, which: str, person: Person, command: c.Command, once: str) -> Reply:
        self._progress.defer(run_id)
        try:
            applied = await self._engine.send(run_id, command, command_id=f"{run_id}:{once}")
        except (Refused, Invalid) as error:
            return await self._questions.after_refusal(run_id, which, person, error)
        self._progress.answered(run_id)
        return await self._questions.as_it_is(applied.run, which, person)

    # --- several on one card

    async def _digest(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        run_id, asked = data.get("run_id"), bound(data.get("asked"))
        if not isinstance(run_id, str) or not asked:
            return Note(texts.unknown_button())
        chosen = {which: str(data.get(f"choice:{which}") or "") for which in asked}
        answers = [
            Given(run_id=run_id, approval=which, shown=shown, choice=chosen[which], comment="", rules={}, exceptions={})
            for which, shown in asked.items()
            if chosen[which]
        ]
        if not answers:
            return Note(texts.nothing_chosen())
        self._progress.defer(run_id)
        said = await asyncio.gather(*(self._decide(who.person, each) for each in answers))
        troubles = {answer.approval: trouble for answer, trouble in zip(answers, said, strict=True)}
        run = await self._engine.view(run_id)
        mine = [each for each in run.approvals if each.id in asked]
        mine = [each for each in mine if approvers.may_see(each, who.person)]
        if not mine:
            return Note(next(filter(None, troubles.values()), texts.not_asked()))
        return Card(await self._digested(run, mine, who.person, troubles, card))

    async def _decide(self, person: Person, given: Given) -> str:
        """Answer one of several questions; why it was not taken, empty if it was."""
        try:
            applied = await self._engine.decide(
                given.run_id,
                given.approval,
                by=person,
                shown=given.shown,
                choice=given.choice,
                command_id=approvers.command_id(given, person),
            )
        except UnknownRun:
            raise
        except (Refused, Invalid) as error:
            return told_that_nothing_changed(error) if isinstance(error, Invalid) else told(error)
        repeated = applied.duplicate and await self._questions.repeats(applied.run, given, person)
        return answered_before() if repeated else ""

    async def _digested(
        self, run: RunView, mine: list[ApprovalView], person: Person, troubles: dict[str, str], card: str
    ) -> dict[str, Any]:
        """The card as it is now; its message is brought to that too, before news of the run does it."""
        shared = {each.id: each for which in mine for each in on_one_card(run, which, person.id)}
        listed = [each for each in run.approvals if each.id in shared or each in mine]
        copies = self._progress.copies
        drawn = await copies.digest(run, listed, person, troubles)
        if card and (f"approval:{mine[0].id}", person.id) in run.receipts:
            message = Message(summary=summaries.of_several(run, len(listed)), card=drawn)
            await copies.replace(run, f"approval:{mine[0].id}", person.id, message)
            await copies.record_shown(run, listed, person)
        return drawn

    # --- shown again

    async def _again(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        about = named(data, "run_id", "approval")
        if about is None:
            return Note(texts.unknown_button())
        run = await self._engine.view(about[0])
        approval = approvers.find(run, about[1])
        if approval is None or not approval.open or not approvers.is_asked(approval, who.person):
            reply = await self._questions.as_it_is(run, about[1], who.person)
            return Said(reply.card) if isinstance(reply, Card) else reply
        await self._progress.copies.ask_again(run, approval, who.person)
        return Note(texts.see_below())

    async def _refresh(self, who: Reachable, data: dict[str, Any], activity: str, card: str) -> Reply:
        """The card in a group for the one who looks at it: clients ask for it by themselves."""
        about = named(data, "run_id", "approval")
        if about is None:
            return Note(texts.unknown_button())
        run = await self._engine.view(about[0])
        approval = approvers.find(run, about[1])
        if approval is None:
            return Note(texts.unknown_button())
        if approvers.may_see(approval, who.person):
            reply = await self._questions.as_it_is(run, approval.id, who.person)
            if isinstance(reply, Card):
                return reply
        return Card(await group_card(self._conversations, run, approval))


def _said(data: dict[str, Any], name: str) -> str:
    return texts.clean(data.get(name) or "", LONGEST_REMARK)


def _lines(text: str) -> str:
    """A text with the line ends of every client made the same."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _fields(data: dict[str, Any]) -> dict[str, str] | None:
    """What was typed for each argument; None if it is no text, or more than any card asks for."""
    given = {key.removeprefix("field:"): value for key, value in data.items() if key.startswith("field:")}
    if len(given) > _MOST_FIELDS or not all(isinstance(value, str) for value in given.values()):
        return None
    return {name: _lines(value) for name, value in given.items()}


def bound(asked: Any) -> dict[str, str]:
    """Question => what its card showed of it; empty if that is not what was sent."""
    if not isinstance(asked, list) or len(asked) > MOST:
        return {}
    pairs = [each for each in asked if isinstance(each, list) and len(each) == 2]
    if len(pairs) != len(asked) or not all(isinstance(part, str) and part for pair in pairs for part in pair):
        return {}
    return dict(pairs)
