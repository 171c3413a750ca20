"""To whom something goes, as the person who allows it sees: all of them, each by their address."""

from __future__ import annotations

from connectors.graph.addresses import told
from orchestration.errors import Invalid

# As many as fit on one card beside the rest: what cannot be shown whole is not asked about at all.
MOST_SHOWN = 40
_MOST_IN_A_LINE = 3


def check_number(given: int) -> None:
    """Let something go to so many people.

    Raises:
        Invalid: They do not fit on a card.
    """
    if given > MOST_SHOWN:
        raise Invalid(
            f"{given} people do not fit on the card on which this is allowed: up to {MOST_SHOWN} at once are possible, "
            "so that nobody is overlooked. Use a group's address. Nothing was written."
        )


def people_shown(given: list[str]) -> str:
    """Everybody; where they are many, one to a line."""
    return (", " if len(given) <= _MOST_IN_A_LINE else "\n").join(told(given))
