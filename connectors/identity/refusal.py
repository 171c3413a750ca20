"""What the authority's refusals mean, and who can do something about them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import HttpResponseError

from connectors.http import retry_after
from orchestration.errors import NotPermitted, Refused, TandemError, Unavailable
from orchestration.sign_in import Need, SignInMissing

CONSENT_MISSING = frozenset({65001, 65004, 90094})
NOT_ASSIGNED = frozenset({50105})
DISABLED = frozenset({50057})
WRONG_AUDIENCE = frozenset({500131})
UNREADABLE = frozenset({50013, 50027})
# A rule of the organisation says no to this device, place or app: another sign-in on the same device changes nothing.
BLOCKED = frozenset({53000, 53001, 53002, 53003, 53009, 530032})
REVOKED = frozenset({50173, 700082, 70008, 50078})
EXPIRED = frozenset({500133})
PERSONS_TO_MEND = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
NAMES = {"graph.microsoft.com": "Microsoft 365", "operations.dynamics.com": "Dynamics 365"}


class Answer(msgspec.Struct, frozen=True):
    """An OAuth error response."""

    error: str = ""
    suberror: str = ""
    error_description: str = ""
    error_codes: list[int] = []


def meaning(error: HttpResponseError, scope: str, *, where: str = "", consent: str = "") -> TandemError:
    """The error that a failed token request stands for.

    Args:
        error: From azure-identity; a plain `ClientAuthenticationError` for nearly everything.
        scope: What the token was for.
        where: The system as people call it; derived from the scope if not given.
        consent: The page on which an administrator gives consent.
    """
    response: Any = error.response  # azure-core's type leaves out what every response has
    if response is None:  # a page that is not OAuth at all, such as a gateway's
        return Unavailable("The sign-in service answered with something that cannot be read.")
    status = int(response.status_code or 0)
    answer = _answer(response)
    if status == 429 or status >= 500 or answer.error == "temporarily_unavailable":
        return Unavailable(
            f"The sign-in service does not answer ({status}).", retry_after=retry_after(response.headers)
        )
    there, codes = where or named(scope), set(answer.error_codes)
    if codes & CONSENT_MISSING or "consent_required" in (answer.error, answer.suberror):
        return SignInMissing(_consent(there, codes, consent))
    if codes & NOT_ASSIGNED:
        return NotPermitted("Your account is not assigned to Tandem. Ask an administrator of your organisation.")
    if codes & DISABLED:
        return NotPermitted("Your account is disabled. Ask an administrator of your organisation.")
    if codes & WRONG_AUDIENCE:
        return Refused(
            "The sign-in was made for another app than the one that uses it: the operator must give the OAuth "
            "connection the scope access_as_user of TANDEM_SSO_APP_ID."
        )
    if found := _persons(answer, codes, there):
        return SignInMissing(found)
    where = _resource(scope)
    if answer.error in ("invalid_client", "unauthorized_client"):
        return Refused(
            f"The sign-in service does not accept Tandem itself ({_code(answer)}): the operator must check "
            "TANDEM_SSO_APP_ID and TANDEM_SSO_APP_SECRET."
        )
    return Refused(
        f"The sign-in service gives no token for {where} ({_code(answer)}): the operator must check the settings."
    )


def _consent(where: str, codes: set[int], link: str) -> Need:
    declined = "You declined that Tandem acts" if 65004 in codes else "Tandem has no consent to act"
    how = (
        "An administrator of your organisation gives it on the consent page: open it if you are one, or send them its "
        "address."
        if link
        else "An administrator of your organisation gives it in the Entra admin centre (Enterprise applications, "
        "Tandem, Permissions)."
    )
    message = f"{declined} for you at {where}. {how} Press “Try again” after that, and the run goes on."
    return Need("consent", message, where, link)


def _persons(answer: Answer, codes: set[int], where: str) -> Need | None:
    """What the person themselves, or a rule about them, stands in the way of."""
    again = "Sign in again, and the run goes on."
    if codes & BLOCKED:
        said = (
            f"Your organisation does not let {where} be opened from this device, place or app ({_code(answer)}). Sign "
            "in from a device that your organisation manages; if that is what you use, ask your administrator which "
            "rule (conditional access) stands in the way of Tandem."
        )
        return Need("blocked", said, where)
    if answer.error == "interaction_required":
        said = (
            f"Your organisation wants to confirm that it is you before {where} opens. Sign in again with the second "
            "step that it asks for, and the run goes on. If you are asked for the same again after that, tell your "
            "administrator: the sign-in page does not ask for what the rule demands unless the rule (conditional "
            "access) also covers the sign-in to Tandem itself."
        )
        return Need("confirm", said, where)
    if answer.error not in PERSONS_TO_MEND and not codes & UNREADABLE:
        return None
    if codes & EXPIRED:
        return Need("expired", f"Your sign-in is no longer accepted: it has expired. {again}", where)
    if codes & UNREADABLE:
        return Need("unreadable", f"Your sign-in is no longer accepted: it cannot be verified. {again}", where)
    if codes & REVOKED:
        said = "it was ended, as after a new password or by an administrator"
        return Need("revoked", f"Your sign-in is no longer accepted: {said}. {again}", where)
    return Need("revoked", f"Your sign-in is no longer accepted. {again}", where)


def _answer(response: Any) -> Answer:
    try:
        return msgspec.convert(json.loads(response.text()), Answer)
    except (AttributeError, ValueError, msgspec.ValidationError):
        return Answer()


def _code(answer: Answer) -> str:
    return f"AADSTS{answer.error_codes[0]}" if answer.error_codes else answer.error or "no reason given"


def named(scope: str) -> str:
    """The system that a scope is about, as people call it."""
    host = _resource(scope)
    return next((name for end, name in NAMES.items() if host == end or host.endswith(f".{end}")), host)


def _resource(scope: str) -> str:
    return urlsplit(scope).netloc or scope
