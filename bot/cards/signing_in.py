"""Cards around the person's sign-in."""

from __future__ import annotations

from typing import Any

from bot.cards.buttons import link_button
from bot.cards.layout import about, bullets, finished, fitted, header, line, note, words
from bot.cards.notice import message
from orchestration.core.run import SETTLED
from orchestration.core.view import RunView


def sign_in(run: RunView, link: str) -> dict[str, Any]:
    """Why a sign-in is needed, what will be done with it, and the page to do it on."""
    reads = [task.title for task in run.tasks if task.status == "awaiting_sign_in" and task.effect != "write"]
    writes = [task.title for task in run.tasks if task.status not in SETTLED and task.effect == "write"]
    why = "This run works as you, with your own permissions and never more. To go on it needs you to sign in."
    page = link_button("Sign in", link, style="positive")
    after = (
        "It goes on by itself once you have signed in. Until then nothing is lost."
        if page
        else "The sign-in page has no valid address. Ask whoever runs Tandem to look at it; the run waits."
    )

    def build(most: int) -> dict[str, Any]:
        body = [*header("Please sign in", f"{run.title} · {about(run)}"), line(words(why), spacing="Medium")]
        body += bullets("Waiting for your sign-in", reads, most=most)
        body += bullets("Later, and only if you allow it", writes, most=most)
        return finished(
            [*body, note(after, spacing="Medium")], page, speak=f"Please sign in so that “{run.title}” can go on."
        )

    return fitted(build, (8, 4, 2))


def signed_in() -> dict[str, Any]:
    """The sign-in worked."""
    return message("You are signed in", "What was waiting for you goes on now.", "good")
