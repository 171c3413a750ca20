"""Challenges: a system refuses a token and says which claims another one must have (conditional access)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

LONGEST = 8_192
_CLAIMS = re.compile(r'\bclaims="([^"]+)"')


def challenge(headers: Mapping[str, str]) -> str:
    """The claims that a 401 demands, as JSON; empty if it demands none."""
    found = _CLAIMS.search(headers.get("WWW-Authenticate", "")[:LONGEST])
    return demanded(found[1]) if found else ""


def demanded(text: str) -> str:
    """The claims of a challenge as JSON; systems send them in base64.

    What is neither is left as it is: the authority says what is wrong with it.
    """
    try:
        plain = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)).decode()
        json.loads(plain)
    except ValueError:
        return text
    return plain
