"""The card that reminds somebody of a question."""

from __future__ import annotations

from typing import Any

from bot.cards.approval import top
from bot.cards.buttons import APPROVAL_SHOW, button
from bot.cards.layout import Mark, banner, finished, fitted, line, moment, words
from bot.cards.moments import local
from bot.cards.terms import if_nothing, terms
from bot.cards.wording import plain
from bot.language import say
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView


def reminder(run: RunView, approval: ApprovalView, viewer: Person) -> dict[str, Any]:
    """Names the question, since when it waits and until when; its button brings the question itself into its place.

    Args:
        run: The run that waits.
        approval: The question.
        viewer: Who has not answered it.
    """
    who = plain(run.initiator.name, 80)
    title = say("Reminder: {person} waits for your answer", person=who)
    speak = say("Reminder: {question}. {person} waits for you.", question=approval.title, person=who)
    if viewer.id == run.initiator.id:
        title = say("Reminder: Your run waits for your answer")
        speak = say("Reminder: {question}. Your run waits for you.", question=approval.title)
    asked = say("You were asked on {moment}.", moment=local(approval.requested_at))
    body = [
        *top(run, approval),
        banner(Mark("!", "Attention"), [words(title, 160, bold=True)]),
        line(moment(asked, subtle=False), spacing="Medium"),
        *terms(approval, viewer),
        *if_nothing(approval, viewer),
    ]
    show = button(
        say("Show the question"), APPROVAL_SHOW, {"run_id": run.run_id, "approval": approval.id}, style="positive"
    )
    return fitted(lambda _: finished(body, [show], speak=speak), [None])
