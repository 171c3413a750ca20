"""Cards around the person's sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import Action, CardElement

from bot.cards.buttons import SIGN_IN_AGAIN, button, link_button
from bot.cards.layout import about, bullets, finished, fitted, header, line, note, words
from bot.cards.notice import message
from bot.cards.wording import plain
from bot.language import say, spoken
from orchestration.core.run import SETTLED
from orchestration.core.view import RunView
from orchestration.sign_in import NOT_BY_SIGN_IN, Need, Why

_MOST_NEEDS = 3


def _why() -> str:
    return say("This run works as you, with your own permissions and never more. To go on it needs you to sign in.")


def _title(why: Why) -> str:
    return {
        "expired": say("Your sign-in has expired"),
        "other_person": say("That was somebody else's sign-in"),
        "unreadable": say("Please sign in again"),
        "revoked": say("Your sign-in was ended"),
        "consent": say("Consent is missing"),
        "confirm": say("Your organisation wants a second step"),
        "blocked": say("Your organisation does not let you in from here"),
        "refused": say("Please sign in again"),
    }.get(why, say("Please sign in"))


def sign_in(run: RunView, link: str, needs: Sequence[Need] = ()) -> dict[str, Any]:
    """Why a sign-in is needed, what will be done with it, and the page to do it on.

    Args:
        run: That waits.
        link: The sign-in page.
        needs: What stands in the way, as far as known; each says what to do.
    """
    reads = [task.title for task in run.tasks if task.status == "awaiting_sign_in" and task.effect != "write"]
    writes = [task.title for task in run.tasks if task.status not in SETTLED and task.effect == "write"]
    reasons = list({need.message: need for need in needs if need.why != "signed_out"}.values())[:_MOST_NEEDS]
    title = _title(reasons[0].why) if reasons else say("Please sign in")
    by_others = bool(reasons) and all(need.why in NOT_BY_SIGN_IN for need in reasons)
    page = link_button(say("Sign in"), link, style=None if by_others else "positive")
    buttons = [*_mending(reasons), *page]
    after = (
        say("It goes on by itself once you have signed in. Until then nothing is lost.")
        if page
        else say("The sign-in page has no valid address. Ask whoever runs Tandem to look at it; the run waits.")
    )
    if by_others:
        after = say("The run waits, and nothing is lost.")

    def build(most: int) -> dict[str, Any]:
        body = [*header(title, f"{run.title} · {about(run)}"), *_said(reasons)]
        body += bullets(say("Waiting for your sign-in"), reads, most=most)
        body += bullets(say("Later, and only if you allow it"), writes, most=most)
        speak = f"{title}. {say('Please sign in so that “{run}” can go on.', run=run.title)}"
        return finished([*body, note(after, spacing="Medium")], buttons, speak=speak)

    return fitted(build, (8, 4, 2))


def silent(run: RunView, link: str, connection: str, exchange: dict[str, str]) -> dict[str, Any]:
    """The OAuth card, which lets Teams sign the person in without asking; where it cannot, it shows the button.

    Args:
        run: That waits.
        link: The sign-in page.
        connection: Name of the OAuth connection.
        exchange: The connection's `tokenExchangeResource`, without which Teams does not even try.
    """
    text = f"{say('Please sign in so that “{run}” can go on.', run=plain(run.title, 120))} {_why()}"
    sign_in_button = {"type": "signin", "title": say("Sign in"), "value": link}
    return {"text": text, "connectionName": connection, "tokenExchangeResource": exchange, "buttons": [sign_in_button]}


def signed_in() -> dict[str, Any]:
    """The sign-in worked."""
    return message(say("You are signed in"), say("What was waiting for you goes on now."), "good")


def _said(reasons: Sequence[Need]) -> list[CardElement]:
    if not reasons:
        return [line(words(_why()), spacing="Medium")]
    return [line(words(_told(need), 700), spacing="Medium") for need in reasons]


def _told(need: Need) -> str:
    """What happened and what to do: as connectors say it in English, else a general sentence for each reason."""
    if spoken() == "en":
        return need.message
    where = plain(need.where, 80) or "Microsoft 365"
    return {
        "expired": say("Your sign-in for {system} has expired. Please sign in again.", system=where),
        "other_person": say("That sign-in belongs to another account than yours. Please sign in with your own."),
        "unreadable": say("Your sign-in could not be read. Please sign in again."),
        "revoked": say("Your sign-in for {system} was ended there. Please sign in again.", system=where),
        "consent": say(
            "Tandem has no consent to act for you at {system}. An administrator of your organisation gives it on the "
            "consent page: open it if you are one, or send them its address. Press “Try again” after that.",
            system=where,
        ),
        "confirm": say("Your organisation wants to confirm that it is you before {system} opens.", system=where),
        "blocked": say(
            "Your organisation does not let {system} be opened from where you are. Ask your administrator.",
            system=where,
        ),
        "refused": say("{system} did not accept your sign-in. Please sign in again.", system=where),
    }.get(need.why, _why())


def _mending(reasons: Sequence[Need]) -> list[Action]:
    """Buttons for what a sign-in alone does not mend."""
    links = list(dict.fromkeys(need.link for need in reasons if need.link))[:1]
    pages = [each for link in links for each in link_button(say("Open the consent page"), link, style="positive")]
    again = [button(say("Try again"), SIGN_IN_AGAIN, {})] if any(need.why in NOT_BY_SIGN_IN for need in reasons) else []
    return [*pages, *again]
