"""One mailbox takes four requests at a time: a fifth waits here, since Outlook would turn it away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote
from weakref import WeakValueDictionary

from orchestration.core.run import Person

PLACES = 4

_OUTLOOK = r"(?:messages|mailFolders|sendMail|mailboxSettings|calendar|calendars|calendarView|events|getMailTips)"
_PATH = re.compile(rf"/(?:(me)|users/([^/?]+))/{_OUTLOOK}(?:[/?(].*)?", re.IGNORECASE | re.DOTALL)


def mailbox_of(path: str, person: Person) -> str:
    """Whose mailbox or calendar a path goes into; empty if into none."""
    match = _PATH.fullmatch(path)
    if match is None:
        return ""
    owner = unquote(match[2] or "").casefold()
    return person.id if not owner or owner == person.upn.casefold() else owner


class _Mailbox:
    def __init__(self) -> None:
        self.places = asyncio.Semaphore(PLACES)
        self.batches = asyncio.Lock()


class MailboxGate:
    """Counts the requests that are under way in each mailbox, over all runs of this process."""

    def __init__(self) -> None:
        self._mailboxes: WeakValueDictionary[str, _Mailbox] = WeakValueDictionary()

    @asynccontextmanager
    async def into(self, mailbox: str, share: int = 1) -> AsyncIterator[None]:
        """Waits for `share` of the mailbox's four places; for no mailbox (empty) there is no wait."""
        if not mailbox:
            yield
            return
        gate = self._mailboxes.setdefault(mailbox, _Mailbox())
        taken = 0
        try:
            if share == 1:
                await gate.places.acquire()
                taken = 1
            else:
                async with gate.batches:  # two that each hold a half would wait for each other
                    while taken < min(share, PLACES):
                        await gate.places.acquire()
                        taken += 1
            yield
        finally:
            for _ in range(taken):
                gate.places.release()
