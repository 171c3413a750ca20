"""The card of somebody who has handed a question to a colleague."""

from __future__ import annotations

from typing import Any

from bot.cards.approval import top
from bot.cards.layout import Mark, banner, finished, fitted, line, words
from bot.cards.wording import plain
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
    name = plain(to.name, 80) if to else "Somebody else"
    body = [
        *top(run, approval),
        banner(Mark("→"), [words(f"You have handed this to {name}", bold=True)]),
        line(words(f"{name} is asked instead of you. This card says so when it is decided."), spacing="Medium"),
    ]
    return fitted(lambda _: finished(body, speak=f"{approval.title}: handed to {name}."), [None])
