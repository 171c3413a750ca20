"""What `tandem doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["good", "bad", "note", "off"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: Heading it belongs under.
        mark: `bad` needs attention, `note` is worth knowing, `off` is not used here.
        way_out: What to do, if something is to be done.
    """

    part: str
    mark: Mark
    text: str
    way_out: str = ""
