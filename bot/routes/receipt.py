"""How a question was delivered other than by a card in Teams: the receipt that the run keeps."""

from __future__ import annotations

from typing import Literal

import msgspec

Route = Literal["mail", "workflow"]


class Routed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A delivery.

    Attributes:
        route: By which way.
        reference: Finds it there: the mail's id, or the approval system's name.
    """

    route: Route
    reference: str

    def encode(self) -> str:
        """Its text, for a run's receipts."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Routed | None:
        """The receipt again; None if the text is of another route."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return None
