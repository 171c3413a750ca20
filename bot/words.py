"""Words that every bot should know, and what people think of its answers."""

from __future__ import annotations

from bot import approvers, cards, texts
from bot import inbound as i
from bot.conversations import Reachable
from bot.goals import Goals
from bot.language import say
from bot.listing import MOST_LISTED, MOST_READ, listed, working
from bot.notifier import OUTCOME
from bot.outbound import Message, Outbound, Receipt
from bot.progress import Progress
from bot.refusals import told
from bot.signin import SignIns
from bot.waiting import OpenQuestions, waiting_card
from orchestration.core.commands import CancelRun, LeaveFeedback
from orchestration.core.view import RunView
from orchestration.errors import NotRunning
from orchestration.planning.port import Planner
from orchestration.ports import Clock, Engine

MOST_AGAIN = 5
MOST_ANSWERS = 50


class Words:
    """Answers them in the person's own chat.

    Args:
        engine: Knows runs, and keeps what people think of their answers.
        planner: For what the bot can do.
        outbound: Answers.
        goals: Drops an open question.
        progress: Shows runs and questions again.
        sign_ins: Signs in and out.
        questions: Knows which questions are open to a person.
        clock: For durations on cards.
    """

    def __init__(
        self,
        engine: Engine,
        planner: Planner,
        outbound: Outbound,
        goals: Goals,
        progress: Progress,
        sign_ins: SignIns,
        questions: OpenQuestions,
        clock: Clock,
    ) -> None:
        self._engine, self._planner, self._outbound, self._goals = engine, planner, outbound, goals
        self._progress, self._sign_ins, self._questions, self._clock = progress, sign_ins, questions, clock

    async def welcome(self, who: Reachable) -> None:
        """The person has added the bot: say what it can do, and bring back what may be gone from the chat."""
        await self._greet(who)
        said = texts.starters()
        suggested = say("What can you do?"), say("my approvals"), say("status")
        await self._outbound.send(who.conversation, Message(summary=said, text=said, suggested=suggested))
        await self._show_again(who)

    async def opinion(self, who: Reachable, inbound: i.Inbound, given: i.Feedback) -> None:
        """Keep what the person thinks of an answer, with the run that gave it.

        The Playground does not say which message the thumb is under: then it is about the newest answer.
        """
        for run in working(await self._engine.runs(person=who.person.id, limit=MOST_ANSWERS)):
            answered = any(notice.partition(":")[0] == OUTCOME for notice, _ in run.receipts)
            if _holds(run, inbound.reply_to) if inbound.reply_to else answered:
                command = LeaveFeedback(by=who.person, reaction=given.reaction, text=given.text)
                await self._engine.send(run.run_id, command, command_id=f"{run.run_id}:feedback:{inbound.id}")
                return
        await self._tell(who, texts.feedback_unknown())

    async def obey(self, who: Reachable, word: i.Word) -> None:
        """Do what one word wants."""
        match word:
            case "hello":
                await self._greet(who)
            case "help":
                card = cards.help_card(self._planner.suggestions())
                await self._outbound.send(who.conversation, Message(summary=say("What I can do"), card=card))
            case "status":
                await self._status(who)
                await self._ask_again(who)
            case "approvals":
                card = await waiting_card(self._engine, self._questions, who.person)
                summary = texts.summary(str(card.get("speak") or say("My approvals")))
                await self._outbound.send(who.conversation, Message(summary=summary, card=card))
            case "cancel":
                await self._cancel(who)
            case "sign in":
                if said := await self._sign_ins.ask(who):
                    await self._tell(who, said)
            case "sign out":
                await self._tell(who, await self._sign_ins.out(who))

    async def _greet(self, who: Reachable) -> None:
        card = cards.welcome(self._planner.suggestions(), who.person.name)
        await self._outbound.send(who.conversation, Message(summary=texts.greeting(), card=card))

    async def _status(self, who: Reachable) -> None:
        runs = await self._engine.runs(person=who.person.id, limit=MOST_READ)
        card = cards.status(listed(runs, MOST_LISTED), self._clock.now())
        await self._outbound.send(who.conversation, Message(summary=say("Your runs"), card=card))

    async def _cancel(self, who: Reachable) -> None:
        if await self._goals.drop(who):
            await self._tell(who, texts.question_dropped())
            return
        if self._goals.drafts is not None and await self._goals.drafts.cancel(who):
            await self._tell(who, texts.planning_cancelled())
            return
        runs = await self._unfinished(who)
        if len(runs) > 1:
            await self._status(who)
            return
        said = texts.nothing_to_cancel()
        if runs:
            try:
                command_id = f"{runs[0].run_id}:cancel:{who.person.id}"
                applied = await self._engine.send(runs[0].run_id, CancelRun(by=who.person), command_id=command_id)
                said = texts.cancelling(applied.run)
            except NotRunning as error:
                said = told(error)
        await self._tell(who, said)

    async def _unfinished(self, who: Reachable) -> list[RunView]:
        runs = await self._engine.runs(person=who.person.id, open_only=True, limit=20)
        return [run for run in working(runs) if run.status in ("proposed", "running")]

    async def _show_again(self, who: Reachable) -> None:
        """After the bot was added anew, the cards of before may be gone from the chat."""
        for run in (await self._unfinished(who))[:MOST_AGAIN]:
            await self._progress.show_again(run)
        await self._ask_again(who)

    async def _ask_again(self, who: Reachable) -> None:
        """Ask what the person was asked before and has not answered."""
        for row in (await self._questions.open_approvals(who.person.id))[:MOST_AGAIN]:
            run = await self._engine.view(row.run_id)
            approval = approvers.find(run, row.approval)
            notice = f"approval:{row.approval}"
            if approval is None or not approval.open or (notice, who.person.id) not in run.receipts:
                continue  # settled meanwhile, or about to be delivered for the first time
            await self._progress.copies.ask_again(run, approval, who.person)

    async def _tell(self, who: Reachable, text: str) -> None:
        await self._outbound.send(who.conversation, Message(summary=texts.summary(text), text=text))


def _holds(run: RunView, activity: str) -> bool:
    """Whether a message is one of the run's."""
    return any(
        receipt is not None and receipt.activity == activity for receipt in map(Receipt.decode, run.receipts.values())
    )
