"""What a deployment pays for its language model, so that a call's cost can be told."""

from __future__ import annotations

import math
import re

import msgspec

_SHAPE = re.compile(r"([0-9.]+)\s*/\s*([0-9.]+)(?:\s*/\s*([0-9.]+))?\s+([A-Z]{3})")
_MILLION = 1_000_000


class Prices(msgspec.Struct, frozen=True):
    """Prices of a million tokens.

    Attributes:
        input: Tokens that the model reads for the first time.
        output: Tokens that it writes.
        cached: Tokens that it has read before.
        currency: Such as `EUR`.
    """

    input: float
    output: float
    cached: float
    currency: str

    def cost(self, *, read: int, written: int, cached: int = 0) -> float:
        """What a call costs; `read` counts the cached tokens too."""
        fresh = max(read - cached, 0)
        return (fresh * self.input + cached * self.cached + written * self.output) / _MILLION


def read_prices(text: str) -> Prices | None:
    """The prices in a text such as `2.50/10.00/1.25 EUR` (input, output, cached input); None if it holds none.

    Without a third price, what was read before costs as much as what was not.
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        read, written = float(found[1]), float(found[2])
        cached = float(found[3]) if found[3] else read
    except ValueError:
        return None
    if not all(math.isfinite(each) for each in (read, written, cached)):
        return None
    return Prices(read, written, cached, found[4])
