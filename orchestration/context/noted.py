"""What the worker of one attempt read outside."""

from __future__ import annotations

import msgspec

from orchestration.context.flow import Flow
from orchestration.core.label import Label, Source, highest

MOST_KEPT = 20
LONGEST_TITLE = 120


class Noted:
    """Takes notes of sources; the label and taint of all of them count, of many only the first few are kept."""

    __slots__ = ("_kept", "label", "tainted")

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Source] = {}
        self.label: Label | None = None
        self.tainted = False

    def add(self, source: Source) -> None:
        """Something was read."""
        self.raise_to(source.label, tainted=source.outside)
        key = (source.system, source.title, source.link)
        before = self._kept.get(key)
        if before is not None:  # the same thing twice, such as pages of a file: the stricter word about it holds
            label, outside = highest((before.label, source.label)), before.outside or source.outside
            self._kept[key] = msgspec.structs.replace(before, label=label, outside=outside)
        elif len(self._kept) < MOST_KEPT:
            title = source.title if len(source.title) <= LONGEST_TITLE else source.title[: LONGEST_TITLE - 1] + "…"
            self._kept[key] = msgspec.structs.replace(source, title=title)

    def raise_to(self, label: Label, *, tainted: bool) -> None:
        """Something of this label came in that is no source of its own, such as what a peer wrote."""
        self.label = label if self.label is None else highest((self.label, label))
        self.tainted = self.tainted or tainted

    @property
    def sources(self) -> list[Source]:
        """The first few things that were read, each once."""
        return list(self._kept.values())

    def result(self, given: Flow, default: Label) -> tuple[Label, bool]:
        """Label and taint of what was made of the arguments and of what was read; `default` if nothing was noted.

        Never less than the arguments': nothing that a worker says takes a label or a taint away.
        """
        own = default if self.label is None else self.label
        if given.reads and own != given.label:
            own = highest((own, given.label))
        return own, self.tainted or given.tainted
