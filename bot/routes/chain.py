"""The routes of a question in their order: the system that policy names, else the Teams chat, else a mail."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial

from bot import texts
from bot.conversations import Conversations, Documents
from bot.language import speaking
from bot.outbound import Message, Outbound
from bot.refusals import told
from bot.routes import wording
from bot.routes.doors import Doors
from bot.routes.mail import MailRoute
from bot.routes.receipt import Routed
from bot.routes.workflow import WorkflowRoute
from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, NotFound, Refused, SignInNeeded, TandemError, Unavailable
from orchestration.ports import Notifier

log = logging.getLogger(__name__)
TOLD = "route_told"


class Routes:
    """Implements `orchestration.ports.Notifier` around the one for Teams.

    Args:
        teams: Shows everything in chats.
        conversations: Where people can be reached.
        outbound: Tells the initiator by which route a question went.
        documents: Remembers what the initiator was told.
        doors: Opens chats.
        mail: For people who do not have the app.
        workflow: For questions that policy sends elsewhere.
    """

    def __init__(
        self,
        teams: Notifier,
        conversations: Conversations,
        outbound: Outbound,
        documents: Documents,
        *,
        doors: Doors,
        mail: MailRoute,
        workflow: WorkflowRoute,
    ) -> None:
        self._teams, self._conversations, self._outbound, self._documents = teams, conversations, outbound, documents
        self._doors, self._mail, self._workflow = doors, mail, workflow

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        if system := None if run.dry else self._workflow.takes(approval, person):
            try:
                return await self._workflow.ask(system, run, approval, shown, person)
            except (Refused, Invalid, NotFound, SignInNeeded) as error:
                with await self._in_the_initiators_language(run):
                    why = wording.not_taken(system.name, approval, told(error))
                    await self._tell(run, approval, person, why)
                raise Unavailable(f"{system.name} does not take the question: {error.message}") from error
        show = partial(self._teams.ask, run, approval, shown, person)
        return await self._to_person(run, approval, person, show, reminder=False)

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.remind`: by the way that the question went."""
        routed = Routed.decode(run.receipts.get((f"approval:{approval.id}", person.id), ""))
        if routed and routed.route == "workflow" and (system := self._workflow.system(routed.reference)):
            return await self._workflow.remind(system, run, approval, person)
        show = partial(self._teams.remind, run, approval, person)
        return await self._to_person(run, approval, person, show, reminder=True)

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        """See `Notifier.ask_initiator`."""
        return await self._teams.ask_initiator(run, approval)

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.tell_reply`."""
        return await self._teams.tell_reply(run, approval, person)

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        return await self._teams.ask_sign_in(run)

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`."""
        return await self._teams.report(run, answer)

    async def _to_person(
        self,
        run: RunView,
        approval: ApprovalView,
        person: Person,
        show: Callable[[], Awaitable[str]],
        *,
        reminder: bool,
    ) -> str:
        who = await self._conversations.of(person.id)
        try:
            who = who or await self._doors.open(person, run.initiator)
        except Unavailable as error:
            log.info("whether %s can be reached in Teams is not known now: %s", person.id, error.message)
            return await show()  # says to the initiator that the person cannot be reached yet, and waits
        if who is not None:
            try:
                return await show()
            except Unavailable as error:
                # A chat that is gone, or was blocked, is no outage: that is what a mail is for.
                if not isinstance(error.__cause__, NotFound):
                    raise
        if person.id == run.initiator.id:
            return await show()
        try:
            # Who has no chat has no language that is known: the mail is in the initiator's name, so in theirs.
            with await self._in_the_initiators_language(run):
                receipt = await self._mail.tell(run, approval, person, reminder=reminder)
        except Unavailable:
            raise
        except TandemError as error:
            log.warning("%s gets no mail about run %s: %s", person.id, run.run_id, error.message)
            return await show()  # says to the initiator that the person cannot be reached, and waits
        if not reminder:
            with await self._in_the_initiators_language(run):
                await self._tell(run, approval, person, wording.mailed(person, approval))
        return receipt

    async def _in_the_initiators_language(self, run: RunView) -> AbstractContextManager[None]:
        return speaking(await self._conversations.locale(run.initiator.id))

    async def _tell(self, run: RunView, approval: ApprovalView, person: Person, text: str) -> None:
        """Tell the initiator once by which route a question went, or why it does not go."""
        key = f"{run.run_id}:{approval.id}:{person.id}"
        who = await self._conversations.of(run.initiator.id)
        if who is None or await self._documents.get(TOLD, key):
            return
        try:
            await self._outbound.send(who.conversation, Message(summary=texts.summary(text), text=text))
        except TandemError as error:
            log.info("the initiator of run %s was not told: %s", run.run_id, error.message)
            return
        await self._documents.put(TOLD, key, b"{}")
