"""What the authority's refusals mean, and who can do something about them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import HttpResponseError

from connectors.http import retry_after
from orchestration.errors import NotPermitted, Refused, SignInNeeded, TandemError, Unavailable

CONSENT_MISSING = frozenset({65001, 65004, 90094})
NOT_ASSIGNED = frozenset({50105})
WRONG_AUDIENCE = frozenset({500131})
PERSONS_TO_MEND = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})


class Answer(msgspec.Struct, frozen=True):
    """An OAuth error response."""

    error: str = ""
    suberror: str = ""
    error_description: str = ""
    error_codes: list[int] = []


def meaning(error: HttpResponseError, scope: str) -> TandemError:
    """The error that a failed token request stands for.

    Args:
        error: From azure-identity; a plain `ClientAuthenticationError` for nearly everything.
        scope: What the token was for.
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
    where, codes = _resource(scope), set(answer.error_codes)
    if codes & CONSENT_MISSING or "consent_required" in (answer.error, answer.suberror):
        return SignInNeeded(
            f"Tandem has no consent to act for you at {where}. An administrator of your organisation grants it in the "
            "Entra admin centre (Enterprise applications, Tandem, Permissions); sign in again after that."
        )
    if codes & NOT_ASSIGNED:
        return NotPermitted("Your account is not assigned to Tandem. Ask an administrator of your organisation.")
    if codes & WRONG_AUDIENCE:
        return Refused(
            "The sign-in was made for another app than the one that uses it: the operator must give the OAuth "
            "connection the scope access_as_user of TANDEM_SSO_APP_ID."
        )
    if answer.error == "interaction_required":
        return SignInNeeded(
            f"Your organisation wants to confirm that it is you before {where} opens. Sign in again, "
            "and the run goes on."
        )
    if answer.error in PERSONS_TO_MEND:
        return SignInNeeded("Your sign-in is no longer accepted. Sign in again, and the run goes on.")
    if answer.error in ("invalid_client", "unauthorized_client"):
        return Refused(
            f"The sign-in service does not accept Tandem itself ({_code(answer)}): the operator must check "
            "TANDEM_SSO_APP_ID and TANDEM_SSO_APP_SECRET."
        )
    return Refused(
        f"The sign-in service gives no token for {where} ({_code(answer)}): the operator must check the settings."
    )


def _answer(response: Any) -> Answer:
    try:
        return msgspec.convert(json.loads(response.text()), Answer)
    except (AttributeError, ValueError, msgspec.ValidationError):
        return Answer()


def _code(answer: Answer) -> str:
    return f"AADSTS{answer.error_codes[0]}" if answer.error_codes else answer.error or "no reason given"


def _resource(scope: str) -> str:
    return urlsplit(scope).netloc or scope
