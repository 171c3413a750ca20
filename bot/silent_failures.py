"""Why Teams could not sign somebody in silently (`signin/failure`), and who can do what about it."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.texts import clean

By = Literal["person", "administrator", "operator"]
LINK = "Use the button on the sign-in card below instead; it works the same."


class Failure(msgspec.Struct, frozen=True):
    """One code: who can mend it, and what the person is told."""

    by: By
    text: str


# The codes that Microsoft's "SSO Troubleshooting" of the Teams SDK names; most show nothing in the client itself.
FAILURES: dict[str, Failure] = {
    "installedappnotfound": Failure(
        "person", f"Teams does not find Tandem among your apps: remove it, add it again, then try once more. {LINK}"
    ),
    "authrequestfailed": Failure("person", f"Teams could not get a token for you just now. {LINK}"),
    "installappfailed": Failure(
        "administrator",
        "Teams may not install Tandem for you: ask your administrator to allow the app for you in the Teams admin "
        f"centre. {LINK}",
    ),
    "invokeerror": Failure("person", f"Tandem did not answer Teams in time. {LINK}"),
    "resourcematchfailed": Failure(
        "operator",
        "The app's manifest and the sign-in connection name different resources, so Teams cannot sign anybody in by "
        f"itself; whoever runs Tandem has to mend that. {LINK}",
    ),
    "oauthcardnotvalid": Failure("operator", f"Teams could not read the sign-in card of Tandem. {LINK}"),
    "tokenmissing": Failure("person", f"Teams has no token for you: sign in to Teams itself again, perhaps. {LINK}"),
    "userconsentrequired": Failure(
        "person", f"You have not agreed yet that Tandem may know you: Teams asks you when you press the button. {LINK}"
    ),
    "interactionrequired": Failure(
        "person", f"Your organisation wants to confirm that it is you, which Teams cannot do silently. {LINK}"
    ),
}
UNKNOWN = Failure("person", "Teams could not sign you in by itself (it says: {code}). " + LINK)
SILENT = Failure("person", "Teams could not sign you in by itself. " + LINK)


def failure(code: str) -> Failure:
    """What a code means; one that is not known is shown, cleaned, to the person."""
    shown = clean(code, 60)
    found = FAILURES.get(shown.replace("_", "").replace(" ", "").lower())
    if found:
        return found
    return msgspec.structs.replace(UNKNOWN, text=UNKNOWN.text.format(code=shown)) if shown else SILENT
