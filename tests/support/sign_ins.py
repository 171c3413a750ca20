"""What is in memory about sign-ins, and small documents, for tests without authority and store."""

from __future__ import annotations

from orchestration.core.run import Person
from orchestration.sign_in import Need


class FakeSessions:
    """Implements `bot.signin.Sessions`."""

    def __init__(self, forgotten: list[str] | None = None) -> None:
        self.forgotten: list[str] = [] if forgotten is None else forgotten
        self.reasons: list[Need] = []

    def forget(self, person: Person) -> None:
        """See `Sessions.forget`."""
        self.forgotten.append(person.id)

    def renewed(self, person: Person) -> None:
        """See `Sessions.renewed`."""
        self.forgotten.append(person.id)

    def needs(self, _: Person) -> list[Need]:
        """See `Sessions.needs`."""
        return self.reasons


class FakeDocuments:
    """Implements `bot.conversations.Documents` in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    async def get(self, kind: str, key: str) -> bytes | None:
        """See `Documents.get`."""
        return self.kept.get((kind, key))

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """See `Documents.put`."""
        self.kept[kind, key] = body

    async def drop(self, kind: str, key: str) -> None:
        """See `Documents.drop`."""
        self.kept.pop((kind, key), None)
