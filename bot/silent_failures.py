"""Why Teams could not sign somebody in silently (`signin/failure`), and who can do what about it."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.language import say
from bot.texts import clean

By = Literal["person", "administrator", "operator"]


class Failure(msgspec.Struct, frozen=True):
    """One code: who can mend it, and what the person is told."""

    by: By
    text: str


# The codes that Microsoft's "SSO Troubleshooting" of the Teams SDK names, and who can mend what they mean; most show
# nothing in the client itself.
CODES: dict[str, By] = {
    "installedappnotfound": "person",
    "authrequestfailed": "person",
    "installappfailed": "administrator",
    "invokeerror": "person",
    "resourcematchfailed": "operator",
    "oauthcardnotvalid": "operator",
    "tokenmissing": "person",
    "userconsentrequired": "person",
    "interactionrequired": "person",
}


def failure(code: str) -> Failure:
    """What a code means; one that is not known is shown, cleaned, to the person."""
    shown = clean(code, 60)
    known = shown.replace("_", "").replace(" ", "").lower()
    link = say("Use the button on the sign-in card below instead; it works the same.")
    return Failure(CODES.get(known, "person"), f"{_said(known, shown)} {link}")


def _said(known: str, shown: str) -> str:
    unknown = say("Teams could not sign you in by itself.")
    if shown:
        unknown = say("Teams could not sign you in by itself (it says: {code}).", code=shown)
    return {
        "installedappnotfound": say(
            "Teams does not find Tandem among your apps: remove it, add it again, then try once more."
        ),
        "authrequestfailed": say("Teams could not get a token for you just now."),
        "installappfailed": say(
            "Teams may not install Tandem for you: ask your administrator to allow the app for you in the Teams admin "
            "centre."
        ),
        "invokeerror": say("Tandem did not answer Teams in time."),
        "resourcematchfailed": say(
            "The app's manifest and the sign-in connection name different resources, so Teams cannot sign anybody in "
            "by itself; whoever runs Tandem has to mend that."
        ),
        "oauthcardnotvalid": say("Teams could not read the sign-in card of Tandem."),
        "tokenmissing": say("Teams has no token for you: sign in to Teams itself again, perhaps."),
        "userconsentrequired": say(
            "You have not agreed yet that Tandem may know you: Teams asks you when you press the button."
        ),
        "interactionrequired": say(
            "Your organisation wants to confirm that it is you, which Teams cannot do silently."
        ),
    }.get(known, unknown)
