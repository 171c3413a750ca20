"""Why a person has to sign in before something can go on, and what they, or somebody else, can do about it."""

from __future__ import annotations

from typing import Literal

import msgspec

from orchestration.errors import SignInNeeded

Why = Literal[
    "signed_out", "expired", "other_person", "unreadable", "revoked", "consent", "confirm", "blocked", "refused"
]

# Where signing in by itself cannot help: somebody has to do something else first.
NOT_BY_SIGN_IN: frozenset[Why] = frozenset({"consent", "blocked"})
# Where the token that Teams gives silently is as good as one from the sign-in page.
SILENTLY: frozenset[Why] = frozenset({"signed_out", "expired"})


class Need(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason.

    Attributes:
        why: Which it is.
        message: What happened and what to do, for the person.
        where: The system that it is about, as people call it; empty if it is about the sign-in itself.
        link: A page on which it is mended, such as that for consent; empty for the sign-in page itself.
    """

    why: Why
    message: str
    where: str = ""
    link: str = ""


class SignInMissing(SignInNeeded):
    """The person has to sign in; `need` says why."""

    def __init__(self, need: Need) -> None:
        super().__init__(need.message)
        self.need = need
