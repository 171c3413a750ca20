"""What readers of ledgers have in common: what they say about a result, and files that stand in for a system."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import Label
from orchestration.workers.ledger import Ledger


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is now; `modified` is when it was written last, None if its place does not say."""

    name: str
    link: str
    content: bytes
    modified: datetime | None


class SharedFiles(Protocol):
    """Where files are that systems leave for others."""

    async def fetch(self, site: str, path: str, task: TaskContext, *, at_least: Label = "public") -> SharedFile:
        """The file at a path of a site, as the initiator may see it; the task is told of it as a source.

        Args:
            site: Its name in the address, or the whole address.
            path: In the site's default library.
            task: For whom it is read.
            at_least: How sensitive what is in it is in any case.

        Raises:
            NotFound: There is no such site or file.
            NotPermitted: The person may not open it.
            InvalidContent: It is too large.
        """


def counted(ledger: Ledger) -> str:
    """How many documents a ledger has: "1,412 invoices", "no delivery notes"; and where they come from, if it says."""
    number, many = len(ledger.entries), ledger.documents or "invoices"
    count = f"{number:,} {many.removesuffix('s') if number == 1 else many}" if number else f"no {many}"
    return f"{count} {ledger.note}" if ledger.note else count
