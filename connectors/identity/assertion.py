"""The token of a person's sign-in to Tandem, from which tokens for other systems are made."""

from __future__ import annotations

import base64
from typing import Protocol

import msgspec

from orchestration.core.run import Person
from orchestration.sign_in import Need, SignInMissing, Why

LEEWAY_SECONDS = 30


class AssertionSource(Protocol):
    """Knows who is signed in to Tandem; the bot asks the Bot Framework token service."""

    async def assertion(self, person: Person) -> str | None:
        """The person's token for Tandem itself (scope `access_as_user`), or None if they are not signed in.

        Raises:
            Unavailable: Whether they are signed in cannot be found out now.
        """


class Claims(msgspec.Struct, frozen=True):
    """What a sign-in says of itself."""

    oid: str = ""
    tid: str = ""
    exp: float = 0


def claims(assertion: str) -> Claims | None:
    """The claims of a JWT, unverified (the authority verifies it when it is exchanged); None if it is no JWT."""
    parts = assertion.split(".")
    if len(parts) != 3:
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(body, type=Claims)
    except (ValueError, msgspec.DecodeError):
        return None


def check(assertion: str | None, person: Person, tenant: str, now: float) -> str:
    """The assertion, if it is this person's and still valid.

    Args:
        assertion: What the source gave.
        person: Whose it must be.
        tenant: The tenant it must come from.
        now: Seconds since the epoch.

    Raises:
        SignInNeeded: There is none, it is over, or it is another person's.
    """
    if not assertion:
        raise _missing("signed_out", "You are not signed in. Sign in, and the run goes on.")
    found = claims(assertion)
    if found is None:
        raise _missing("unreadable", "Your sign-in cannot be read. Sign in again, and the run goes on.")
    if found.oid.lower() != person.id.lower() or found.tid.lower() != tenant.lower():
        said = f"The sign-in belongs to somebody else. Sign in as {person.name}, and the run goes on."
        raise _missing("other_person", said)
    if found.exp - LEEWAY_SECONDS <= now:
        raise _missing("expired", "Your sign-in has expired. Sign in again, and the run goes on.")
    return assertion


def _missing(why: Why, message: str) -> SignInMissing:
    return SignInMissing(Need(why, message))
