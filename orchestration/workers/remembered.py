"""What was decided last time about a supplier's discrepancies, offered again this time."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestration.workers.keys import normal
from orchestration.workers.months import period_title
from orchestration.workers.terms import Kind, Terms

AS_IN = "As in "


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an earlier workbook.

    Attributes:
        supplier: Supplier number.
        kind: Title of the kind of discrepancy, as the workbook has it.
        decision: Title of the choice.
    """

    supplier: str = ""
    kind: str = ""
    decision: str = ""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions of an earlier reconciliation, as `files.rows` reads them from its workbook.

    Attributes:
        rows: The discrepancies of that time.
        month: `YYYY-MM` that they were about.
    """

    rows: list[Decided] = []
    month: str = ""


class Memory:
    """Looks up what was decided about a supplier and kind; where the decisions differed, nothing is remembered."""

    def __init__(self, remembered: Remembered | None, terms: Terms) -> None:
        self._label = ""
        self._decisions: dict[tuple[str, Kind], set[str]] = {}
        if remembered is None:
            return
        self._label = f"{AS_IN}{period_title(remembered.month).partition(' ')[0] or 'last time'}"
        kinds = {title.casefold(): kind for kind, title in terms.kinds().items()}
        for row in remembered.rows:
            kind, decision = kinds.get(row.kind.strip().casefold()), row.decision.strip()
            if kind and decision and row.supplier.strip():
                self._decisions.setdefault((normal(row.supplier), kind), set()).add(decision)

    def of(self, supplier: str, kind: Kind, lacking: Iterable[str] = ()) -> list[tuple[str, str]]:
        """("As in September", "SAP is right"), or nothing.

        Args:
            supplier: Number, normalised.
            kind: Of the discrepancy.
            lacking: Names of the systems in which the document is missing this time: that one of them is right may
                well be, but is not offered, since last time another one may have lacked it.
        """
        decisions = self._decisions.get((supplier, kind), set())
        if len(decisions) != 1:
            return []
        return [(self._label, said) for said in decisions if not said.startswith(tuple(lacking))]
