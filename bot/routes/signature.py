"""What both sides of an approval workflow sign, and with which keys: HMAC-SHA256 over purpose, system, time and body.

The purpose keeps a question that was sent out from being sent back as an answer, the system's name keeps one system
from speaking for another one with the same key. `docs/approval-workflow.md` shows the bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from orchestration.errors import Invalid
from orchestration.validation.policy import ApprovalSystem

Purpose = Literal["question", "answer"]

SYSTEM, TIMESTAMP, SIGNATURE = "Tandem-System", "Tandem-Timestamp", "Tandem-Signature"
VERSION = "v1"
FRESH = timedelta(minutes=5)
SETTINGS = "TANDEM_APPROVAL"
SHORTEST_KEY = 32


def signed_bytes(purpose: Purpose, system: str, timestamp: str, body: bytes) -> bytes:
    """Exactly what is signed: four lines, of which the last is the body as it is sent."""
    return f"tandem-{purpose}-{VERSION}\n{system}\n{timestamp}\n".encode() + body


def sign(key: bytes, purpose: Purpose, system: str, timestamp: str, body: bytes) -> str:
    """The value of the `Tandem-Signature` header."""
    digest = hmac.new(key, signed_bytes(purpose, system, timestamp, body), hashlib.sha256)
    return f"{VERSION}={digest.hexdigest()}"


def fits(keys: Sequence[bytes], given: str, purpose: Purpose, system: str, timestamp: str, body: bytes) -> bool:
    """Whether a signature was made with one of the keys."""
    expected = [sign(key, purpose, system, timestamp, body) for key in keys]
    return any(hmac.compare_digest(each.encode(), given.encode("utf-8", "replace")) for each in expected)


class Keys:
    """The keys of approval systems, from environment variables that the policy names.

    Args:
        environ: Variables. Only those that begin with `TANDEM_APPROVAL` can be named, so that a policy file cannot
            have Tandem sign with another secret of the deployment. A variable may hold two keys with a blank between
            them while one is changed: the first signs, both are accepted.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {name: value.split() for name, value in environ.items() if name.startswith(SETTINGS)}

    def of(self, system: ApprovalSystem) -> list[bytes]:
        """The keys of a system, the one that signs first.

        Raises:
            Invalid: There is none that will do; the message names the variable.
        """
        name = system.secret_setting
        if not name.startswith(SETTINGS):
            raise Invalid(f"The key of {system.name} is to come from {name}: its name must begin with {SETTINGS}.")
        found = self._values.get(name, [])
        if not found:
            raise Invalid(f"{name} is not set: it holds the key that Tandem shares with {system.name}.")
        if short := [key for key in found if len(key) < SHORTEST_KEY]:
            raise Invalid(
                f"{name} holds a key of {len(short[0])} characters: take {SHORTEST_KEY} or more, "
                "such as from: openssl rand -hex 32"
            )
        return [key.encode() for key in found]
