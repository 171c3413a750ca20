"""The card of somebody who has handed a question to a colleague."""

from __future__ import annotations

from typing import Any

from bot.cards.approval import top
from bot.cards.layout import Mark, banner, finished, fitted, line, words
from bot.cards.wording import plain
from bot.language import say
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView


def handed(run: RunView, approval: ApprovalView, viewer: Person) -> dict[str, Any]:
    """Says who is asked instead of the viewer, while the question is open.

    Args:
        run: The run that waits.
        approval: The question.
        viewer: Who has handed it on.
    """
    to = next((to for before, to in reversed(approval.delegated) if before.id == viewer.id), None)
    name = plain(to.name, 80) if to else say("Somebody else")
    body = [
        *top(run, approval),
        banner(Mark("→"), [words(say("You have handed this to {name}", name=name), bold=True)]),
        line(
            words(say("{name} is asked instead of you. This card says so when it is decided.", name=name)),
            spacing="Medium",
        ),
    ]
    speak = say("{question}: handed to {name}.", question=approval.title, name=name)
    return fitted(lambda _: finished(body, speak=speak), [None])
